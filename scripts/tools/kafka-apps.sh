#!/usr/bin/env bash
# Kafka Streams and Connect with all their jars, in .tools/kafka-apps/libs; Connect's file connectors, a plugin, in .tools/kafka-apps/plugins.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=4.3.1
install_jars kafka-apps "Kafka Streams and Connect $version" "$version" "-Dkafka.version=$version"
mkdir -p "$tools/kafka-apps/plugins/file"
mv "$tools/kafka-apps/libs/connect-file-$version.jar" "$tools/kafka-apps/plugins/file/"
mark_installed kafka-apps "$version"
