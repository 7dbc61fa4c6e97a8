#!/usr/bin/env bash
# Three brokers of the release build on one folder, and kcat: an owner is killed with kill -9 while lines go into a topic, and
# another is told to stop after it has come back; every line is there once.
# KAFKAESQUE_BIN names another binary; nothing is built then.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"
source "$root/scripts/cluster.sh"

lines=60000
"$root/scripts/tools/kcat.sh"
make_work_dir
find_broker
forget_settings
export HOST=127.0.0.1 DATA_PATH=$work/data DEFAULT_NUM_PARTITIONS=6

choose_cluster_ports 3

# leader_of PARTITION: the broker that leads it.
leader_of() {
  kcat -L -b "$bootstrap" -t lines | sed -n "s/.*partition $1, leader \([0-9]*\),.*/\1/p"
}

# read_back WHEN: the topic holds every line once.
read_back() {
  "$root/scripts/clients/kcat/read-back.sh" "$bootstrap" lines "$work/lines" || fail "$1, lines does not read back"
}

for id in 0 1 2; do launch $id; done
for id in 0 1 2; do until_ready $id; done
numbered_lines "$lines" >"$work/lines"
head -n 1000 "$work/lines" |
  kcat -P -b "$bootstrap" -t lines -p -1 -X partitioner=random -X enable.idempotence=true || fail "kcat could not produce"
[[ $(kcat -L -b "$bootstrap" -t lines | grep -c 'partition .*, leader [0-2],') == 6 ]] || fail "not all partitions have a leader"

# About 10,000 lines a second, so that the kill comes in the middle.
victim=$(leader_of 0)
tail -n +1001 "$work/lines" | awk '{ print } NR % 1000 == 0 { fflush(); system("sleep 0.1") }' |
  kcat -P -b "$bootstrap" -t lines -p -1 -X partitioner=random -X enable.idempotence=true &
producer=$!
sleep 2
stop "${processes[$victim]}" KILL
kill -0 "$producer" 2>/dev/null || fail "the load ended before the kill"
wait "$producer" || fail "kcat could not produce over kill -9"
[[ $(leader_of 0) != "$victim" ]] || fail "broker $victim leads though it is gone"
read_back "after kill -9 of broker $victim"

launch "$victim"
until_ready "$victim"
leaving=$(((victim + 1) % 3))
kill -TERM "${processes[$leaving]}"
code=0
timeout 30 tail --pid="${processes[$leaving]}" -f /dev/null || fail "SIGTERM did not end broker $leaving"
wait "${processes[$leaving]}" || code=$?
((code == 0)) || fail "SIGTERM ended broker $leaving with $code"
read_back "after SIGTERM of broker $leaving"
echo "ok cluster e2e"
