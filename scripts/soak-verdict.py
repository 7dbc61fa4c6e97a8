"""Judges the samples of a soak: is everything flat, and the bucket no larger than it may be?

usage: soak-verdict.py SAMPLES RETAINED_MIB SEGMENT_MIB
"""

import statistics
import sys

MIB = 1 << 20
# Of each: how much more than in the third quarter the last one may show, by factor and on top.
FLAT = {"rss": (1.10, 16 * MIB), "files": (1.1, 8), "tasks": (1.1, 8), "index": (1.25, 4 * MIB), "raft": (1.25, 4 * MIB), "objects": (1.25, 50)}


def main(path, retained_mib, segment_mib):
    with open(path) as file:
        names = file.readline().split()
        rows = [dict(zip(names, map(int, line.split()))) for line in file]
    if len(rows) < 12:
        return [f"only {len(rows)} samples"]
    end = rows[-1]["seconds"]
    quarter = lambda n: [row for row in rows if end * n / 4 <= row["seconds"] <= end * (n + 1) / 4]
    problems = []
    for name, (factor, slack) in FLAT.items():
        # The median: a look at the objects opens many for a moment, and says nothing of what stays.
        before, after = (statistics.median(row[name] for row in quarter(n)) for n in (2, 3))
        print(f"{name}: {before:,.0f} in the third quarter, {after:,.0f} in the last (medians)")
        if after > before * factor + slack:
            problems.append(f"{name} grows")
    limit = (1.5 * int(retained_mib) + int(segment_mib)) * MIB
    most = max(row["bucket"] for row in rows)
    print(f"bucket: {most / MIB:.0f} MiB at most, {limit / MIB:.0f} allowed for {retained_mib} MiB that are kept")
    if most > limit:
        problems.append("the bucket is too large")
    if max(row["retained"] for row in rows) < int(retained_mib) * MIB:
        problems.append("the load never reached what is to be kept: nothing was shown")
    return problems


if __name__ == "__main__":
    found = main(*sys.argv[1:])
    print("\n".join(found))
    sys.exit(bool(found))
