#!/usr/bin/env bash
# franz-go. usage: scripts/clients/franz-go/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

need "franz-go" go
cd "$root/scripts/clients/franz-go"
quietly go build -o "$tools/bin/franz-go-round-trip" .
quietly go build -o "$tools/bin/franz-go-first-steps" ./firststeps
"$tools/bin/franz-go-round-trip" "$@"
exec "$tools/bin/franz-go-first-steps" "$1" "$2"
