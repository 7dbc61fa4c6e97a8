# The Java client as a part of a load; source it after lib.sh and make_work_dir.

# use_java_traffic: programs that are told of --client java find Traffic.class and Kafka's jars.
use_java_traffic() {
  need "the Java client" java javac
  "$root/scripts/tools/kafka.sh"
  javac -cp "$tools/kafka/libs/*" -d "$work/traffic" "$root/examples/failover/Traffic.java"
  export TRAFFIC_CLASS_PATH="$work/traffic:$tools/kafka/libs/*"
}
