#!/usr/bin/env bash
# usage: scripts/security/clients/sarama/run.sh CASES PREFIX
set -euo pipefail
source "$(dirname "$0")/../../../lib.sh"

need "sarama" go
cd "$root/scripts/security/clients/sarama"
quietly go build -o "$tools/bin/sarama-security" .
exec "$tools/bin/sarama-security" "$@"
