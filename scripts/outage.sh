#!/usr/bin/env bash
# A broker under load whose store fails in every way there is, and heals: nothing fails for good, nothing is lost or doubled.
# usage: scripts/outage.sh [short|long]
# The long form has every kind of fault and an outage of 30 s, and its figures are those of benches/README.md.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

length=${1:-short}
make_work_dir
"$root/scripts/tools/python.sh"
use_local
export STORE_FAULTS=control=$work/control
find_broker
choose_ports
start_broker
"$tools/python/bin/python" "$root/scripts/outage.py" "$addr" "$work/control" "$HEALTH_PORT" "$length" ||
  broker_failed "the broker did not get over its store's faults"
kill -0 "$broker" || broker_failed "the broker ended by itself"
echo "ok outage $length"
