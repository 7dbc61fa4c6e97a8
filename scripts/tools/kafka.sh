#!/usr/bin/env bash
# Apache Kafka's broker with all its jars, in .tools/kafka/libs.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=4.4.0
is_installed kafka "$version" && exit 0
need "Apache Kafka $version" java mvn
rm -rf "$tools/kafka"
quietly mvn -q -B -f "$root/scripts/tools/kafka.pom.xml" dependency:copy-dependencies \
  "-Dkafka.version=$version" "-DoutputDirectory=$tools/kafka/libs"
mark_installed kafka "$version"
