#!/usr/bin/env bash
# usage: scripts/security/clients/kcat/run.sh CASES PREFIX
set -euo pipefail
source "$(dirname "$0")/../../../lib.sh"

"$root/scripts/tools/kcat.sh"
need "kcat" python3
exec python3 "$root/scripts/security/clients/kcat/cases.py" "$@"
