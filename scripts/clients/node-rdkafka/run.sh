#!/usr/bin/env bash
# node-rdkafka. usage: scripts/clients/node-rdkafka/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/node-rdkafka.sh"
NODE_PATH=$tools/node-rdkafka/node_modules exec node "$root/scripts/clients/node-rdkafka/first-steps.js" "$1" "$2"
