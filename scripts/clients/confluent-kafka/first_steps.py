"""What a program does first, by confluent-kafka's default calls; prints what came of each.

usage: first_steps.py ADDR PREFIX
"""

import sys
import time
import warnings

import confluent_kafka
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

# list_groups is the old call, which many programs still make.
warnings.simplefilter("ignore", DeprecationWarning)
addr, prefix = sys.argv[1:]
topic, group = f"{prefix}-first", f"{prefix}-first-group"
RECORDS = 10


def did(what):
    print(f"- {what}", flush=True)


def topics():
    return admin.list_topics(timeout=10).topics


def until(what, is_so):
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, f"not seen within 30 s: {what}"
        time.sleep(0.1)


did(f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}")
admin = AdminClient({"bootstrap.servers": addr})
metadata = admin.list_topics(timeout=10)
brokers = [f"{b.host}:{b.port}" for b in metadata.brokers.values()]
assert len(brokers) == 1, brokers
if hasattr(admin, "describe_cluster"):
    cluster = admin.describe_cluster().result(timeout=10)
    assert [f"{n.host}:{n.port}" for n in cluster.nodes] == brokers, cluster.nodes
    did(f"described cluster {cluster.cluster_id}: controller {cluster.controller.id}, brokers {brokers}")
else:
    did(f"described cluster {metadata.cluster_id} by its metadata: controller {metadata.controller_id}, brokers {brokers}")

admin.create_topics([NewTopic(topic, num_partitions=3, replication_factor=1)])[topic].result(timeout=30)
until("the created topic in the list", lambda: topic in topics())
did(f"created {topic}, one of {len(topics())} topics listed")

producer = Producer({"bootstrap.servers": addr})
for i in range(RECORDS):
    producer.produce(topic, f"value {i}", key=f"key {i}", on_delivery=lambda error, _: error and sys.exit(f"not delivered: {error}"))
assert producer.flush(30) == 0
did(f"produced {RECORDS} records")

consumer = Consumer({"bootstrap.servers": addr, "group.id": group, "auto.offset.reset": "earliest"})
consumer.subscribe([f"^{prefix}-fir.*"])
values = set()
deadline = time.monotonic() + 60
while len(values) < RECORDS:
    assert time.monotonic() < deadline, f"consumed {len(values)} of {RECORDS} records"
    message = consumer.poll(0.5)
    if message is not None:
        assert message.error() is None, message.error()
        values.add(message.value())
consumer.commit(asynchronous=False)
did(f"consumed {len(values)} records in {group}, subscribed by pattern")

listed = admin.list_consumer_groups().result(timeout=10)
assert not listed.errors, listed.errors
assert group in [g.group_id for g in listed.valid]
assert group in [g.id for g in admin.list_groups(timeout=10)]
described = admin.describe_consumer_groups([group])[group].result(timeout=10)
assert described.state.name == "STABLE" and len(described.members) == 1, described
did(f"listed {len(listed.valid)} groups and described {group}: {described.state.name}, {len(described.members)} member")
consumer.close()

admin.delete_topics([topic])[topic].result(timeout=30)
until("the deleted topic gone", lambda: topic not in topics())
did(f"deleted {topic}")
