#!/usr/bin/env bash
# A broker under even load for a long time, restarted now and then: memory, open files, tasks, index and bucket stay flat.
# usage: scripts/soak.sh [--minutes 20] [--gib 30] [--retain-mib 64] [--partitions 4] [--restarts 4] [--samples FILE]
# Two topics with one retention.bytes (--retain-mib) per partition. KAFKAESQUE_BIN and SOAK_BIN name built programs.
# Every other restart is a kill -9. All are in the first half of the run, so that the second shows what grows in one process.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

minutes=20 gib=30 retain_mib=64 partitions=4 restarts=4 samples=
topics=soak-a,soak-b record_bytes=1024 segment_mib=8
while (($#)); do
  case $1 in
    --minutes) minutes=$2 ;;
    --gib) gib=$2 ;;
    --retain-mib) retain_mib=$2 ;;
    --partitions) partitions=$2 ;;
    --restarts) restarts=$2 ;;
    --samples) samples=$2 ;;
    *) sed -n '3,5s/^# //p' "$0"; exit 2 ;;
  esac
  shift 2
done
need soak curl python3

# metric NAME: its value, summed over shards.
metric() {
  awk -v name="$1" '$1 == name || index($1, name "{") == 1 { sum += $2 } END { printf "%.0f", sum }' "$work/metrics"
}

# folder_bytes FOLDER...: of the files in them; files may go meanwhile.
folder_bytes() {
  (du -sb "$@" 2>/dev/null || true) | awk '{ sum += $1 } END { printf "%.0f", sum }'
}

# sample: one line of what is to stay flat, in bytes and numbers.
sample() {
  curl -sf -m 5 -o "$work/metrics" "http://127.0.0.1:$HEALTH_PORT/metrics" || return 0
  echo "$((SECONDS - began)) $(metric process_resident_memory_bytes) $(metric process_open_fds)" \
    "$(metric kafkaesque_tasks) $(folder_bytes "$data"/shards/*/index) $(folder_bytes "$data"/raft) $(folder_bytes "$data")" \
    "$(metric kafkaesque_retained_bytes) $(metric kafkaesque_log_objects) $(metric kafkaesque_loaded_partitions)" \
    >>"$samples"
}

make_work_dir
samples=${samples:-$work/samples}
echo "seconds rss files tasks index raft bucket retained objects loaded" >"$samples"
data=$work/data
export OBJECT_STORE_TYPE=local DATA_PATH=$data LOG_RETENTION_CHECK_INTERVAL_MS=2000 AUTO_CREATE_TOPICS=true
# Small, so that it is full long before the end: what grows behind that is a leak.
export INDEX_CACHE_BYTES=${INDEX_CACHE_BYTES:-8MiB}
export LOG_RETENTION_BYTES=$((retain_mib << 20))
find_broker
find_program SOAK_BIN --example soak
choose_ports
# Behind the choice of ports, which sets a number of its own.
export DEFAULT_NUM_PARTITIONS=$partitions
start_broker

seconds=$((minutes * 60)) total_mib=$((gib * 1024))
rate=$(((total_mib + seconds - 1) / seconds))
began=$SECONDS
start "$work/load.log" "$SOAK_BIN" "$addr" "$topics" "$partitions" "$record_bytes" "$rate" "$total_mib"
load=$started
done_restarts=0
while kill -0 "$load" 2>/dev/null; do
  sleep 5
  sample
  if ((done_restarts < restarts && (SECONDS - began) * 2 * (restarts + 1) > seconds * (done_restarts + 1))); then
    signals=(KILL TERM)
    stop "$broker" "${signals[done_restarts % 2]}"
    start_broker
    done_restarts=$((done_restarts + 1))
  fi
done
wait "$load" || broker_failed "the load failed: $(tail -3 "$work/load.log")"
cat "$work/load.log"
python3 "$root/scripts/soak-verdict.py" "$samples" "$((retain_mib * partitions * 2))" "$((segment_mib))" || broker_failed "the soak failed"
echo "ok soak: $gib GiB in $minutes minutes, $done_restarts restarts"
