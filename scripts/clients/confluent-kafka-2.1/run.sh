#!/usr/bin/env bash
# An old release of confluent-kafka: the same programs as for the newest.
# usage: scripts/clients/confluent-kafka-2.1/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/python-old.sh"
"$tools/python-old/bin/python" "$root/scripts/clients/confluent-kafka/round_trip.py" "$@"
exec "$tools/python-old/bin/python" "$root/scripts/clients/confluent-kafka/first_steps.py" "$1" "$2"
