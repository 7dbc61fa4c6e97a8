"""Produces records to topics of three partitions with kafka-python, reads them back by assignment, and compares.

usage: round_trip.py ADDR PREFIX FILE
"""

import sys
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

addr, prefix, path = sys.argv[1:]
PARTITIONS = 3


def produce(topic, records, **settings):
    producer = KafkaProducer(bootstrap_servers=addr, linger_ms=5, **settings)
    sent = [
        producer.send(topic, value=value, key=key, headers=headers, partition=i % PARTITIONS)
        for i, (key, value, headers) in enumerate(records)
    ]
    producer.flush()
    offsets = [future.get(timeout=30).offset for future in sent]
    producer.close()
    return offsets


def wait_for_end(consumer, topic, count):
    deadline = time.monotonic() + 60
    partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]
    while (end := sum(consumer.end_offsets(partitions).values())) < count:
        assert time.monotonic() < deadline, f"{topic}: {end} of {count} records"
        time.sleep(0.02)


def consume(consumer, topic, count):
    consumer.assign([TopicPartition(topic, p) for p in range(PARTITIONS)])
    consumer.seek_to_beginning()
    deadline = time.monotonic() + 60
    got = [[] for _ in range(PARTITIONS)]
    while sum(map(len, got)) < count:
        assert time.monotonic() < deadline, f"{topic}: read {sum(map(len, got))} of {count} records"
        for batch in consumer.poll(timeout_ms=500, max_records=10_000).values():
            for r in batch:
                assert r.offset == len(got[r.partition]), f"{topic}: offset {r.offset}"
                got[r.partition].append((r.key, r.value, list(r.headers)))
    return got


def round_trip(name, records, **settings):
    topic = f"{prefix}-{name}"
    admin = KafkaAdminClient(bootstrap_servers=addr)
    admin.create_topics([NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1)])
    admin.close()
    consumer = KafkaConsumer(bootstrap_servers=addr, enable_auto_commit=False, check_crcs=True)
    # Records sent with acks=0 to a partition that is not up yet would be lost.
    wait_for_end(consumer, topic, 0)
    offsets = produce(topic, records, **settings)
    if settings.get("acks") != 0:
        assert offsets == [i // PARTITIONS for i in range(len(records))], f"{topic}: acknowledged offsets"
    wait_for_end(consumer, topic, len(records))
    got = consume(consumer, topic, len(records))
    consumer.close()
    for partition in range(PARTITIONS):
        assert got[partition] == records[partition::PARTITIONS], f"{topic}: partition {partition} differs"


lines = [(None, line, []) for line in open(path, "rb").read().splitlines()]
some = lines[:1000]
shapes = [
    (b"key", b"value", [("a", b"1"), ("a", b"2"), ("empty", b"")]),
    (b"key", None, []),
    (b"key", b"", []),
    (b"", b"empty key", []),
    (None, bytes(range(256)) * 3600, []),
]

round_trip("lines", lines, enable_idempotence=True)
for codec in ("gzip", "snappy", "lz4", "zstd"):
    round_trip(codec, some, compression_type=codec)
for acks in (0, 1, "all"):
    round_trip(f"acks-{acks}", some, acks=acks, enable_idempotence=False)
round_trip("shapes", shapes)
