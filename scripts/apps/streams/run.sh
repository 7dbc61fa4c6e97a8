#!/usr/bin/env bash
# A Kafka Streams word count, at least once, with its repartition and changelog topics. usage: scripts/apps/streams/run.sh ADDR PREFIX
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

"$root/scripts/tools/kafka-apps.sh"
make_work_dir
java -Xmx512m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$tools/kafka-apps/libs/*" \
  "$root/scripts/apps/streams/WordCount.java" "$1" "$2" "$work/state"
