"""Produces records to topics of three partitions with confluent-kafka, reads them back by assignment, and compares.

usage: round_trip.py ADDR PREFIX FILE
"""

import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

addr, prefix, path = sys.argv[1:]
PARTITIONS = 3


def produce(topic, records, settings):
    producer = Producer({"bootstrap.servers": addr, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000, **settings})
    offsets = [None] * len(records)

    def delivered(i):
        def report(error, message):
            assert error is None, error
            offsets[i] = message.offset()

        return report

    for i, (key, value, headers) in enumerate(records):
        producer.produce(topic, value, key, i % PARTITIONS, delivered(i), headers=headers)
        producer.poll(0)
    assert producer.flush(60) == 0, f"{topic}: not all delivered"
    return offsets


def end(consumer, topic):
    """The sum of all partitions' ends, or -1 while one of them does not answer."""
    try:
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in range(PARTITIONS))
    except KafkaException:
        return -1


def wait_for_end(consumer, topic, count):
    deadline = time.monotonic() + 60
    while (found := end(consumer, topic)) < count:
        assert time.monotonic() < deadline, f"{topic}: {found} of {count} records"
        time.sleep(0.02)


def consume(consumer, topic, count):
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
    deadline = time.monotonic() + 60
    got = [[] for _ in range(PARTITIONS)]
    while sum(map(len, got)) < count:
        assert time.monotonic() < deadline, f"{topic}: read {sum(map(len, got))} of {count} records"
        for message in consumer.consume(10_000, timeout=0.5):
            assert message.error() is None, message.error()
            records = got[message.partition()]
            assert message.offset() == len(records), f"{topic}: offset {message.offset()}"
            records.append((message.key(), message.value(), message.headers() or []))
    return got


def round_trip(name, records, **settings):
    topic = f"{prefix}-{name}"
    admin = AdminClient({"bootstrap.servers": addr})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(timeout=30)
    consumer = Consumer({"bootstrap.servers": addr, "group.id": "unused", "enable.auto.commit": False, "check.crcs": True})
    # Records sent with acks=0 to a partition that is not up yet would be lost.
    wait_for_end(consumer, topic, 0)
    offsets = produce(topic, records, settings)
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
    (b"key", b"value", [("a", b"1"), ("a", b"2"), ("empty", b""), ("null", None)]),
    (b"key", None, []),
    (b"key", b"", []),
    (b"", b"empty key", []),
    (None, bytes(range(256)) * 3600, []),
]

round_trip("lines", lines, **{"enable.idempotence": True})
for codec in ("gzip", "snappy", "lz4", "zstd"):
    round_trip(codec, some, **{"compression.type": codec})
for acks in (0, 1, "all"):
    round_trip(f"acks-{acks}", some, acks=acks)
round_trip("shapes", shapes)
