#!/usr/bin/env bash
# usage: scripts/security/clients/java-tools/run.sh CASES PREFIX
set -euo pipefail
source "$(dirname "$0")/../../../lib.sh"

"$root/scripts/tools/kafka-tools.sh"
need "Kafka's tools" python3
KAFKA_TOOLS=$tools/kafka-tools/libs exec python3 "$root/scripts/security/clients/java-tools/cases.py" "$@"
