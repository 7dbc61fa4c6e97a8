#!/usr/bin/env bash
# What somebody does first with kcat, by its defaults; prints what came of each. It cannot create and delete topics, or look at groups.
# usage: scripts/clients/kcat/first-steps.sh ADDR PREFIX
set -euo pipefail
source "$(dirname "$0")/../../lib.sh"

addr=$1 topic=$2-first group=$2-first-group
make_work_dir
did() { echo "- $*"; }

did "kcat $(kcat -V | grep -o 'librdkafka [^ ]*')"
seq 10 >"$work/sent"
# The topic comes up when it is first written to.
kcat -P -b "$addr" -t "$topic" "$work/sent" -l
did "produced 10 records to $topic"
kcat -L -b "$addr" >"$work/metadata"
grep -q "topic \"$topic\"" "$work/metadata" || { cat "$work/metadata"; exit 1; }
did "listed $(grep -c '^  topic ' "$work/metadata") topics and described the cluster:$(grep -m 1 '^  broker ' "$work/metadata")"
timeout 60 kcat -G "$group" -b "$addr" -X auto.offset.reset=earliest -c 10 -q "^$2-fir.*" >"$work/got" 2>"$work/why" </dev/null || { cat "$work/why"; exit 1; }
sort -n "$work/got" | cmp - "$work/sent"
did "consumed 10 records in $group, subscribed by pattern"
