"""Compares two runs of benchmarks, in Google Benchmark's JSON as scripts/bench writes it.

What a row is judged by:
- the ratio to a reference that was run in turn with it in one process (bench/paired.hpp), if the reference is none of
  the library's own code: a bare loop, or a peer. Machines change their speed by factors within minutes, which a ratio
  does not see. A ratio to the library itself (gradient to value, threads to one) says nothing here: where the reference
  becomes faster, it falls;
- its time otherwise, if both runs took place in turns. Times from different minutes are shown and decide nothing,
  unless one says that they can be trusted.

A row is slower if the U test says that such a difference would be chance with a probability below 0.05, over all rows
together (Holm 1979), and medians differ by more than a stated size. Below nine repetitions there is no verdict.
"""

import json
import re
from statistics import median

from mann_whitney import p_value

outside_references = re.compile(r"of_bare|of_bare_loop|of_scalar_loop|of_parallel_pairs|times_faster.*")
least_repetitions = 9
seconds = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


class Row:
    """The repetitions of one benchmark."""

    def __init__(self):
        self.times, self.ratios, self.ratio_name, self.error = [], [], None, None

    def add(self, entry):
        if entry.get("error_occurred"):
            self.error = entry.get("error_message", "it failed")
            return
        self.times.append(entry["real_time"] * seconds[entry.get("time_unit", "ns")])
        for name, value in entry.items():
            if outside_references.fullmatch(name):
                self.ratio_name = name
                self.ratios.append(value)


def rows_of(run):
    rows = {}
    for entry in run["benchmarks"]:
        if entry.get("run_type", "iteration") == "iteration":
            key = (entry.get("program", ""), entry.get("run_name", entry["name"]))
            rows.setdefault(key, Row()).add(entry)
    return rows


def load(path):
    """A run from a file; ValueError if it is none."""
    with open(path, encoding="utf-8") as file:
        run = json.load(file)
    if not isinstance(run, dict) or not isinstance(run.get("benchmarks"), list):
        raise ValueError("expected Google Benchmark's JSON, found no list 'benchmarks'")
    return run


def differences(old, new):
    """Of two runs' contexts, in words: what they can't be compared for, and what else should be known; "" is nothing.
    How near an operation comes to a bare loop depends on the processor and on how many threads share its memory."""
    shown = lambda context, key: context.get(key) if context.get(key) is not None else "unknown"
    told = lambda keys: ", ".join(f"{key} {shown(old, key)}, now {shown(new, key)}" for key in keys)
    known = lambda key: old.get(key) is not None and new.get(key) is not None
    differ = lambda key: known(key) and str(old[key]) != str(new[key])
    # Files of before these were recorded, or of a benchmark program itself, do not say.
    unknown = [key for key in ("processor", "threads") if not known(key)]
    return (told([key for key in ("processor", "threads") if differ(key)]),
            told(unknown + [key for key in ("compiler",) if differ(key)]))


def holm(probabilities):
    """Adjusts them so that 0.05 is the chance of any false alarm among them, and not of each."""
    adjusted, most = [0.0] * len(probabilities), 0.0
    for rank, index in enumerate(sorted(range(len(probabilities)), key=probabilities.__getitem__)):
        most = max(most, min(1.0, (len(probabilities) - rank) * probabilities[index]))
        adjusted[index] = most
    return adjusted


def judge(old, new, trust_times, size, alpha=0.05):
    """A line of results for each row that is in both runs, and for those that are not."""
    results, judged = [], []
    for key, row in new.items():
        result = {"name": "/".join(part for part in key if part), "by": "", "verdict": "new", "change": None, "p": None}
        results.append(result)
        before = old.get(key)
        if row.error:
            result.update(verdict="failed", by=row.error)
            continue
        if before is None:
            continue
        if before.error:
            result.update(verdict="new", by="it failed before")
            continue
        by_ratio = row.ratio_name is not None and row.ratio_name == before.ratio_name
        first, second = (before.ratios, row.ratios) if by_ratio else (before.times, row.times)
        old_median, new_median = median(first), median(second)
        if min(old_median, new_median) <= 0:
            result.update(by=row.ratio_name if by_ratio else "time", verdict="not measured")
            continue
        # Of the time that the same work takes, whichever way it is judged.
        change = (old_median / new_median if by_ratio else new_median / old_median) - 1
        result.update(by=row.ratio_name if by_ratio else "time", old=old_median, new=new_median, change=change,
                      p=p_value(first, second))
        if min(len(first), len(second)) < least_repetitions:
            result["verdict"] = f"fewer than {least_repetitions} repetitions"
        elif not by_ratio and not trust_times:
            result["verdict"] = "times of other minutes"
        else:
            judged.append(result)
    for result, p in zip(judged, holm([result["p"] for result in judged])):
        result["p"] = p
        large = abs(result["change"]) > size
        result["verdict"] = ("slower" if result["change"] > 0 else "faster") if large and p < alpha else "same"
    results += [{"name": "/".join(part for part in key if part), "by": "", "verdict": "gone", "change": None, "p": None}
                for key in old if key not in new]
    return results


def describe(results, size):
    width = max([len(result["name"]) for result in results], default=0)
    lines = [f"{'row':{width}}  {'change':>8}  {'p':>7}  {'verdict':8}  by"]
    for result in results:
        change = "" if result["change"] is None else f"{100 * result['change']:+.1f} %"
        p = "" if result["p"] is None else f"{result['p']:.4f}"
        medians = f": {result['old']:.4g} -> {result['new']:.4g}" if "old" in result else ""
        lines.append(f"{result['name']:{width}}  {change:>8}  {p:>7}  {result['verdict']:8}  {result['by']}{medians}")
    count = lambda verdict: sum(result["verdict"] == verdict for result in results)
    judged = count("slower") + count("faster") + count("same")
    lines.append(f"bench: {len(results)} rows, {judged} judged: {count('slower')} slower by more than {100 * size:g} "
                 f"%, {count('faster')} faster, {count('same')} the same" +
                 (f"; {count('failed')} FAILED" if count("failed") else ""))
    return "\n".join(lines)


def is_bad(results):
    return any(result["verdict"] in ("slower", "failed") for result in results)
