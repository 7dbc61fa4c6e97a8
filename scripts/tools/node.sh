#!/usr/bin/env bash
# KafkaJS, and Azurite and s3rver to store in, in .tools/node.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=(kafkajs@2.2.4 azurite@3.35.0 s3rver@3.7.1)
is_installed node "${packages[*]}" && exit 0
need "KafkaJS, Azurite and s3rver" node npm
rm -rf "$tools/node"
mkdir -p "$tools/node"
quietly npm install --prefix "$tools/node" --no-audit --no-fund --loglevel=error "${packages[@]}"
mark_installed node "${packages[*]}"
