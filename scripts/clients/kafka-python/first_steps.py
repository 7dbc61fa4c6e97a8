"""What a program does first, by kafka-python's default calls; prints what came of each.

usage: first_steps.py ADDR PREFIX
"""

import sys
import time

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

addr, prefix = sys.argv[1:]
topic, group = f"{prefix}-first", f"{prefix}-first-group"
RECORDS = 10


def did(what):
    print(f"- {what}", flush=True)


def until(what, is_so):
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, f"not seen within 30 s: {what}"
        time.sleep(0.1)


did(f"kafka-python {kafka.__version__}")
admin = KafkaAdminClient(bootstrap_servers=addr)
cluster = admin.describe_cluster()
assert len(cluster["brokers"]) == 1, cluster
did(f"described cluster {cluster['cluster_id']}: controller {cluster['controller_id']}, {len(cluster['brokers'])} broker")

admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=1)])
until("the created topic in the list", lambda: topic in admin.list_topics())
did(f"created {topic}, one of {len(admin.list_topics())} topics listed")

producer = KafkaProducer(bootstrap_servers=addr)
sent = [producer.send(topic, b"value %d" % i, key=b"key %d" % i) for i in range(RECORDS)]
producer.flush()
for future in sent:
    future.get(timeout=30)
did(f"produced {RECORDS} records")

consumer = KafkaConsumer(bootstrap_servers=addr, group_id=group, auto_offset_reset="earliest")
consumer.subscribe(pattern=f"^{prefix}-fir.*")
values = set()
deadline = time.monotonic() + 60
while len(values) < RECORDS:
    assert time.monotonic() < deadline, f"consumed {len(values)} of {RECORDS} records"
    values.update(r.value for batch in consumer.poll(timeout_ms=500).values() for r in batch)
consumer.commit()
did(f"consumed {len(values)} records in {group}, subscribed by pattern")

groups = admin.list_groups()
assert group in str(groups), groups
described = admin.describe_groups([group])[group]
assert described["group_state"] == "Stable" and len(described["members"]) == 1, described
did(f"listed {len(groups)} groups and described {group}: {described['group_state']}, {len(described['members'])} member")
consumer.close()

admin.delete_topics([topic])
until("the deleted topic gone", lambda: topic not in admin.list_topics())
did(f"deleted {topic}")
