#!/usr/bin/env bash
# S3Proxy, an S3 server whose racing creates have several winners, in .tools/s3proxy/libs.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=3.3.0
is_installed s3proxy "$version" && exit 0
need "S3Proxy" java mvn
rm -rf "$tools/s3proxy"
quietly mvn -q -B -f "$root/scripts/tools/s3proxy.pom.xml" dependency:copy-dependencies \
  -DincludeScope=runtime "-Ds3proxy.version=$version" "-DoutputDirectory=$tools/s3proxy/libs"
mark_installed s3proxy "$version"
