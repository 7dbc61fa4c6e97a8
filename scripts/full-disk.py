"""Fills a broker's disk through one topic, keeps some records in another, and frees the disk by deleting the first.

usage: full-disk.py ADDR HEALTH_PORT [fill|free]
"""

import os
import sys
import time
import urllib.error
import urllib.request

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

addr, health_port = sys.argv[1:3]
part = sys.argv[3] if len(sys.argv) > 3 else "both"
FILLER, KEPT = "filler", "kept"
PATIENCE = 60


def log(*words):
    print(*words, flush=True)


def ready():
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{health_port}/ready", timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code


def until_ready(status):
    deadline = time.monotonic() + PATIENCE
    while ready() != status:
        assert time.monotonic() < deadline, f"/ready does not say {status}"
        time.sleep(0.1)


class Sender:
    """A producer that tries nothing again, and remembers every answer."""

    def __init__(self):
        settings = {"bootstrap.servers": addr, "retries": 0, "message.timeout.ms": 30_000, "linger.ms": 0}
        self.producer = Producer({**settings, "enable.idempotence": False})
        self.acked, self.errors = [], []

    def send(self, topic, value):
        """Whether it was acknowledged."""
        before = len(self.errors)

        def delivered(error, message):
            if error is None:
                self.acked.append((message.topic(), message.offset(), value))
            else:
                self.errors.append(error)

        self.producer.produce(topic, value, partition=0, on_delivery=delivered)
        assert self.producer.flush(PATIENCE) == 0, "no answer"
        return len(self.errors) == before


def create(admin):
    for topic, future in admin.create_topics([NewTopic(FILLER, 1, 1), NewTopic(KEPT, 1, 1)]).items():
        try:
            future.result(timeout=30)
        except Exception as error:
            assert error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS, error


def fill():
    create(admin)
    sender = Sender()
    started = time.monotonic()
    while True:
        if not sender.send(FILLER, os.urandom(900_000)):
            break
        sender.send(KEPT, os.urandom(1_000))
        assert time.monotonic() - started < PATIENCE, "the disk does not get full"
    codes = {error.name() for error in sender.errors}
    log(f"full after {sum(len(value) for _, _, value in sender.acked) >> 20} MiB: {codes}")
    assert codes <= {"KAFKA_STORAGE_ERROR"}, codes
    until_ready(503)
    refused = [sender.send(KEPT, b"x") for _ in range(20)]
    assert not any(refused), "a full disk takes records"
    # The log is written to once a second.
    time.sleep(1.5)
    return sender


def free(sender):
    admin.delete_topics([FILLER])[FILLER].result(timeout=30)
    deleted = time.monotonic()
    until_ready(200)
    log(f"freed {time.monotonic() - deleted:.1f} s after the deletion")
    for number in range(50):
        assert sender.send(KEPT, b"after %d" % number), sender.errors[-1]


def verify(sender):
    consumer = Consumer({"bootstrap.servers": addr, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(KEPT, 0, OFFSET_BEGINNING)])
    wanted = {offset: value for topic, offset, value in sender.acked if topic == KEPT}
    deadline, last = time.monotonic() + PATIENCE, max(wanted)
    while wanted:
        assert time.monotonic() < deadline, f"{len(wanted)} acknowledged records up to {last} are not there"
        for message in consumer.consume(1_000, timeout=0.5):
            expected = wanted.pop(message.offset(), None)
            assert expected in (None, message.value()), f"another record at {message.offset()}"
    consumer.close()


admin = AdminClient({"bootstrap.servers": addr})
sender = fill() if part != "free" else Sender()
if part != "fill":
    free(sender)
    verify(sender)
