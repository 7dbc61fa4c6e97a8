#!/usr/bin/env bash
# Reads every partition of a topic from the beginning to its end with kcat, and compares with a sorted file of lines:
# each line once, and in order within its partition.
# usage: scripts/clients/kcat/read-back.sh ADDR TOPIC FILE
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

addr=$1 topic=$2 file=$3
make_work_dir

timeout 120 kcat -C -b "$addr" -t "$topic" -o beginning -e -q -X check.crcs=true -f '%p %s\n' >"$work/got"
awk '$2 <= last[$1] { print "out of order in partition " $1 ": " $2 " after " last[$1]; exit 1 } { last[$1] = $2 }' "$work/got"
cut -d ' ' -f 2- "$work/got" | sort | cmp - "$file" || {
  echo "topic $topic: $(wc -l <"$work/got") records came back for $(wc -l <"$file") lines"
  exit 1
}
