#!/usr/bin/env bash
# Consumer groups of other people's clients against a broker that is up: members join, leave and are killed while
# records flow, and checker.py looks at what each of them did. `short` is the classic protocol, `consumer` the newer one
# (KIP-848) and groups that migrate between the two; each takes less than two minutes, with the settings of
# quick_consumer_groups.
# usage: scripts/groups/run.sh ADDR [short | consumer | long | NAME=SIZE:CLIENT/ASSIGNOR,..]...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lib.sh"
source "$here/prepare.sh"

addr=$1
shift
make_work_dir
prepare_members
short=(
  librdkafka=3:librdkafka/cooperative-sticky java=3:java/cooperative-sticky franz-go=3:franz-go/cooperative-sticky
  sarama=3:sarama/range kafka-python=3:kafka-python/range kafkajs=3:kafkajs/any mixed=3:librdkafka/range,franz-go/range
)
python=$tools/python/bin/python
"$python" "$here/checker_test.py" 2>"$work/checker" || { cat "$work/checker"; exit 1; }

# drive SCENARIO NAME GROUP...
drive() {
  mkdir "$work/$2"
  "$python" "$here/driver.py" "$addr" "$work/$2" "$1" "${@:3}" || failed=$((failed + 1))
}

churn() { drive churn "$@"; }
# librdkafka's cooperative-sticky is not among them: its assignments carry data of its own, so Kafka, too, refuses to take
# such a group over.
migrate() {
  drive migrate migrate "java-eager=$1:java/range" "java=$1:java/cooperative-sticky" "librdkafka=$1:librdkafka/range" \
    "franz-go-eager=$1:franz-go/range" "franz-go=$1:franz-go/cooperative-sticky"
}

failed=0
case ${1:-short} in
  short) churn short "${short[@]}" ;;
  consumer)
    churn consumer librdkafka=3:librdkafka/consumer java=3:java/consumer franz-go=3:franz-go/consumer \
      mixed=6:java/consumer,librdkafka/consumer,franz-go/consumer
    migrate 2
    ;;
  long)
    for client in librdkafka/range librdkafka/cooperative-sticky java/range java/cooperative-sticky franz-go/range \
      franz-go/cooperative-sticky sarama/range kafka-python/range kafkajs/any librdkafka/consumer java/consumer \
      franz-go/consumer; do
      name=${client//\//-}
      churn "$name-2" "two=2:$client"
      churn "$name-5" "five=5:$client"
      churn "$name-20" "twenty=20:$client"
    done
    migrate 5
    churn mixed mixed=6:librdkafka/range,java/range,franz-go/range,sarama/range,kafka-python/range
    ;;
  *) churn given "$@" ;;
esac
((failed == 0))
