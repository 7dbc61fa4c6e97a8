#!/usr/bin/env bash
# Measures our broker and one real Apache Kafka with the same load programs, by turns, neither syncing its files: with
# LOCAL_FSYNC=true in the environment, both after every write. BASE_BIN names another build of ours to take Kafka's place.
# usage: scripts/benchmark.sh [ROUNDS [SCENARIO...]]   (5 rounds of all scenarios; --list names them)
# KAFKAESQUE_BIN and BENCHMARK_BIN name built programs. Needs Java, and about 6 GB of disk for a moment.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

# Most scenarios are what our load program is told. `read` reads what `produce` of the same round has left; so does `cold`,
# when ours has just been started and Kafka has not.
declare -A scenarios=(
  [produce]="--records 500000"
  [read]="--producers 0 --consumers 1 --from beginning"
  [cold]="--producers 0 --consumers 1 --from beginning"
  [small]="--records 1000000 --record-bytes 100"
  [lz4]="--records 500000 --compression lz4"
  [gzip]="--records 300000 --compression gzip"
  [tail]="--records 300000 --consumers 1"
  [spread]="--records 300000 --partitions 1000"
  [paced]="--records 1000 --rate 200 --linger-ms 0"
  [eight]="--records 2000000 --producers 8"
  [ten-thousand]="--records 400000 --partitions 10000"
)
# Kafka's ten thousand new partitions are forty thousand files, which takes it minutes: ours is compared with its own `produce`.
ours_alone=(ten-thousand)
# The others are run by other clients: zstd by kcat, since our load program's library is built without it.
order=(produce read small lz4 gzip tail spread paced java java-lz4 java-zstd java-read zstd cold eight ten-thousand)
if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${order[@]}"
  exit
fi
rounds=${1:-5}
(($#)) && shift
chosen=("${@:-${order[@]}}")
need "benchmark" java curl python3
base=${BASE_BIN:+the base}
"$root/scripts/tools/kafka-tools.sh"
"$root/scripts/tools/kcat.sh"
find_program BENCHMARK_BIN --example benchmark

# start_both: two empty brokers, and where the load programs find each.
start_both() {
  if [[ -n $base ]]; then start_base; else start_kafka; fi
  start_ours
}

start_kafka() {
  local port
  port=$(free_port)
  "$root/scripts/kafka.sh" start "$work/base" "$port"
  compared=$(<"$work/base/pid")
  servers+=("$compared")
  at_base=(--bootstrap "127.0.0.1:$port" --pid "$compared")
}

start_base() {
  local port health
  port=$(free_port) health=$(free_port 17000)
  PORT=$port HEALTH_PORT=$health RAFT_LISTEN_ADDR=127.0.0.1:$(free_port 14000) DATA_PATH=$work/base \
    start "$work/base.log" "$BASE_BIN"
  compared=$started
  wait_for_port "$port" "$compared"
  at_base=(--bootstrap "127.0.0.1:$port" --pid "$compared" --metrics "127.0.0.1:$health")
}

start_ours() {
  start_broker
  at_ours=(--bootstrap "$addr" --pid "$broker" --metrics "127.0.0.1:$HEALTH_PORT")
}

stop_both() {
  stop "$compared"
  stop "$broker"
  rm -rf "$work/base" "$DATA_PATH"
}

# load ARGUMENT...: our program, told where the broker is.
load() {
  "$BENCHMARK_BIN" "${where[@]}" --topic "$topic" "$@"
}

# other produced|consumed RECORDS COMMAND...: another program; records are of 1 KiB.
other() {
  load --records 0 >"$work/created"
  python3 "$root/scripts/benchmark-other.py" "${where[3]}" "$1" "$2" 1024 "${@:3}"
}

# kafka_tool CLASS ARGUMENT...
kafka_tool() {
  other "$1" "$2" java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$tools/kafka-tools/libs/*" \
    "org.apache.kafka.tools.$3" --bootstrap-server "${where[1]}" --topic "$topic" --num-records "$2" "${@:4}"
}

# java_producer CODEC: the payload is random capital letters.
java_producer() {
  kafka_tool produced 1000000 ProducerPerformance --throughput -1 --record-size 1024 \
    --command-property acks=all "compression.type=$1" batch.size=262144 linger.ms=5
}

# java_consumer: reads what `java` has left, as a group.
java_consumer() {
  kafka_tool consumed 1000000 ConsumerPerformance --timeout 30000
}

# run_scenario SIDE SCENARIO TOPIC: what it says last is a line for the summary.
run_scenario() {
  local side=$1 scenario=$2 topic=$3
  local -n where=at_$side
  case $scenario in
    java) java_producer none ;;
    java-read) java_consumer ;;
    java-*) java_producer "${scenario#java-}" ;;
    zstd) other produced 500000 kcat -P -b "${where[1]}" -t "$topic" -z zstd -X acks=all -X linger.ms=5 \
      -X batch.size=1000000 -X queue.buffering.max.kbytes=131072 -l "$work/lines" ;;
    # The scenario's words are separate arguments.
    # shellcheck disable=SC2086
    *) load ${scenarios[$scenario]} ;;
  esac
}

# measure SIDE SCENARIO TOPIC: a run that fails is left out, and said so.
measure() {
  local side=$1 scenario=$2
  if [[ $scenario == cold && $side == ours ]]; then
    stop "$broker"
    start_ours
  fi
  if run_scenario "$@" >"$work/run" 2>"$work/why"; then
    echo "$side $scenario $(tail -n 1 "$work/run")" >>"$work/figures"
  else
    echo "left out: $scenario of $side in round $round: $(tail -n 3 "$work/why")"
  fi
}

make_work_dir
use_local
export LOCAL_FSYNC=${LOCAL_FSYNC:-false}
[[ $LOCAL_FSYNC == true ]] && export KAFKA_SETTINGS=log.flush.interval.messages=1
find_broker
choose_ports
# Lines of 1 KiB that compress by half: of a hexadecimal digit, half is information.
[[ " ${chosen[*]} " == *' zstd '* ]] && python3 -c 'import os
for _ in range(500000): print(os.urandom(512).hex()[1:])' >"$work/lines"
for ((round = 1; round <= rounds; round++)); do
  # Anew each time: the disk stays small, and no round has the leftovers of the one before in its caches.
  start_both
  # The first second of a virtual machine is not what it can do.
  "$BENCHMARK_BIN" "${at_base[@]}" --topic warm --records 1000000 >"$work/warm"
  "$BENCHMARK_BIN" "${at_ours[@]}" --topic warm --records 1000000 >"$work/warm"
  for scenario in "${chosen[@]}"; do
    topic=$scenario
    case $scenario in
      read | cold) topic=produce ;;
      java-read) topic=java ;;
    esac
    sides=(base ours)
    ((round % 2)) || sides=(ours base)
    [[ " ${ours_alone[*]} " == *" $scenario "* ]] && sides=(ours)
    for side in "${sides[@]}"; do measure "$side" "$scenario" "$topic"; done
  done
  stop_both
done
python3 "$root/scripts/benchmark-summary.py" "$work/figures" "${base:-Apache Kafka}"
