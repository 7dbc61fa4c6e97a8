#!/usr/bin/env bash
# The example dashboard and alert rules of deploy/, checked by Prometheus' own checker and against the metrics of a broker that
# has had some work: every metric that they name is there. Lag, ends and counts are those of the work.
# usage: scripts/metrics.sh
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

need "metrics" python3 curl
"$root/scripts/tools/kcat.sh"
"$root/scripts/tools/promtool.sh"
dashboard=$root/deploy/grafana/kafkaesque.json rules=$root/deploy/prometheus/alerts.yml

make_work_dir
use_local
find_broker
choose_ports
export METRICS_MAX_TOPICS=2
start_broker
for topic in a b c d; do
  seq 100 | kcat -P -b "$addr" -t "$topic" -p 0
done
kcat -G readers -b "$addr" -X auto.offset.reset=earliest -X auto.commit.interval.ms=100 -c 60 -q a >"$work/read" 2>&1 </dev/null
# Offset 7,000 is out of range: an error that is counted.
kcat -C -b "$addr" -t a -p 0 -o 7000 -c 1 -X auto.offset.reset=error >"$work/out-of-range" 2>&1 </dev/null || true

# value METRIC: a metric's value, labels included, out of the last scrape.
value() {
  awk -v name="$1" 'index($0, name " ") == 1 { print $NF }' "$work/metrics"
}

# expect METRIC VALUE
expect() {
  local found
  found=$(value "$1")
  [[ $found == "$2" ]] || broker_failed "$1 is '$found', not $2"
}

scrape() {
  curl -sSf -o "$work/metrics" "http://127.0.0.1:$HEALTH_PORT/metrics"
}

# What is not known at once, since nobody has read it after the restart, is found by the scrape itself.
stop "$broker"
start_broker
scrape
expect 'kafkaesque_topic_end_offset{topic="a"}' 100
expect 'kafkaesque_topic_end_offset{topic="(others)"}' 200
expect 'kafkaesque_topic_partitions{topic="(others)"}' 6
expect 'kafkaesque_group_state{group="readers",state="Empty"}' 1
expect 'kafkaesque_group_members{group="readers"}' 0
lag=$(value 'kafkaesque_group_lag{group="readers"}')
((lag >= 0 && lag <= 100)) || broker_failed "the lag is $lag"
expect 'kafkaesque_ready' 1
expect 'kafkaesque_metadata_leading' 1
expect 'kafkaesque_metadata_leader' 0
expect 'kafkaesque_metadata_image_lag_entries' 0
expect 'kafkaesque_shards_owned' 1
expect 'kafkaesque_shards_orphaned' 0
expect 'kafkaesque_broker_sessions_ended_total{cause="silent"}' 0

seq 50 | kcat -P -b "$addr" -t a -p 0
kcat -C -b "$addr" -t a -p 0 -o 0 -e -q >"$work/read"
kcat -C -b "$addr" -t a -p 0 -o 7000 -c 1 -X auto.offset.reset=error >"$work/out-of-range" 2>&1 </dev/null || true
scrape
expect 'kafkaesque_topic_end_offset{topic="a"}' 150
expect 'kafkaesque_topic_appended_records_total{topic="a"}' 50
expect 'kafkaesque_group_lag{group="readers"}' "$((lag + 50))"
[[ $(value 'kafkaesque_topic_fetched_bytes_total{topic="a"}') -gt 0 ]] || broker_failed "nothing was read"
grep -q '^kafkaesque_errors_total{api="Fetch",code="OFFSET_OUT_OF_RANGE"} ' "$work/metrics" || broker_failed "no error was counted"

promtool check metrics <"$work/metrics" >"$work/lint" 2>&1 || { cat "$work/lint"; exit 1; }
(cd "$root/deploy/prometheus" && quietly promtool check config prometheus.yml && quietly promtool test rules alerts_test.yml)
# Every alert has a test, in which it fires.
grep -oP 'alert: \K\w+' "$rules" | sort >"$work/alerts"
grep -B 1 -P '^ +exp_alerts:$' "$root/deploy/prometheus/alerts_test.yml" | grep -oP 'alertname: \K\w+' | sort | diff "$work/alerts" - || { echo "alerts and their tests differ"; exit 1; }
# Every expression of the dashboard as a rule of its own, so that the checker reads them.
python3 - "$dashboard" >"$work/dashboard.yml" <<'END'
import json, sys
print("groups:\n  - name: dashboard\n    rules:")
panels = json.load(open(sys.argv[1]))["panels"]
for n, target in enumerate(target for panel in panels for target in panel.get("targets", [])):
    expression = target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
    print(f"      - record: panel:{n}\n        expr: {json.dumps(expression)}")
END
quietly promtool check rules "$work/dashboard.yml"
# Metrics of TLS and of issuers are of brokers that have them; calls, of those that have others (scripts/containers.sh looks for them).
grep -ohE '\b(kafkaesque|process)_[a-z_]+' "$work/dashboard.yml" <(grep -E '^ +(expr:|sum|/)' "$rules") | sed -E 's/_(bucket|sum|count)$//' | grep -vE '^kafkaesque_(tls|oauth|peer)_' | sort -u >"$work/named"
missing=0
while read -r name; do
  grep -q "^# TYPE $name " "$work/metrics" || { echo "no such metric: $name"; missing=1; }
done <"$work/named"
((missing == 0 && $(wc -l <"$work/named") >= 20))
echo "ok metrics: $(wc -l <"$work/named") are named, and all are there"
