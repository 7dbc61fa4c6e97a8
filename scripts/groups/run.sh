#!/usr/bin/env bash
# Consumer groups of other people's clients against a broker that is up: members join, leave and are killed while
# records flow, and checker.py looks at what each of them did. The short form takes less than two minutes.
# usage: scripts/groups/run.sh ADDR [short | long | NAME=SIZE:CLIENT/ASSIGNOR,..]...
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

# churn NAME GROUP...
churn() {
  mkdir "$work/$1"
  "$python" "$here/driver.py" "$addr" "$work/$1" churn "${@:2}" || failed=$((failed + 1))
}

failed=0
case ${1:-short} in
  short) churn short "${short[@]}" ;;
  long)
    for client in librdkafka/range librdkafka/cooperative-sticky java/range java/cooperative-sticky franz-go/range \
      franz-go/cooperative-sticky sarama/range kafka-python/range kafkajs/any; do
      name=${client//\//-}
      churn "$name-2" "two=2:$client"
      churn "$name-5" "five=5:$client"
      churn "$name-20" "twenty=20:$client"
    done
    churn mixed mixed=6:librdkafka/range,java/range,franz-go/range,sarama/range,kafka-python/range
    ;;
  *) churn given "$@" ;;
esac
((failed == 0))
