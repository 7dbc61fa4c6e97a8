#!/usr/bin/env bash
# usage: scripts/security/clients/confluent-kafka/run.sh CASES PREFIX
set -euo pipefail
source "$(dirname "$0")/../../../lib.sh"

"$root/scripts/tools/python.sh"
exec "$tools/python/bin/python" "$root/scripts/security/clients/confluent-kafka/cases.py" "$@"
