#!/usr/bin/env bash
# A local broker whose disk, a small one in memory, is filled by its producers and freed through Kafka: what does not fit gets
# an error that can be tried again, a topic is deleted, and producing goes on; nothing acknowledged is lost.
# usage: scripts/full-disk.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

((EUID == 0)) || skip "a full disk" "mounting a file system needs root"
make_work_dir
mkdir "$work/disk"
mount -t tmpfs -o size=96m tmpfs "$work/disk" 2>/dev/null || skip "a full disk" "no file system can be mounted here"
trap 'clean_up_disk' EXIT
clean_up_disk() {
  local pid
  for pid in "${servers[@]}"; do stop "$pid"; done
  servers=()
  umount "$work/disk"
  clean_up
}

"$root/scripts/tools/python.sh"
export OBJECT_STORE_TYPE=local DATA_PATH=$work/disk/data LOCAL_RESERVE_BYTES=16MiB
find_broker
choose_ports
start_broker
"$tools/python/bin/python" "$root/scripts/full-disk.py" "$addr" "$HEALTH_PORT" ||
  broker_failed "the disk was not freed"
# A broker that finds its disk full when it starts can be freed, too.
"$tools/python/bin/python" "$root/scripts/full-disk.py" "$addr" "$HEALTH_PORT" fill ||
  broker_failed "the disk was not filled again"
stop "$broker" KILL
start_broker
"$tools/python/bin/python" "$root/scripts/full-disk.py" "$addr" "$HEALTH_PORT" free ||
  broker_failed "the disk was not freed after a restart"
told=$(grep -c outage "$work/broker.log") || true
((told >= 2 && told <= 8)) || broker_failed "the log tells $told times of outages"
echo "ok full disk"
