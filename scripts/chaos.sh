#!/usr/bin/env bash
# Brokers killed, suspended, stopped, removed and started anew, cut off from each other and from a store that fails, under load, by a
# seed: nothing is lost, doubled or moved, and every partition goes on within a bounded time.
# usage: scripts/chaos.sh [--seed N] [--minutes 10] [--rate 5000] [--latency MS] [--store versitygw|gofakes3|local] [--keep]
# The seed is printed first: the same one draws the same blows. KAFKAESQUE_BIN and FAILOVER_BIN name built programs.
# With --store local the store is a folder, and what is between brokers and their store never fails.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"
source "$root/scripts/stores.sh"

options=() store=versitygw
while (($#)); do
  case $1 in
    --seed | --minutes | --rate | --latency | --partitions) options+=("$1" "$2"); shift ;;
    --store) store=$2; shift ;;
    --keep) options+=("$1") ;;
    *) sed -n '2,6s/^# //p' "$0"; exit 2 ;;
  esac
  shift
done

find_broker
find_program FAILOVER_BIN --example failover
program=$KAFKAESQUE_BIN load=$FAILOVER_BIN
forget_settings
make_work_dir
case $store in
  versitygw | gofakes3) "use_$store" ;;
  local) ;;
  *) echo "there is no store $store"; exit 2 ;;
esac
"$load" chaos --program "$program" "${options[@]}"
