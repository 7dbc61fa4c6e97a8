#!/usr/bin/env bash
# Follows README.md: every block of shell in it is run as it stands, in order, by somebody who has this folder and nothing else
# that is told. A block that starts a broker runs until the next one does. The ports and the folder are those of the README, so
# it runs in a network of its own, and where nobody else sees its folder; nothing there is real: S3 is a server on the loopback, Docker is
# scripts/image/docker. Left out are the lines that measure or test for many minutes: they are only looked for. Those of Compose and
# Kubernetes are followed by scripts/containers.sh.
# usage: scripts/readme.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

if [[ ${1:-} != inside ]]; then
  need "the README's blocks" unshare ip curl hostname openssl
  unshare --net --mount --uts true 2>/dev/null || skip "the README's blocks" "no network of their own may be made"
  "$root/scripts/tools/kcat.sh"
  "$root/scripts/tools/go.sh"
  find_broker
  make_work_dir
  docker=yes
  "$root/scripts/tools/image.sh" || docker=no
  ! command -v java >/dev/null || "$root/scripts/tools/kafka-tools.sh"
  DOCKER=$docker WORK=$work unshare --net --mount --uts "$0" inside
  exit
fi

forget_settings
ip link set lo up
# Brokers advertise the machine's name, which is reachable on a real one.
hostname localhost
work=$WORK
trap 'for pid in "${servers[@]}"; do stop "$pid"; done' EXIT
mkdir -p "$work"/{bin,images,blocks,data,data-3,security} /tmp/kafkaesque-data /tmp/kafkaesque-data-3 /tmp/kafkaesque-security
mount --bind "$work/data" /tmp/kafkaesque-data
mount --bind "$work/data-3" /tmp/kafkaesque-data-3
mount --bind "$work/security" /tmp/kafkaesque-security
export CARGO_NET_OFFLINE=true CARGO_INSTALL_ROOT=$work/installed PATH="$work/bin:$work/installed/bin:$PATH" IMAGE_STORE=$work/images
ln -s "$root/scripts/image/docker" "$work/bin/docker"
printf '#!/bin/sh\nexec java -Xmx256m -cp "%s/kafka-tools/libs/*" org.apache.kafka.tools.ConfigCommand "$@"\n' "$tools" >"$work/bin/kafka-configs.sh"
chmod +x "$work/bin/kafka-configs.sh"
cd "$root"

# What a bucket at Amazon would need: these lines name none, so they go to the server that stands in for it.
# s3_server BUCKET [HOST]
s3_server() {
  local keys=(key secret) host=${2:-127.0.0.1}
  mkdir -p "$work/s3"
  ROOT_ACCESS_KEY=${keys[0]} ROOT_SECRET_KEY=${keys[1]} start "$work/s3.log" versitygw --region "${AWS_REGION:-us-east-1}" --port "$host:7070" --quiet posix "$work/s3"
  s3=$started
  [[ $host != 127.0.0.1 ]] || wait_for_port 7070 "$s3"
  (export AWS_ENDPOINT=http://$host:7070 S3_BUCKET=$1 AWS_ACCESS_KEY_ID=${keys[0]} AWS_SECRET_ACCESS_KEY=${keys[1]}; make_bucket)
}

# serve BLOCK: until the broker that it starts is ready on the ports of the README.
serve() {
  [[ -z ${server:-} ]] || stop_server
  # A session of its own, so that whatever the block starts ends with it.
  setsid bash -euo pipefail "$1" >"$work/server.log" 2>&1 </dev/null &
  server=$!
  servers+=("-$server")
  local deadline=$((SECONDS + 900))
  until curl -sf -o "$work/ready" http://localhost:8080/ready; do
    if ! kill -0 "$server" 2>/dev/null || ((SECONDS > deadline)); then
      tail -n 40 "$work/server.log"
      return 1
    fi
    sleep 0.2
  done
}

# The machines node0, node1 and node2, which reach each other by name, and this one at 10.93.0.1.
make_machines() {
  mkdir -p /var/run/netns
  mount -t tmpfs none /var/run/netns
  ip link add br0 type bridge
  ip addr add 10.93.0.1/24 dev br0
  ip link set br0 up
  cp /etc/hosts "$work/hosts"
  for n in 0 1 2; do
    ip netns add "node$n"
    ip link add "veth$n" type veth peer name eth0 netns "node$n"
    ip link set "veth$n" master br0 up
    ip -n "node$n" addr add "10.93.0.1$n/24" dev eth0
    ip -n "node$n" link set eth0 up
    ip -n "node$n" link set lo up
    echo "10.93.0.1$n node$n" >>"$work/hosts"
  done
  mount --bind "$work/hosts" /etc/hosts
}

# three_machines BLOCK: the block's command on each of three machines, with another BROKER_ID.
three_machines() {
  make_machines
  local bucket
  bucket=$(grep -oE 'S3_BUCKET=[^ ]+' "$1" | cut -d= -f2)
  rm -rf "$work/s3"
  s3_server "$bucket" 10.93.0.1
  local keys="AWS_ENDPOINT=http://10.93.0.1:7070 ALLOW_HTTP_S3=true AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret"
  for n in 0 1 2; do
    { echo "hostname node$n; export $keys"; sed "s/BROKER_ID=0/BROKER_ID=$n/" "$1"; } >"$work/node$n"
    setsid ip netns exec "node$n" unshare --uts bash -euo pipefail "$work/node$n" >"$work/node$n.log" 2>&1 </dev/null &
    servers+=("-$!")
  done
  local deadline=$((SECONDS + 120))
  for n in 0 1 2; do
    until curl -sf -o "$work/ready" "http://node$n:8080/ready"; do
      ((SECONDS < deadline)) || { tail -n 20 "$work/node$n.log"; return 1; }
      sleep 0.2
    done
  done
  for n in 0 1 2; do
    seq 10 | kcat -P -b "node$n:9092" -t "readme$n"
    [[ $(kcat -C -b "node$(((n + 1) % 3)):9092" -t "readme$n" -o beginning -e -q | wc -l) == 10 ]]
  done
  for pid in "${servers[@]: -3}"; do stop "$pid"; done
}

stop_server() {
  kill -TERM -- "-$server" 2>/dev/null || true
  local tries=100
  while kill -0 -- "-$server" 2>/dev/null && ((tries-- > 0)); do sleep 0.1; done
  kill -KILL -- "-$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}

# use_server BLOCK: a broker that was started answers a client, whatever it stores in.
use_server() {
  local login=()
  if grep -q 'SASL_ENABLED=true' "$1"; then
    login=(-X security.protocol=SASL_SSL -X ssl.ca.location=/tmp/kafkaesque-security/ca.pem -X sasl.mechanisms=SCRAM-SHA-512)
    login+=(-X sasl.username=admin -X sasl.password=admin-secret)
  fi
  seq 10 | kcat -P -b localhost:9092 "${login[@]}" -t readme -p 0
  [[ $(kcat -C -b localhost:9092 "${login[@]}" -t readme -p 0 -o -10 -e -q | tail -n 1) == 10 ]]
  curl -sSf http://localhost:8080/ | grep -q 'localhost:9092\|:9092'
}

awk -v to="$work/blocks/" '/^```sh$/ { file = sprintf("%s%02d", to, ++n); next } /^```$/ { file = ""; next } file { print > file }' README.md
blocks=("$work"/blocks/*)
followed=0
for block in "${blocks[@]}"; do
  echo "--- $(head -n 1 "$block")"
  if grep -qE '^scripts/(test|benchmark|idle)\.sh' "$block"; then
    # These are only there.
    while read -r script _; do [[ -x $script ]] && bash -n "$script"; done < <(grep '^scripts/' "$block")
    sed -i '/^scripts\//d' "$block"
    [[ -s $block ]] || continue
  fi
  if grep -qE '^(docker compose|kubectl) ' "$block"; then
    echo "(followed by scripts/containers.sh)"
    continue
  fi
  if ! command -v java >/dev/null && grep -q '^kafka-configs' "$block"; then
    echo "NOT RUN: $(head -n 1 "$block") (there is no Java)"
    continue
  fi
  if [[ $DOCKER == no ]] && grep -q '^docker' "$block"; then
    echo "NOT RUN: $(head -n 1 "$block") (no image can be built here)"
    continue
  fi
  if grep -q 'RAFT_PEERS' "$block"; then
    [[ -z ${server:-} ]] || stop_server
    three_machines "$block" || { echo "FAILED: $(cat "$block")"; exit 1; }
    followed=$((followed + 1))
    continue
  fi
  if grep -q 'S3_BUCKET' "$block"; then
    [[ -z ${s3:-} ]] || { stop "$s3"; rm -rf "$work/s3"; }
    region=$(grep -oE 'AWS_REGION=[^ ]+' "$block" | cut -d= -f2) || region=us-east-1
    AWS_REGION=$region s3_server my-bucket
    if ! grep -q AWS_ENDPOINT "$block"; then
      # Amazon's own address and the keys of its customer are not here.
      sed -i '1i export AWS_ENDPOINT=http://127.0.0.1:7070 ALLOW_HTTP_S3=true AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret' "$block"
    fi
  fi
  if grep -qE '^cargo run .*--example cluster( -- --brokers 3)?$|^docker run |kafkaesque$' "$block"; then
    serve "$block" || { echo "FAILED: $(cat "$block")"; exit 1; }
    use_server "$block" || { echo "a client is not served after: $(cat "$block")"; exit 1; }
  else
    timeout 900 bash -euo pipefail "$block" >"$work/output" 2>&1 </dev/null || {
      tail -n 40 "$block" "$work/output" "$work/server.log"
      df -h "$work"
      exit 1
    }
    tail -n 3 "$work/output"
  fi
  followed=$((followed + 1))
done
stop_server
((followed >= 6))
echo "ok README: $followed blocks of ${#blocks[@]} followed"
