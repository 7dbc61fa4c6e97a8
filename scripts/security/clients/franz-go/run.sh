#!/usr/bin/env bash
# usage: scripts/security/clients/franz-go/run.sh CASES PREFIX
set -euo pipefail
source "$(dirname "$0")/../../../lib.sh"

need "franz-go" go
cd "$root/scripts/security/clients/franz-go"
quietly go build -o "$tools/bin/franz-go-security" .
exec "$tools/bin/franz-go-security" "$@"
