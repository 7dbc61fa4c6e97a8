#!/usr/bin/env bash
# Kafka Streams and Connect with all their jars, in .tools/kafka-apps/libs; Connect's file connectors, a plugin, in .tools/kafka-apps/plugins.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=4.3.1
is_installed kafka-apps "$version" && exit 0
need "Kafka Streams and Connect $version" java mvn
rm -rf "$tools/kafka-apps"
quietly mvn -q -B -f "$root/scripts/tools/kafka-apps.pom.xml" dependency:copy-dependencies \
  "-Dkafka.version=$version" "-DoutputDirectory=$tools/kafka-apps/libs"
mkdir -p "$tools/kafka-apps/plugins/file"
mv "$tools/kafka-apps/libs/connect-file-$version.jar" "$tools/kafka-apps/plugins/file/"
mark_installed kafka-apps "$version"
