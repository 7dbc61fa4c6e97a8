#!/usr/bin/env bash
# Very many consumer groups on one broker, ours or a real Apache Kafka: what they cost, and whether anybody is thrown out.
# usage: scripts/group-load.sh ours|kafka [ARGUMENT...]   (of examples/group_load, but for --broker, --process and --metrics)
# Settings of ours are in the environment, STORE_FAULTS=latency=40ms for one. KAFKAESQUE_BIN and GROUP_LOAD_BIN name built programs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

which=${1:-}
(($#)) && shift
need "load of groups" curl
# A connection for each of 3,000 members, and 2,000 idle ones.
ulimit -n "$(ulimit -Hn)"
find_program GROUP_LOAD_BIN --example group_load
make_work_dir
case $which in
  ours)
    use_local
    find_broker
    choose_ports
    start_broker
    "$GROUP_LOAD_BIN" --broker "$addr" --process "$broker" --metrics "127.0.0.1:$HEALTH_PORT" "$@" || broker_failed "the load failed"
    ;;
  kafka)
    port=$(free_port)
    "$root/scripts/kafka.sh" start "$work/kafka" "$port"
    servers+=("$(<"$work/kafka/pid")")
    "$GROUP_LOAD_BIN" --broker "127.0.0.1:$port" --process "$(<"$work/kafka/pid")" "$@"
    ;;
  *) sed -n '3,4s/^# //p' "$0"; exit 2 ;;
esac
