# What the members need; source it after lib.sh and make_work_dir.

# quick_consumer_groups: a broker that starts after this notices soon that a member of the consumer protocol has gone.
# (Members of the classic protocol say that themselves.)
quick_consumer_groups() {
  export GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS=500 GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS=500
  export GROUP_CONSUMER_SESSION_TIMEOUT_MS=6000 GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS=6000
}

prepare_members() {
  need "consumer groups" go java javac node
  local tool
  for tool in python kafka node; do "$root/scripts/tools/$tool.sh"; done
  export MEMBER_CLASSES=$work/classes NODE_PATH=$tools/node/node_modules
  quietly javac -d "$MEMBER_CLASSES" -cp "$tools/kafka/libs/*" "$root/scripts/groups/java/Member.java"
  (cd "$root/scripts/groups/franz-go" && quietly go build -o "$tools/bin/franz-go-member" .)
  (cd "$root/scripts/groups/sarama" && quietly go build -o "$tools/bin/sarama-member" .)
}
