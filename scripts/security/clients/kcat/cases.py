"""kcat. usage: cases.py CASES PREFIX"""

import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import librdkafka  # noqa: E402
import said  # noqa: E402

RECORDS = [str(number) for number in range(10)]


def options(case):
    if case.get("mechanism") == "OAUTHBEARER":
        raise said.Unsupported("it takes no token")
    found = librdkafka.settings(case).items()
    return ["-b", case["address"]] + [word for name, value in found for word in ("-X", f"{name}={value}")]


def kcat(case, *words, lines=()):
    ran = subprocess.run(["kcat", *options(case), *words], input="\n".join(lines), capture_output=True, text=True, timeout=20)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def work(case, topic):
    # Asking for a topic makes it.
    deadline = time.monotonic() + 10
    while "partition 0, leader" not in " ".join(kcat(case, "-L", "-t", topic)):
        assert time.monotonic() < deadline, "the topic is not made"
    kcat(case, "-P", "-t", topic, lines=RECORDS)
    got = kcat(case, "-q", "-c", str(len(RECORDS)), "-X", "auto.offset.reset=earliest", "-G", topic, topic)
    assert sorted(got) == sorted(RECORDS), got


def refuse(case):
    """The first line in which it says why. kcat would go on trying."""
    tries = subprocess.Popen(["kcat", *options(case), "-L", "-m", "8"], stderr=subprocess.PIPE, text=True)
    try:
        for line in tries.stderr:
            if re.search("authentication|SASL |SSL ", line):
                return line.strip()
    finally:
        tries.kill()
        tries.wait()
    raise AssertionError("it was not refused")


said.run(sys.argv[1], sys.argv[2], work, refuse)
