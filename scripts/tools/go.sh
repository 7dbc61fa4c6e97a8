#!/usr/bin/env bash
# Two S3 servers in .tools/bin: versitygw on disk, gofakes3 in memory.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=(github.com/versity/versitygw/cmd/versitygw@v1.8.0 github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0)
is_installed go-servers "${packages[*]}" && exit 0
need "the S3 servers" go
for package in "${packages[@]}"; do
  GOBIN=$tools/bin quietly go install "$package"
done
mark_installed go-servers "${packages[*]}"
