#!/usr/bin/env bash
# promtool, Prometheus' own checker, in .tools/bin: out of the system's package, of which nothing else is wanted.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

command -v promtool >/dev/null && exit 0
need "promtool" apt-get dpkg-deb
make_work_dir
cd "$work"
if ! apt-get download prometheus >/dev/null 2>&1; then
  quietly apt-get update || skip "promtool" "there are no packages to take it from"
  quietly apt-get download prometheus || skip "promtool" "its package cannot be had"
fi
dpkg-deb -x prometheus_*.deb unpacked
mkdir -p "$tools/bin"
cp unpacked/usr/bin/promtool "$tools/bin/"
