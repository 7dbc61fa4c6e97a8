"""A member by kafka-python. usage: member.py ADDR GROUP TOPIC NAME LOG ASSIGNOR"""

import pathlib
import sys

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaError

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from member_log import Log, Stop

addr, group, topic, name, path, assignor = sys.argv[1:7]
log, stop = Log(path, name), Stop()


class Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        log.event("revoke", p=[partition.partition for partition in revoked])

    def on_partitions_assigned(self, assigned):
        log.event("assign", p=[partition.partition for partition in assigned])


consumer = KafkaConsumer(
    bootstrap_servers=addr,
    group_id=group,
    client_id=name,
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    session_timeout_ms=6000,
    heartbeat_interval_ms=500,
    fetch_max_wait_ms=100,
    partition_assignment_strategy=[{"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}[assignor]],
)
consumer.subscribe([topic], listener=Listener())
log.event("start")
while not stop:
    polled = consumer.poll(timeout_ms=200)
    done = log.processed((partition.partition, record.offset) for partition, records in polled.items() for record in records)
    if done:
        log.event("committing", o=done)
        try:
            consumer.commit({TopicPartition(topic, p): OffsetAndMetadata(o, "", -1) for p, o in done.items()})
            log.event("committed", o=done)
        except KafkaError as error:
            log.event("commit_failed", error=str(error))
consumer.close()
log.event("end")
