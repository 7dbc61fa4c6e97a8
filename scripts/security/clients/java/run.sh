#!/usr/bin/env bash
# usage: scripts/security/clients/java/run.sh CASES PREFIX
set -euo pipefail
source "$(dirname "$0")/../../../lib.sh"

"$root/scripts/tools/kafka.sh"
# Kafka asks no URL that its process does not allow.
endpoint=$(grep -o '"endpoint": "[^"]*"' "$1" | cut -d '"' -f 4)
exec java -Xmx512m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=off \
  "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=$endpoint" -cp "$tools/kafka/libs/*" \
  "$root/scripts/security/clients/java/Cases.java" "$@"
