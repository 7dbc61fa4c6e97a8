#!/usr/bin/env bash
# KafkaJS, which produces only: it cannot assign partitions by hand. kcat reads its records back.
# usage: scripts/clients/kafkajs/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

addr=$1 prefix=$2 file=$3
"$root/scripts/tools/node.sh"
"$root/scripts/tools/kcat.sh"
make_work_dir
head -1000 "$file" >"$work/some"

NODE_PATH=$tools/node/node_modules KAFKAJS_NO_PARTITIONER_WARNING=1 node "$root/scripts/clients/kafkajs/produce.js" "$@"
"$root/scripts/clients/kcat/read-back.sh" "$addr" "$prefix-lines" "$file"
for name in gzip acks-0 acks-1 acks-all; do
  "$root/scripts/clients/kcat/read-back.sh" "$addr" "$prefix-$name" "$work/some"
done
NODE_PATH=$tools/node/node_modules KAFKAJS_NO_PARTITIONER_WARNING=1 node "$root/scripts/clients/kafkajs/first-steps.js" "$1" "$2"
diff - <(kcat -C -b "$addr" -t "$prefix-shapes" -p 0 -o beginning -e -q -f '%k|%K|%s|%S|%h\n' | cut -c 1-40) <<'END'
key|3|value|5|a=1,a=2,empty=
key|3||-1|
key|3||0|
|0|empty key|9|
|-1|012345678901234567890123456789012345
END
