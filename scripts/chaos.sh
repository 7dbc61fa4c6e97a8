#!/usr/bin/env bash
# Brokers killed, suspended, stopped, removed and started anew under load, by a seed: nothing is lost, doubled or moved, and every
# partition goes on within a bounded time.
# usage: scripts/chaos.sh [--seed N] [--minutes 10] [--rate 5000] [--latency MS] [--keep]
# The seed is printed first: the same one draws the same blows. KAFKAESQUE_BIN and FAILOVER_BIN name built programs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"

options=()
while (($#)); do
  case $1 in
    --seed | --minutes | --rate | --latency | --partitions) options+=("$1" "$2"); shift ;;
    --keep) options+=("$1") ;;
    *) sed -n '2,5s/^# //p' "$0"; exit 2 ;;
  esac
  shift
done

find_broker
find_program FAILOVER_BIN --example failover
program=$KAFKAESQUE_BIN load=$FAILOVER_BIN
forget_settings
exec "$load" chaos --program "$program" "${options[@]}"
