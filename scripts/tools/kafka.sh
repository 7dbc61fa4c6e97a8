#!/usr/bin/env bash
# Apache Kafka's broker with all its jars, in .tools/kafka/libs.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

version=4.4.0
install_jars kafka "Apache Kafka $version" "$version" "-Dkafka.version=$version"
mark_installed kafka "$version"
