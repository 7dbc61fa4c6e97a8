#!/usr/bin/env bash
# A broker under load whose store fails in every way there is, and heals: nothing fails for good, nothing is lost or doubled.
# Then one whose S3 server is gone for a while: /ready says so, and the log in a few lines.
# usage: scripts/outage.sh [short|long|server]
# The long form has every kind of fault and an outage of 30 s, and its figures are those of benches/README.md; the last form
# is the second part alone.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

under_load() {
  use_local
  export STORE_FAULTS=control=$work/control
  choose_ports
  start_broker
  "$tools/python/bin/python" "$root/scripts/outage.py" "$addr" "$work/control" "$HEALTH_PORT" "$1" ||
    broker_failed "the broker did not get over its store's faults"
  kill -0 "$broker" || broker_failed "the broker ended by itself"
  stop "$broker"
  unset STORE_FAULTS
}

# until_ready_is STATUS: within 30 seconds.
until_ready_is() {
  local deadline=$((SECONDS + 30))
  until [[ $(curl -s -o "$work/ready" -w '%{http_code}' "http://127.0.0.1:$HEALTH_PORT/ready") == "$1" ]]; do
    ((SECONDS < deadline)) || broker_failed "/ready does not say $1"
    sleep 0.2
  done
}

# server_gone load|idle
server_gone() {
  local lines port store
  rm -rf "$work/broker.log" "$work/versitygw"
  use_versitygw
  store=$started
  port=${AWS_ENDPOINT##*:}
  choose_ports
  start_broker
  if [[ $1 == load ]]; then
    need "an outage under load" kcat
    kcat -b "$addr" -t gone -P <<<"a record" >>"$work/kcat.log" 2>&1
  fi
  lines=$(wc -l <"$work/broker.log")
  stop "$store" KILL
  if [[ $1 == load ]]; then
    timeout 60 kcat -b "$addr" -t gone -P -X message.timeout.ms=50000 <<<"another" >>"$work/kcat.log" 2>&1 &
  fi
  until_ready_is 503
  # The log is written to once a second.
  sleep 1.5
  grep -q 'shard 0' "$work/ready" || broker_failed "/ready does not name the shard"
  ROOT_ACCESS_KEY=$access_key ROOT_SECRET_KEY=$secret_key \
    start "$work/versitygw.log" versitygw --port "127.0.0.1:$port" --quiet posix "$work/versitygw"
  until_ready_is 200
  sleep 1.5
  tail -n "+$((lines + 1))" "$work/broker.log" >"$work/told"
  (($(grep -c 'outage began' "$work/told") == 1 && $(grep -c 'outage is over' "$work/told") == 1)) ||
    broker_failed "$1: the log does not tell of the outage once"
  (($(wc -l <"$work/told") <= 6)) || broker_failed "$1: the log has $(wc -l <"$work/told") lines for one outage"
  sed 's/^/    /' "$work/told"
  stop "$broker"
  stop "$started"
}

length=${1:-short}
make_work_dir
"$root/scripts/tools/python.sh"
find_broker
if [[ $length != server ]]; then under_load "$length"; fi
if [[ $length != long ]]; then
  server_gone idle
  server_gone load
fi
echo "ok outage $length"
