#!/usr/bin/env bash
# Runs every client, or those named, against a broker that is up, and prints a line for each; fails when one did.
# usage: scripts/clients/run.sh ADDR [CLIENT...]
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

addr=$1
shift
clients=("$@")
((${#clients[@]})) || clients=(kcat java-console java franz-go sarama kafka-python confluent-kafka kafkajs)
make_work_dir
numbered_lines "${LINES_COUNT:-100000}" >"$work/lines"

failures=0
for client in "${clients[@]}"; do
  before=$SECONDS code=0
  timeout 240 "$root/scripts/clients/$client/run.sh" "$addr" "$client-$$-$RANDOM" "$work/lines" >"$work/output" 2>&1 </dev/null || code=$?
  case $code in
    0) echo "ok $client $((SECONDS - before))" ;;
    "$skipped") tail -1 "$work/output" ;;
    *)
      failures=$((failures + 1))
      tail -n 40 "$work/output" | cut -c 1-500
      echo "FAILED $client"
      ;;
  esac
done
((failures == 0))
