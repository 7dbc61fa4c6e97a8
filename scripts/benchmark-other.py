"""Runs another client's load, and says what it moved and what that cost the broker, as examples/benchmark does.

usage: benchmark-other.py PID produced|consumed RECORDS RECORD_BYTES COMMAND...

Kafka's own tools say how fast they were, their virtual machine's start not counted; of others the whole run counts.
"""

import json
import os
import re
import subprocess
import sys
import time


def used(pid):
    """User and system seconds, and the peak of resident megabytes."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))
    return int(fields[11]) / ticks, int(fields[12]) / ticks, peak * 1024 / 1e6


def speed_told(way, output):
    """Records per second by the last line of the tool that says it."""
    if way == "produced":
        told = re.findall(r"([\d.]+) records/sec", output)
        return float(told[-1]) if told else None
    header = re.search(r"^start\.time.*$", output, re.M)
    if not header:
        return None
    names = [name.strip() for name in header.group(0).split(",")]
    values = output[header.end():].strip().splitlines()[-1].split(",")
    return float(values[names.index("fetch.nMsg.sec")])


pid, way, records, record_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
before, began = used(pid), time.monotonic()
run = subprocess.run(sys.argv[5:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
seconds, after = time.monotonic() - began, used(pid)
if run.returncode or re.search(r"ERROR|WARNING|xception|failed", run.stdout):
    sys.exit(run.stdout)
per_second = speed_told(way, run.stdout) or records / seconds
gb = records * record_bytes / 1e9
print(json.dumps({
    way: {"records_per_second": per_second, "mb_per_second": per_second * record_bytes / 1e6},
    "broker": {
        "user_cpu_seconds_per_gb": (after[0] - before[0]) / gb,
        "system_cpu_seconds_per_gb": (after[1] - before[1]) / gb,
        "peak_resident_mb": after[2],
    },
}))
