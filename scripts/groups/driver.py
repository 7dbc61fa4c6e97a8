"""Runs consumer groups of other people's clients on one topic while records flow: members join, leave and are killed.

usage: driver.py ADDR FOLDER SCENARIO GROUP...

A GROUP is NAME=SIZE:CLIENT/ASSIGNOR[,CLIENT/ASSIGNOR...]; its members take turns in being of each client. The assignor
`consumer` stands for the consumer protocol (KIP-848), where the broker assigns.
A SCENARIO is `churn`; `migrate`, where the members are replaced one by one by such of the consumer protocol, and then again by
such of the classic protocol; or `crash`, which ends and restarts the broker by the command in $RESTART_BROKER.
The logs of each group are in FOLDER/NAME for checker.py, which is run at the end.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import checker

HERE = pathlib.Path(__file__).parent
TOOLS = HERE.parent.parent / ".tools"
PARTITIONS = 8
SECONDS_TO_SETTLE = 90

MEMBERS = {
    "librdkafka": [sys.executable, HERE / "confluent-kafka/member.py"],
    "kafka-python": [sys.executable, HERE / "kafka-python/member.py"],
    "java": ["java", "-Xmx96m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
             "-cp", f"{TOOLS}/kafka/libs/*:{os.environ.get('MEMBER_CLASSES', '')}", "Member"],
    "franz-go": [TOOLS / "bin/franz-go-member"],
    "sarama": [TOOLS / "bin/sarama-member"],
    "kafkajs": ["node", HERE / "kafkajs/member.js"],
}


class Failed(Exception):
    pass


class Records:
    """Produces records, evenly over all partitions, until it is stopped."""

    def __init__(self, addr, topic, per_second):
        self.producer = Producer({"bootstrap.servers": addr, "linger.ms": 20, "enable.idempotence": True, "log_level": 2})
        self.topic, self.per_second = topic, per_second
        self.acked = [set() for _ in range(PARTITIONS)]
        self.failed = 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def delivered(self, error, message):
        if error is None:
            self.acked[message.partition()].add(message.offset())
        else:
            self.failed += 1

    def run(self):
        n = 0
        while not self.stopped.wait(0.05):
            for _ in range(self.per_second // 20):
                self.producer.produce(self.topic, f"{n}".encode(), partition=n % PARTITIONS, on_delivery=self.delivered)
                n += 1
            self.producer.poll(0)

    def stop(self):
        """Where each partition ends."""
        self.stopped.set()
        self.thread.join()
        left = self.producer.flush(60)
        if left or self.failed:
            raise Failed(f"{left} records are not delivered, {self.failed} failed")
        ends = {partition: len(acked) for partition, acked in enumerate(self.acked)}
        if any(acked != set(range(len(acked))) for acked in self.acked):
            raise Failed("acknowledged offsets are not consecutive")
        return ends


class Group:
    def __init__(self, addr, topic, folder, spec):
        self.name, rest = spec.split("=")
        size, clients = rest.split(":")
        self.size, self.clients = int(size), [client.split("/") for client in clients.split(",")]
        self.addr, self.topic, self.id = addr, topic, f"{topic}-{self.name}"
        self.folder = folder / self.name
        self.folder.mkdir()
        self.log = (self.folder / "driver.jsonl").open("w", buffering=1)
        self.members = {}
        self.started = 0
        self.committed = {}
        self.stopped = threading.Event()
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def event(self, member, kind, **more):
        self.log.write(json.dumps({"t": time.time(), "m": member, "e": kind, **more}) + "\n")

    def watch(self):
        """Looks at the committed offsets again and again, as a consumer that is no member: librdkafka's admin client may
        wait for ever when its broker is killed."""
        consumer = Consumer({"bootstrap.servers": self.addr, "group.id": self.id, "log_level": 2})
        wanted = [TopicPartition(self.topic, partition) for partition in range(PARTITIONS)]
        while not self.stopped.wait(0.5):
            try:
                found = consumer.committed(wanted, timeout=5)
            except KafkaException:
                continue
            self.committed = {p.partition: p.offset for p in found if p.error is None and p.offset >= 0}
            self.event("driver", "seen", o=self.committed)
        consumer.close()

    def start(self, other_assignor=None):
        client, assignor = self.clients[self.started % len(self.clients)]
        assignor = other_assignor or assignor
        name = f"{client}-{self.started}"
        self.started += 1
        command = [*MEMBERS[client], self.addr, self.id, self.topic, name, self.folder / f"{name}.jsonl", assignor]
        output = (self.folder / f"{name}.out").open("w")
        self.members[name] = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)

    def end(self, name, how):
        member = self.members.pop(name)
        if member.poll() is not None:
            raise Failed(f"{self.id}: {name} has ended by itself")
        member.send_signal(how)
        try:
            member.wait(20)
        except subprocess.TimeoutExpired:
            member.kill()
            raise Failed(f"{self.id}: {name} does not stop") from None
        # What it wrote comes before this.
        self.event(name, "killed")

    def any_member(self):
        return random.choice(sorted(self.members))

    def state(self):
        state = checker.Checker()
        for event in checker.read(self.folder):
            state.event(event)
        return state

    def is_settled(self):
        owners = {}
        for member, partition in self.state().owned:
            owners.setdefault(partition, set()).add(member)
        if len(owners) != PARTITIONS or any(len(one) != 1 for one in owners.values()):
            return False
        alive = set().union(*owners.values())
        return alive <= set(self.members) and len(alive) == min(PARTITIONS, len(self.members))

    def wait(self, condition, what):
        deadline = time.monotonic() + SECONDS_TO_SETTLE
        while not condition():
            for name, member in self.members.items():
                if member.poll() is not None:
                    raise Failed(f"{self.id}: {name} has ended by itself with {member.returncode}")
            if time.monotonic() > deadline:
                owned = sorted((p, m) for m, p in self.state().owned)
                raise Failed(f"{self.id}: {what} takes longer than {SECONDS_TO_SETTLE} s; owned {owned}; committed {self.committed}")
            time.sleep(0.3)

    def settle(self):
        self.wait(self.is_settled, "a rebalance")

    def rebalances(self):
        """How many callbacks of a rebalance there have been."""
        return sum(event["e"] in ("assign", "revoke", "lost") for event in checker.read(self.folder))

    def churn(self):
        for _ in range(max(1, self.size // 2)):
            self.start()
        self.settle()
        while len(self.members) < self.size:
            self.start()
            time.sleep(0.5)
        self.settle()
        self.end(self.any_member(), signal.SIGTERM)
        self.settle()
        self.end(self.any_member(), signal.SIGKILL)
        self.start()
        self.settle()

    def migrate(self):
        self.grow()
        self.settle()
        for assignor in ("consumer", None):
            for name in sorted(self.members):
                self.end(name, signal.SIGTERM)
                self.start(assignor)
                self.settle()

    def grow(self):
        while len(self.members) < self.size:
            self.start()

    def finish(self, ends):
        self.wait(lambda: all(self.committed.get(p, 0) >= end for p, end in ends.items() if end), "reading to the end")
        self.stopped.set()
        self.watcher.join()
        for name in sorted(self.members):
            self.end(name, signal.SIGTERM)
        self.event("driver", "ends", o=ends)

    def kill(self):
        self.stopped.set()
        for member in self.members.values():
            member.kill()
            member.wait()


def together(groups, action):
    """Does something to all groups at once."""
    failures = []

    def run(group):
        try:
            action(group)
        except Failed as failure:
            failures.append(str(failure))

    threads = [threading.Thread(target=run, args=[group]) for group in groups]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failed("\n".join(failures))


def restart_broker():
    subprocess.run(os.environ["RESTART_BROKER"], shell=True, check=True, timeout=60)


def still_works(group, before):
    """The members read on, as they were: a restart of the broker is no rebalance."""
    done = dict(group.committed)
    group.wait(lambda: all(group.committed.get(p, 0) > done.get(p, 0) for p in range(PARTITIONS)), "reading on")
    # Longer than a heartbeat, which would tell of a rebalance.
    time.sleep(3)
    if (after := group.rebalances()) != before:
        raise Failed(f"{group.id}: {after - before} callbacks of a rebalance after a restart")


def crash(groups):
    together(groups, Group.grow)
    together(groups, Group.settle)
    time.sleep(2)
    before = {group.id: group.rebalances() for group in groups}
    restart_broker()
    together(groups, lambda group: still_works(group, before[group.id]))
    print("a stable group stayed as it was over a restart", flush=True)
    for _ in range(int(os.environ.get("CRASHES", "3"))):
        for group in groups:
            group.end(group.any_member(), random.choice([signal.SIGTERM, signal.SIGKILL]))
            group.start()
        time.sleep(random.uniform(0, 3))
        restart_broker()
        together(groups, Group.settle)
    print("rebalances finished over restarts", flush=True)


def await_coordinator(addr, topic):
    """A new broker has to make its topic of offsets first. librdkafka's admin client ends the process if it asks meanwhile."""
    consumer = Consumer({"bootstrap.servers": addr, "group.id": topic, "log_level": 2})
    try:
        consumer.committed([TopicPartition(topic, 0)], timeout=SECONDS_TO_SETTLE)
    finally:
        consumer.close()


def main(addr, folder, scenario, specs):
    folder = pathlib.Path(folder)
    topic = f"groups-{os.getpid()}-{random.randrange(10**6)}"
    admin = AdminClient({"bootstrap.servers": addr, "log_level": 2})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(timeout=30)
    await_coordinator(addr, topic)
    records = Records(addr, topic, int(os.environ.get("RECORDS_PER_SECOND", "400")))
    groups = [Group(addr, topic, folder, spec) for spec in specs]
    try:
        match scenario:
            case "churn":
                together(groups, Group.churn)
            case "migrate":
                together(groups, Group.migrate)
            case "crash":
                crash(groups)
        ends = records.stop()
        together(groups, lambda group: group.finish(ends))
    finally:
        records.stopped.set()
        for group in groups:
            group.kill()
    return sum(report(group) for group in groups)


def report(group):
    print(f"{group.name}: ", end="", flush=True)
    return checker.main(group.folder)


if __name__ == "__main__":
    try:
        sys.exit(1 if main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]) else 0)
    except Failed as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
