#!/usr/bin/env bash
# Runs one real Apache Kafka broker, to compare ours with.
# usage: scripts/kafka.sh start DIR PORT   (data, log and process id in DIR; the controller listens on a port of its own)
#        scripts/kafka.sh stop DIR
# KAFKA_SETTINGS holds further lines of its settings, KAFKA_LISTENERS further listeners, KAFKA_OPTS options of Java's.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

write_settings() {
  local dir=$1 port=$2 controller=$3
  cat >"$dir/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,${KAFKA_LISTENERS:+$KAFKA_LISTENERS,}CONTROLLER://127.0.0.1:$controller
log.dirs=$dir/data
num.partitions=3
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
${KAFKA_SETTINGS:-}
END
}

start_kafka() {
  local dir=$1 port=$2
  "$root/scripts/tools/kafka.sh"
  mkdir -p "$dir"
  local java=(java -Xmx1g -cp "$tools/kafka/libs/*")
  if [[ ! -f $dir/server.properties ]]; then
    write_settings "$dir" "$port" "$(free_port)"
    quietly "${java[@]}" kafka.tools.StorageTool format --standalone -t "$("${java[@]}" kafka.tools.StorageTool random-uuid 2>/dev/null)" \
      -c "$dir/server.properties"
  fi
  # shellcheck disable=SC2086 # several words
  "${java[@]}" ${KAFKA_OPTS:-} kafka.Kafka "$dir/server.properties" >>"$dir/log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  wait_for_port "$port" $! 60 || { tail -20 "$dir/log" >&2; return 1; }
}

case ${1:-} in
  start) start_kafka "$2" "$3" ;;
  stop) stop "$(<"$2/pid")" ;;
  *) sed -n '3,4s/^# //p' "$0"; exit 2 ;;
esac
