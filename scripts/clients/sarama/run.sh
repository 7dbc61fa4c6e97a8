#!/usr/bin/env bash
# sarama. usage: scripts/clients/sarama/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

need "sarama" go
cd "$root/scripts/clients/sarama"
quietly go build -o "$tools/bin/sarama-round-trip" .
quietly go build -o "$tools/bin/sarama-first-steps" ./firststeps
"$tools/bin/sarama-round-trip" "$@"
exec "$tools/bin/sarama-first-steps" "$1" "$2"
