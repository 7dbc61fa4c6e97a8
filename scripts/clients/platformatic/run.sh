#!/usr/bin/env bash
# @platformatic/kafka. usage: scripts/clients/platformatic/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/node-clients.sh"
NODE_PATH=$tools/node-clients/node_modules exec node "$root/scripts/clients/platformatic/first-steps.mjs" "$1" "$2"
