"""Prints what came of every case with every client, and fails if one of them did not go as it must.

usage: table.py CASES RESULTS CLIENT...   (RESULTS/CLIENT holds a line of JSON for each case)
"""

import json
import pathlib
import re
import sys

# A refusal is the client's own error of authentication within this time.
SECONDS = 2
AUTHENTICATION = re.compile("auth|sasl|ssl|tls|certificate", re.IGNORECASE)
# Clients that have no such error for some cases, whatever the broker; all were seen with Apache Kafka 4.4, too.
KNOWN = {
    ("kafkajs", "token"): "takes the first answer to a bad token for a success, and loses the connection then",
    ("sarama", "mechanism"): "keeps to itself why it has no broker",
    ("kafka-python", ""): "may see the end of the connection before the answer that came with it",
}


def remark(client, case):
    found = [why for (who, begin), why in KNOWN.items() if who == client and case["name"].startswith(begin)]
    return f"{client}: {found[0]}" if found else None


cases, results, clients = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2]), sys.argv[3:]
lines = {client: {} for client in clients}
for client in clients:
    for text in (results / client).read_text().splitlines():
        if text.startswith("{"):
            line = json.loads(text)
            lines[client][line["case"]] = line

problems, remarks = [], []
width = max(len(case["name"]) for case in cases)
print(f"{'':{width}}  " + "  ".join(f"{client:7}" for client in clients))
for case in cases:
    cells = []
    for client in clients:
        line = lines[client].get(case["name"], {"outcome": "missing", "seconds": 0, "said": "it said nothing"})
        wanted = "refused" if case["refused"] else "ok"
        cell = line["outcome"]
        if cell == "unsupported":
            cell = "-"
            why = f"{client}: {line['said']}"
            remarks += [why] if why not in remarks else []
        elif cell != wanted:
            problems.append(f"{client}: {case['name']}: {cell}: {line['said'][:300]}")
            cell = "FAILED"
        elif case["refused"]:
            cell = f"{line['seconds']:.1f} s"
            if line["seconds"] > SECONDS:
                problems.append(f"{client}: {case['name']}: refused after {line['seconds']} s: {line['said'][:300]}")
            if not AUTHENTICATION.search(line["said"]):
                known = remark(client, case)
                problems += [] if known else [f"{client}: {case['name']}: it does not say why: {line['said'][:300]}"]
                remarks += [known] if known and known not in remarks else []
                cell += " *"
        cells.append(f"{cell:{max(len(client), 7)}}")
    print(f"{case['name']:{width}}  " + "  ".join(cells))
print("\nWhere a client is refused, the time until its error of authentication. -: it cannot. *: it does not say why.")
print(*[f"  {remark}" for remark in remarks], sep="\n")
for problem in problems:
    print(f"FAILED {problem}")
sys.exit(1 if problems else 0)
