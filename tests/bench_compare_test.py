#!/usr/bin/env python3
"""scripts/bench on made-up runs and programs: what is flagged, what is not, what it keeps and refuses. Times nothing.
Usage: bench_compare_test.py SCRIPTS"""

import contextlib
import importlib.machinery
import importlib.util
import io
import itertools
import json
import os
import random
import shutil
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


here = {"processor": "a processor", "threads": 2, "compiler": "GNU 12.2.0", "revision": "0123456789ab"}


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
    return {"context": dict(here), "benchmarks": entries}


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
                                      ("no row in common", run_of(plain), {"context": here, "benchmarks": []}),
                                      ("expected 1 or more", run_of(plain), run_of(plain), "--repetitions", "0"),
                                      ("not allowed with", run_of(plain), run_of(plain), "--against", "main"),
                                      ("unrecognized", run_of(plain), run_of(plain), "--nosuch")):
            status, said, error = self.run_bench(old, new, *more)
            self.assertEqual((status, said), (2, ""), what)
            self.assertRegex(error, rf"^bench: .*{what}.*\n$")

    def test_runs_on_another_processor_or_with_other_threads_are_not_compared(self):
        for key, other in (("processor", "another one"), ("threads", 1)):
            elsewhere = {**run_of(plain, seed=2), "context": {**here, key: other}}
            status, said, error = self.run_bench(run_of(plain, seed=1), elsewhere)
            self.assertEqual((status, said), (2, ""), key)
            self.assertRegex(error, rf"^bench: --baseline: can't be compared: {key} {here[key]}, now {other}\n$")

    def test_another_compiler_is_said_and_so_is_what_is_not_known(self):
        for context, note in (({**here, "compiler": "Clang 14.0.6"}, "compiler GNU 12.2.0, now Clang 14.0.6"),
                              ({"num_cpus": 2}, "processor a processor, now unknown, threads 2, now unknown")):
            status, said, error = self.run_bench(run_of(plain, seed=1), {**run_of(plain, seed=2), "context": context})
            self.assertEqual((status, error), (0, f"bench: --baseline: {note}\n"))
            self.assertIn("0 slower", said)
        # Commits are what is compared.
        later = {**run_of(plain, seed=2), "context": {**here, "revision": "ba9876543210"}}
        self.assertEqual(self.run_bench(run_of(plain, seed=1), later)[2], "")

    def test_a_place_that_cant_be_written_is_refused_at_once(self):
        status, said, error = self.run_bench(run_of(plain), run_of(plain), "--out", "/proc/none/run.json")
        self.assertEqual((status, said), (2, ""))
        self.assertRegex(error, r"^bench: --out: /proc/none/run.json: .*\n$")


class Running(unittest.TestCase):
    """Programs that answer as Google Benchmark does, or do not."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        os.makedirs(os.path.join(self.folder, "build/cpu/bench"))
        self.out = os.path.join(self.folder, "run.json")
        loader = importlib.machinery.SourceFileLoader("bench", os.path.join(scripts, "bench"))
        self.bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
        loader.exec_module(self.bench)

    def program(self, ending):
        """Writes a row into the file that it is told, and then does something else."""
        path = os.path.join(self.folder, "build/cpu/bench/made_up_bench")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n"
                       "out=${1#--benchmark_out=}\n"
                       'echo \'{"context": {"num_cpus": 2}, "benchmarks": [{"name": "a", "real_time": 1}]}\' > "$out"\n'
                       f"{ending}\n")
        os.chmod(path, 0o755)

    def run_all(self, repetitions=3):
        """The run, or None, its status, and what was said."""
        options = self.bench.parse(["--repetitions", str(repetitions), "--out", self.out])
        with contextlib.redirect_stderr(io.StringIO()) as error:
            try:
                return self.bench.run_all([self.folder], ["made_up_bench"], options)[-1], 0, error.getvalue()
            except SystemExit as end:
                return None, end.code, error.getvalue()

    def files(self):
        return sorted(name for name in os.listdir(self.folder) if name != "build")

    def test_context_says_on_what_and_with_how_many(self):
        self.program("exit 0")
        os.environ["OMP_NUM_THREADS"] = "3"
        self.addCleanup(os.environ.pop, "OMP_NUM_THREADS")
        os.makedirs(os.path.join(self.folder, "build/cpu/CMakeFiles/3.25.1"))
        with open(os.path.join(self.folder, "build/cpu/CMakeFiles/3.25.1/CMakeCXXCompiler.cmake"), "w",
                  encoding="utf-8") as file:
            file.write('set(CMAKE_CXX_COMPILER "/usr/bin/c++")\nset(CMAKE_CXX_COMPILER_ID "GNU")\n'
                       'set(CMAKE_CXX_COMPILER_VERSION "99.1")\n')
        run, status, _ = self.run_all()
        self.assertEqual((status, len(run["benchmarks"]), self.files()), (0, 3, ["run.json"]))
        with open(self.out, encoding="utf-8") as file:
            self.assertEqual(json.load(file), run)
        context = run["context"]
        self.assertEqual((context["num_cpus"], context["threads"], context["compiler"]), (2, 3, "GNU 99.1"))
        self.assertTrue(context["processor"])
        self.assertIn("revision", context)

    def test_a_program_that_fails_after_its_rows_fails_the_run_in_a_line(self):
        for ending, why in (("echo too much >&2; exit 3", "made_up_bench ended with status 3: too much"),
                            ("exit 3", "made_up_bench ended with status 3: it said nothing"),
                            ("kill -9 $$", "made_up_bench was ended by signal 9: it said nothing"),
                            ('rm "$out"', "made_up_bench ended with status 0 and wrote no results: it said nothing")):
            self.program(ending)
            run, status, error = self.run_all()
            self.assertEqual((run, status), (None, 2), ending)
            self.assertEqual(error, f"bench: made_up_bench, 1 of 3\nbench: {why}\n")
            self.assertEqual(self.files(), [])

    def test_what_was_measured_before_an_interruption_is_kept(self):
        with open(self.out, "w", encoding="utf-8") as file:
            file.write("an older run")
        second = f'[ -e {self.folder}/build/second ] || {{ touch {self.folder}/build/second; exit 0; }}\n'
        for ending, code, why in (("exit 1", 2, "made_up_bench ended"), ("kill -INT $PPID; sleep 5", 130, "interrupted")):
            self.program(second + ending)
            run, status, error = self.run_all()
            self.assertEqual((run, status), (None, code))
            self.assertIn(why, error)
            self.assertIn(f"what was measured until then is in {self.out}.partial", error)
            self.assertEqual(self.files(), ["run.json", "run.json.partial"])
            with open(self.out + ".partial", encoding="utf-8") as file:
                kept = json.load(file)
            self.assertEqual((len(kept["benchmarks"]), kept["context"]["num_cpus"]), (1, 2))
            with open(self.out, encoding="utf-8") as file:
                self.assertEqual(file.read(), "an older run")
            os.remove(os.path.join(self.folder, "build/second"))


class CountInstructions(unittest.TestCase):
    def test_another_compiler_is_skipped_in_a_line_that_says_so(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("scripts", "bench/instructions", "bin"):
                os.makedirs(os.path.join(folder, name))
            for name in ("count_instructions", "machine.py"):
                shutil.copy(os.path.join(scripts, name), os.path.join(folder, "scripts", name))
            for name, text in (("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(x CXX)\n"),
                               ("bench/instructions/expected.txt", "compiler GNU 1.2.3\na/loop 5\n"),
                               ("bin/valgrind", "#!/bin/sh\n")):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            os.chmod(os.path.join(folder, "bin/valgrind"), 0o755)
            done = subprocess.run([os.path.join(folder, "scripts/count_instructions")], capture_output=True, text=True,
                                  env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}, check=False)
        self.assertEqual((done.returncode, done.stderr), (77, ""))
        # The form that .ci/run and scripts/evidence know skips by.
        self.assertRegex(done.stdout, r"^skipped: (nothing was compared: .* of GNU 1\.2\.3, this is \w+ [\d.]+|no valgrind.*)\n$")


if __name__ == "__main__":
    unittest.main()
