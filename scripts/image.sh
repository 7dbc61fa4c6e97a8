#!/usr/bin/env bash
# The image of ./Dockerfile, built without an engine and started by the very line of README.md, in a network and process table
# of its own: its size, who runs in it, that it writes to its volume alone, its health check, kcat from outside, its data over a
# restart, and what it says of a folder that it may not write to.
# usage: scripts/image.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/broker.sh"

most_megabytes=60
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
mkdir -p "$work"/{bin,images}
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
data=$IMAGE_STORE/volumes/kafkaesque-data
[[ $(stat -c %u "$data") == 10001 ]] || failed "the volume is not the broker's"
pid=$(pgrep -x kafkaesque)
grep -qP '^Uid:\t10001\t10001\t10001\t10001$' "/proc/$pid/status" || failed "the broker runs as $(grep Uid: "/proc/$pid/status")"
grep -qP '^NoNewPrivs:\t1$' "/proc/$pid/status" && grep -qP '^CapEff:\t0+$' "/proc/$pid/status" || failed "the broker has privileges"
! docker exec image sh -c 'echo >/usr/local/bin/written' 2>/dev/null || failed "the image can be written to"
! readelf -S "/proc/$pid/exe" | grep -q '\.symtab' || failed "the binary has its symbols"
[[ $(docker exec image kafkaesque health) == '{"status":"live"}' ]] || failed "the health check says something else"
seq 1000 >"$work/sent"
kcat -P -b localhost:9092 -t numbers -p 0 "$work/sent" -l
stop_image
! docker exec image kafkaesque health >/dev/null 2>&1 || failed "the health check says that a stopped broker lives"
start_image
kcat -C -b localhost:9092 -t numbers -p 0 -o beginning -e -q | cmp - "$work/sent"
stop_image

chown -R 12345:12345 "$data"
code=0
timeout 60 bash -c "$run_line" >"$work/log" 2>&1 </dev/null || code=$?
((code == 1)) && grep -q 'DATA_PATH: /data belongs to 12345:12345, .* --user 12345:12345' "$work/log" || failed "a folder of somebody else's: $code"
run_line=${run_line/--rm/--rm --user 12345:12345}
start_image
grep -qP '^Uid:\t12345\t' "/proc/$(pgrep -x kafkaesque)/status" || failed "the broker is not who it should be"
stop_image
echo "ok image: $megabytes MB"
