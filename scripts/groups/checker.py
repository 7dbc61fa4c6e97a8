"""Checks what the members of one consumer group did, by their logs and the driver's.

usage: checker.py FOLDER        (every *.jsonl in it; prints a summary, or what is wrong, and fails)

An event is one line of JSON. All have a time `t` in seconds, a member `m`, and a kind `e`:
  assign, revoke, lost   p: partitions. The member owns them from its assign to its revoke.
  process                p: partition, from, to: offsets it has handled, both included.
  committing, committed  o: {partition: offset}, before the request and after its answer.
The driver's, with `m` the member they are about, or "driver":
  killed, paused         The member owns nothing any more: its session expires.
  seen                   o: committed offsets as the broker tells them.
  reset                  Committed offsets may go back here.
  ends                   o: {partition: offset}, where each partition's acknowledged records end.
"""

import json
import pathlib
import sys

# Clocks of different programs on one machine agree to within this many seconds.
TOLERANCE = 0.005


class Owned:
    """One member's ownership of one partition."""

    def __init__(self, member, since):
        self.member = member
        self.since = since
        self.until = float("inf")
        self.next = None


class Checker:
    def __init__(self):
        self.problems = []
        self.owned = {}  # (member, partition) -> the ownership that is open
        self.all_owned = {}  # partition -> every ownership
        self.acked = {}  # partition -> the last committed offset that was acknowledged
        self.tried = {}  # partition -> offsets of commits since then whose outcome is unknown
        self.seen = {}  # partition -> the last committed offset that the broker told
        self.done = {}  # partition -> ranges of offsets
        self.ends = {}
        self.again = 0

    def problem(self, event, text):
        self.problems.append(f"{event['t']:.3f} {event['m']}: {text}")

    def event(self, event):
        getattr(self, "on_" + event["e"], lambda _: None)(event)

    def on_assign(self, event):
        for p in event["p"]:
            if (event["m"], p) not in self.owned:
                owned = Owned(event["m"], event["t"])
                self.owned[event["m"], p] = owned
                self.all_owned.setdefault(p, []).append(owned)

    def on_revoke(self, event):
        for p in event["p"]:
            if owned := self.owned.pop((event["m"], p), None):
                owned.until = event["t"]

    on_lost = on_revoke

    def on_killed(self, event):
        self.on_revoke({**event, "p": [p for m, p in self.owned if m == event["m"]]})

    on_paused = on_killed

    def on_process(self, event):
        p, first, last = event["p"], event["from"], event["to"]
        owned = self.owned.get((event["m"], p))
        if owned is None:
            self.problem(event, f"processes {p}:{first}-{last} without owning it")
            return
        if owned.next is not None and first != owned.next:
            self.problem(event, f"processes {p}:{first} after {owned.next - 1}")
        if owned.next is None:
            # Kafka may have taken any of the commits that were not answered.
            allowed = {self.acked.get(p, 0)} | self.tried.get(p, set())
            if first not in allowed:
                self.problem(event, f"starts {p} at {first}, but committed is {sorted(allowed)}")
        owned.next = last + 1
        before = self.done.setdefault(p, [])
        self.again += sum(max(0, min(last, to) - max(first, start) + 1) for start, to in before)
        before.append((first, last))

    def on_committing(self, event):
        for p, offset in offsets(event):
            self.tried.setdefault(p, set()).add(offset)

    def on_committed(self, event):
        for p, offset in offsets(event):
            if offset < self.acked.get(p, 0):
                self.problem(event, f"commits {p} back from {self.acked[p]} to {offset}")
            self.acked[p] = offset
            self.tried[p] = {tried for tried in self.tried.get(p, ()) if tried > offset}

    def on_seen(self, event):
        for p, offset in offsets(event):
            if offset < self.seen.get(p, 0):
                self.problem(event, f"the committed offset of {p} went back from {self.seen[p]} to {offset}")
            self.seen[p] = offset

    def on_reset(self, _event):
        self.acked, self.tried, self.seen = {}, {}, {}

    def on_ends(self, event):
        self.ends.update(offsets(event))

    def finish(self):
        end = {"t": 0.0, "m": "end"}
        for p, owners in sorted(self.all_owned.items()):
            for i, one in enumerate(owners):
                for other in owners[i + 1 :]:
                    overlap = min(one.until, other.until) - max(one.since, other.since)
                    if one.member != other.member and overlap > TOLERANCE:
                        at = {"t": max(one.since, other.since), "m": other.member}
                        self.problem(at, f"owns {p} while {one.member} does, for {overlap:.3f} s")
        if not self.ends:
            self.problem(end, "no partition had a record")
        for p, stop in sorted(self.ends.items()):
            missing = gaps(self.done.get(p, []), stop)
            if missing:
                self.problem(end, f"nobody processed {p}: {missing[:5]}")
        return self.problems


def offsets(event):
    return [(int(p), offset) for p, offset in event["o"].items() if offset >= 0]


def gaps(ranges, stop):
    """The ranges below `stop` that none of `ranges` covers."""
    missing, at = [], 0
    for first, last in sorted(ranges):
        if first > at:
            missing.append((at, min(first, stop) - 1))
        at = max(at, last + 1)
        if at >= stop:
            break
    if at < stop:
        missing.append((at, stop - 1))
    return missing


def read(folder):
    events = []
    for path in pathlib.Path(folder).glob("*.jsonl"):
        lines = path.read_text().splitlines(keepends=True)
        # A member that was killed may have left half a line.
        events += [json.loads(line) for line in lines if line.endswith("\n")]
    # Stable: what one member wrote in one instant stays in its order.
    return sorted(events, key=lambda event: event["t"])


def check(events):
    checker = Checker()
    for event in events:
        checker.event(event)
    checker.finish()
    return checker


def main(folder):
    events = read(folder)
    checker = check(events)
    if checker.problems:
        print("\n".join(checker.problems[:20]))
        print(f"{len(checker.problems)} problems in {folder}")
        return 1
    members = {owned.member for owners in checker.all_owned.values() for owned in owners}
    records = sum(checker.ends.values())
    owners = sum(map(len, checker.all_owned.values()))
    print(f"{records} records, {checker.again} read again, {len(members)} members, {owners} ownerships")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
