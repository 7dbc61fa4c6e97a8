#!/usr/bin/env bash
# kcat, from the system's packages.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

command -v kcat >/dev/null && exit 0
need "kcat" apt-get
[[ $(id -u) == 0 ]] || skip "kcat" "only root may install packages"
quietly apt-get update
quietly apt-get install -y --no-install-recommends kcat
