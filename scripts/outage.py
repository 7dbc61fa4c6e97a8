"""An idempotent producer and a consumer on a broker whose store fails as a control file says, for as long as it says.

usage: outage.py ADDR CONTROL HEALTH_PORT short|long

Every phase writes its faults into the control file, goes on producing meanwhile, and removes it. What may be seen: no record
fails (each error was one that the client may retry), everything is acknowledged in the end, and every record is there
once, in order. What is measured is printed: the broker's memory, and how long after the healing the first acknowledgement
of a record sent after it comes.
"""

import collections
import os
import sys
import threading
import time
import urllib.request

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

addr, control, health_port, length = sys.argv[1:5]
TOPIC, PARTITIONS = "outage", 3
# Name, what the store does, and for how many seconds in the short and in the long run.
PHASES = [
    ("mixed", "put_errors=0.2,get_errors=0.1,list_errors=0.1,lost_responses=0.2,late_puts=0.1,late_by=300ms", 4, 20),
    ("outage", "", 5, 30),
    ("errors", "put_errors=0.5,get_errors=0.3,list_errors=0.3,delete_errors=0.3", 0, 20),
    ("lost responses", "lost_responses=0.5", 0, 20),
    ("slow", "latency=400ms,jitter=400ms,per_mib=500ms", 0, 20),
    ("some hang", "timeouts=0.2,timeout=30s", 0, 20),
    ("all hang", "timeouts=1,timeout=30s", 5, 30),
]
# For a machine with other work to do; the long run prints what it was.
PATIENCE = 60


def log(*words):
    print(*words, flush=True)


def resident_mib():
    text = urllib.request.urlopen(f"http://127.0.0.1:{health_port}/metrics", timeout=10).read().decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("process_resident_memory")) / 2**20


class Load:
    """Sends numbered records at an even rate from a thread of its own, and remembers every answer."""

    def __init__(self, rate):
        self.rate, self.sent, self.acked, self.failed = rate, 0, {}, []
        self.codes = collections.Counter()
        self.acked_at = {}
        self.stopped = threading.Event()
        settings = {
            "bootstrap.servers": addr,
            "enable.idempotence": True,
            "enable.gapless.guarantee": True,
            "linger.ms": 5,
            "message.timeout.ms": 300_000,
            "request.timeout.ms": 5_000,
            "retry.backoff.max.ms": 500,
            "reconnect.backoff.max.ms": 500,
            "queue.buffering.max.messages": 1_000_000,
            "error_cb": lambda error: self.codes.update([error.name()]),
        }
        self.producer = Producer(settings)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def delivered(self, error, message):
        if error is not None:
            self.failed.append(str(error))
            return
        number = int(message.value().split(b" ", 1)[0])
        self.acked[number] = (message.partition(), message.offset())
        self.acked_at[number] = time.monotonic()

    def run(self):
        began = time.monotonic()
        while not self.stopped.is_set():
            due = int((time.monotonic() - began) * self.rate)
            while self.sent < due:
                value = b"%d %s" % (self.sent, b"x" * 1_000)
                try:
                    self.producer.produce(TOPIC, value, partition=self.sent % PARTITIONS, on_delivery=self.delivered)
                except BufferError:
                    break
                self.sent += 1
            self.producer.poll(0.005)

    def first_ack_after(self, moment, number):
        """Seconds from the moment to the first acknowledgement of a record sent since, or None."""
        times = [at for sent, at in list(self.acked_at.items()) if sent >= number]
        return min(times) - moment if times else None

    def finish(self):
        self.stopped.set()
        self.thread.join()
        left = self.producer.flush(PATIENCE)
        assert left == 0, f"{left} records are not answered"


class Follower:
    """Reads on from the end while the store fails."""

    def __init__(self):
        self.read = 0
        self.errors = collections.Counter()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        consumer = new_consumer()
        consumer.assign([TopicPartition(TOPIC, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
        while not self.stopped.is_set():
            for message in consumer.consume(1_000, timeout=0.2):
                if message.error() is None:
                    self.read += 1
                else:
                    self.errors.update([message.error().name()])
        consumer.close()

    def finish(self):
        self.stopped.set()
        self.thread.join()


def new_consumer():
    return Consumer({"bootstrap.servers": addr, "group.id": "unused", "enable.auto.commit": False, "check.crcs": True})


def phase(load, follower, name, faults, seconds):
    before, read_before = len(load.acked), follower.read
    with open(control + ".new", "w") as file:
        file.write(faults)
    os.rename(control + ".new", control)
    deadline, most = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        time.sleep(0.5)
        most = max(most, resident_mib())
    during, read_during = len(load.acked) - before, follower.read - read_before
    os.remove(control)
    healed, number = time.monotonic(), load.sent
    while (back := load.first_ack_after(healed, number)) is None:
        assert time.monotonic() - healed < PATIENCE, f"{name}: nothing is acknowledged {PATIENCE} s after the healing"
        time.sleep(0.02)
    log(
        f"{name}: {seconds} s, {during} acknowledged and {read_during} read meanwhile, "
        f"back after {back:.1f} s, at most {most:.0f} MiB resident"
    )
    return most


def verify(load):
    """Everything acknowledged is where it was acknowledged, everything once, in the order of sending."""
    assert not load.failed, f"{len(load.failed)} records failed: {load.failed[:3]}"
    assert len(load.acked) == load.sent, f"{len(load.acked)} of {load.sent} acknowledged"
    consumer = new_consumer()
    consumer.assign([TopicPartition(TOPIC, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
    found = [[] for _ in range(PARTITIONS)]
    deadline = time.monotonic() + PATIENCE
    ends = [consumer.get_watermark_offsets(TopicPartition(TOPIC, p), timeout=30)[1] for p in range(PARTITIONS)]
    assert sum(ends) == load.sent, f"{sum(ends)} records for {load.sent} sent"
    while sum(map(len, found)) < load.sent:
        assert time.monotonic() < deadline, f"read {sum(map(len, found))} of {load.sent}"
        for message in consumer.consume(10_000, timeout=0.5):
            assert message.error() is None, message.error()
            number = int(message.value().split(b" ", 1)[0])
            partition, offset = load.acked[number]
            assert partition == message.partition(), f"record {number} went to another partition"
            # An answer that the request timed out tells no offset: the client takes the next success for its own.
            assert offset in (None, message.offset()), f"record {number}, acknowledged at {offset}, is at {message.offset()}"
            found[message.partition()].append(number)
    consumer.close()
    for partition, numbers in enumerate(found):
        assert numbers == list(range(partition, load.sent, PARTITIONS)), f"partition {partition} is not what was sent"


admin = AdminClient({"bootstrap.servers": addr})
admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(timeout=30)
is_long = length == "long"
load = Load(2_000 if is_long else 500)
follower = Follower()
time.sleep(2)
at_rest = resident_mib()
phases = [(name, faults, long if is_long else short) for name, faults, short, long in PHASES]
most = max(phase(load, follower, *one) for one in phases if one[2])
load.finish()
follower.finish()
verify(load)
log(f"{load.sent} records, each once and in order; {at_rest:.0f} MiB resident at first, {most:.0f} MiB at most")
log(f"errors that the producer's client told of: {dict(load.codes)}; the consumer's: {dict(follower.errors)}")
assert most < at_rest + 512, "the broker's memory has no bound"
