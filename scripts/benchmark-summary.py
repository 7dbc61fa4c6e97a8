"""Medians, and the range they come from, of what scripts/benchmark.sh wrote: lines of SIDE SCENARIO JSON. The second argument
is the name of what ours is compared with."""

import json
import statistics
import sys
from collections import defaultdict


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def spread(values):
    return f"{number(statistics.median(values))} [{number(min(values))}-{number(max(values))}]"


figures = defaultdict(lambda: defaultdict(list))
for line in open(sys.argv[1], encoding="utf-8"):
    side, scenario, text = line.split(" ", 2)
    run = json.loads(text)
    mine = figures[scenario, side]
    for way in ("produced", "consumed"):
        if way in run:
            mine[f"{way} MB/s"].append(run[way]["mb_per_second"])
            mine[f"{way} records/s"].append(run[way]["records_per_second"])
    if scenario == "paced":
        mine["ack p50 ms"].append(run["produced"]["ack_ms"]["p50"])
        mine["ack p99 ms"].append(run["produced"]["ack_ms"]["p99"])
    mine["user CPU s per GB"].append(run["broker"]["user_cpu_seconds_per_gb"])
    mine["system CPU s per GB"].append(run["broker"]["system_cpu_seconds_per_gb"])
    mine["peak RSS MB since its start"].append(run["broker"]["peak_resident_mb"])
    if "produced" in run and "object_store_requests" in run["broker"]:
        mine["PUTs"].append(run["broker"]["object_store_requests"]["kind=put"])

print(f"| scenario | | {sys.argv[2]} | ours |\n| --- | --- | --- | --- |")
for scenario in dict.fromkeys(scenario for scenario, _ in figures):
    base, ours = figures.get((scenario, "base"), {}), figures.get((scenario, "ours"), {})
    for name in dict.fromkeys([*base, *ours]):
        print(f"| {scenario} | {name} | {' | '.join(spread(side[name]) if name in side else '-' for side in (base, ours))} |")
