# Several brokers to test with; source it after lib.sh, broker.sh and make_work_dir.

# choose_cluster_ports COUNT: free ones for so many brokers, in $ports, $raft and $health by id; $bootstrap has the addresses for
# clients, $peers those of the first three, which form the cluster.
choose_cluster_ports() {
  local id
  ports=() raft=() health=() processes=() peers='' bootstrap=''
  for ((id = 0; id < $1; id++)); do
    unused_port 20000 && ports+=("$port")
    unused_port 23000 && raft+=("$port")
    unused_port 26000 && health+=("$port")
    ((id >= 3)) || peers+=${peers:+,}$id=127.0.0.1:${raft[id]}
    bootstrap+=${bootstrap:+,}127.0.0.1:${ports[id]}
  done
}

# unused_port FROM: a free port in $port that no broker has.
unused_port() {
  while port=$(free_port "$1"); do
    [[ " ${ports[*]} ${raft[*]} ${health[*]} " == *" $port "* ]] || break
  done
}

# launch ID: starts a broker; does not wait for it.
launch() {
  local known=$peers
  (($1 < 3)) || known+=,$1=127.0.0.1:${raft[$1]}
  start "$work/broker-$1.log" env BROKER_ID="$1" PORT="${ports[$1]}" HEALTH_PORT="${health[$1]}" \
    RAFT_LISTEN_ADDR="127.0.0.1:${raft[$1]}" RAFT_PEERS="$known" "$KAFKAESQUE_BIN"
  processes[$1]=$started
}

# fail WHAT: shows the brokers' last words, and ends the script.
fail() {
  echo "$1"
  tail -n 25 "$work"/broker-*.log
  exit 1
}

# until_ready ID
until_ready() {
  local deadline=$((SECONDS + 60))
  until curl -sf -m 2 -o "$work/ready" "http://127.0.0.1:${health[$1]}/ready"; do
    kill -0 "${processes[$1]}" 2>/dev/null || fail "broker $1 ended by itself"
    ((SECONDS < deadline)) || fail "broker $1 does not get ready"
    sleep 0.1
  done
}
