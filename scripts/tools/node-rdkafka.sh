#!/usr/bin/env bash
# node-rdkafka in .tools/node-rdkafka, with the librdkafka that it brings, built from source: two minutes. Its makefile does not say that
# its sources need what its configure step writes, so it is built by one job.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=(node-rdkafka@3.6.1)
is_installed node-rdkafka "${packages[*]}" && exit 0
need "node-rdkafka" node npm make g++ python3
for header in zlib.h openssl/ssl.h zstd.h; do
  [[ -f /usr/include/$header || -f /usr/include/$(uname -m)-linux-gnu/$header ]] && continue
  need "node-rdkafka, for want of $header" apt-get
  [[ $(id -u) == 0 ]] || skip "node-rdkafka, for want of $header" "only root may install packages"
  quietly apt-get update
  quietly apt-get install -y --no-install-recommends zlib1g-dev libssl-dev libzstd-dev || skip "node-rdkafka" "its libraries cannot be installed"
done
rm -rf "$tools/node-rdkafka"
mkdir -p "$tools/node-rdkafka"
cd "$tools/node-rdkafka"
quietly npm install --prefix . --ignore-scripts --no-audit --no-fund --loglevel=error "${packages[@]}"
JOBS=1 quietly npm rebuild --loglevel=error "${packages[0]%@*}"
mark_installed node-rdkafka "${packages[*]}"
