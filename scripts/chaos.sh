#!/usr/bin/env bash
# Brokers killed, suspended, stopped, removed and started anew, cut off from each other and from a store that fails, under load, by a
# seed, their clocks set: nothing is lost, doubled or moved, and every partition goes on within a bounded time.
# usage: scripts/chaos.sh [--seed N] [--minutes 10] [--rate 5000] [--latency MS] [--store versitygw|gofakes3|local] [--keep]
#        [--client java] [--flaw acks-early|no-fence|stale-coordinator|..]
# The command that draws the same blows again is printed first, and after a failure. KAFKAESQUE_BIN and FAILOVER_BIN name built programs.
# With --client java, a producer and a group of the Java client are there too.
# With --flaw, brokers break promises (src/runtime/flaws.rs), and the run has to notice: it fails if it does not.
# With --store local the store is a folder, and what is between brokers and their store never fails.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/traffic.sh"

options=() client=librdkafka store=versitygw flaw= seed=$RANDOM keep=
while (($#)); do
  case $1 in
    --seed) seed=$2; shift ;;
    --minutes | --rate | --latency | --partitions) options+=("$1" "$2"); shift ;;
    --store) store=$2; shift ;;
    --client) client=$2; options+=("$1" "$2"); shift ;;
    --flaw) flaw=$2; shift ;;
    --keep) options+=("$1") keep=yes ;;
    *) sed -n '2,10s/^# //p' "$0"; exit 2 ;;
  esac
  shift
done

if [[ -n $flaw && -z ${KAFKAESQUE_BIN:-} ]]; then
  # Beside what is built without it, which nobody should mistake for this.
  target=${CARGO_TARGET_DIR:-$root/target}/flaws
  cargo build --quiet --release --manifest-path "$root/Cargo.toml" --target-dir "$target" --bin kafkaesque --features flaws
  KAFKAESQUE_BIN=$target/release/kafkaesque
fi
find_broker
find_program FAILOVER_BIN --example failover
program=$KAFKAESQUE_BIN load=$FAILOVER_BIN
forget_settings
unset KAFKAESQUE_BIN FAILOVER_BIN
make_work_dir
KEEP_WORK=$keep
[[ $client != java ]] || use_java_traffic
case $store in
  versitygw | gofakes3) "use_$store" ;;
  local) ;;
  *) echo "there is no store $store"; exit 2 ;;
esac
if cc -O2 -shared -fPIC -o "$work/clock.so" "$root/examples/failover/chaos/clock.c"; then
  export CHAOS_CLOCK_LIBRARY=$work/clock.so
else
  echo "no clock is set: there is no C compiler"
fi
[[ -z $flaw ]] || export CHAOS_FLAW=$flaw
again="scripts/chaos.sh --seed $seed --store $store${flaw:+ --flaw $flaw}${options[*]:+ ${options[*]}}"
echo "again by: $again"
code=0
"$load" chaos --program "$program" --seed "$seed" "${options[@]}" || code=$?
((code == 0)) || echo "again by: $again"
[[ -n $flaw ]] || exit "$code"
# Another code says that there was no run to speak of.
((code == 1)) || { echo "the brokers have a flaw ($flaw), and nobody noticed"; exit 1; }
echo "noticed: $flaw"
