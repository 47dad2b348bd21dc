#!/usr/bin/env python3
"""scripts/bench's comparison, on made-up runs: what is flagged, what is not, and what it refuses. Times nothing.
Usage: bench_compare_test.py SCRIPTS"""

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

scripts = os.path.abspath(sys.argv.pop(1))
sys.path.insert(0, scripts)
sys.dont_write_bytecode = True

from bench_compare import holm, judge, rows_of  # noqa: E402
from mann_whitney import _normal, p_value, u_statistic  # noqa: E402


def by_enumeration(first, second):
    """The same probability by going through all ways to split the pooled numbers."""
    pooled = first + second
    observed, below, above, every = u_statistic(first, second), 0, 0, 0
    for chosen in itertools.combinations(range(len(pooled)), len(first)):
        rest = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        u = u_statistic([pooled[i] for i in chosen], rest)
        below, above, every = below + (u <= observed), above + (u >= observed), every + 1
    return min(1, 2 * min(below, above) / every)


class MannWhitney(unittest.TestCase):
    def test_equals_an_enumeration_of_all_splits(self):
        numbers = random.Random(1)
        for n, m, values in itertools.product((1, 3, 4), (2, 5), (3, 1000)):  # of few values, many are equal
            first, second = ([numbers.randrange(values) for _ in range(k)] for k in (n, m))
            self.assertAlmostEqual(p_value(first, second), by_enumeration(first, second), places=12)

    def test_has_the_critical_values_of_printed_tables(self):
        # Two-sided, 0.05: the largest significant U is 2 for 5 and 5, 17 for 9 and 9, 23 for 10 and 10.
        for n, critical in ((5, 2), (9, 17), (10, 23)):
            for u, significant in ((critical, True), (critical + 1, False)):
                # `u` of the pairs have the larger number in the first sample.
                first, left = [], u
                for i in range(n):
                    beaten = min(n, left)
                    left -= beaten
                    first.append(beaten + 0.5 + i * 1e-3 - 1)
                second = list(range(n))
                self.assertEqual(u_statistic(first, second), u)
                self.assertEqual(p_value(first, second) < 0.05, significant, (n, u))

    def test_by_the_normal_distribution_is_near_the_exact_one(self):
        numbers = random.Random(2)
        for values in (10, 10**6):
            first = [numbers.randrange(values) for _ in range(31)]
            second = [numbers.randrange(values) + values // 4 for _ in range(31)]
            self.assertAlmostEqual(min(1, 2 * min(_normal(first, second))), p_value(first, second), delta=0.01)
        self.assertEqual(p_value([1.0] * 50, [1.0] * 50), 1)

    def test_samples_apart_and_samples_that_are_the_same(self):
        self.assertAlmostEqual(p_value(list(range(9)), list(range(9, 18))), 2 / 48620)
        self.assertEqual(p_value([1.0] * 9, [1.0] * 9), 1)
        self.assertEqual(p_value([], [1.0]), 1)


def run_of(rows, repetitions=9, seed=0, noise=0.03, mood=1.0):
    """Rows: name, time in ms, ratio's name and ratio. `mood` is how slow the machine was for all of it."""
    numbers = random.Random(seed)
    entries = []
    for repetition in range(repetitions):
        for name, time, ratio_name, ratio in rows:
            # The ratio is that of times: it has their noise, but not their mood.
            disturbed = numbers.lognormvariate(0, noise)
            entry = {"name": name, "run_name": name, "run_type": "iteration", "program": "made_up_bench",
                     "repetition_index": repetition, "real_time": time * disturbed * mood, "time_unit": "ms"}
            if ratio_name:
                entry[ratio_name] = ratio / disturbed
            entries.append(entry)
    for name, *_ in rows:
        entries.append({"name": name + "_median", "run_name": name, "run_type": "aggregate", "real_time": 0})
    return {"context": {}, "benchmarks": entries}


plain = [("gradient/a", 2.0, "of_bare", 0.9), ("gradient/b", 5.0, "of_bare", 0.6), 
         ("cost", 3.0, "value_over_gradient", 0.5), ("call", 1.0, None, None)]


def verdicts(old, new, trust_times=False, size=0.05):
    results = judge(rows_of(old), rows_of(new), trust_times, size)
    return {one["name"].split("/", 1)[1]: one["verdict"] for one in results}


class Verdicts(unittest.TestCase):
    def test_a_planted_slow_down_is_flagged_and_nothing_else(self):
        slowed = [("gradient/a", 2.4, "of_bare", 0.75), *plain[1:]]
        found = verdicts(run_of(plain, seed=1), run_of(slowed, seed=2), trust_times=True)
        self.assertEqual(found, {"gradient/a": "slower", "gradient/b": "same", "cost": "same", "call": "same"})
        found = verdicts(run_of(slowed, seed=1), run_of(plain, seed=2), trust_times=True)
        self.assertEqual(found["gradient/a"], "faster")

    def test_noise_alone_is_not(self):
        alarms = 0
        for seed in range(100):
            old, new = run_of(plain, seed=2 * seed, noise=0.2), run_of(plain, seed=2 * seed + 1, noise=0.2)
            alarms += any(one != "same" for one in verdicts(old, new, trust_times=True).values())
        self.assertLessEqual(alarms, 10)  # 5 expected at most; 11 or more have a probability of 0.01

    def test_significant_but_small_is_the_same(self):
        slowed = [("gradient/a", 2.06, "of_bare", 0.9 / 1.03), *plain[1:]]
        old, new = run_of(plain, seed=1, noise=0.001), run_of(slowed, seed=2, noise=0.001)
        self.assertEqual(verdicts(old, new)["gradient/a"], "same")
        self.assertEqual(verdicts(old, new, size=0.02)["gradient/a"], "slower")

    def test_a_machine_in_another_mood_changes_no_ratio_and_its_times_decide_nothing(self):
        found = verdicts(run_of(plain, seed=1), run_of(plain, seed=2, mood=2))
        self.assertEqual(found, {"gradient/a": "same", "gradient/b": "same", "cost": "times of other minutes",
                                 "call": "times of other minutes"})

    def test_ratios_to_the_library_itself_are_not_what_counts(self):
        faster_reference = [*plain[:2], ("cost", 3.0, "value_over_gradient", 0.25), plain[3]]
        found = verdicts(run_of(plain, seed=1), run_of(faster_reference, seed=2), trust_times=True)
        self.assertEqual(found["cost"], "same")

    def test_too_few_repetitions_decide_nothing(self):
        slowed = [("gradient/a", 4.0, "of_bare", 0.45)]
        self.assertEqual(verdicts(run_of(plain[:1], 8), run_of(slowed, 9))["gradient/a"], "fewer than 9 repetitions")

    def test_rows_that_come_go_and_fail(self):
        new = run_of([plain[0], ("other", 1.0, None, None)])
        new["benchmarks"][0].update(error_occurred=True, error_message="the answers differ")
        found = verdicts(run_of(plain[:2]), new)
        self.assertEqual(found, {"gradient/a": "failed", "other": "new", "gradient/b": "gone"})

    def test_many_rows_share_one_probability_of_a_false_alarm(self):
        self.assertEqual(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])  # 3 times, 2 times, no less than that
        self.assertEqual(holm([]), [])


class Command(unittest.TestCase):
    def run_bench(self, old, new, *more):
        with tempfile.TemporaryDirectory() as folder:
            for name, run in (("old", old), ("new", new)):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(run if isinstance(run, str) else json.dumps(run))
            done = subprocess.run([os.path.join(scripts, "bench"), "--baseline", "old", "--read", "new", *more],
                                  cwd=folder, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout, done.stderr

    def test_status_says_whether_something_got_slower(self):
        slowed = [("gradient/a", 2.4, "of_bare", 0.75), *plain[1:]]
        status, said, _ = self.run_bench(run_of(plain, seed=1), run_of(slowed, seed=2))
        self.assertEqual(status, 1)
        self.assertIn("1 slower by more than 5 %, 0 faster, 1 the same", said)
        self.assertEqual(self.run_bench(run_of(plain, seed=1), run_of(plain, seed=2))[0], 0)
        self.assertEqual(self.run_bench(run_of(plain, seed=1), run_of(slowed, seed=2), "--size", "50")[0], 0)

    def test_refuses_in_one_line(self):
        for what, old, new, *more in (("Expecting value", "nonsense", run_of(plain)),
                                      ("no list 'benchmarks'", "{}", run_of(plain)),
                                      ("no row in common", run_of(plain), {"benchmarks": []}),
                                      ("expected 1 or more", run_of(plain), run_of(plain), "--repetitions", "0"),
                                      ("not allowed with", run_of(plain), run_of(plain), "--against", "main"),
                                      ("unrecognized", run_of(plain), run_of(plain), "--nosuch")):
            status, said, error = self.run_bench(old, new, *more)
            self.assertEqual((status, said), (2, ""), what)
            self.assertRegex(error, rf"^bench: .*{what}.*\n$")


if __name__ == "__main__":
    unittest.main()
