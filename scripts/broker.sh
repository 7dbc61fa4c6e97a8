# One broker to test with; source it after lib.sh and make_work_dir.

# find_program VARIABLE --bin|--example NAME: the path in the variable, of a program built now when it is not set.
find_program() {
  local -n program=$1
  local folder=${CARGO_TARGET_DIR:-$root/target}/release
  [[ $2 == --example ]] && folder+=/examples
  if [[ -z ${program:-} ]]; then
    cargo build --quiet --release --manifest-path "$root/Cargo.toml" "$2" "$3"
    program=$folder/$3
  fi
}

# find_broker: the binary in $KAFKAESQUE_BIN.
find_broker() {
  find_program KAFKAESQUE_BIN --bin kafkaesque
  export KAFKAESQUE_BIN
}

# choose_ports: free ones for the broker's listeners. Its other settings are in the environment already.
choose_ports() {
  export HOST=127.0.0.1 PORT HEALTH_PORT RAFT_LISTEN_ADDR DEFAULT_NUM_PARTITIONS=3
  PORT=$(free_port 23000)
  HEALTH_PORT=$(free_port 26000)
  RAFT_LISTEN_ADDR=127.0.0.1:$(free_port 29000)
  addr=127.0.0.1:$PORT
}

# start_broker: returns when it is ready. Its process id is in $broker, what it says in $work/broker.log.
start_broker() {
  start "$work/broker.log" "$KAFKAESQUE_BIN"
  broker=$started
  local deadline=$((SECONDS + 30))
  until curl -sf -o "$work/ready" "http://127.0.0.1:$HEALTH_PORT/ready"; do
    if ! kill -0 "$broker" 2>/dev/null || ((SECONDS > deadline)); then
      echo "the broker does not get ready:"
      tail -n 40 "$work/broker.log"
      return 1
    fi
    sleep 0.1
  done
}

# is_ready: asks without a program of its own, whose start would be part of what is measured.
is_ready() {
  local answer
  exec 3<>"/dev/tcp/127.0.0.1/$HEALTH_PORT" || return 1
  printf 'GET /ready HTTP/1.0\r\n\r\n' >&3
  read -r answer <&3 || answer=
  exec 3>&-
  [[ $answer == *' 200 '* ]]
}

# broker_failed: what to show of the broker when a check on it failed.
broker_failed() {
  echo "$1"
  echo "the broker's last words:"
  tail -n 40 "$work/broker.log"
  exit 1
}
