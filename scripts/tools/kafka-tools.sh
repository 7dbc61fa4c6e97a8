#!/usr/bin/env bash
# Kafka's command-line tools with all their jars, in .tools/kafka-tools/libs: apart from the broker's, since the versions differ.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=4.3.1
is_installed kafka-tools "$version" && exit 0
need "the command-line tools of Kafka $version" java mvn
rm -rf "$tools/kafka-tools"
quietly mvn -q -B -f "$root/scripts/tools/kafka-tools.pom.xml" dependency:copy-dependencies \
  "-Dkafka.version=$version" "-DoutputDirectory=$tools/kafka-tools/libs"
mark_installed kafka-tools "$version"
