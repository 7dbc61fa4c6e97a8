"""Kafka's command-line tools, each a machine of its own. usage: cases.py CASES PREFIX"""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import said  # noqa: E402

RECORDS = [str(number) for number in range(10)]
SECURITY = "org.apache.kafka.common.security"
folder = pathlib.Path(tempfile.mkdtemp(dir=pathlib.Path(sys.argv[1]).parent))


def properties(case):
    found = {"security.protocol": case["protocol"]}
    if case.get("ca"):
        found |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": case["ca"]}
    if case.get("both"):
        found |= {"ssl.keystore.type": "PEM", "ssl.keystore.location": case["both"]}
    mechanism = case.get("mechanism")
    if not mechanism:
        return found
    found["sasl.mechanism"] = mechanism
    if mechanism == "OAUTHBEARER":
        url = case.get("endpoint")
        if not url:
            file = folder / "token"
            file.write_text(case["token"])
            url = file.as_uri()
        return found | {
            "sasl.jaas.config": f"{SECURITY}.oauthbearer.OAuthBearerLoginModule required;",
            "sasl.login.callback.handler.class": f"{SECURITY}.oauthbearer.OAuthBearerLoginCallbackHandler",
            "sasl.oauthbearer.token.endpoint.url": url,
            "sasl.oauthbearer.client.credentials.client.id": case.get("client", "-"),
            "sasl.oauthbearer.client.credentials.client.secret": case.get("secret", "-"),
        }
    module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    user, password = case["user"], case["password"]
    return found | {"sasl.jaas.config": f'{SECURITY}.{module} required username="{user}" password="{password}";'}


def tool(case, name, *words, lines=()):
    file = folder / "client.properties"
    found = properties(case)
    file.write_text("".join(f"{key}={value}\n" for key, value in found.items()))
    allowed = found.get("sasl.oauthbearer.token.endpoint.url", "-")
    command = [
        "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={allowed}",
        f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.files={folder / 'token'}",
        "-cp", f"{os.environ['KAFKA_TOOLS']}/*", f"org.apache.kafka.tools.{name}",
        "--bootstrap-server", case["address"], "--command-config", str(file), *words,
    ]  # fmt: skip
    ran = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, timeout=40)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.split()


def work(case, topic):
    tool(case, "TopicCommand", "--create", "--topic", topic, "--partitions", "1")
    tool(case, "ConsoleProducer", "--topic", topic, lines=RECORDS)
    count = str(len(RECORDS))
    got = tool(
        case, "consumer.ConsoleConsumer", "--topic", topic, "--group", topic,
        "--from-beginning", "--max-messages", count, "--timeout-ms", "20000",
    )  # fmt: skip
    assert got == RECORDS, got


def refuse(case):
    raise said.Unsupported("not tried: its client is the one of java")


said.run(sys.argv[1], sys.argv[2], work, refuse)
