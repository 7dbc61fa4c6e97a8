"""The checker must see every kind of wrong: a history that is right, and what becomes of it by one change each."""

import copy
import unittest

import checker


def history():
    """Member a reads 0-9 and leaves, b goes on from a's commit, is killed after an unanswered commit, c goes on."""
    lines = [
        (1.0, "a", "assign", {"p": [0]}),
        (1.1, "a", "process", {"p": 0, "from": 0, "to": 9}),
        (1.2, "a", "committing", {"o": {"0": 10}}),
        (1.3, "a", "committed", {"o": {"0": 10}}),
        (1.4, "driver", "seen", {"o": {"0": 10}}),
        (1.5, "a", "revoke", {"p": [0]}),
        (2.0, "b", "assign", {"p": [0]}),
        (2.1, "b", "process", {"p": 0, "from": 10, "to": 14}),
        (2.2, "b", "process", {"p": 0, "from": 15, "to": 19}),
        (2.3, "b", "committing", {"o": {"0": 20}}),
        (2.4, "b", "killed", {}),
        (3.0, "c", "assign", {"p": [0]}),
        (3.1, "c", "process", {"p": 0, "from": 10, "to": 24}),
        (3.2, "c", "committing", {"o": {"0": 25}}),
        (3.3, "c", "committed", {"o": {"0": 25}}),
        (3.4, "driver", "seen", {"o": {"0": 25}}),
        (3.5, "c", "revoke", {"p": [0]}),
        (4.0, "driver", "ends", {"o": {"0": 25}}),
    ]
    return [{"t": t, "m": m, "e": e, **more} for t, m, e, more in lines]


class Tests(unittest.TestCase):
    def problems(self, change=lambda _: None):
        events = copy.deepcopy(history())
        change(events)
        return checker.check(sorted(events, key=lambda event: event["t"])).problems

    def assert_one(self, change, text):
        problems = self.problems(change)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(text, problems[0])

    def test_a_right_history_passes(self):
        self.assertEqual(self.problems(), [])

    def test_records_read_again_are_counted(self):
        self.assertEqual(checker.check(history()).again, 10)

    def test_both_outcomes_of_an_unanswered_commit_are_right(self):
        self.assertEqual(self.problems(lambda events: events[12].update({"from": 20})), [])

    def test_two_owners_at_once(self):
        self.assert_one(lambda events: events[5].update(t=2.05), "owns 0 while a does")

    def test_an_owner_that_never_revokes(self):
        problems = self.problems(lambda events: events.pop(5))
        self.assertEqual([problem[6:] for problem in problems], ["b: owns 0 while a does, for 0.400 s", "c: owns 0 while a does, for 0.500 s"])

    def test_an_owner_that_was_killed_owns_nothing(self):
        self.assertIn("owns 0 while b does", self.problems(lambda events: events.pop(10))[0])

    def test_a_partition_processed_without_owning_it(self):
        self.assertIn("without owning", self.problems(lambda events: events[7].update(p=1))[0])

    def test_a_gap_within_an_ownership(self):
        self.assert_one(lambda events: events[8].update({"from": 16}), "processes 0:16 after 14")

    def test_a_start_behind_the_commit(self):
        self.assertIn("starts 0 at 11", self.problems(lambda events: events[12].update({"from": 11}))[0])

    def test_a_start_before_the_commit(self):
        self.assert_one(lambda events: events[12].update({"from": 5}), "starts 0 at 5")

    def test_a_commit_that_goes_back(self):
        self.assert_one(lambda events: events[14].update(o={"0": 9}), "commits 0 back")

    def test_a_committed_offset_that_goes_back(self):
        self.assert_one(lambda events: events[15].update(o={"0": 9}), "went back from 10 to 9")

    def test_a_reset_may_go_back(self):
        def change(events):
            events[15].update(o={"0": 9})
            events.append({"t": 3.35, "m": "driver", "e": "reset"})

        self.assertEqual(self.problems(change), [])

    def test_a_record_that_nobody_processed(self):
        self.assert_one(lambda events: events[12].update(to=23), "nobody processed 0: [(24, 24)]")

    def test_a_partition_that_nobody_processed(self):
        self.assert_one(lambda events: events[-1].update(o={"0": 25, "1": 1}), "nobody processed 1")

    def test_nothing_at_all(self):
        self.assertIn("no partition had a record", checker.check([]).problems[0])


if __name__ == "__main__":
    unittest.main()
