#!/usr/bin/env bash
# Clusters of containers out of the image, on a machine without an engine, by the lines of README.md as they stand: the services of
# compose.yaml, and the pods of deploy/kubernetes and deploy/helm, each with the network, the names, the variables, the secrets and
# the user that the StatefulSet gives it. A topic, a broker that is killed, a pod that comes back with another address, and the
# records are still there. docker, kubectl and helm are those of scripts/image.
# usage: scripts/containers.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

if [[ ${1:-} != inside ]]; then
  need "the containers" unshare ip curl openssl hostname strip
  unshare --net --mount --uts --pid --fork --mount-proc true 2>/dev/null || skip "the containers" "no namespaces may be made"
  for tool in kcat go image manifests; do "$root/scripts/tools/$tool.sh"; done
  find_broker
  make_work_dir
  KUBECTL=$(command -v kubectl) || skip "the containers" "kubectl is not installed"
  KUBECTL=$KUBECTL HELM=$(command -v helm) WORK=$work unshare --net --mount --uts --pid --fork --mount-proc --kill-child "$0" inside
  exit
fi

forget_settings
ip link set lo up
work=$WORK
export IMAGE_STORE=$work/images KUBECTL HELM STORE_ENDPOINT=http://10.94.1.1:7070
mkdir -p "$work"/{bin,images,blocks,security,s3/my-kafka-data} /tmp/kafkaesque-security
mount --bind "$work/security" /tmp/kafkaesque-security
cp /etc/hosts "$work/hosts"
mount --bind "$work/hosts" /etc/hosts
ln -s "$root"/scripts/image/{docker,kubectl,helm} "$work/bin/"
PATH=$work/bin:$PATH
cd "$root"

failed() {
  echo "FAILED: $1"
  tail -qn 15 "$IMAGE_STORE"/*/*.log "$work/output"
  exit 1
}

# follow BLOCK: what it printed is in $work/output.
follow() {
  echo "--- $(grep -m 1 -E '^(docker compose|kubectl) ' "$1")"
  timeout 120 bash -euo pipefail "$1" >"$work/output" 2>&1 </dev/null || failed "$(<"$1")"
}

# printed TIMES LINE: the block said exactly this as often.
printed() {
  [[ $(grep -cx "$2" "$work/output") == "$1" ]] || failed "it did not say $2 $1 times"
}

awk -v to="$work/blocks/" '/^```sh$/ { file = sprintf("%s%02d", to, ++n); next } /^```$/ { file = ""; next } file { print > file }' README.md
readarray -t blocks < <(grep -lE '^(docker compose|kubectl) ' "$work"/blocks/*)
((${#blocks[@]} == 4)) || failed "${#blocks[@]} blocks"

# Compose: all records twice.
follow "${blocks[0]}"
printed 2 1000

# What is Amazon's is a server of this machine's here.
ip addr add 10.94.1.1/32 dev lo
ROOT_ACCESS_KEY=key ROOT_SECRET_KEY=secret start "$work/images/s3.log" versitygw --region eu-central-1 --port "${STORE_ENDPOINT#http://}" --quiet posix "$work/s3"

# kustomize: brokers are where clients are told, nothing is root, each has the rack of its zone.
follow "${blocks[1]}"
kcat -b kafkaesque:9092 -L -J >"$work/brokers"
for n in 0 1 2; do
  grep -q "\"id\":$n,\"name\":\"kafkaesque-$n.kafkaesque-brokers.kafka.svc:9092\"" "$work/brokers" || failed "broker $n: $(<"$work/brokers")"
  curl -sSf -o "$work/metrics" "http://kafkaesque-$n.kafkaesque-brokers.kafka.svc:8080/metrics" && grep -q '^kafkaesque_ready 1' "$work/metrics" || failed "metrics of broker $n"
done
for pid in $(pgrep -x kafkaesque); do
  grep -qP '^Uid:\t10001\t10001\t10001\t10001$' "/proc/$pid/status" || failed "a pod is root"
done
racks=$(for pid in $(pgrep -x kafkaesque); do tr '\0' '\n' <"/proc/$pid/environ" | grep '^RACK='; done | sort | xargs)
[[ $racks == "RACK=zone-a RACK=zone-b RACK=zone-c" ]] || failed "racks are $racks"
# One broker leads, and all shards have an owner.
for n in 0 1 2; do curl -sSf "http://kafkaesque-$n.kafkaesque-brokers.kafka.svc:8080/metrics"; done >"$work/metrics"
sum() {
  awk -v name="$1" '$1 == name || index($1, name "{") == 1 { sum += $2 } END { print sum + 0 }' "$work/metrics"
}
[[ $(sum kafkaesque_metadata_leading) == 1 && $(sum kafkaesque_shards_owned) == 6 ]] || failed "$(sum kafkaesque_metadata_leading) leaders, $(sum kafkaesque_shards_owned) shards"
[[ $(sum kafkaesque_peer_call_seconds_count) -gt 0 && $(sum kafkaesque_broker_sessions_ended_total) == 0 ]] || failed "calls of brokers"
follow "${blocks[2]}"
printed 1 1000

# Helm, with TLS and passwords: nobody else is served.
rm -rf "$work/s3/my-kafka-data"
mkdir "$work/s3/my-kafka-data"
follow "${blocks[3]}"
login=(-b kafkaesque:9092 -X security.protocol=SASL_SSL -X ssl.ca.location=/tmp/kafkaesque-security/tls.crt)
login+=(-X sasl.mechanisms=SCRAM-SHA-512 -X sasl.username=admin -X sasl.password=admin-secret)
seq 1000 | kcat "${login[@]}" -t numbers -P
[[ $(kcat "${login[@]}" -t numbers -C -o beginning -e -q | wc -l) == 1000 ]] || failed "records behind a login"
! kcat "${login[@]}" -X sasl.password=wrong -m 5 -L >/dev/null 2>&1 || failed "a wrong password"

# A pod that is replaced: its shards went to others, and the leader tells of it.
kubectl -n kafka delete pod kafkaesque-1
kubectl -n kafka rollout status statefulset/kafkaesque
[[ $(kcat "${login[@]}" -t numbers -C -o beginning -e -q | wc -l) == 1000 ]] || failed "records after a pod was replaced"
for n in 0 1 2; do curl -sSf "http://kafkaesque-$n.kafkaesque-brokers.kafka.svc:8080/metrics"; done >"$work/metrics"
[[ $(sum kafkaesque_broker_sessions_ended_total) -ge 1 && $(sum kafkaesque_takeover_assigned_seconds_count) -ge 1 && $(sum kafkaesque_shards_orphaned) == 0 ]] ||
  failed "sessions that ended: $(grep -E '^kafkaesque_(broker_sessions|takeover|shards)' "$work/metrics")"
# What alert rules of clusters look at is there.
while read -r name; do
  grep -q "^# TYPE $name " "$work/metrics" || failed "no broker has $name"
done < <(sed '1,/name: kafkaesque-cluster/d' deploy/prometheus/alerts.yml | grep -ohP 'kafkaesque_\w+' | sed -E 's/_(bucket|sum|count)$//' | sort -u)
kubectl delete namespace kafka
echo "ok containers: ${#blocks[@]} blocks of the README followed"
