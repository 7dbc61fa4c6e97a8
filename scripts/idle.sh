#!/usr/bin/env bash
# What our broker costs while nobody asks it for anything, and how soon after its start it serves.
# usage: scripts/idle.sh [--partitions 1000] [--connections 2000] [--kills 5] [--seconds 60]
# Every start is on what the ones before have left: partitions with data, and a load that a kill -9 has cut off.
# Settings of the broker are in the environment. KAFKAESQUE_BIN and BENCHMARK_BIN name built programs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

partitions=1000 connections=2000 kills=5 seconds=60
while (($#)); do
  case $1 in
    --partitions) partitions=$2 ;;
    --connections) connections=$2 ;;
    --kills) kills=$2 ;;
    --seconds) seconds=$2 ;;
    *) sed -n '3,5s/^# //p' "$0"; exit 2 ;;
  esac
  shift 2
done
need "cost of an idle broker" curl python3
ulimit -n "$(ulimit -Hn)"

# start_timed WHAT
start_timed() {
  local began=$EPOCHREALTIME deadline=$((SECONDS + 60))
  start "$work/broker.log" "$KAFKAESQUE_BIN"
  broker=$started
  until is_ready 2>/dev/null; do
    kill -0 "$broker" 2>/dev/null && ((SECONDS < deadline)) || broker_failed "the broker does not get ready"
  done
  awk -v from="$began" -v to="$EPOCHREALTIME" -v what="$1" 'BEGIN { printf "ready after %.3f s: %s\n", to - from, what }'
}

# look FILE: what has been used so far.
look() {
  curl -sf -m 5 -o "$1" "http://127.0.0.1:$HEALTH_PORT/metrics"
}

# metric FILE NAME: its value, summed over labels.
metric() {
  awk -v name="$2" '$1 == name || index($1, name "{") == 1 { sum += $2 } END { printf "%.2f", sum }' "$1"
}

# stand_idle WHAT: the cost of so many seconds of nothing.
stand_idle() {
  look "$work/before"
  sleep "$seconds"
  look "$work/after"
  local name=process_cpu_seconds_total requests=kafkaesque_object_store_requests_total
  awk -v what="$1" -v seconds="$seconds" -v cpu="$(metric "$work/before" $name) $(metric "$work/after" $name)" \
    -v requests="$(metric "$work/before" $requests) $(metric "$work/after" $requests)" \
    -v resident="$(metric "$work/after" process_resident_memory_bytes)" 'BEGIN {
      split(cpu, c); split(requests, r)
      printf "%d s idle: %.2f %% of a core, %d object-store requests, RSS %.0f MB: %s\n",
        seconds, (c[2] - c[1]) / seconds * 100, r[2] - r[1], resident / 1e6, what
    }'
}

# load TOPIC RECORDS: of 1 KiB, over all partitions.
load() {
  "$BENCHMARK_BIN" --bootstrap "$addr" --topic "$1" --partitions "$partitions" --records "$2"
}

make_work_dir
use_local
find_broker
find_program BENCHMARK_BIN --example benchmark
choose_ports
start_timed "an empty store"
load data 300000 >"$work/load"
stand_idle "after 300 MB to $partitions partitions"
stop "$broker"
start_timed "300 MB in $partitions partitions, stopped by SIGTERM"
stand_idle "$partitions partitions, started anew"
python3 "$root/scripts/idle-connections.py" "$PORT" "$connections" >"$work/connected" &
client=$!
servers+=("$client")
until [[ -s $work/connected ]]; do
  kill -0 "$client"
  sleep 0.1
done
stand_idle "$connections connections"
stop "$client"
for ((kill = 1; kill <= kills; kill++)); do
  # Not by the function above: ending a function in the background leaves the program that it waits for.
  start "$work/load" "$BENCHMARK_BIN" --bootstrap "$addr" --topic data --partitions "$partitions" --records 100000000
  client=$started
  sleep 4
  stop "$broker" KILL
  stop "$client" KILL
  start_timed "kill -9 under load, the $kill. time, $(du -sm "$DATA_PATH" | cut -f 1) MiB stored"
done
