#!/usr/bin/env bash
# Kafka's command-line tools against a broker that is up, ours or a real Apache Kafka: what they print is compared with what a real one makes them print.
# usage: scripts/java-tools.sh ADDR [TOOL...]
#        scripts/java-tools.sh --list
set -euo pipefail
source "$(dirname "$0")/lib.sh"

all_tools=(kafka-topics kafka-configs kafka-consumer-groups kafka-get-offsets kafka-delete-records kafka-log-dirs
  kafka-broker-api-versions kafka-features kafka-cluster kafka-metadata-quorum kafka-acls kafka-groups kafka-leader-election
  kafka-reassign-partitions kafka-transactions kafka-delegation-tokens kafka-console kafka-verifiable kafka-perf-test)
if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${all_tools[@]}"
  exit
fi
addr=$1
shift
chosen=("$@")
((${#chosen[@]})) || chosen=("${all_tools[@]}")
prefix=tools-$$-$RANDOM

machine=(java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$tools/kafka-tools/libs/*")

# class NAME ARGUMENT...
class() {
  "${machine[@]}" "org.apache.kafka.tools.$1" "${@:2}"
}

# tool NAME ARGUMENT...
tool() {
  class "$1" --bootstrap-server "$addr" "${@:2}"
}

topics() { tool TopicCommand "$@"; }
configs() { tool ConfigCommand "$@"; }
groups() { tool consumer.group.ConsumerGroupCommand "$@"; }

# plain: without what differs from one run or broker to the next. A new Kafka keeps min.insync.replicas as a dynamic default.
plain() {
  sed -E -e "s/$prefix-//g; s/$addr/ADDR/g; s/TopicId: [A-Za-z0-9_-]{22}/TopicId: ID/; s/(Leader|Replicas|Isr|id|broker): [0-9]+/\\1: N/g" \
    -e '/^ +min.insync.replicas=1 /d; s/min.insync.replicas=1,?//; s/ +/ /g; s/[ \t]+$//' -e '/^$/d'
}

# expect COMMAND...: it succeeds and prints what stands on the standard input, each run of spaces made one.
expect() {
  cat >"$work/$check.wanted"
  "$@" >"$work/$check.out" 2>"$work/$check.err" </dev/null || { cat "$work/$check.out" "$work/$check.err"; return 1; }
  plain <"$work/$check.out" >"$work/$check.plain"
  diff "$work/$check.plain" "$work/$check.wanted" || { echo "(< is what it printed) $*"; cat "$work/$check.err"; return 1; }
}

# refuse TEXT COMMAND...: it fails and says so.
refuse() {
  if "${@:2}" >"$work/$check.out" 2>&1 </dev/null; then echo "not refused: ${*:2}"; return 1; fi
  says "$1"
}

# says TEXT: whether the last output has this text.
says() {
  plain <"$work/$check.out" >"$work/$check.plain"
  grep -qF -- "$1" "$work/$check.plain" || { cat "$work/$check.plain"; echo "no '$1' in what it printed"; return 1; }
}

# has_line PATTERN: whether the last output has a line that is this extended regular expression.
has_line() {
  plain <"$work/$check.out" >"$work/$check.plain"
  grep -qxE -- "$1" "$work/$check.plain" || { cat "$work/$check.plain"; echo "no line like '$1' in what it printed"; return 1; }
}

# hundred_lines TOPIC: a topic of one partition with the lines 1 to 100.
hundred_lines() {
  topics --create --topic "$1" --partitions 1 >/dev/null
  seq 100 | tool ConsoleProducer --topic "$1"
}

kafka-topics() {
  local topic=$prefix-topic
  expect topics --create --topic "$topic" --partitions 2 --replication-factor 1 --config retention.ms=3600000 <<<"Created topic topic."
  refuse "Topic 'topic' already exists." topics --create --topic "$topic"
  expect topics --create --topic "$topic" --if-not-exists </dev/null
  expect topics --describe --topic "$topic" <<'END'
Topic: topic	TopicId: ID	PartitionCount: 2	ReplicationFactor: 1	Configs: retention.ms=3600000
	Topic: topic	Partition: 0	Leader: N	Replicas: N	Isr: N	Elr: 	LastKnownElr:
	Topic: topic	Partition: 1	Leader: N	Replicas: N	Isr: N	Elr: 	LastKnownElr:
END
  expect topics --alter --topic "$topic" --partitions 3 </dev/null
  refuse "The topic topic currently has 3 partition(s); 2 would not be an increase." topics --alter --topic "$topic" --partitions 2
  expect topics --list --topic "$topic.*" <<<topic
  expect topics --describe --unavailable-partitions </dev/null
  expect topics --describe --topics-with-overrides --topic "$topic" \
    <<<"Topic: topic	TopicId: ID	PartitionCount: 3	ReplicationFactor: 1	Configs: retention.ms=3600000"
  expect topics --delete --topic "$topic" </dev/null
  refuse "Topic 'topic' does not exist as expected" topics --delete --topic "$topic"
}

kafka-configs() {
  local topic=$prefix-configs
  topics --create --topic "$topic" --config retention.ms=3600000 >/dev/null
  expect configs --alter --entity-type topics --entity-name "$topic" --add-config max.message.bytes=2000000,cleanup.policy=delete \
    <<<"Completed updating config for topic configs."
  expect configs --alter --entity-type topics --entity-name "$topic" --delete-config retention.ms \
    <<<"Completed updating config for topic configs."
  refuse "Unknown topic config name: nonsense" configs --alter --entity-type topics --entity-name "$topic" --add-config nonsense=1
  expect configs --describe --entity-type topics --entity-name "$topic" <<'END'
Dynamic configs for topic configs are:
 cleanup.policy=delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=delete, DEFAULT_CONFIG:log.cleanup.policy=delete}
 max.message.bytes=2000000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:max.message.bytes=2000000, DEFAULT_CONFIG:message.max.bytes=1048588}
END
  expect configs --describe --entity-type brokers --entity-default <<<"Default configs for brokers in the cluster are:"
  expect configs --describe --entity-type users </dev/null
}

kafka-consumer-groups() {
  local topic=$prefix-grouped group=$prefix-group
  hundred_lines "$topic"
  # The machine itself, so that its process id is the one that ends it.
  "${machine[@]}" org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$addr" --topic "$topic" --group "$group" \
    --from-beginning --timeout-ms 60000 >"$work/consumed" 2>/dev/null </dev/null &
  local consumer=$! tries=30
  until groups --describe --group "$group" --state 2>/dev/null | grep -q Stable; do
    ((tries--)) || { echo "the group never got stable"; return 1; }
  done
  groups --describe --group "$group" --members >"$work/$check.out"
  has_line 'group \S+ /\S+ console-consumer 1'
  groups --delete --group "$group" >"$work/$check.out" 2>&1 || true
  says "The group is not empty."
  kill "$consumer"
  wait "$consumer" 2>/dev/null || true
  diff <(seq 100) "$work/consumed"
  expect groups --describe --group "$group" <<'END'
GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
group grouped 0 100 100 0 - - -
END
  grep -q "has no active members." "$work/$check.err"
  expect groups --group "$group" --reset-offsets --topic "$topic" --to-offset 40 --execute <<'END'
GROUP TOPIC PARTITION NEW-OFFSET
group grouped 0 40
END
  expect groups --group "$group" --reset-offsets --topic "$topic:0" --shift-by 5 --dry-run <<'END'
GROUP TOPIC PARTITION NEW-OFFSET
group grouped 0 45
END
  expect groups --describe --group "$group" --offsets <<'END'
GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
group grouped 0 40 100 60 - - -
END
  expect groups --group "$group" --delete-offsets --topic "$topic" <<'END'
Request succeeded for deleting offsets from group group.
TOPIC PARTITION STATUS
grouped 0 Successful
END
  expect groups --delete --group "$group" <<<"Deletion of requested consumer groups ('group') was successful."
  groups --delete --group "$group" >"$work/$check.out" 2>&1 || true
  says "The group id does not exist."
}

kafka-get-offsets() {
  local topic=$prefix-offsets
  hundred_lines "$topic"
  expect tool GetOffsetShell --topic "$topic" <<<offsets:0:100
  expect tool GetOffsetShell --topic "$topic" --time earliest <<<offsets:0:0
  expect tool GetOffsetShell --topic-partitions "$topic:0-1" --time 0 <<<offsets:0:0
  refuse "Could not match any topic-partitions" tool GetOffsetShell --topic "$prefix-none"
}

kafka-delete-records() {
  local topic=$prefix-deleted
  hundred_lines "$topic"
  echo "{\"version\":1,\"partitions\":[{\"topic\":\"$topic\",\"partition\":0,\"offset\":30}]}" >"$work/deleted.json"
  expect tool DeleteRecordsCommand --offset-json-file "$work/deleted.json" <<'END'
Executing records delete operation
Records delete operation completed:
partition: deleted-0	low_watermark: 30
END
  expect tool GetOffsetShell --topic "$topic" --time earliest <<<deleted:0:30
  sed -i 's/"offset":30/"offset":101/' "$work/deleted.json"
  tool DeleteRecordsCommand --offset-json-file "$work/deleted.json" >"$work/$check.out" 2>&1
  says "partition: deleted-0	error: org.apache.kafka.common.errors.OffsetOutOfRangeException"
}

kafka-log-dirs() {
  local topic=$prefix-dirs
  hundred_lines "$topic"
  tool LogDirsCommand --describe --topic-list "$topic" >"$work/$check.out"
  has_line '.*"partitions":\[\{"partition":"dirs-0","size":[1-9][0-9]*,"offsetLag":0,"isFuture":false\}\],"error":null,"logDir":"/.*'
}

kafka-broker-api-versions() {
  tool BrokerApiVersionsCommand >"$work/$check.out"
  local line
  while read -r line; do says "$line"; done <<'END'
ADDR (id: N rack: null isFenced: false) -> (
Produce(0): 0 to 13 [usable: 13],
Fetch(1): 4 to 18 [usable: 18],
ListOffsets(2): 1 to 11 [usable: 11],
Metadata(3): 0 to 13 [usable: 13],
OffsetCommit(8): 2 to 10 [usable: 10],
OffsetFetch(9): 1 to 10 [usable: 10],
FindCoordinator(10): 0 to 6 [usable: 6],
JoinGroup(11): 0 to 9 [usable: 9],
ApiVersions(18): 0 to 5 [usable: 5],
DescribeConfigs(32): 1 to 4 [usable: 4],
DescribeTopicPartitions(75): 0 [usable: 0],
END
  ! grep -q UNKNOWN "$work/$check.out"
}

kafka-features() {
  tool FeatureCommand describe >"$work/$check.out"
  sed -i -E 's/Epoch: [0-9]+/Epoch: N/' "$work/$check.out"
  says "Feature: metadata.version SupportedMinVersion: 3.3-IV3 SupportedMaxVersion: 4.4-IV2 FinalizedVersionLevel: 4.4-IV2 Epoch: N"
  refuse "Could not upgrade nonsense.version" tool FeatureCommand upgrade --feature nonsense.version=1
}

kafka-cluster() {
  class ClusterTool cluster-id --bootstrap-server "$addr" >"$work/$check.out"
  has_line 'Cluster ID: [A-Za-z0-9_-]+'
  class ClusterTool list-endpoints --bootstrap-server "$addr" >"$work/$check.out"
  says "${addr%:*} ${addr#*:} null"
}

kafka-metadata-quorum() {
  tool MetadataQuorumCommand describe --status >"$work/$check.out"
  has_line 'HighWatermark: [1-9][0-9]*'
  says "MaxFollowerLag: 0"
  says "CurrentVoters: [{\"id\": "
  tool MetadataQuorumCommand describe --replication --human-readable >"$work/$check.out"
  has_line '[0-9]+\s+[A-Za-z0-9_-]{22}\s+[1-9][0-9]*\s+0\s+[0-9]+ ms ago\s+[0-9]+ ms ago\s+Leader'
}

kafka-acls() {
  refuse "SecurityDisabledException: No Authorizer is configured on the broker" tool AclCommand --list
  refuse "SecurityDisabledException: No Authorizer is configured." tool AclCommand --remove --force --allow-principal User:somebody --operation Read --topic "$prefix-topic"
}

kafka-groups() {
  local topic=$prefix-listed group=$prefix-classic
  hundred_lines "$topic"
  tool consumer.ConsoleConsumer --topic "$topic" --group "$group" --from-beginning --max-messages 100 --timeout-ms 30000 >/dev/null 2>&1
  tool GroupsCommand --list >"$work/$check.out"
  has_line 'classic Classic consumer'
  ! grep -E "^$group +(Consumer|Share|Streams)" "$work/$check.out"
  tool GroupsCommand --list --group-type share >"$work/$check.out"
  ! grep "$group" "$work/$check.out"
}

kafka-leader-election() {
  local topic=$prefix-led
  topics --create --topic "$topic" --partitions 1 >/dev/null
  expect tool LeaderElectionCommand --election-type preferred --topic "$topic" --partition 0 \
    <<<"Valid replica already elected for partitions led-0"
  expect tool LeaderElectionCommand --election-type unclean --topic "$topic" --partition 0 \
    <<<"Valid replica already elected for partitions led-0"
  refuse "UnknownTopicOrPartitionException: No such topic as none" \
    tool LeaderElectionCommand --election-type preferred --topic "$prefix-none" --partition 0
}

# Where there is one broker, all that it can move is where it is already.
kafka-reassign-partitions() {
  local topic=$prefix-moved plan=$work/moved.json
  reassign() { tool reassign.ReassignPartitionsCommand "$@"; }
  topics --create --topic "$topic" --partitions 1 >/dev/null
  topics --describe --topic "$topic" >"$work/$check.out"
  local broker
  broker=$(sed -nE 's/.*Leader: ([0-9]+).*/\1/p' "$work/$check.out")
  echo "{\"version\":1,\"topics\":[{\"topic\":\"$topic\"}]}" >"$work/moved-topics.json"
  reassign --topics-to-move-json-file "$work/moved-topics.json" --broker-list "$broker" --generate >"$work/$check.out"
  tail -n 1 "$work/$check.out" >"$plan"
  has_line '\{"version":1,"partitions":\[\{"topic":"moved","partition":0,"replicas":\['"$broker"'\],"log_dirs":\["any"\]\}\]\}'
  reassign --reassignment-json-file "$plan" --execute >"$work/$check.out"
  has_line "Successfully started partition reassignment for moved-0"
  reassign --reassignment-json-file "$plan" --verify >"$work/$check.out"
  has_line "Reassignment of partition moved-0 is completed."
  expect reassign --list <<<"No partition reassignments found."
  sed -i "s/\[$broker\]/[4711]/" "$plan"
  refuse "Unknown broker id 4711" reassign --reassignment-json-file "$plan" --execute
}

kafka-transactions() {
  local topic=$prefix-untransacted
  topics --create --topic "$topic" --partitions 1 >/dev/null
  tool ProducerPerformance --topic "$topic" --num-records 7 --record-size 1 --throughput -1 >/dev/null
  tool TransactionsCommand describe-producers --topic "$topic" --partition 0 >"$work/$check.out"
  has_line '[0-9]+\s+0\s+-1\s+6\s+[0-9]+\s+None'
  refuse "the ID could not be found" tool TransactionsCommand describe --transactional-id "$prefix-none"
}

kafka-delegation-tokens() {
  refuse "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels" \
    tool DelegationTokenCommand --describe --command-config /dev/null
}

kafka-console() {
  local topic=$prefix-console
  hundred_lines "$topic"
  expect tool consumer.ConsoleConsumer --topic "$topic" --from-beginning --max-messages 100 --timeout-ms 30000 < <(seq 100)
  expect tool consumer.ConsoleConsumer --topic "$topic" --partition 0 --offset 90 --max-messages 10 --timeout-ms 30000 < <(seq 91 100)
}

kafka-verifiable() {
  local topic=$prefix-verifiable
  topics --create --topic "$topic" --partitions 1 >/dev/null
  tool VerifiableProducer --topic "$topic" --max-messages 100 --acks -1 >"$work/$check.out"
  (($(grep -c '"name":"producer_send_success".*"partition":0' "$work/$check.out") == 100)) || { cat "$work/$check.out"; return 1; }
  says '"name":"tool_data","sent":100,"acked":100,'
  tool VerifiableConsumer --topic "$topic" --group-id "$topic" --max-messages 100 --reset-policy earliest >"$work/$check.out" 2>"$work/$check.err" || { cat "$work/$check".*; return 1; }
  says '"name":"records_consumed","count":100,"partitions":[{"topic":"verifiable","partition":0,"count":100,"minOffset":0,"maxOffset":99}]'
  says '"name":"offsets_committed","offsets":[{"topic":"verifiable","partition":0,"offset":100}],"success":true'
}

kafka-perf-test() {
  local topic=$prefix-perf
  topics --create --topic "$topic" --partitions 3 >/dev/null
  tool ProducerPerformance --topic "$topic" --num-records 5000 --record-size 100 --throughput -1 >"$work/$check.out"
  says "5000 records sent, "
  tool ConsumerPerformance --topic "$topic" --num-records 5000 --timeout 30000 >"$work/$check.out"
  has_line '.*, 0\.4768, [0-9.]+, 5000, .*'
}

"$root/scripts/tools/kafka-tools.sh"
make_work_dir

# Two at a time: most of what a tool takes is the start of its machine, and groups wait for members.
lane() {
  local name code
  for name in "$@"; do
    check=$name code=0
    (set -e; "$name") >"$work/$name.said" 2>&1 &
    wait $! || code=$?
    if ((code == 0)); then echo "ok $name"; else
      tail -n 30 "$work/$name.said" | cut -c 1-500
      echo "FAILED $name"
      touch "$work/failed"
    fi
  done
}

first=() second=()
for name in "${chosen[@]}"; do
  case $name in
    kafka-consumer-groups | kafka-console | kafka-verifiable | kafka-perf-test) second+=("$name") ;;
    *) first+=("$name") ;;
  esac
done
lane "${first[@]}" &
lane "${second[@]}"
wait
[[ ! -f $work/failed ]]
