"""A member by librdkafka. usage: member.py ADDR GROUP TOPIC NAME LOG ASSIGNOR|consumer [INSTANCE]"""

import pathlib
import sys

from confluent_kafka import Consumer, KafkaException, TopicPartition

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from member_log import Log, Stop

addr, group, topic, name, path, assignor = sys.argv[1:7]
log, stop = Log(path, name), Stop()
settings = {
    "bootstrap.servers": addr,
    "group.id": group,
    "client.id": name,
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "fetch.wait.max.ms": 100,
    # By default it may wait for ten seconds before it connects to a broker again, longer than the sessions of these groups.
    "reconnect.backoff.max.ms": 1000,
    "log_level": 3,
}
if assignor == "consumer":
    settings["group.protocol"] = "consumer"
else:
    settings |= {
        "session.timeout.ms": 6000,
        "heartbeat.interval.ms": 500,
        "partition.assignment.strategy": assignor,
    }
if len(sys.argv) > 7:
    settings["group.instance.id"] = sys.argv[7]
consumer = Consumer(settings)
numbers = lambda partitions: [partition.partition for partition in partitions]
consumer.subscribe(
    [topic],
    on_assign=lambda _, partitions: log.event("assign", p=numbers(partitions)),
    on_revoke=lambda _, partitions: log.event("revoke", p=numbers(partitions)),
    on_lost=lambda _, partitions: log.event("lost", p=numbers(partitions)),
)
log.event("start")
while not stop:
    messages = [message for message in consumer.consume(500, timeout=0.2) if message.error() is None]
    done = log.processed((message.partition(), message.offset()) for message in messages)
    if done:
        log.event("committing", o=done)
        try:
            consumer.commit(offsets=[TopicPartition(topic, p, o) for p, o in done.items()], asynchronous=False)
            log.event("committed", o=done)
        except KafkaException as error:
            log.event("commit_failed", error=str(error))
consumer.close()
log.event("end")
