#!/usr/bin/env bash
# The image of ./Dockerfile, built without an engine and started by the very line of README.md, in a network, process table and
# folder of its own: its size, who runs in it, its health check, kcat from outside, its data over a restart, and what it says
# of a folder that it may not write to.
# usage: scripts/image.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"

most_megabytes=125
if [[ ${1:-} != inside ]]; then
  need "the image" unshare ip curl strip readelf
  unshare --net --mount --pid --fork --mount-proc true 2>/dev/null || skip "the image" "no namespaces may be made"
  "$root/scripts/tools/kcat.sh"
  "$root/scripts/tools/image.sh"
  find_broker
  make_work_dir
  WORK=$work unshare --net --mount --pid --fork --mount-proc --kill-child "$0" inside
  exit
fi

forget_settings
ip link set lo up
work=$WORK
export IMAGE_STORE=$work/images
mkdir -p "$work"/{bin,images,data} /tmp/kafkaesque-data
mount --bind "$work/data" /tmp/kafkaesque-data
ln -s "$root/scripts/image/docker" "$work/bin/docker"
PATH=$work/bin:$PATH
cd "$root"

failed() {
  echo "$1"
  tail -n 20 "$work/log"
  exit 1
}

# start_image: until it serves.
start_image() {
  bash -c "$run_line" >"$work/log" 2>&1 </dev/null &
  container=$!
  local deadline=$((SECONDS + 60))
  until curl -sf -o "$work/ready" http://localhost:8080/ready; do
    kill -0 "$container" 2>/dev/null && ((SECONDS < deadline)) || failed "the image does not serve"
    sleep 0.2
  done
}

stop_image() {
  pkill -TERM -x kafkaesque
  wait "$container" || true
}

run_line=$(grep -m 1 '^docker run ' README.md)
bash -c "$(grep -m 1 '^docker build ' README.md)"
read -r name megabytes unit < <(docker images | grep '/kafkaesque:latest ')
[[ $unit == MB ]] && awk -v got="$megabytes" -v most="$most_megabytes" 'BEGIN { exit !(got <= most) }' || failed "$name has $megabytes $unit"

start_image
[[ $(stat -c %u /tmp/kafkaesque-data) == 10001 ]] || failed "the volume is not the broker's"
pid=$(pgrep -x kafkaesque)
grep -qP '^Uid:\t10001\t10001\t10001\t10001$' "/proc/$pid/status" || failed "the broker runs as $(grep Uid: "/proc/$pid/status")"
! readelf -S "/proc/$pid/exe" | grep -q '\.symtab' || failed "the binary has its symbols"
[[ $(docker exec image kafkaesque health) == '{"status":"live"}' ]] || failed "the health check says something else"
seq 1000 >"$work/sent"
kcat -P -b localhost:9092 -t numbers -p 0 "$work/sent" -l
stop_image
! docker exec image kafkaesque health >/dev/null 2>&1 || failed "the health check says that a stopped broker lives"
start_image
kcat -C -b localhost:9092 -t numbers -p 0 -o beginning -e -q | cmp - "$work/sent"
stop_image

chown -R 12345 /tmp/kafkaesque-data
code=0
timeout 60 bash -c "$run_line" >"$work/log" 2>&1 </dev/null || code=$?
((code != 0 && code != 124)) && grep -q 'DATA_PATH' "$work/log" || failed "a folder of somebody else's: $code"
echo "ok image: $megabytes MB"
