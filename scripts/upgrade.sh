#!/usr/bin/env bash
# A rolling upgrade of three brokers under load, up and back down, until the level of the cluster rises: nothing is lost, doubled or
# moved, the older program is refused from then on, and harms nothing.
# usage: scripts/upgrade.sh --from REVISION [--rate 5000] [--latency MS] [--partitions 12]
#        [--client librdkafka|java] [--group classic|consumer] [--keep]
# The older program is built from that revision in a working tree of its own, unless OLD_BIN names it. KAFKAESQUE_BIN and
# FAILOVER_BIN name built programs.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"
source "$root/scripts/traffic.sh"

revision='' client=librdkafka options=()
while (($#)); do
  case $1 in
    --from) revision=$2; shift ;;
    --rate | --latency | --partitions | --group) options+=("$1" "$2"); shift ;;
    --client) client=$2; options+=("$1" "$2"); shift ;;
    --keep) options+=("$1") ;;
    *) sed -n '2,7s/^# //p' "$0"; exit 2 ;;
  esac
  shift
done

if [[ -z ${OLD_BIN:-} ]]; then
  [[ $revision ]] || { echo "--from: name a revision, or a program by OLD_BIN"; exit 2; }
  tree=$(mktemp -d)
  trap 'git -C "$root" worktree remove --force "$tree"' EXIT
  git -C "$root" worktree add --quiet --detach "$tree" "$revision"
  CARGO_TARGET_DIR=$root/target/older cargo build --quiet --release --manifest-path "$tree/Cargo.toml" --bin kafkaesque
  git -C "$root" worktree remove --force "$tree"
  trap - EXIT
  OLD_BIN=$root/target/older/release/kafkaesque
fi
find_broker
find_program FAILOVER_BIN --example failover
old=$OLD_BIN program=$KAFKAESQUE_BIN load=$FAILOVER_BIN
forget_settings
make_work_dir
[[ $client != java ]] || use_java_traffic
timeout 1800 "$load" upgrade --program "$program" --from "$old" "${options[@]}"
