#!/usr/bin/env bash
# Failover of three brokers under load, measured: how long partitions take nothing, and that nothing is lost, doubled or moved.
# usage: scripts/failover.sh [kill|leader|term|stop|stop-follower|cut|start|grow|many|behind ...] [--rounds 6] [--rate 5000] [--latency MS]
#        [--suspend-seconds 30] [--client librdkafka|java] [--group classic|consumer] [--keep] [--short]
# kill: kill -9 of each broker in turn. leader: of the one that leads the metadata, each time. term: SIGTERM of each in turn.
# stop: SIGSTOP of each in turn for 30 s. stop-follower: of one that does not lead the metadata, whose term must not change.
# cut: each in turn cut off for as long: from the others, from the store, from the others in one direction.
# start: all at once on an empty store, and again after kill -9 of all; in the end one 30 s late.
# grow: one broker becomes three, then five, then three again, at any --rounds.
# many: ten thousand partitions are made, told of, changed, and a third of them taken over.
# behind: a voter comes back after ten thousand changes of the metadata, while others are made.
# --latency has every request to the store take so long; --short is a run of a minute.
# KAFKAESQUE_BIN and FAILOVER_BIN name built programs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"
source "$root/scripts/traffic.sh"

modes=() options=() client=librdkafka
while (($#)); do
  case $1 in
    kill | leader | term | stop | stop-follower | cut | start | grow | many | behind) modes+=("$1") ;;
    --rounds | --rate | --latency | --partitions | --suspend-seconds | --group)
      options+=("$1" "$2")
      shift
      ;;
    --client) client=$2; options+=("$1" "$2"); shift ;;
    --keep) options+=("$1") ;;
    --short)
      modes=(kill term)
      options+=(--rounds 1 --rate 1000)
      ;;
    *) sed -n '3,13s/^# //p' "$0"; exit 2 ;;
  esac
  shift
done
[[ ${#modes[@]} -gt 0 ]] || modes=(kill leader term stop)

find_broker
find_program FAILOVER_BIN --example failover
program=$KAFKAESQUE_BIN load=$FAILOVER_BIN
forget_settings
make_work_dir
[[ $client != java ]] || use_java_traffic
for mode in "${modes[@]}"; do
  echo "== $mode ${options[*]}"
  # Its own limits end it long before, unless it hangs.
  timeout 3600 "$load" "$mode" --program "$program" "${options[@]}"
done
