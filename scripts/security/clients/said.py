"""Goes through the cases, and prints what came of each as a line of JSON."""

import json
import sys
import time


class Unsupported(Exception):
    """The client cannot do what the case wants."""


class Refusal(str):
    """An error, with the time at which it was there."""

    def __new__(cls, at, text):
        made = super().__new__(cls, text)
        made.at = at
        return made


def run(cases_path, prefix, work, refuse):
    """work(case, topic) does what a program does; refuse(case) returns the error of a client that is refused."""
    for number, case in enumerate(json.load(open(cases_path))):
        began = time.monotonic()
        try:
            if case["refused"]:
                outcome, said = "refused", refuse(case)
            else:
                work(case, f"{prefix}-{number}")
                outcome, said = "ok", ""
        except Unsupported as why:
            outcome, said = "unsupported", str(why)
        except Exception as error:
            outcome, said = "failed", f"{type(error).__name__}: {error}"
        ended = getattr(said, "at", time.monotonic())
        line = {"case": case["name"], "outcome": outcome, "seconds": round(ended - began, 2), "said": said}
        print(json.dumps(line), flush=True)
        sys.stderr.flush()
