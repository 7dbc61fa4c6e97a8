#!/usr/bin/env bash
# A Kafka Connect standalone worker: a file's lines into a topic, the topic's into another file; then a second worker goes on
# where the first one, killed, had committed. usage: scripts/apps/connect/run.sh ADDR PREFIX
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

addr=$1 prefix=$2
"$root/scripts/tools/kafka-apps.sh"
make_work_dir
rest=$(free_port 26000)

cat >"$work/worker.properties" <<END
bootstrap.servers=$addr
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.file.filename=$work/offsets
offset.flush.interval.ms=500
consumer.session.timeout.ms=6000
consumer.heartbeat.interval.ms=1000
listeners=http://127.0.0.1:$rest
plugin.path=$tools/kafka-apps/plugins
END
# connector source|sink CLASS FILE LINE...: its settings, in a file of its own.
connector() {
  printf '%s\n' "name=$prefix-$1" "connector.class=$2" tasks.max=1 "file=$3" "${@:4}" >"$work/$1.properties"
}

connector source FileStreamSource "$work/in" "topic=$prefix-lines" \
  topic.creation.default.partitions=1 topic.creation.default.replication.factor=1
connector sink FileStreamSink "$work/out" "topics=$prefix-lines"

start_worker() {
  start "$work/worker.log" java -Xmx512m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$tools/kafka-apps/libs/*" org.apache.kafka.connect.cli.ConnectStandalone "$work/worker.properties" \
    "$work/source.properties" "$work/sink.properties"
  worker=$started
}

# until_true WHAT COMMAND...: within a minute.
until_true() {
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "$worker" 2>/dev/null || ((SECONDS > deadline)); then
      echo "not seen: $what; the worker's last words:"
      tail -n 30 "$work/worker.log"
      exit 1
    fi
    sleep 0.3
  done
}

is_running() {
  [[ $(curl -sf "http://127.0.0.1:$rest/connectors/$1/status" | grep -o '"state":"RUNNING"' | wc -l) == 2 ]]
}

same_lines() {
  cmp <(sort -u "$work/out") <(sort -u "$work/in")
}

numbered_lines 2000 >"$work/all"
head -1000 "$work/all" >"$work/in"
start_worker
until_true "the source running" is_running "$prefix-source"
until_true "the sink running" is_running "$prefix-sink"
until_true "the first thousand lines in the sink" same_lines
cmp "$work/out" "$work/in"
# Longer than an offset flush: what was written is committed.
sleep 1.5
stop "$worker" KILL

tail -1000 "$work/all" >>"$work/in"
start_worker
until_true "all lines in the sink" same_lines
# The sink commits its offsets in the broker, so a new life repeats nothing that was committed.
cmp "$work/out" "$work/in"
stop "$worker"
echo "ok connect $(wc -l <"$work/out") lines"
