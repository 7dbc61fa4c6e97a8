#!/usr/bin/env bash
# Other people's clients against a broker with TLS and SASL: make a topic, produce and consume in a group in every way that
# each supports, and be refused in every way there is, each with its own error of authentication within two seconds.
# usage: scripts/security.sh [CLIENT...]
# KAFKAESQUE_BIN names another binary; nothing is built then.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"
source "$root/scripts/broker.sh"

clients=("$@")
((${#clients[@]})) || clients=(kcat confluent-kafka java java-tools franz-go sarama kafka-python kafkajs)
here=$root/scripts/security
need "clients with TLS and SASL" openssl python3 node
"$root/scripts/tools/oidc.sh"
make_work_dir
quietly "$here/certificates.sh" "$work"
printf 'alice:al:ice=,secret\nbob:bob-secret\n' >"$work/users"
chmod 600 "$work/users"

# The issuer of tokens, which the broker asks for keys.
https=$(free_port 20000)
endpoint=$(free_port 23000)
OIDC_PACKAGES=$tools/oidc start "$work/issuer.log" node "$here/issuer.mjs" "$work" "$https" "$endpoint"
wait_for_port "$endpoint" "$started" || { cat "$work/issuer.log"; exit 1; }

use_local
find_broker
choose_ports
declare -A ports=()
from=5000
for listener in TLS MUTUAL SASL BOTH PLAIN; do
  ports[$listener]=$(free_port "$from")
  from=$((from + 3000))
done
unset HOST PORT
names=(TLS MUTUAL SASL BOTH PLAIN)
listeners=$(for name in "${names[@]}"; do printf '%s://localhost:%s,' "$name" "${ports[$name]}"; done)
export LISTENERS=${listeners%,} ADVERTISED_LISTENERS=${listeners%,} \
  LISTENER_SECURITY_PROTOCOL_MAP=TLS:SSL,MUTUAL:SSL,SASL:SASL_PLAINTEXT,BOTH:SASL_SSL,PLAIN:SASL_PLAINTEXT \
  LISTENER_SASL_MECHANISMS="PLAIN:PLAIN,SASL:PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER,BOTH:PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER" \
  LISTENER_TLS_CLIENT_AUTH=MUTUAL:required \
  TLS_CERT_PATH=$work/broker.pem TLS_KEY_PATH=$work/broker.key TLS_CLIENT_CA_PATH=$work/ca.pem \
  SASL_USERS_FILE=$work/users GROUP_INITIAL_REBALANCE_DELAY_MS=0 \
  OAUTH_ISSUER=https://localhost:$https OAUTH_AUDIENCE=kafka OAUTH_JWKS_URL=https://localhost:$https/jwks OAUTH_CA_PATH=$work/ca.pem
start_broker

json=$(for name in "${names[@]}"; do printf '"%s": %s, ' "$name" "${ports[$name]}"; done)
python3 "$here/plan.py" "$work" localhost "{$json\"endpoint\": $endpoint}"

mkdir "$work/results"
ran=()
for client in "${clients[@]}"; do
  code=0
  timeout 240 "$here/clients/$client/run.sh" "$work/cases.json" "$client-$RANDOM" >"$work/results/$client" 2>"$work/results/$client.log" </dev/null || code=$?
  if ((code == skipped)); then
    tail -n 1 "$work/results/$client"
  else
    ran+=("$client")
    ((code == 0)) || { echo "$client ended with $code:"; tail -n 20 "$work/results/$client.log"; }
  fi
done
((${#ran[@]})) || skip "clients with TLS and SASL" "none is there"
python3 "$here/table.py" "$work/cases.json" "$work/results" "${ran[@]}" || broker_failed "not every client got on as it must"
echo "ok security"
