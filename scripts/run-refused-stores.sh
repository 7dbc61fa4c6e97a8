#!/usr/bin/env bash
# Stores that a broker must refuse: it ends by itself within 15 seconds, with an error, and says why in one line that begins
# with the variable to look at. And one that is not there yet, which it waits for.
# usage: scripts/run-refused-stores.sh [CASE...]   (--list names them)
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

all_cases=(create_ignored create_races wrong_s3_secret wrong_s3_key wrong_region missing_bucket wrong_azure_key missing_container
  nobody_listens unknown_name refused_tls a_file no_parent comes_up_late)

# Each case sets up a store, and gives the variable to look at and the words one of which must stand in the refusal.
create_ignored() {
  use_s3rver
  variable=S3_BUCKET
  because='create-if-absent'
}

create_races() {
  use_s3proxy
  variable=S3_BUCKET
  because='create-if-absent'
}

wrong_s3_secret() {
  use_versitygw
  export AWS_SECRET_ACCESS_KEY=wrong
  variable=AWS_SECRET_ACCESS_KEY
  because='credential|SignatureDoesNotMatch|permission|denied'
}

wrong_s3_key() {
  use_versitygw
  export AWS_ACCESS_KEY_ID=nobody
  variable=AWS_ACCESS_KEY_ID
  because='access key|credential|permission|denied'
}

missing_bucket() {
  use_versitygw
  export S3_BUCKET=nowhere
  variable=S3_BUCKET
  because='NoSuchBucket|bucket'
}

wrong_azure_key() {
  use_azurite
  AZURE_STORAGE_ACCESS_KEY=$(printf 'another key' | base64)
  variable=AZURE_STORAGE_ACCESS_KEY
  because='credential|AuthorizationFailure|AuthenticationFailed|permission|denied'
}

nobody_listens() {
  use_gofakes3
  AWS_ENDPOINT=http://127.0.0.1:$(free_port)
  variable=AWS_ENDPOINT
  because='Connection refused'
}

wrong_region() {
  use_versitygw
  export AWS_REGION=eu-nowhere-9
  variable=AWS_REGION
  because='region'
}

missing_container() {
  use_azurite
  export AZURE_CONTAINER=nowhere
  variable=AZURE_CONTAINER
  because='ContainerNotFound'
}

unknown_name() {
  use_gofakes3
  AWS_ENDPOINT=http://no-such-host.invalid:9000
  variable=AWS_ENDPOINT
  because='lookup address'
}

refused_tls() {
  use_gofakes3
  AWS_ENDPOINT=${AWS_ENDPOINT/http/https}
  variable=AWS_ENDPOINT
  because='InvalidContentType|corrupt message|tls|TLS'
}

a_file() {
  use_local
  touch "$work/data"
  variable=DATA_PATH
  because='is a file'
}

no_parent() {
  use_local
  export DATA_PATH=/proc/nowhere/data
  variable=DATA_PATH
  because='cannot make the data directory'
}

# The server starts six seconds after the broker.
comes_up_late() {
  local pid port
  use_versitygw
  port=${AWS_ENDPOINT##*:}
  stop "$started"
  choose_ports
  start "$work/broker.log" "$KAFKAESQUE_BIN"
  pid=$started
  sleep 6
  kill -0 "$pid" 2>/dev/null || broker_failed "comes_up_late: the broker did not wait"
  ROOT_ACCESS_KEY=$access_key ROOT_SECRET_KEY=$secret_key \
    start "$work/versitygw.log" versitygw --port "127.0.0.1:$port" --quiet posix "$work/versitygw"
  wait_for_port "$PORT" "$pid" || broker_failed "comes_up_late: the broker does not listen"
  local deadline=$((SECONDS + 20))
  until is_ready; do
    ((SECONDS < deadline)) || broker_failed "comes_up_late: the broker does not get ready"
    sleep 0.2
  done
  grep -q 'AWS_ENDPOINT: .*Connection refused.*tried again' "$work/broker.log" ||
    broker_failed "comes_up_late: the log does not say what it waits for"
  echo "ok comes_up_late: $(grep -c 'tried again' "$work/broker.log") lines until the store was there"
  exit
}

# check CASE
check() {
  make_work_dir
  "$1"
  choose_ports
  local code=0
  export STORE_START_TIMEOUT_MS=5000
  timeout -s KILL 15 "$KAFKAESQUE_BIN" >"$work/broker.log" 2>&1 </dev/null || code=$?
  ((code != 137)) || broker_failed "$1: still running after 15 seconds"
  ((code != 0 && code < 128)) || broker_failed "$1: ended with $code"
  local refusal
  refusal=$(tail -1 "$work/broker.log")
  grep -Eqi "ERROR.* $variable: .*($because)" <<<"$refusal" ||
    broker_failed "$1: the refusal does not name $variable and say $because"
  echo "ok refused $1: $refusal"
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
