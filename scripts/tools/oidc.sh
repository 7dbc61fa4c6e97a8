#!/usr/bin/env bash
# oauth2-mock-server, which issues tokens, in .tools/oidc: the newest release that runs on Node 20.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=(oauth2-mock-server@8.2.3)
is_installed oidc "${packages[*]}" && exit 0
need "oauth2-mock-server" node npm
rm -rf "$tools/oidc"
mkdir -p "$tools/oidc"
quietly npm install --prefix "$tools/oidc" --no-audit --no-fund --loglevel=error "${packages[@]}"
mark_installed oidc "${packages[*]}"
