#!/usr/bin/env bash
# Measures our broker on a store that takes as long as a cloud's: 40 ms for a request, and for a PUT 90 MB/s more.
# usage: scripts/slow-store.sh [SCENARIO...]   (all of them; --list names them)
# KAFKAESQUE_BIN and BENCHMARK_BIN name built programs. The broker's own settings may be in the environment. Needs 3 GB of disk.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

quick=latency=40ms
slow=latency=40ms,per_mib=11650us
paced="--records 4000 --rate 200 --linger-ms 0"
# The same records at the same rate: how many partitions they go to is not to change the number of PUTs. A connection has so many
# requests in the broker at most, and this client sends one for each partition: hence four producers.
evenly="--producers 4 --records 60000 --rate 2000 --partitions"
bulk="--records 3000000 --rate 320000"
# What the broker is told of commits and of the store, then what the load program is told.
declare -A scenarios=(
  [window-1]="0 1 $quick $paced"
  [window-2]="0 2 $quick $paced"
  [window-16]="0 16 $quick $paced"
  [cloud]="100 16 $quick $paced"
  [bulk-1]="0 1 $slow $bulk"
  [bulk-16]="0 16 $slow $bulk"
  [bulk-cloud]="100 16 $slow $bulk"
  [ten]="0 1 latency=0ms $evenly 10"
  [ten-thousand]="0 1 latency=0ms $evenly 10000"
  [ten-cloud]="100 16 $quick $evenly 10"
  [ten-thousand-cloud]="100 16 $quick $evenly 10000"
  [restart]="0 16 $quick --records 1000000 --rate 50000"
)
order=(window-1 window-2 window-16 cloud bulk-1 bulk-16 bulk-cloud ten ten-thousand ten-cloud ten-thousand-cloud restart)
if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${order[@]}"
  exit
fi
chosen=("${@:-${order[@]}}")
need "benchmark" curl python3
find_program BENCHMARK_BIN --example benchmark

# load ARGUMENT...: the load program on our broker; its last line says everything.
load() {
  "$BENCHMARK_BIN" --bootstrap "$addr" --pid "$broker" --metrics "127.0.0.1:$HEALTH_PORT" "$@"
}

# restart ARGUMENT...: kills the broker in the middle of that load, and says how soon it is ready again.
restart() {
  local under_load before deadline=$((SECONDS + 60))
  # Not by the function above: ending a function in the background leaves the program that it waits for.
  start "$work/run" "$BENCHMARK_BIN" --bootstrap "$addr" "$@"
  under_load=$started
  sleep 6
  stop "$broker" KILL
  before=$(date +%s%N)
  start "$work/broker.log" "$KAFKAESQUE_BIN"
  broker=$started
  until is_ready 2>/dev/null; do
    kill -0 "$broker" 2>/dev/null && ((SECONDS < deadline)) || broker_failed "the broker does not get ready"
  done
  echo "ready $((($(date +%s%N) - before) / 1000000)) ms after its start; segments replayed:" \
    "$(curl -s "http://127.0.0.1:$HEALTH_PORT/metrics" | grep '^kafkaesque_[a-z_]*replayed_segments' | tr '\n' ' ')"
  stop "$under_load" KILL
}

make_work_dir
use_local
export LOCAL_FSYNC=${LOCAL_FSYNC:-false}
find_broker
# As for a cloud store.
export SEGMENT_MAX_BYTES=4MiB
for scenario in "${chosen[@]}"; do
  choose_ports
  read -r COMMIT_INTERVAL_MS COMMIT_WINDOW STORE_FAULTS arguments <<<"${scenarios[$scenario]}"
  export COMMIT_INTERVAL_MS COMMIT_WINDOW STORE_FAULTS
  # shellcheck disable=SC2206
  words=($arguments)
  start_broker
  # The topic is made and its partitions are loaded before anything counts.
  warm="--records 1000"
  [[ $scenario == ten* ]] && warm="--records 10000 --partitions ${words[-1]}"
  # shellcheck disable=SC2086
  load $warm >"$work/warm"
  echo "== $scenario: COMMIT_INTERVAL_MS=$COMMIT_INTERVAL_MS COMMIT_WINDOW=$COMMIT_WINDOW $STORE_FAULTS, $arguments"
  if [[ $scenario == restart ]]; then
    restart "${words[@]}"
  else
    load "${words[@]}" | tail -n 1 | tee "$work/run"
  fi
  stop "$broker"
  rm -rf "$DATA_PATH"
done
