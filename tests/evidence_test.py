#!/usr/bin/env python3
"""scripts/evidence, on made-up logs: levels follow from what ran, and a README that claims more or less is refused.
Usage: evidence_test.py SCRIPTS"""

import os
import subprocess
import sys
import tempfile
import unittest

scripts = os.path.abspath(sys.argv.pop(1))
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


class Evidence(unittest.TestCase):
    def run_evidence(self, logs, *arguments, readme=None, proofs=proofs):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "logs"))
            files = {"proofs": proofs, "README.md": "# Title\n" if readme is None else readme,
                     **{os.path.join("logs", name): log for name, log in logs.items()}}
            for name, text in files.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([os.path.join(scripts, "evidence"), *arguments, "--logs", "logs", "--proofs",
                                   "proofs", "--readme", "README.md"],
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

    def test_measured_needs_the_benchmark_and_its_mention(self):
        for wrong in ("nosuch_bench:value/*", "bench/peers/nosuch.py"):
            status, said, error = self.run_evidence(good_logs, proofs=proofs.replace("evaluate_bench:value/*", wrong))
            self.assertEqual((status, said.splitlines()[2]), (1, "| value | tested | counted, few | executed |"))
            self.assertIn("there is no bench/", error)

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
                ("no log", {}, {}), ("expected a table between", good_logs, {"readme": "# Title\n"}),
                ("expected 'operation", good_logs, {"proofs": "operation: x\n  cpu guessed: y\n"})):
            status, said, error = self.run_evidence(logs, "--check", **options)
            self.assertEqual((status, said), (2, ""), what)
            self.assertRegex(error.splitlines()[-1], f"^evidence: .*{what}")


if __name__ == "__main__":
    unittest.main()
