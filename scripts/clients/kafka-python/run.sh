#!/usr/bin/env bash
# kafka-python. usage: scripts/clients/kafka-python/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/python.sh"
"$tools/python/bin/python" "$root/scripts/clients/kafka-python/round_trip.py" "$@"
exec "$tools/python/bin/python" "$root/scripts/clients/kafka-python/first_steps.py" "$1" "$2"
