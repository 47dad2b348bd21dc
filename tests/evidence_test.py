#!/usr/bin/env python3
"""scripts/evidence, on made-up logs: levels follow from what ran, and a README that claims more or less is refused.
Usage: evidence_test.py SCRIPTS"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

scripts = os.path.abspath(sys.argv.pop(1))
sys.path.insert(0, scripts)
sys.dont_write_bytecode = True

import sources  # noqa: E402

columns = ["| operation | CPU | CUDA, n ≤ 8 | CUDA, larger n |", "| --- | --- | --- | --- |"]
proofs = """
operation: value
  cpu tested: a_test:Values.* a_test:Plain.Case
  cpu measured: evaluate_bench:value/*
  cuda executed: a_test:Values.*
  cuda counted (few): traffic
  wide executed: a_test:Values.Wide
operation: other
  cuda executed (some): b_test:OnCuda.*
"""


def program(name, cases, good=True):
    lines = [f"1/2 Testing: {name}", "[ RUN      ] x"]
    for case, result in cases.items():
        wrong = ", where GetParam() = \"cuda\"" if result == "FAILED" else ""
        lines.append(f"[{' ' * 7 + 'OK' if result == 'OK' else '  ' + result} ] {case}{wrong} (3 ms)")
    return "\n".join([*lines, "[  PASSED  ] 1 test.", "Test Passed." if good else "Test Failed.", ""])


on_cpus = {"On/Values.Narrow/cpu1": "OK", "On/Values.Narrow/cpu3": "OK", "On/Values.Wide/cpu1": "OK",
           "Plain.Case": "OK", "On/Values.Narrow/cuda": "SKIPPED"}
on_device = {"On/Values.Narrow/cuda": "OK", "On/Values.Wide/cuda": "OK", "On/Values.Narrow/cpu1": "OK"}
good_logs = {"cpu.log": program("a_test", on_cpus),
             "emulated_90.log": program("a_test", on_device) + program("b_test", {"OnCuda.Case": "OK"}) +
                                program("traffic", {})}
begin = "<!-- scripts/evidence wrote this table from what ran; do not edit it -->"
end = "<!-- end of that table -->"


of_here = f"sources {sources.hash_of(sources.root)}, revision 0123456789ab, 2026-12-01 10:00 UTC\n"


class Evidence(unittest.TestCase):
    def run_evidence(self, logs, *arguments, readme=None, proofs=proofs, made_from=of_here,
                     performance="# Speed\nOn 2026-11-01.\n## First\n`evaluate_bench`: fast\n"):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "logs"))
            files = {"proofs": proofs, "README.md": "# Title\n" if readme is None else readme,
                     "performance": performance,
                     **{os.path.join("logs", name): (log if log.startswith("sources") else made_from + log)
                        for name, log in logs.items()}}
            for name, text in files.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([os.path.join(scripts, "evidence"), *arguments, "--logs", "logs", "--proofs",
                                   "proofs", "--readme", "README.md", "--performance", "performance"],
                                  cwd=folder, capture_output=True, text=True, check=False)
            with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
                self.readme = file.read()
            return done.returncode, done.stdout, done.stderr

    def rows(self, logs):
        status, said, _ = self.run_evidence(logs)
        return status, said.splitlines()[2:]

    def test_levels_are_what_ran(self):
        status, said, error = self.run_evidence(good_logs)
        self.assertEqual((status, error), (0, ""))
        self.assertEqual(said.splitlines(), [*columns, "| value | measured | counted, few | executed |",
                                             "| other | – | executed, some | – |"])

    def test_a_case_that_fails_is_skipped_or_is_not_there_takes_the_level_away(self):
        for change in ({"On/Values.Wide/cuda": "FAILED"}, {"On/Values.Wide/cuda": "SKIPPED"}):
            logs = {**good_logs, "emulated_90.log": good_logs["emulated_90.log"].replace(
                program("a_test", on_device), program("a_test", {**on_device, **change}))}
            self.assertEqual(self.rows(logs), (1, ["| value | measured | – | – |",
                                                   "| other | – | executed, some | – |"]))
        without = {name: result for name, result in on_cpus.items() if name != "Plain.Case"}
        self.assertEqual(self.rows({**good_logs, "cpu.log": program("a_test", without)})[1][0],
                         "| value | – | counted, few | executed |")

    def test_of_a_program_that_failed_nothing_counts(self):
        status, rows = self.rows({**good_logs, "cpu.log": program("a_test", on_cpus, good=False)})
        self.assertEqual((status, rows[0]), (1, "| value | – | counted, few | executed |"))

    def test_every_log_of_a_column_must_agree(self):
        failed = program("a_test", {"On/Values.Wide/cuda": "FAILED"}, good=False)
        status, rows = self.rows({**good_logs, "emulated_75.log": failed})
        self.assertEqual((status, rows[0]), (1, "| value | measured | – | – |"))

    def test_what_is_not_counted_is_executed(self):
        without = good_logs["emulated_90.log"].replace("Testing: traffic", "Testing: nosuch")
        logs = {**good_logs, "emulated_90.log": without}
        self.assertEqual(self.rows(logs), (1, ["| value | measured | executed | executed |",
                                               "| other | – | executed, some | – |"]))

    def test_a_log_of_other_sources_is_no_evidence(self):
        other = "sources 0123456789abcdef, revision fedcba987654-dirty, 2026-11-01 10:00 UTC\n"
        stale = {**good_logs, "emulated_90.log": other + good_logs["emulated_90.log"]}
        status, said, error = self.run_evidence(stale)
        self.assertEqual((status, said.splitlines()[2:]), (0, ["| value | measured |", "| other | – |"]))
        self.assertIn("not looked at: emulated_90.log, of other sources than these: revision fedcba987654-dirty, 2026-11-01",
                      error)
        for made_from, what in ((other, "of other sources"), ("", "does not say of which sources")):
            status, said, error = self.run_evidence(good_logs, "--check", made_from=made_from)
            self.assertEqual((status, said), (2, ""))
            self.assertIn(f"not looked at: cpu.log, {what}" if made_from else what, error)
            self.assertIn("no log of these sources", error.splitlines()[-1])
        self.assertEqual(self.run_evidence(stale, "--update")[0], 2)  # which wants all columns

    def test_sources_are_what_runs_and_no_prose(self):
        with tempfile.TemporaryDirectory() as folder:
            def write(name, text):
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                return sources.hash_of(folder)

            first = write("include/nabla/a.hpp", "1")
            for prose in ("README.md", "docs/performance.md", "tests/evidence.txt", "build/cpu/x.cpp", "tests/README.md",
                          "scripts/__pycache__/x.pyc", ".git/HEAD"):
                self.assertEqual(write(prose, "2"), first, prose)
            seen = {first}
            for source in ("include/nabla/a.hpp", "include/nabla/b.hpp", "tests/a_test.cpp", "kernels/a.cu",
                           "CMakeLists.txt", "scripts/test", "cmake/a.cmake", "bench/a.cpp", "host/a.cpp"):
                found = write(source, "2")
                self.assertNotIn(found, seen, source)
                seen.add(found)
            os.rename(os.path.join(folder, "host/a.cpp"), os.path.join(folder, "host/b.cpp"))
            self.assertNotIn(sources.hash_of(folder), seen)

    def test_logs_are_kept_with_what_they_are_of(self):
        """What scripts/test and .ci/run call."""
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "scripts"))
            for name in ("sources.py", "common.sh"):
                shutil.copy(os.path.join(scripts, name), os.path.join(folder, "scripts"))
            with open(os.path.join(folder, "log"), "w", encoding="utf-8") as file:
                file.write("1/2 Testing: a_test\n")
            keep = lambda change: subprocess.run(
                ["bash", "-c", "set -euo pipefail; source scripts/common.sh; sources=$(sources_now); "
                 f"{change}; keep_evidence log cpu \"$sources\""], cwd=folder, capture_output=True, text=True, check=True)
            kept = os.path.join(folder, "build/evidence/cpu.log")
            keep("true")
            with open(kept, encoding="utf-8") as file:
                self.assertRegex(file.read(), rf"^sources {sources.hash_of(folder)}, revision unknown, [-\d]+ [:\d]+ UTC\n"
                                              r"1/2 Testing: a_test\n$")
            self.assertIn("sources were changed", keep("mkdir host; echo > host/a.cpp").stderr)
            self.assertFalse(os.path.exists(kept))

    def test_measured_needs_the_benchmark_and_its_mention(self):
        for wrong in ("nosuch_bench:value/*", "bench/peers/nosuch.py"):
            status, said, error = self.run_evidence(good_logs, proofs=proofs.replace("evaluate_bench:value/*", wrong))
            self.assertEqual((status, said.splitlines()[2]), (1, "| value | tested | counted, few | executed |"))
            self.assertIn("there is no bench/", error)

    def test_measured_is_quoted_with_its_date(self):
        for page, why in (("# Speed\n## First\nOn 2026-11-01: fast\n", "performance.md does not name evaluate_bench"),
                          ("# Speed\nOn 2026-11-01\n## First\n### Other\n`evaluate_bench`\n", "does not say when evaluate_bench"),
                          ("# Speed\n## First\n`evaluate_bench`: fast\n## Second\n2026-11-01\n", "does not say when")):
            status, said, error = self.run_evidence(good_logs, performance=page)
            self.assertEqual((status, said.splitlines()[2]), (1, "| value | tested | counted, few | executed |"))
            self.assertIn(why, error)
        self.assertEqual(self.run_evidence(good_logs, performance="## First\n2026-11-01: bench/evaluate_bench 3\n")[0], 0)

    def test_a_readme_that_says_something_else_is_refused(self):
        empty = f"# Title\n\n{begin}\n{end}\nmore\n"
        self.assertEqual(self.run_evidence(good_logs, "--update", readme=empty)[0], 0)
        written = self.readme
        self.assertEqual(self.run_evidence(good_logs, "--update", readme=written)[0], 0)
        self.assertEqual(self.readme, written)
        self.assertTrue(written.startswith("# Title\n\n<!--") and written.endswith("-->\nmore\n"), written)
        self.assertEqual(self.run_evidence(good_logs, "--check", readme=written)[0], 0)
        # Without a GPU or an emulator, the rest is looked at.
        status, _, error = self.run_evidence({"cpu.log": good_logs["cpu.log"]}, "--check", readme=written)
        self.assertEqual(status, 0)
        self.assertIn("not looked at: CUDA", error)
        for wrong in (written.replace("| – | executed, some", "| tested | executed, some"),
                      written.replace("measured", "tested"), written.replace("| other ", "| another "),
                      written.replace("| other | – | executed, some | – |\n", "")):
            status, said, error = self.run_evidence(good_logs, "--check", readme=wrong)
            self.assertEqual((status, said), (1, ""))
            self.assertIn("not what ran", error)

    def test_refuses_in_one_line(self):
        for what, logs, options in (
                ("no log of these sources", {}, {}), ("expected a table between", good_logs, {"readme": "# Title\n"}),
                ("expected 'operation", good_logs, {"proofs": "operation: x\n  cpu guessed: y\n"})):
            status, said, error = self.run_evidence(logs, "--check", **options)
            self.assertEqual((status, said), (2, ""), what)
            self.assertRegex(error.splitlines()[-1], f"^evidence: .*{what}")


if __name__ == "__main__":
    unittest.main()
