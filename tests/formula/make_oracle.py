#!/usr/bin/env python3
"""Writes oracle.txt: random formulas with values, gradients and Hessians to 20 digits.

Shares nothing with the library: its own parser (formula_text.py), its own second-order forward differentiation in
60-digit arithmetic (second_order.py), formulas from a fixed seed (random_formulas.py). Needs mpmath (python3-mpmath).
"""

import argparse
import math
import os
import re
import sys

from mpmath import mp, mpf

import formula_text
from formula_text import Style, parse, write
from random_formulas import FEATURES, Dice, Writer, random_point
from second_order import Doubles, Evaluator, Exact, Noisy, Refused, check_indices

HERE = os.path.dirname(os.path.abspath(__file__))
SEED, RECORDS, REPETITIONS, EACH = 20240607, 2000, 8, 40
LARGEST, WORST_ALLOWANCE, LONGEST = 10**8, mpf("1e-9"), 260
PARTS = ("value", "gradient", "hessian")
HEADER = f"""\
# Formulas with their values, gradients and Hessians, for tests of the text form. Written by make_oracle.py, seed {SEED}.
#
# {RECORDS} records, separated by blank lines; lines that begin with # are comments. UTF-8. Each line of a record is a key,
# a blank and the rest:
#
#   formula   the text, to the end of the line
#   variables names in order, separated by blanks; or instead, for x[1] ... x[n]:
#   dimension n
#   at        n coordinates, all doubles without error
#   value     number allowance
#   gradient  number allowance, n times
#   hessian   number allowance, n (n + 1) / 2 times: the lower triangle by rows, h11 h21 h22 h31 ...
#
# Numbers have 20 significant digits, from 60-digit arithmetic (trailing zeros left out). An allowance is absolute: the
# largest of {REPETITIONS} deviations seen when every intermediate result of the same computation (value, gradient and Hessian, in
# each operation) is multiplied by 1 + d, |d| <= 2^-52 at random. 0: no operation on the way rounds. At most 1e-9 of the
# largest number in its line. To be expected of a computation in double: within a small multiple (say 8) of the allowance
# plus 2^-52 of the number itself, which counts where the allowance happens to be small. Second-order forward
# differentiation in double stays within 3 of these units everywhere in this file.
#
# No record is within 1e-3 of a kink, a tie, a branch point or a pole, but branches of `where` that are not taken may be
# undefined. No intermediate result overflows, no result is above 1e8.
"""


class Record:
    def __init__(self, text, names, n, point, base="x"):
        self.text, self.names, self.n, self.point, self.base = text, names, n, point, base
        self.tree = parse(text)

    def evaluator(self, machine, **options):
        return Evaluator(machine, self.point, self.names, self.base, **options)


def textual_features(text):
    found = set()
    if "**" in text:
        found.add("**")
    if re.search(r"[-+*/] ?let ", text):
        found.add("let as an operand")
    if re.search(r"(?<![\w.])(\d+\.(?![\d])|\.\d)", text):
        found.add("number without digits on one side of the point")
    if re.search(r"(?<![\w.])(\d+\.?\d*|\.\d+)[eE]", text):
        found.add("number with an exponent")
    if not text.isascii():
        found.add("name that is not ASCII")
    return found


def candidate(wanted, *seed):
    """A random record that exercises what is wanted: (record, results, features), or None."""
    dice = Dice(*seed)
    writer = Writer(dice, wanted)
    tree = writer.tree()
    if formula_text.depth(tree) > 8:
        return None
    power = "**" if wanted == "**" or dice.chance(0.08) else "^"
    style = Style(dice.chance, power, dice.weighted({"+ -": 5, "": 2, "+ - * /": 2, "+ - * / ^": 1}))
    text = write(tree, style)
    assert parse(text) == tree, text
    found = textual_features(text)
    if len(text) > LONGEST or (wanted in ("**", "let as an operand") and wanted not in found):
        return None
    if writer.names and sum(re.search(rf"\b{name}\b", text) is None for name in writer.names) > (dice.chance(0.05)):
        return None
    record = Record(text, writer.names, writer.n, random_point(dice, writer.n), getattr(writer, "base", None))
    try:
        check_indices(tree, {"n": writer.n} if writer.names is None else {}, writer.n)
        evaluator = record.evaluator(Exact(), watch=True)
        exact = evaluator.run(tree)
        found |= evaluator.seen
        if wanted not in found or any(abs(x) > LARGEST for part in exact for x in part):
            return None
        idle = sum(x == 0 for x in exact[1])
        if idle > writer.n / 2 and dice.chance(0.7):
            return None
        if not any(exact[1]) and not dice.chance(0.05) or not any(exact[2]) and not dice.chance(0.2):
            return None
        allowances = [[mpf(0)] * len(part) for part in exact]
        for _ in range(REPETITIONS):
            noisy = record.evaluator(Noisy(dice.random)).run(tree)
            for part, seen, right in zip(allowances, noisy, exact):
                for k in range(len(part)):
                    part[k] = max(part[k], abs(seen[k] - right[k]))
    except (Refused, IndexError):
        return None
    for part, right in zip(allowances, exact):
        if max(part) > WORST_ALLOWANCE * max(abs(x) for x in right):
            return None
    return record, (exact, allowances), found


def number(x):
    text = mp.nstr(x, 20, min_fixed=-3, max_fixed=20)
    return text.removesuffix(".0").replace(".0e", "e")


def allowance(x):
    return f"{float(x):.2e}" if x else "0"


def lines(record, results):
    yield "formula " + record.text
    yield "variables " + " ".join(record.names) if record.names else f"dimension {record.n}"
    yield "at " + " ".join(repr(x).removesuffix(".0") for x in record.point)
    for part, numbers, allowed in zip(PARTS, *results):
        yield part + " " + " ".join(f"{number(x)} {allowance(a)}" for x, a in zip(numbers, allowed))


def generate(path):
    counts = dict.fromkeys(FEATURES, 0)
    texts, blocks = set(), []
    for slot in range(RECORDS):
        wanted = min(FEATURES, key=counts.get)
        attempt = 0
        while True:
            made = candidate(wanted, SEED, slot, attempt)
            attempt += 1
            if made and made[0].text not in texts:
                break
        record, results, found = made
        texts.add(record.text)
        for feature in found & set(counts):
            counts[feature] += 1
        blocks.append("\n".join(lines(record, results)))
        if sys.stderr.isatty():
            print(f"\r{slot + 1}", end="", file=sys.stderr)
    short = {feature: count for feature, count in counts.items() if count < EACH}
    if short:
        sys.exit(f"too few records exercise {short}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEADER + "\n" + "\n\n".join(blocks) + "\n")


def read(path):
    """The records of a file, with {part: [(number, allowance), ...]}."""
    fields = {}
    with open(path, encoding="utf-8") as file:
        for line in [*file, "\n"]:
            if line.startswith("#"):
                continue
            if line.strip():
                key, _, rest = line.rstrip("\n").partition(" ")
                fields[key] = rest
            elif fields:
                point = [float(x) for x in fields["at"].split()]
                names = fields["variables"].split() if "variables" in fields else None
                assert len(point) == (len(names) if names else int(fields["dimension"])), fields
                base = re.search(r"(\w+)\[", fields["formula"])
                record = Record(fields["formula"], names, len(point), point, base and base.group(1))
                parts = {}
                for part, count in zip(PARTS, (1, record.n, record.n * (record.n + 1) // 2)):
                    if part in fields:
                        words = [mpf(word) for word in fields[part].split()]
                        assert len(words) == 2 * count, fields
                        parts[part] = list(zip(words[::2], words[1::2]))
                yield record, parts
                fields = {}


def print_statistics(path):
    counts = dict.fromkeys(FEATURES, 0)
    dimensions, depths, worst = {}, {}, mpf(0)
    for record, parts in read(path):
        evaluator = record.evaluator(Exact(), watch=True)
        evaluator.run(record.tree)
        for feature in (evaluator.seen | textual_features(record.text)) & set(counts):
            counts[feature] += 1
        key = f"{record.n} variables" if record.names else f"x[1..{record.n}]"
        dimensions[key] = dimensions.get(key, 0) + 1
        depths[formula_text.depth(record.tree)] = depths.get(formula_text.depth(record.tree), 0) + 1
        for pairs in parts.values():
            worst = max(worst, max(a for _, a in pairs) / (max(abs(x) for x, _ in pairs) or 1))
    for feature, count in counts.items():
        print(f"{count:6d}  {feature}")
    print("least:", min(counts.values()), " dimensions:", dimensions, " depths:", dict(sorted(depths.items())))
    print(f"worst allowance, relative to the largest entry: {float(worst):.2e}; {os.path.getsize(path)} bytes")


# ---------------------------------------------------------------------- checks of the oracle itself


def plain(tree, scope, x=None):
    """The value alone, by mpmath's functions: what mpmath.diff differentiates."""
    kind = tree[0]
    go = lambda t: plain(t, scope, x)
    if kind == "num":
        return mpf(float(tree[1])) if "." in tree[1] or "e" in tree[1].lower() else mpf(int(tree[1]))
    if kind == "name":
        return scope[tree[1]]
    if kind == "index":
        return x[int(go(tree[2])) - 1]
    if kind == "let":
        return plain(tree[3], scope | {tree[1]: go(tree[2])}, x)
    if kind in ("sum", "prod"):
        terms = [plain(tree[4], scope | {tree[1]: mpf(i)}, x) for i in range(int(go(tree[2])), int(go(tree[3])) + 1)]
        return mp.fsum(terms) if kind == "sum" else mp.fprod(terms)
    if kind == "call" and tree[1] == "where":
        condition, yes, no = tree[2]
        return go(yes) if go(condition) else go(no)
    if kind == "call":
        u = [go(argument) for argument in tree[2]]
        special = {"pow": lambda a, b: mp.power(a, b), "min": min, "max": max, "abs": mp.fabs, "sign": mp.sign,
                   "cbrt": lambda a: mp.sign(a) * mp.root(abs(a), 3), "log2": lambda a: mp.log(a, 2),
                   "log10": lambda a: mp.log(a, 10)}  # fmt: skip
        return special.get(tree[1], getattr(mp, tree[1], None))(*u)
    if kind in ("neg", "pos"):
        return -go(tree[1]) if kind == "neg" else go(tree[1])
    a, b = go(tree[1]), go(tree[2])
    return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b, "^": lambda: mp.power(a, b),
            "<": lambda: mpf(a < b), "<=": lambda: mpf(a <= b), ">": lambda: mpf(a > b), ">=": lambda: mpf(a >= b),
            "==": lambda: mpf(a == b), "!=": lambda: mpf(a != b)}[kind]()  # fmt: skip


def check_by_differences(path, count=100, digits=15):
    """Compares a sample with mpmath.diff."""
    records = list(read(path))
    sample = records[:: len(records) // count][:count]
    worst = mpf(0)
    for record, parts in sample:

        def f(*x):
            scope = {"pi": mpf(math.pi), "e": mpf(math.e), "n": mpf(len(x))}
            if record.names:
                scope.update(zip(record.names, x))
            return plain(record.tree, scope, x)

        at = [mpf(x) for x in record.point]
        n = record.n
        order = lambda *where: tuple(sum(w == k for w in where) for k in range(n))
        partial = lambda *where: mp.diff(f, tuple(at), order(*where)) if n > 1 else mp.diff(f, at[0], len(where))
        want = {
            "value": [f(*at)],
            "gradient": [partial(i) for i in range(n)],
            "hessian": [partial(i, j) for i in range(n) for j in range(i + 1)],
        }
        for part in PARTS:
            scale = max([abs(x) for x in want[part]] + [mpf(10) ** -digits])
            error = max(abs(x - pair[0]) for x, pair in zip(want[part], parts[part])) / scale
            worst = max(worst, error)
            if not error < mpf(10) ** -digits:
                sys.exit(f"{record.text} at {record.point}: {part} {parts[part]} but mpmath.diff says {want[part]}")
    print(f"{len(sample)} records agree with mpmath.diff: {float(worst):.1e} of the largest entry, at worst")


def check_by_doubles(path):
    """The same computation in doubles: how many allowances do its errors take?"""
    ratios = []
    for record, parts in read(path):
        got = record.evaluator(Doubles()).run(record.tree)
        for part, numbers in zip(PARTS, got):
            for x, (want, allowed) in zip(numbers, parts[part]):
                slack = allowed + mpf(2) ** -53 * abs(want)
                error = abs(mpf(x) - want)
                ratios.append((float(error / slack) if error else 0.0, part, record.text))
    ratios.sort(key=lambda entry: entry[0])
    at = lambda p: ratios[int(p * (len(ratios) - 1))][0]
    print(
        f"{len(ratios)} numbers in double: errors in units of allowance + half an ulp: median {at(0.5):.2f}, "
        f"99.9 % {at(0.999):.2f}, worst {at(1):.2f} ({ratios[-1][1]} of {ratios[-1][2]})"
    )


def check_edges(path):
    """Evaluates the records that were written by hand, with the conventions at edges."""
    count = numbers = 0
    for record, parts in read(path):
        got = dict(zip(PARTS, record.evaluator(Exact(), strict=False).run(record.tree)))
        count += 1
        for part, pairs in parts.items():
            for x, (want, allowed) in zip(got[part], pairs):
                numbers += 1
                as_double = float(x)
                same = (as_double != as_double and want != want) or as_double == float(want)
                if not same and not abs(x - want) <= max(mpf("1e-19") * abs(want), mpf("5e-324")):
                    sys.exit(f"{record.text} at {record.point}: {part} {number(mpf(x))}, but by hand {number(want)}")
    print(f"{count} edge cases with {numbers} numbers agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=os.path.join(HERE, "oracle.txt"))
    parser.add_argument("--keep", action="store_true", help="do not write the file, only look at the one that is there")
    parser.add_argument("--stats", action="store_true", help="print how many records exercise each feature")
    parser.add_argument("--check", action="store_true", help="compare with mpmath.diff, with doubles, and edge_cases.txt")
    arguments = parser.parse_args()
    if not arguments.keep:
        generate(arguments.output)
    if arguments.stats:
        print_statistics(arguments.output)
    if arguments.check:
        check_by_differences(arguments.output)
        check_by_doubles(arguments.output)
        check_edges(os.path.join(HERE, "edge_cases.txt"))


if __name__ == "__main__":
    main()
