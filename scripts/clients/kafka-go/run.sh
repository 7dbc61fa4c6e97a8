#!/usr/bin/env bash
# kafka-go. usage: scripts/clients/kafka-go/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

need "kafka-go" go
cd "$root/scripts/clients/kafka-go"
quietly go build -o "$tools/bin/kafka-go-first-steps" .
exec "$tools/bin/kafka-go-first-steps" "$1" "$2"
