#!/usr/bin/env bash
# Measures our broker and one real Apache Kafka with the same load program, by turns, neither syncing its files.
# usage: scripts/benchmark.sh [ROUNDS [SCENARIO...]]   (5 rounds of all scenarios; --list names them)
# KAFKAESQUE_BIN and BENCHMARK_BIN name built programs. Needs Java, and about 6 GB of disk for a moment.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

# Each scenario is what the load program is told; `read` reads what `produce` of the same round has left.
declare -A scenarios=(
  [produce]="--records 500000"
  [read]="--producers 0 --consumers 1 --from beginning"
  [small]="--records 1000000 --record-bytes 100"
  [lz4]="--records 500000 --compression lz4"
  [tail]="--records 300000 --consumers 1"
  [spread]="--records 300000 --partitions 1000"
  [paced]="--records 1000 --rate 200 --linger-ms 0"
)
order=(produce read small lz4 tail spread paced)
if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${order[@]}"
  exit
fi
rounds=${1:-5}
(($#)) && shift
chosen=("${@:-${order[@]}}")
need "benchmark" java curl python3
find_program BENCHMARK_BIN --example benchmark

# start_both: two empty brokers, and where the load program finds each.
start_both() {
  local port
  port=$(free_port)
  "$root/scripts/kafka.sh" start "$work/kafka" "$port"
  kafka=$(<"$work/kafka/pid")
  servers+=("$kafka")
  start_broker
  at_kafka=(--bootstrap "127.0.0.1:$port" --pid "$kafka")
  at_ours=(--bootstrap "$addr" --pid "$broker" --metrics "127.0.0.1:$HEALTH_PORT")
}

stop_both() {
  stop "$kafka"
  stop "$broker"
  rm -rf "$work/kafka" "$DATA_PATH"
}

# measure SIDE SCENARIO TOPIC: a line for the summary.
measure() {
  local side=$1 scenario=$2 topic=$3
  local -n where=at_$side
  # The scenario's words are separate arguments. A run that fails is left out, and said so.
  # shellcheck disable=SC2086
  if "$BENCHMARK_BIN" "${where[@]}" --topic "$topic" ${scenarios[$scenario]} >"$work/run"; then
    echo "$side $scenario $(tail -n 1 "$work/run")" >>"$work/figures"
  else
    echo "left out: $scenario of $side in round $round"
  fi
}

make_work_dir
use_local
export LOCAL_FSYNC=false
find_broker
choose_ports
for ((round = 1; round <= rounds; round++)); do
  # Anew each time: the disk stays small, and no round has the leftovers of the one before in its caches.
  start_both
  # The first second of a virtual machine is not what it can do.
  "$BENCHMARK_BIN" "${at_kafka[@]}" --topic warm --records 1000000 >"$work/warm"
  "$BENCHMARK_BIN" "${at_ours[@]}" --topic warm --records 1000000 >"$work/warm"
  for scenario in "${chosen[@]}"; do
    topic=$scenario
    [[ $scenario == read ]] && topic=produce
    sides=(kafka ours)
    ((round % 2)) || sides=(ours kafka)
    for side in "${sides[@]}"; do measure "$side" "$scenario" "$topic"; done
  done
  stop_both
done
python3 "$root/scripts/benchmark-summary.py" "$work/figures"
