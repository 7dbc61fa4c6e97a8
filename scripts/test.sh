#!/usr/bin/env bash
# Every test there is: installs what it needs into .tools/, then cargo's tests, the e2e on every store, other people's
# clients, and the stores that must be refused. The last line counts the checks that are not cargo's own.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"
source "$root/scripts/groups/prepare.sh"
cd "$root"

passed=0 failed=0 skips=0
# check NAME COMMAND...
check() {
  local name=$1 code=0 before=$SECONDS
  shift
  "$@" </dev/null || code=$?
  case $code in
    0)
      passed=$((passed + 1))
      echo "passed: $name after $((SECONDS - before)) s"
      ;;
    "$skipped") skips=$((skips + 1)) ;;
    *)
      failed=$((failed + 1))
      echo "FAILED: $name after $((SECONDS - before)) s"
      ;;
  esac
}

# prepare NAME COMMAND...: what checks need; counted only when it did not succeed.
prepare() {
  local before=$passed
  check "$@"
  passed=$before
}

make_work_dir
# Most tests of brokers wait more than they work.
export RUST_TEST_THREADS=4
for tool in kcat kafka kafka-tools kafka-apps python python-old node node-clients node-rdkafka go s3proxy promtool image manifests oidc; do
  prepare "installing $tool" scripts/tools/$tool.sh
done

check "cargo test" cargo_test --all-targets --no-fail-fast
# The tests in src/ are of a build with everything, whatever the features.
check "cargo test without TLS and SASL" cargo_test -p kafkaesque --no-default-features --test broker --no-fail-fast
# Before the release build, whose binary's place it takes.
check "damage on an S3 server" timeout 600 scripts/damage.sh
prepare "release build" cargo build --release --bin kafkaesque --example cluster
export KAFKAESQUE_BIN=${CARGO_TARGET_DIR:-$root/target}/release/kafkaesque

for store in local versitygw gofakes3 azurite; do
  check "e2e $store" scripts/run-e2e.sh --store "$store"
done
check "e2e of the example" env KAFKAESQUE_BIN="${KAFKAESQUE_BIN%/*}/examples/cluster" scripts/run-e2e.sh

check "e2e of three brokers" timeout 120 scripts/run-cluster-e2e.sh
check "three minutes of chaos" timeout 600 scripts/chaos.sh --seed 1 --minutes 3 --rate 1000

for case in $(scripts/run-refused-stores.sh --list); do
  check "refused $case" scripts/run-refused-stores.sh "$case"
done

use_local
choose_ports
quick_consumer_groups
prepare "a broker for the clients" start_broker
for client in $(scripts/clients/run.sh --list); do
  check "client $client" scripts/clients/run.sh "$addr" "$client"
done
for app in streams connect; do
  check "$app" timeout 180 "scripts/apps/$app/run.sh" "$addr" "test-$app"
done
check "java tools" timeout 180 scripts/java-tools.sh "$addr"
check "consumer groups" timeout 240 scripts/groups/run.sh "$addr" short
check "consumer groups of KIP-848" timeout 240 scripts/groups/run.sh "$addr" consumer
check "consumer groups over kill -9" timeout 240 scripts/groups/crash.sh
check "a failing store" timeout 240 scripts/outage.sh
check "a full disk" timeout 180 scripts/full-disk.sh
check "metrics, dashboard and alerts" timeout 180 scripts/metrics.sh
check "clients with TLS and SASL" timeout 400 scripts/security.sh
check "image" timeout 180 scripts/image.sh
check "manifests" timeout 180 scripts/manifests.sh
check "containers" timeout 300 scripts/containers.sh
check "README" timeout 1200 scripts/readme.sh

echo "$passed passed, $failed failed, $skips skipped"
((failed == 0))
