"""confluent-kafka, and with it librdkafka. usage: cases.py CASES PREFIX"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import librdkafka  # noqa: E402
import said  # noqa: E402
from confluent_kafka import Consumer, KafkaError, Producer  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

RECORDS = 10
AUTHENTICATION = (KafkaError._AUTHENTICATION, KafkaError._SSL)


def settings(case, **more):
    found = librdkafka.settings(case)
    found |= {"bootstrap.servers": case["address"], "broker.address.family": "v4"}
    if case.get("token"):
        found["oauth_cb"] = lambda _: (case["token"], time.time() + 3600)
    if case.get("endpoint"):
        found |= {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": case["client"],
            "sasl.oauthbearer.client.secret": case["secret"],
            "sasl.oauthbearer.token.endpoint.url": case["endpoint"],
        }
    return found | more


def work(case, topic):
    admin = AdminClient(settings(case))
    admin.poll(0)
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(timeout=20)
    producer = Producer(settings(case))
    for number in range(RECORDS):
        producer.produce(topic, str(number))
    assert producer.flush(20) == 0, "not all records were delivered"
    consumer = Consumer(settings(case, **{"group.id": topic, "auto.offset.reset": "earliest"}))
    consumer.subscribe([topic])
    values, deadline = set(), time.monotonic() + 20
    while len(values) < RECORDS:
        assert time.monotonic() < deadline, f"consumed {len(values)} records"
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            values.add(message.value())
    consumer.close()


def refuse(case):
    errors = []
    producer = Producer(settings(case, error_cb=errors.append))
    deadline = time.monotonic() + 10
    while True:
        producer.poll(0.02)
        for error in errors:
            # With TLS 1.3 a client learns after its own part of the handshake that its certificate is not good, and it says
            # of a broker's, where that is there at its first look, that the transport failed.
            if error.code() in AUTHENTICATION or any(word in error.str() for word in ("SSL alert", "certificate verify failed")):
                return str(error)
        assert time.monotonic() < deadline, f"no error of authentication within 10 s: {errors}"


said.run(sys.argv[1], sys.argv[2], work, refuse)
