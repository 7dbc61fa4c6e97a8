"""Settings of librdkafka for a case."""

NAMES = {
    "ca": "ssl.ca.location",
    "certificate": "ssl.certificate.location",
    "key": "ssl.key.location",
    "mechanism": "sasl.mechanisms",
    "user": "sasl.username",
    "password": "sasl.password",
}


def settings(case):
    return {NAMES[name]: case[name] for name in NAMES if case.get(name)} | {"security.protocol": case["protocol"]}
