"""Random formulas, as trees, that exercise a wanted feature."""

import random

from formula_text import COMPARISONS, parse
from second_order import UNARY, Evaluator, Doubles, Refused

FEATURES = (
    list("+-*/^") + ["unary -", "unary +"] + list(COMPARISONS) + UNARY + ["atan2", "pow", "hypot"]
    + [f"{name} of {count}" for name in ("min", "max") for count in (2, 3, 4)]
    + ["integer power", "negative integer power", "negative base", "real power", "variable power"]
    + ["where", "where: the other branch undefined", "sum", "prod", "nested sum or prod", "bounds with a running index"]
    + ["empty sum", "empty prod", "x[number or n]", "x[i]", "x[affine in i]", "running index or n as a number"]
    + ["let", "let that shadows", "let as an operand", "pi", "e", "**", "number without digits on one side of the point"]
    + ["number with an exponent", "name that is not ASCII"]
)  # fmt: skip
NAMES = "x y z t u v w p q alpha beta x1 y_2 _a Rate θ φ λ_1 größe expo".split()
LOCALS = ["r", "s", "c", "d", "tmp", "ρ"]
INDICES = ["i", "j", "k"]


class Dice:
    """Draws from random() alone, so that the stream does not depend on Python's version."""

    def __init__(self, *seed):
        self.random = random.Random(" ".join(map(str, seed))).random

    def chance(self, p):
        return self.random() < p

    def pick(self, things):
        return things[int(self.random() * len(things))]

    def integer(self, low, high):
        return low + int(self.random() * (high - low + 1))

    def weighted(self, table):
        at = self.random() * sum(table.values())
        for thing, weight in table.items():
            at -= weight
            if at < 0:
                return thing
        return thing


def spellings(value):
    """Ways to write a number that is not negative."""
    plain = repr(float(value))
    short = plain.removesuffix(".0")
    candidates = [short] * 6 + [plain, plain + "0", f"{value:.2e}"]
    if value == int(value):
        candidates += [f"{short}."] * 2 + [f"{short}e0", f"{short}E+0", "0" + short]
    elif value < 1:
        candidates += [plain[1:]] * 4 + [f"{value * 10:.10g}e-1", f"{value * 1000:.10g}E-3", f"{value * 100:.10g}e-02"]
    else:
        candidates += [f"{value / 10:.10g}e1", f"{value / 100:.10g}E+2"]
    return [c for c in candidates if float(c) == value and len(c) < 10]


class Writer:
    """Writes one random tree."""

    def __init__(self, dice, wanted):
        self.dice, self.wanted = dice, wanted
        self.indexed = wanted in ("x[number or n]", "x[i]", "x[affine in i]", "bounds with a running index") or dice.chance(0.35)
        if wanted == "name that is not ASCII":
            self.indexed = False
        if self.indexed:
            self.n = dice.integer(2, 4)
            self.base = dice.pick(["x", "x", "x", "v", "θ"])
            self.names = None
            self.environments = [{"n": self.n}]
        else:
            self.n = dice.weighted({1: 2, 2: 4, 3: 3, 4: 2})
            pool = list(NAMES)
            if wanted == "name that is not ASCII":
                pool = ["θ", "φ", "λ_1", "größe", "x", "y"]
            self.names = []
            while len(self.names) < self.n:
                name = dice.pick(pool)
                if name not in self.names:
                    self.names.append(name)
            self.environments = [{}]
        self.running, self.locals = [], []

    def tree(self):
        top = self.dice.weighted({3: 2, 4: 4, 5: 5, 6: 5, 7: 3, 8: 2})
        self.pending = self.wanted if self.wanted in FEATURES else None
        if self.wanted in ("**", "number without digits on one side of the point", "number with an exponent",
                           "name that is not ASCII", "let as an operand"):  # fmt: skip
            self.pending = {"**": "^", "let as an operand": "let as an operand"}.get(self.wanted)
        self.place = self.dice.integer(2, top)
        return self.node(top)

    # --- leaves

    def number(self, value=None):
        dice = self.dice
        if value is None:
            value = dice.weighted({dice.integer(1, 4): 5, dice.integer(1, 39) / 10: 3, dice.integer(1, 15) / 8: 2,
                                   dice.integer(1, 999) / 1000: 1})  # fmt: skip
        return ("num", dice.pick(spellings(value)))

    def index(self):
        dice = self.dice
        for _ in range(20):
            templates = ["1", "2", "n", "n-1", "n/2"]
            if self.running:
                i, j = self.running[-1], dice.pick(self.running)
                templates = [i] * 8 + [j] * 4 + [i + "+1"] * 3 + [i + "-1"] * 2 + [f"n+1-{i}", f"n-{i}", f"2*{i}-1"]
                templates += [f"2*{i}", f"{i}+{j}-1", f"{j}-{i}+1", f"1+{j}", f"n-({i}-1)", f"-{i}+n+1", "1", "n"]
            tree = parse(dice.pick(templates))
            if self.fits(tree):
                return tree
        return ("num", "1")

    def fits(self, tree):
        walker = Evaluator(Doubles(), [0.0])
        for walker.integers in self.environments:
            try:
                if not 1 <= walker.whole(tree) <= self.n:
                    return False
            except Refused:
                return False
        return True

    def leaf(self):
        dice = self.dice
        kind = dice.weighted({"variable": 14, "number": 4, "constant": 0.7, "running": 3 if self.running else 0,
                              "local": 9 if self.locals else 0})  # fmt: skip
        if kind == "number":
            return self.number()
        if kind == "constant":
            return ("name", dice.pick(["pi", "e"]))
        if kind == "running":
            return ("name", dice.pick(self.running + (["n"] if self.indexed else [])))
        if kind == "local":
            return ("name", dice.pick(self.locals))
        if self.indexed:
            return ("index", self.base, self.index())
        return ("name", dice.pick(self.names))

    # --- inner nodes

    def node(self, d):
        if self.pending and d <= self.place:
            kind, self.pending = self.pending, None
            return self.build(kind, d)
        if d <= 1 or (not self.pending and self.dice.chance(0.12)):
            return self.leaf()
        kind = self.dice.weighted(
            {"+": 13, "-": 9, "*": 13, "/": 5, "unary -": 4, "unary +": 0.3, "function": 26, "atan2": 1.2, "hypot": 1.5,
             "pow": 1.5, "integer power": 6, "real power": 1.5, "variable power": 1.5, "choice": 4, "where": 4,
             "comparison": 1, "sum": 4 if d > 2 else 0, "prod": 1.5 if d > 2 else 0, "let": 4 if d > 2 else 0}
        )  # fmt: skip
        if kind == "function":
            kind = self.dice.pick(UNARY)
        if kind == "choice":
            kind = f"{self.dice.pick(['min', 'max'])} of {self.dice.integer(2, 4)}"
        if kind == "comparison":
            kind = self.dice.pick(COMPARISONS)
        return self.build(kind, d)

    def two(self, d):
        """Two operands, written in either order, so that what is wanted lands on either side."""
        if self.dice.chance(0.5):
            a = self.node(d - 1)
            return a, self.node(d - 1)
        b = self.node(d - 1)
        return self.node(d - 1), b

    def call(self, name, *arguments):
        return ("call", name, arguments)

    def positive(self, d):
        dice = self.dice
        kind = dice.integer(0, 6) if d > 2 else 6
        if kind == 0:
            return ("+", self.number(), ("^", self.node(d - 2), ("num", "2")))
        if kind == 1:
            return ("+", self.call("abs", self.node(d - 2)), self.number())
        if kind == 2:
            return self.call("exp", self.node(d - 2))
        if kind == 3:
            return ("+", self.number(dice.integer(5, 30) / 4), self.call(dice.pick(["sin", "cos"]), self.node(d - 2)))
        if kind == 4:
            return ("*", *(self.node(d - 2),) * 2)
        return self.node(d - 1)

    def in_unit(self, d):
        dice = self.dice
        kind = dice.integer(0, 3) if d > 2 else 3
        if kind == 0:
            return ("/", self.call(dice.pick(["sin", "cos"]), self.node(d - 2)), self.number(dice.integer(5, 12) / 4))
        if kind == 1:
            return ("/", self.node(d - 2), self.number(dice.integer(4, 10)))
        if kind == 2:
            return ("*", ("num", dice.pick(["0.9", ".5", "7.5e-1"])), self.call("tanh", self.node(d - 2)))
        return self.node(d - 1)

    def above_one(self, d):
        dice = self.dice
        kind = dice.integer(0, 3) if d > 2 else 3
        if kind == 0:
            return ("+", self.number(dice.integer(5, 9) / 4), ("^", self.node(d - 2), ("num", "2")))
        if kind == 1:
            return ("+", self.number(dice.integer(9, 20) / 4), self.call(dice.pick(["sin", "cos"]), self.node(d - 2)))
        if kind == 2:
            return ("+", self.number(), self.call("cosh", self.node(d - 2)))
        return self.node(d - 1)

    def modest(self, d):
        dice = self.dice
        kind = dice.integer(0, 4) if d > 2 else 4
        if kind == 0:
            return ("/", self.node(d - 2), self.number(dice.integer(2, 5)))
        if kind == 1:
            return self.call(dice.pick(["sin", "cos", "atan"]), self.node(d - 2))
        if kind == 2:
            return ("neg", ("^", self.node(d - 2), ("num", "2")))
        return self.node(d - 1)

    def condition(self, d):
        dice = self.dice
        if self.running and dice.chance(0.3):
            i = ("name", dice.pick(self.running))
            other = [("num", "1"), ("num", "2")] + [("name", j) for j in self.running if j != i[1]]
            return (dice.pick(COMPARISONS), i, dice.pick(other + ([("name", "n")] if self.indexed else [])))
        if d > 3 and dice.chance(0.15):
            return (dice.pick("*+"), self.condition(2), self.condition(2))
        operators = COMPARISONS[:4] if dice.chance(0.85) else COMPARISONS
        return (dice.pick(operators), self.node(min(d - 1, 3)), self.number() if dice.chance(0.5) else self.leaf())

    def guarded(self, d):
        """A where that guards one branch."""
        dice = self.dice
        u = self.node(max(1, min(d - 2, 3)))
        other = self.node(d - 1)
        zero, one = ("num", dice.pick(["0", "0.", "0"])), ("num", "1")
        kind = dice.integer(0, 7)
        if kind == 0:
            condition, branch = (dice.pick([">", ">="]), u, zero), self.call(dice.pick(["log", "log2", "log10"]), u)
        elif kind == 1:
            condition, branch = (dice.pick([">", ">="]), u, zero), self.call("sqrt", u)
        elif kind == 2:
            condition, branch = ("<", self.call("abs", u), one), self.call(dice.pick(["asin", "acos", "atanh"]), u)
        elif kind == 3:
            condition, branch = (dice.pick([">", ">="]), u, one), self.call("acosh", u)
        elif kind == 4:
            condition, branch = (">", u, ("neg", one)), self.call("log1p", u)
        elif kind == 5:
            exponent = self.number(dice.pick([0.5, 1.5, 0.7, 0.3]))
            exponent = ("neg", exponent) if dice.chance(0.3) else exponent
            condition, branch = (">", u, zero), ("^", u, exponent)
        elif kind == 6:
            condition, branch = (">", u, zero), ("^", u, self.leaf())
        else:
            condition = (dice.pick(COMPARISONS[:4]), u, self.number())
            branch = dice.pick([
                ("/", u, ("-", u, u)),
                ("/", u, ("num", "0")),
                self.call("log", ("-", ("neg", ("*", u, u)), one)),
                self.call("sqrt", ("-", ("neg", one), self.call("abs", u))),
                self.call("asin", ("+", ("num", "2"), self.call("exp", u))),
                self.call("acosh", ("neg", ("^", u, ("num", "2")))),
                ("^", ("-", ("neg", one), ("*", u, u)), ("num", "1.5")),
            ])  # fmt: skip
        inverse = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
        if dice.chance(0.4):
            return self.call("where", (inverse[condition[0]], *condition[1:]), other, branch)
        return self.call("where", condition, branch, other)

    def repetition(self, kind, d, shape):
        dice = self.dice
        depth = len(self.running)
        if depth == 3:
            return self.leaf()
        index = INDICES[depth]
        if shape == "empty":
            bounds = ["2,1", "3,2"] + ([f"{self.running[-1]}+1,{self.running[-1]}"] if depth else ["1,0"])
        elif self.indexed:
            bounds = ["1,n"] * 5 + ["1,n-1"] * 3 + ["2,n", "1,2", "1,n/2", "2,n-1", "0,n-1", "1,3"]
        else:
            bounds = ["1,2", "1,3", "1,4", "0,3", "-1,1", "2,5", "0,2"]
        if depth and shape != "empty" and (dice.chance(0.4) or shape == "running"):
            i = self.running[-1]
            bounds = [f"1,{i}"] * 3 + [f"1,{i}-1", f"{i},{i}+1", f"{i}-1,{i}+1"]
            if self.indexed:
                bounds += [f"{i},n"] * 2 + [f"{i}+1,n"] * 3 + [f"1,n-{i}", f"1,n+1-{i}"]
        low, high = map(parse, dice.pick(bounds).split(","))
        walker = Evaluator(Doubles(), [0.0])
        environments = []
        for walker.integers in self.environments:
            try:
                first, last = walker.whole(low), walker.whole(high)
            except Refused:  # n/2 for odd n
                return self.node(d - 1)
            environments += [walker.integers | {index: i} for i in range(first, last + 1)]
        if len(environments) > 24:
            return self.node(d - 1)
        outer, self.environments = self.environments, environments
        self.running.append(index)
        if shape in ("nested", "running"):
            body = self.repetition(dice.pick(["sum", "sum", "prod"]), d - 1, "running" if shape == "running" else "")
        elif dice.chance(0.6):
            inner = self.node(d - 2)
            body = (dice.pick("**+-"), *dice.pick([(self.leaf(), inner), (inner, self.leaf())]))
        else:
            body = self.node(d - 1)
        self.running.pop()
        self.environments = outer
        return (kind, index, low, high, body)

    def let(self, d, shadow):
        dice = self.dice
        names = [name for name in LOCALS if name not in self.locals and name not in (self.names or ())]
        if shadow:
            names = list(self.locals) + list(self.names or []) or names
        name = dice.pick(names)
        definition = self.node(max(1, d - 2)) if dice.chance(0.7) else self.node(d - 1)
        again = name in self.locals
        if not again:
            self.locals.append(name)
        outer = self.names
        body = self.node(d - 1)
        if dice.chance(0.7):
            body = (dice.pick("+-*"), ("name", name), body) if dice.chance(0.5) else (dice.pick("+-*"), body, ("name", name))
        if not again:
            self.locals.remove(name)
        self.names = outer
        return ("let", name, definition, body)

    def build(self, kind, d):
        dice = self.dice
        d = max(d, 2)
        if kind in ("+", "-", "*", "/"):
            return (kind, *self.two(d))
        if kind in ("unary -", "unary +"):
            return ("neg" if kind == "unary -" else "pos", self.node(d - 1))
        if kind in COMPARISONS:
            compared = (kind, *self.two(min(d, 4)))
            if dice.chance(0.5):
                return self.call("where", compared, self.node(d - 1), self.node(d - 1))
            return ("*", compared, self.node(d - 1)) if dice.chance(0.7) else ("+", self.node(d - 1), compared)
        if kind in ("log", "log2", "log10", "sqrt"):
            return self.call(kind, self.positive(d))
        if kind == "log1p":
            return self.call(kind, self.positive(d) if dice.chance(0.6) else self.in_unit(d))
        if kind in ("asin", "acos", "atanh"):
            return self.call(kind, self.in_unit(d))
        if kind == "acosh":
            return self.call(kind, self.above_one(d))
        if kind in ("exp", "expm1", "sinh", "cosh", "tanh", "erf", "erfc"):
            return self.call(kind, self.modest(d))
        if kind in UNARY:
            return self.call(kind, self.node(d - 1))
        if kind in ("atan2", "hypot"):
            return self.call(kind, *self.two(d))
        if kind[:6] in ("min of", "max of"):
            return self.call(kind[:3], *(self.node(d - 1) for _ in range(int(kind[-1]))))
        if kind == "pow":
            kind = dice.pick(["pow integer power", "pow real power", "pow variable power", "pow negative integer power"])
        if kind == "^":
            kind = dice.pick(["integer power", "real power", "variable power", "negative integer power"])
        if "power" in kind or kind == "negative base":
            return self.a_power(kind, d)
        if kind == "where":
            if dice.chance(0.4):
                return self.guarded(d)
            return self.call("where", self.condition(d), self.node(d - 1), self.node(d - 1))
        if kind == "where: the other branch undefined":
            return self.guarded(d)
        if kind in ("sum", "prod"):
            return self.repetition(kind, max(d, 3), "")
        if kind in ("empty sum", "empty prod"):
            return (dice.pick("+-*"), self.repetition(kind[6:], max(d - 1, 3), "empty"), self.node(d - 1))
        if kind == "nested sum or prod":
            return self.repetition(dice.pick(["sum", "sum", "prod"]), max(d, 4), "nested")
        if kind == "bounds with a running index":
            return self.repetition(dice.pick(["sum", "sum", "prod"]), max(d, 4), "running")
        if kind in ("x[i]", "x[affine in i]", "running index or n as a number"):
            return self.repetition(dice.pick(["sum", "sum", "prod"]), max(d, 3), "")
        if kind == "x[number or n]":
            return self.leaf()
        if kind in ("let", "let that shadows"):
            return self.let(max(d, 3), kind != "let" or dice.chance(0.15))
        if kind == "let as an operand":
            return (dice.pick("+-*/"), self.node(d - 1), self.let(max(d - 1, 2), dice.chance(0.15)))
        return (dice.pick("+-*/"), *dice.pick([(("name", kind), self.node(d - 1)), (self.node(d - 1), ("name", kind))]))

    def a_power(self, kind, d):
        dice = self.dice
        function = kind.startswith("pow ")
        kind = kind.removeprefix("pow ")
        base = self.node(d - 1) if "integer" in kind or kind == "negative base" else self.positive(d)
        if kind == "variable power":
            exponent = self.node(min(d - 1, 3))
            if dice.chance(0.15):
                base = self.number()
        elif kind == "real power":
            exponent = self.number(dice.pick([0.5, 1.5, 2.5, 0.3, 1.2, 0.25, 3.7]))
            exponent = ("neg", exponent) if dice.chance(0.3) else exponent
            if dice.chance(0.1):
                exponent = parse(dice.pick(["1/3", "2/3", "-1/2", "pi", "e", "3/2"]))
        else:
            exponent = self.number(dice.weighted({2: 8, 3: 6, 4: 2, 5: 1, 6: 0.5, 1: 0.5, 0: 0.5, 7: 0.2}))
            if kind == "negative integer power":
                exponent = ("neg", self.number(dice.pick([1, 1, 2, 2, 3])))
            elif self.running and dice.chance(0.4):
                exponent = ("name", dice.pick(self.running))
            elif dice.chance(0.1):
                exponent = parse(dice.pick(["1+1", "4/2", "2*2", "5-2", "-(1-3)"]))
        return self.call("pow", base, exponent) if function else ("^", base, exponent)


def random_point(dice, n):
    kind = dice.weighted({"mixed": 6, "positive": 3, "unit": 2, "coarse": 2, "wide": 0.5})
    steps = {"mixed": (-192, 192, 64), "positive": (1, 192, 64), "unit": (-60, 60, 64), "coarse": (-6, 6, 2),
             "wide": (-80, 80, 8)}[kind]  # fmt: skip
    return [dice.integer(steps[0], steps[1]) / steps[2] for _ in range(n)]
