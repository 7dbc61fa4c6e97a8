#!/usr/bin/env bash
# A broker of the release build and kcat: 100,000 lines in and out, the same after kill -9, an orderly end.
# usage: scripts/run-e2e.sh [--store local|versitygw|gofakes3|azurite]   (also: s3 for the first of the two, azure)
# KAFKAESQUE_BIN names another binary; nothing is built then.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

store=local
while (($#)); do
  case $1 in
    --store) store=$2; shift 2 ;;
    *) sed -n '3,4s/^# //p' "$0"; exit 2 ;;
  esac
done
case $store in
  s3) store=versitygw ;;
  azure) store=azurite ;;
esac

# read_back TOPIC FILE WHEN
read_back() {
  "$root/scripts/clients/kcat/read-back.sh" "$addr" "$1" "$2" || broker_failed "$3, $1 does not read back"
}

"$root/scripts/tools/kcat.sh"
make_work_dir
"use_$store"
find_broker
choose_ports
numbered_lines 100000 >"$work/lines"
head -1000 "$work/lines" >"$work/some"

start_broker
curl -sSf -o "$work/metrics" "http://127.0.0.1:$HEALTH_PORT/metrics" || broker_failed "no metrics"
grep -q '^kafkaesque_' "$work/metrics" || broker_failed "the metrics are not ours: $(head -5 "$work/metrics")"

kcat -P -b "$addr" -t lines -p -1 -X partitioner=random -X enable.idempotence=true -l "$work/lines" || broker_failed "kcat could not produce"
kcat -L -b "$addr" -t lines >"$work/metadata"
grep -q "at $addr" "$work/metadata" || broker_failed "the metadata does not name $addr"
grep -q 'topic "lines" with 3 partitions' "$work/metadata" || broker_failed "the metadata does not show the topic's partitions"
read_back lines "$work/lines" "at once"

stop "$broker" KILL
start_broker
read_back lines "$work/lines" "after kill -9"
kcat -P -b "$addr" -t more -p -1 -X acks=1 -z lz4 -l "$work/some" || broker_failed "kcat could not produce after kill -9"
read_back more "$work/some" "at once"

kill -TERM "$broker"
code=0
timeout 30 tail --pid="$broker" -f /dev/null || broker_failed "SIGTERM did not end it"
wait "$broker" || code=$?
((code == 0)) || broker_failed "SIGTERM ended it with $code"

start_broker
read_back lines "$work/lines" "after SIGTERM"
read_back more "$work/some" "after SIGTERM"
echo "ok e2e $store"
