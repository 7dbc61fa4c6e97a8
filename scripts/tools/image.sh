#!/usr/bin/env bash
# buildah, and a base image in .tools/image: a Debian without documentation, as the one that images are usually built on.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version="bookworm 1"
if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
  need "the image" apt-get
  [[ $(id -u) == 0 ]] || skip "the image" "only root may install packages"
  quietly apt-get update
  quietly apt-get install -y --no-install-recommends buildah debootstrap || skip "the image" "buildah cannot be installed"
fi
is_installed image "$version" && exit 0
[[ $(id -u) == 0 ]] || skip "the image" "only root can make its base"
rm -rf "$tools/image"
mkdir -p "$tools/image"
base=$tools/image/root
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
quietly debootstrap --variant=minbase --include=ca-certificates "${version%% *}" "$base" "$mirror"
rm -rf "$base"/usr/share/{doc,man,locale,info,lintian} "$base"/var/cache/apt/* "$base"/var/lib/apt/lists/*
tar -C "$base" -cf "$tools/image/base.tar" .
rm -rf "$base"
mark_installed image "$version"
