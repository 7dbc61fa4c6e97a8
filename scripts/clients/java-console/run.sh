#!/usr/bin/env bash
# Kafka's own console producer and consumer, with the tools that make topics and list offsets.
# usage: scripts/clients/java-console/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

addr=$1 prefix=$2 file=$3
"$root/scripts/tools/kafka-tools.sh"
make_work_dir
head -1000 "$file" >"$work/some"

# tool CLASS OPTION...
tool() {
  java -Xmx256m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$tools/kafka-tools/libs/*" \
    "org.apache.kafka.tools.$1" --bootstrap-server "$addr" "${@:2}"
}

# read_back TOPIC FILE: every partition from the beginning to its known end, each in order, all together the file.
read_back() {
  local topic partition end
  tool GetOffsetShell --topic "$1" --time latest >"$work/ends"
  : >"$work/got"
  while IFS=: read -r topic partition end; do
    tool consumer.ConsoleConsumer --topic "$topic" --partition "$partition" --offset earliest \
      --max-messages "$end" --timeout-ms 30000 >"$work/partition" 2>"$work/why" </dev/null || { cat "$work/why"; return 1; }
    sort -c "$work/partition"
    cat "$work/partition" >>"$work/got"
  done <"$work/ends"
  sort "$work/got" | cmp - "$2"
}

tool TopicCommand --create --topic "$prefix-lines" --partitions 3 --replication-factor 1 >/dev/null
tool ConsoleProducer --topic "$prefix-lines" <"$file"
read_back "$prefix-lines" "$file"

tool TopicCommand --create --topic "$prefix-zstd" --partitions 1 >/dev/null
tool ConsoleProducer --topic "$prefix-zstd" --compression-codec zstd <"$work/some"
read_back "$prefix-zstd" "$work/some"

tool TopicCommand --create --topic "$prefix-shapes" --partitions 1 >/dev/null
tool ConsoleProducer --topic "$prefix-shapes" --reader-property parse.key=true --reader-property key.separator=: \
  --reader-property parse.headers=true --reader-property null.marker=NULL <<'END'
a:1,b:2	red:one
a:1	red:
a:1	red:NULL
NULL	NULL:two
END
diff - <(tool consumer.ConsoleConsumer --topic "$prefix-shapes" --partition 0 --offset earliest --max-messages 4 --timeout-ms 30000 \
  --formatter-property print.key=true --formatter-property print.headers=true --formatter-property print.offset=true \
  --formatter-property null.literal=NULL 2>"$work/why") <<'END'
Offset:0	a:1,b:2	red	one
Offset:1	a:1	red	
Offset:2	a:1	red	NULL
Offset:3	NO_HEADERS	NULL	two
END
