#!/usr/bin/env bash
# S3Proxy, an S3 server whose racing creates have several winners, in .tools/s3proxy/libs.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=3.3.0
install_jars s3proxy "S3Proxy" "$version" -DincludeScope=runtime "-Ds3proxy.version=$version"
mark_installed s3proxy "$version"
