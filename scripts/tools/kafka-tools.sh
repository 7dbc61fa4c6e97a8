#!/usr/bin/env bash
# Kafka's command-line tools with all their jars, in .tools/kafka-tools/libs.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=4.4.0
install_jars kafka-tools "the command-line tools of Kafka $version" "$version" "-Dkafka.version=$version"
mark_installed kafka-tools "$version"
