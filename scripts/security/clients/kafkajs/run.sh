#!/usr/bin/env bash
# usage: scripts/security/clients/kafkajs/run.sh CASES PREFIX
set -euo pipefail
source "$(dirname "$0")/../../../lib.sh"

"$root/scripts/tools/node.sh"
NODE_PATH=$tools/node/node_modules KAFKAJS_NO_PARTITIONER_WARNING=1 exec node "$root/scripts/security/clients/kafkajs/cases.js" "$@"
