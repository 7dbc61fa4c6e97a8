#!/usr/bin/env bash
# The Java client. usage: scripts/clients/java/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/kafka.sh"
# program NAME ARGUMENT...
program() {
  java -Xmx512m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$tools/kafka/libs/*" \
    "$root/scripts/clients/java/$1.java" "${@:2}"
}
program RoundTrip "$@"
program FirstSteps "$1" "$2"
