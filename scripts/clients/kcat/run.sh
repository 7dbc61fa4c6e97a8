#!/usr/bin/env bash
# kcat: lines of a file, every codec and every acks, keys, headers, tombstones, one large record.
# usage: scripts/clients/kcat/run.sh ADDR PREFIX FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

addr=$1 prefix=$2 file=$3
here=$root/scripts/clients/kcat
"$root/scripts/tools/kcat.sh"
make_work_dir
head -1000 "$file" >"$work/some"

# make_topic NAME: asking for a topic makes it; with as many partitions as the broker gives by default.
make_topic() {
  local tries=50
  until grep -q 'partition 0, leader' <<<"$(kcat -L -b "$addr" -t "$1")"; do
    ((tries-- > 0)) || { echo "topic $1 did not come up"; return 1; }
    sleep 0.1
  done
}

# round_trip NAME FILE OPTION...: a file's lines to a topic of its own, and back.
round_trip() {
  local topic=$prefix-$1 file=$2
  shift 2
  make_topic "$topic"
  kcat -P -b "$addr" -t "$topic" -p -1 -X partitioner=random -X sticky.partitioning.linger.ms=1 -l "$@" "$file"
  "$here/read-back.sh" "$addr" "$topic" "$file"
}

# Nobody says when records sent with acks=0 have arrived: they are given ten seconds.
no_acks() {
  local deadline=$((SECONDS + 10))
  make_topic "$prefix-acks-0"
  kcat -P -b "$addr" -t "$prefix-acks-0" -p -1 -X acks=0 -l "$work/some"
  until "$here/read-back.sh" "$addr" "$prefix-acks-0" "$work/some" >"$work/why" 2>&1; do
    ((SECONDS < deadline)) || { cat "$work/why"; return 1; }
    sleep 0.2
  done
}

# shape FORMAT: what the topic's only partition in use holds, one record a line.
shape() {
  kcat -C -b "$addr" -t "$prefix-shapes" -p 0 -o beginning -e -q -f "$1\n"
}

# expect WHAT GOT: the standard input is what should have come.
expect() {
  diff - <(echo "$2") || { echo "$1 differ"; exit 1; }
}

round_trip lines "$file" -X enable.idempotence=true
for codec in gzip snappy lz4 zstd; do
  round_trip "$codec" "$work/some" -z "$codec"
done
for acks in 1 all; do
  round_trip "acks-$acks" "$work/some" -X acks="$acks"
done
no_acks

topic=$prefix-shapes
make_topic "$topic"
printf 'red:one\n:two\nred:\n' | kcat -P -b "$addr" -t "$topic" -p 0 -K: -H a=1 -H a=2 -H empty= -H null
printf 'red:\n' | kcat -P -b "$addr" -t "$topic" -p 0 -K: -Z
expect "keys, values and headers" "$(shape '%k|%K|%s|%S|%h')" <<'END'
red|3|one|3|a=1,a=2,empty=,null=NULL
|0|two|3|a=1,a=2,empty=,null=NULL
red|3||0|a=1,a=2,empty=,null=NULL
red|3||-1|
END
head -c 900000 "$file" >"$work/large"
kcat -P -b "$addr" -t "$topic" -p 0 "$work/large"
kcat -C -b "$addr" -t "$topic" -p 0 -o 4 -c 1 -q -f '%s' | cmp - "$work/large"
"$here/first-steps.sh" "$addr" "$prefix"
