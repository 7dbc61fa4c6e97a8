"""What members in Python log, and how they stop."""

import json
import os
import signal
import time


class Log:
    """Appends events for checker.py to a file, each in one write, so that a kill loses no more than the last."""

    def __init__(self, path, member):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.member = member

    def event(self, kind, **more):
        line = json.dumps({"t": time.time(), "m": self.member, "e": kind, **more})
        os.write(self.file, line.encode() + b"\n")

    def processed(self, records):
        """Logs (partition, offset) pairs as runs of consecutive offsets."""
        runs = {}
        for partition, offset in records:
            run = runs.get(partition)
            if run and run[1] + 1 == offset:
                run[1] = offset
            else:
                if run:
                    self.event("process", p=partition, **{"from": run[0], "to": run[1]})
                runs[partition] = [offset, offset]
        for partition, (first, last) in runs.items():
            self.event("process", p=partition, **{"from": first, "to": last})
        return {partition: last + 1 for partition, (_, last) in runs.items()}


class Stop:
    """Becomes true at SIGTERM."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self.ask)

    def ask(self, *_):
        self.asked = True

    def __bool__(self):
        return self.asked
