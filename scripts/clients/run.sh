#!/usr/bin/env bash
# Runs every client, or those named, against a broker that is up, and prints a line for each and what it did first; fails
# when one did. Most make a round trip of many records, and all take the steps that a program takes first, by the calls that
# the client calls its defaults: list topics, describe the cluster, create and delete a topic, produce, consume in a group,
# subscribed by pattern where it can be, list and describe groups.
# usage: scripts/clients/run.sh ADDR [CLIENT...]
#        scripts/clients/run.sh --list
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

all_clients=(kcat java-console java franz-go sarama kafka-go kafka-python confluent-kafka confluent-kafka-2.1 kafkajs node-rdkafka platformatic)
if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${all_clients[@]}"
  exit
fi
addr=$1
shift
clients=("$@")
((${#clients[@]})) || clients=("${all_clients[@]}")
make_work_dir
numbered_lines "${LINES_COUNT:-100000}" >"$work/lines"

failures=0 skips=0
for client in "${clients[@]}"; do
  before=$SECONDS code=0
  timeout 240 "$root/scripts/clients/$client/run.sh" "$addr" "$client-$$-$RANDOM" "$work/lines" >"$work/output" 2>&1 </dev/null || code=$?
  case $code in
    0)
      echo "ok $client $((SECONDS - before))"
      grep '^- ' "$work/output" | sed 's/^/  /' || true
      ;;
    "$skipped")
      skips=$((skips + 1))
      tail -n 1 "$work/output"
      ;;
    *)
      failures=$((failures + 1))
      tail -n 40 "$work/output" | cut -c 1-500
      echo "FAILED $client"
      ;;
  esac
done
((failures == 0)) || exit 1
((skips < ${#clients[@]})) || exit "$skipped"
