"""kafka-python. usage: cases.py CASES PREFIX"""

import logging
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import said  # noqa: E402
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer  # noqa: E402
from kafka.errors import KafkaError  # noqa: E402
from kafka.admin import NewTopic  # noqa: E402
from kafka.net.sasl.oauth import AbstractTokenProvider  # noqa: E402

RECORDS = 10
NAMES = {
    "ca": "ssl_cafile",
    "certificate": "ssl_certfile",
    "key": "ssl_keyfile",
    "mechanism": "sasl_mechanism",
    "user": "sasl_plain_username",
    "password": "sasl_plain_password",
}


class Tokens(AbstractTokenProvider):
    """What the client asks for a token."""

    def __init__(self, token):
        self.value = token

    def token(self):
        return self.value


class Errors(logging.Handler):
    """The errors that the client writes, of which it raises none."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.first = None

    def emit(self, record):
        if self.first is None and record.name == "kafka.net.connection":
            self.first = (time.monotonic(), record.getMessage())


def settings(case, **more):
    found = {NAMES[name]: case[name] for name in NAMES if case.get(name)}
    found |= {"bootstrap_servers": case["address"], "security_protocol": case["protocol"]}
    if case.get("endpoint"):
        raise said.Unsupported("it asks no token endpoint")
    if case.get("token"):
        found["sasl_oauth_token_provider"] = Tokens(case["token"])
    return found | more


def work(case, topic):
    admin = KafkaAdminClient(**settings(case))
    admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(**settings(case))
    sent = [producer.send(topic, str(number).encode()) for number in range(RECORDS)]
    producer.flush()
    for future in sent:
        future.get(timeout=20)
    producer.close()
    consumer = KafkaConsumer(topic, **settings(case, group_id=topic, auto_offset_reset="earliest"))
    values, deadline = set(), time.monotonic() + 20
    while len(values) < RECORDS:
        assert time.monotonic() < deadline, f"consumed {len(values)} records"
        values.update(record.value for batch in consumer.poll(timeout_ms=200).values() for record in batch)
    consumer.close()


def refuse(case):
    errors = Errors()
    logging.getLogger("kafka").addHandler(errors)
    try:
        KafkaAdminClient(**settings(case, bootstrap_timeout_ms=1500)).list_topics()
    except KafkaError as raised:
        # It goes on trying, and raises at last that it could not connect.
        return said.Refusal(*(errors.first or (time.monotonic(), repr(raised))))
    finally:
        logging.getLogger("kafka").removeHandler(errors)
    raise AssertionError("it was not refused")


said.run(sys.argv[1], sys.argv[2], work, refuse)
