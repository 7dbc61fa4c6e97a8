#!/usr/bin/env bash
# @platformatic/kafka in .tools/node-clients: the newest release that runs on Node 20.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=(@platformatic/kafka@1.35.0)
is_installed node-clients "${packages[*]}" && exit 0
need "@platformatic/kafka" node npm
rm -rf "$tools/node-clients"
mkdir -p "$tools/node-clients"
quietly npm install --prefix "$tools/node-clients" --no-audit --no-fund --loglevel=error "${packages[@]}"
mark_installed node-clients "${packages[*]}"
