#!/usr/bin/env bash
# Stores that a broker must refuse: it ends by itself within 15 seconds, with an error, and says why.
# usage: scripts/run-refused-stores.sh [CASE...]   (--list names them)
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

all_cases=(create_ignored create_races wrong_s3_secret wrong_s3_key missing_bucket wrong_azure_key nobody_listens)

# Each case sets up a store and gives the words one of which must stand in the refusal.
create_ignored() {
  use_s3rver
  because='create-if-absent'
}

create_races() {
  use_s3proxy
  because='create-if-absent'
}

wrong_s3_secret() {
  use_versitygw
  export AWS_SECRET_ACCESS_KEY=wrong
  because='credential|SignatureDoesNotMatch|permission|denied'
}

wrong_s3_key() {
  use_versitygw
  export AWS_ACCESS_KEY_ID=nobody
  because='access key|credential|permission|denied'
}

missing_bucket() {
  use_versitygw
  export S3_BUCKET=nowhere
  because='NoSuchBucket|bucket'
}

wrong_azure_key() {
  use_azurite
  AZURE_STORAGE_ACCESS_KEY=$(printf 'another key' | base64)
  because='credential|AuthorizationFailure|AuthenticationFailed|permission|denied'
}

nobody_listens() {
  use_gofakes3
  AWS_ENDPOINT=http://127.0.0.1:$(free_port)
  because='connect|error sending request'
}

# check CASE
check() {
  make_work_dir
  "$1"
  choose_ports
  local code=0
  timeout -s KILL 15 "$KAFKAESQUE_BIN" >"$work/broker.log" 2>&1 </dev/null || code=$?
  ((code != 137)) || broker_failed "$1: still running after 15 seconds"
  ((code != 0 && code < 128)) || broker_failed "$1: ended with $code"
  grep -Eqi "$because" "$work/broker.log" || broker_failed "$1: the refusal does not say $because"
  echo "ok refused $1: $(grep -Ei "$because" "$work/broker.log" | tail -1 | cut -c 1-300)"
}

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${all_cases[@]}"
  exit
fi
find_broker
if (($# == 1)); then
  check "$1"
  exit
fi
cases=("$@")
((${#cases[@]})) || cases=("${all_cases[@]}")
failures=0
for case in "${cases[@]}"; do
  code=0
  "$0" "$case" || code=$?
  ((code == 0 || code == skipped)) || failures=$((failures + 1))
done
((failures == 0))
