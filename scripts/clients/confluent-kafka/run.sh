#!/usr/bin/env bash
# confluent-kafka. usage: scripts/clients/confluent-kafka/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/python.sh"
"$tools/python/bin/python" "$root/scripts/clients/confluent-kafka/round_trip.py" "$@"
exec "$tools/python/bin/python" "$root/scripts/clients/confluent-kafka/first_steps.py" "$1" "$2"
