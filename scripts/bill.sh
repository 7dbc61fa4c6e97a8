#!/usr/bin/env bash
# What clusters ask of the object store, idle and under load, and what S3 would charge for that in a month.
# usage: scripts/bill.sh [--brokers "1 3 5"] [--seconds 120] [--rate 5000] [--latency 40]
# Six shards, twelve partitions, a request takes so many milliseconds; the load is records of 1 KiB a second. Three of five
# brokers are voters, as of a cluster that grew. KAFKAESQUE_BIN and BENCHMARK_BIN name built programs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"
source "$root/scripts/cluster.sh"

sizes='1 3 5' seconds=120 rate=5000 latency=40
while (($#)); do
  case $1 in
    --brokers) sizes=$2 ;;
    --seconds) seconds=$2 ;;
    --rate) rate=$2 ;;
    --latency) latency=$2 ;;
    *) sed -n '3,5s/^# //p' "$0"; exit 2 ;;
  esac
  shift 2
done
need "what a cluster costs" curl awk
make_work_dir
find_broker
find_program BENCHMARK_BIN --example benchmark
benchmark=$BENCHMARK_BIN
forget_settings
export HOST=127.0.0.1 SHARDS=6 STORE_FAULTS=latency=${latency}ms

# requests: how many of each kind each broker has made, a line each.
requests() {
  local id
  for ((id = 0; id < brokers; id++)); do
    curl -sf -m 5 "http://127.0.0.1:${health[id]}/metrics" |
      sed -n "s/^kafkaesque_object_store_requests_total{kind=\"\(.*\)\"} /$id \1 /p"
  done
}

# charge WHAT SECONDS: what came between the looks. List prices of S3 Standard, us-east-1: 0.005 $ for a thousand PUT, COPY,
# POST or LIST requests, 0.0004 $ for a thousand GET or HEAD; DELETE is free. A month has 43,800 minutes.
charge() {
  awk -v what="$1" -v seconds="$2" -v brokers="$brokers" '
    NR == FNR { then[$1, $2] = $3; next }
    { n = ($3 - then[$1, $2]) * 60 / seconds; sum[$2] += n; of[$1] += n }
    END {
      dear = sum["put"] + sum["list"] + sum["copy"] + sum["multipart"]
      cheap = sum["get"] + sum["head"]
      printf "%d brokers, %s: PUT %.0f, GET %.0f, LIST %.0f, HEAD %.0f, DELETE %.0f a minute; %.2f $ a month; by broker:",
        brokers, what, sum["put"] + sum["multipart"], sum["get"], sum["list"], sum["head"], sum["delete"],
        (dear * 0.005 + cheap * 0.0004) / 1000 * 43800
      for (id = 0; id < brokers; id++) printf " %.0f", of[id]
      print ""
    }' "$work/before" "$work/after"
}

for brokers in $sizes; do
  export DATA_PATH=$work/data-$brokers
  choose_cluster_ports "$brokers"
  for ((id = 0; id < brokers && id < 3; id++)); do launch $id; done
  for ((id = 0; id < brokers && id < 3; id++)); do until_ready $id; done
  for ((id = 3; id < brokers; id++)); do launch $id; until_ready $id; done
  # Shards move for balance after ten calm seconds.
  sleep 30
  requests >"$work/before"
  "$benchmark" --bootstrap "$bootstrap" --topic load --partitions 12 --consumers 1 --rate "$rate" \
    --records $((rate * seconds)) --set enable.idempotence=true >"$work/load"
  requests >"$work/after"
  charge "$rate records a second" "$seconds"
  sleep 60
  requests >"$work/before"
  sleep "$seconds"
  requests >"$work/after"
  charge idle "$seconds"
  for pid in "${processes[@]}"; do stop "$pid"; done
  rm -rf "$DATA_PATH"
done
