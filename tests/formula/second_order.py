"""Values, gradients and Hessians of formulas by forward differentiation, in any arithmetic.

Every intermediate result is a triple (value, gradient, lower triangle of the Hessian). Operations propagate it by the
chain rule for f(a, b):

  f_i  = f_a a_i + f_b b_i
  f_ij = f_a a_ij + f_b b_ij + f_aa a_i a_j + f_ab (a_i b_j + a_j b_i) + f_bb b_i b_j

The arithmetic is a machine: mpmath's numbers (`Exact`), the same with a random error of up to 2^-52 after each operation
(`Noisy`; Monte-Carlo arithmetic: what rounding to double may do to a straightforward computation), or doubles.
"""

import math
from fractions import Fraction

import mpmath
from mpmath import mp, mpf

from formula_text import COMPARISONS

mp.dps = 60
NEAR = mpf("1e-3")  # a kink or branch point nearer than this is refused
UNARY = (
    "sqrt cbrt exp expm1 log log1p log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc abs sign"
).split()


class Refused(Exception):
    """Unfit as a test: too near to a kink, too large, too long."""


class Undefined(Refused):
    """No real finite result at this point."""


class Exact:
    pi, nan, inf = mp.pi, mp.nan, mp.inf

    def __getattr__(self, name):
        return getattr(mp, name)

    def number(self, x):
        return mpf(x)

    def cbrt(self, u):
        return mp.cbrt(u) if u >= 0 else -mp.cbrt(-u)

    def log2(self, u):
        return mp.log(u) / mp.log(2)

    def rounded(self, x):
        return x


class Noisy(Exact):
    def __init__(self, random):
        self.random = random

    def rounded(self, x):
        return x * (1 + mp.ldexp(2 * self.random() - 1, -52))


class Doubles:
    pi, nan, inf = math.pi, math.nan, math.inf

    def __getattr__(self, name):
        return getattr(math, name)

    def number(self, x):
        return float(x)

    def rounded(self, x):
        return x


class Triple:
    """A number with derivatives. constant: no variable in it. exact: its value has no rounding error in double."""

    __slots__ = ("v", "g", "h", "constant", "exact")

    def __init__(self, v, g, h, constant=False, exact=False):
        self.v, self.g, self.h, self.constant, self.exact = v, g, h, constant, exact


# ---------------------------------------------------------------------- f, f', f'' of functions of one argument


def slope_rules(m, name, u):
    """f, f', f'' at u, in forms that lose no digits to cancellation; m.rounded marks inner results that are rounded."""
    r = m.rounded
    if name == "sqrt":
        f = m.sqrt(u)
        return f, 1 / (2 * f), -1 / (4 * r(u * f))
    if name == "cbrt":
        f = m.cbrt(u)
        return f, 1 / (3 * r(f * f)), -2 / (9 * r(u * r(f * f)))
    if name == "exp":
        f = m.exp(u)
        return f, f, f
    if name == "expm1":
        return m.expm1(u), m.exp(u), m.exp(u)
    if name in ("log", "log2", "log10"):
        scale = 1 if name == "log" else m.log(m.number(2 if name == "log2" else 10))
        return getattr(m, name)(u), 1 / r(u * scale), -1 / r(r(u * u) * scale)
    if name == "log1p":
        q = r(1 + u)
        return m.log1p(u), 1 / q, -1 / r(q * q)
    if name == "sin":
        return m.sin(u), m.cos(u), -m.sin(u)
    if name == "cos":
        return m.cos(u), -m.sin(u), -m.cos(u)
    if name == "tan":
        t = m.tan(u)
        q = r(1 + r(t * t))
        return t, q, 2 * r(t * q)
    if name in ("asin", "acos"):
        sign = 1 if name == "asin" else -1
        q = r(r(1 - u) * r(1 + u))
        root = r(m.sqrt(q))
        return getattr(m, name)(u), sign / root, sign * u / r(q * root)
    if name == "atan":
        q = r(1 + r(u * u))
        return m.atan(u), 1 / q, -2 * u / r(q * q)
    if name == "sinh":
        return m.sinh(u), m.cosh(u), m.sinh(u)
    if name == "cosh":
        return m.cosh(u), m.sinh(u), m.cosh(u)
    if name == "tanh":
        t = m.tanh(u)
        c = r(m.cosh(u))
        q = r(1 / r(c * c))
        return t, q, -2 * r(t * q)
    if name in ("asinh", "acosh"):
        q = r(1 + r(u * u)) if name == "asinh" else r(r(u - 1) * r(u + 1))
        root = r(m.sqrt(q))
        return getattr(m, name)(u), 1 / root, -u / r(q * root)
    if name == "atanh":
        q = r(r(1 - u) * r(1 + u))
        return m.atanh(u), 1 / q, 2 * u / r(q * q)
    if name in ("erf", "erfc"):
        sign = 1 if name == "erf" else -1
        slope = sign * 2 / m.sqrt(m.number(m.pi)) * r(m.exp(-r(u * u)))
        return getattr(m, name)(u), slope, -2 * r(u * slope)
    if name == "abs":
        s = (u > 0) - (u < 0)
        return abs(u), m.number(s), 0
    if name == "sign":
        return m.number((u > 0) - (u < 0)), 0, 0
    raise SyntaxError(f"unknown function {name}")


def distance_to_edge(name, u):
    """How far u lies inside the domain, away from kinks and branch points; None: they do not exist."""
    if name in ("sqrt", "log", "log2", "log10"):
        return u
    if name in ("cbrt", "abs", "sign"):
        return abs(u) if u != 0 else mpf(0)
    if name == "log1p":
        return 1 + u
    if name in ("asin", "acos", "atanh"):
        return 1 - abs(u)
    if name == "acosh":
        return u - 1
    return None


def one_sided(m, name, u):
    """At the edge of a domain: the value and the one-sided limits of f' and f''; NaN outside."""
    if name in ("sqrt", "cbrt") and u == 0:
        return m.number(0), m.inf, -m.inf
    if name in ("log", "log2", "log10") and u == 0:
        return -m.inf, m.inf, -m.inf
    if name in ("asin", "acos") and abs(u) == 1:
        return getattr(m, name)(u), m.inf if name == "asin" else -m.inf, m.inf * u if name == "asin" else -m.inf * u
    if name == "acosh" and u == 1:
        return m.number(0), m.inf, -m.inf
    return m.nan, m.nan, m.nan


# ---------------------------------------------------------------------- the evaluator


class Evaluator:
    """Evaluates trees at a point. strict: refuses edges; otherwise follows the library's conventions there."""

    MOST_OPERATIONS = 400

    def __init__(self, machine, point, names=None, indexed_name=None, strict=True, watch=False):
        self.m, self.strict, self.watch = machine, strict, watch
        self.n = n = len(point)
        self.zeros, self.triangle = [0] * n, [0] * (n * (n + 1) // 2)
        self.pairs = [(i, j) for i in range(n) for j in range(i + 1)]
        self.operations = 0
        self.seen = set()  # features that the result depends on
        self.seen_in = {}  # the same for local definitions
        variables = []
        for i, x in enumerate(point):
            g = list(self.zeros)
            g[i] = machine.number(1)
            variables.append(Triple(machine.number(x), g, self.triangle))
        self.integers = {}
        self.scope = {}
        for name, value in (("pi", math.pi), ("e", math.e)):
            self.scope[name] = self.constant(value)
        if names is None:
            self.indexed, self.variables = indexed_name, variables
            self.integers["n"] = n
            self.scope["n"] = self.constant(n)
        else:
            self.indexed, self.variables = None, []
            self.scope.update(zip(names, variables))
        self.builtin = {"pi", "e"} - set(names or ())

    def constant(self, x, constant=True):
        return Triple(self.m.number(x), self.zeros, self.triangle, constant, True)

    # --- sums of products that leave out exact zeros: a zero tangent wins over an infinite slope

    def product(self, a, b):
        return 0 if a == 0 or b == 0 else self.m.rounded(a * b)

    def total(self, terms):
        result = 0
        for term in terms:
            if term != 0 or term != term:
                result = term if isinstance(result, int) and result == 0 else self.m.rounded(result + term)
        return result

    def finished(self, triple):
        self.operations += 1
        if self.operations > self.MOST_OPERATIONS and self.strict:
            raise Refused("too long")
        if self.watch:
            for x in (triple.v, *triple.g, *triple.h):
                if x != 0 and (not mp.isfinite(x) or abs(mp.mag(x)) > 200):
                    raise Refused("an intermediate result of extreme size")
        return triple

    def is_double(self, x):
        return mp.isfinite(x) and mpf(float(x)) == x

    def value(self, v, *operands):
        """The value, rounded unless doubles represent it and the operands without error."""
        exact = all(a.exact for a in operands) and self.is_double(v)
        return (v if exact else self.m.rounded(v)), exact

    def chain1(self, a, rule, exact=False):
        f, f1, f2 = rule
        r, p = self.m.rounded, self.product
        if not exact:
            f = r(f)
        f1, f2 = r(f1), r(f2)
        g = [p(f1, x) for x in a.g]
        h = [self.total((p(f1, a.h[k]), p(f2, p(a.g[i], a.g[j])))) for k, (i, j) in enumerate(self.pairs)]
        return self.finished(Triple(f, g, h, a.constant, exact))

    def chain2(self, a, b, rule):
        f, fa, fb, faa, fab, fbb = rule
        p = self.product
        f, exact = self.value(f, a, b)
        g = [self.total((p(fa, a.g[i]), p(fb, b.g[i]))) for i in range(self.n)]
        h = []
        for k, (i, j) in enumerate(self.pairs):
            mixed = self.total((p(a.g[i], b.g[j]), p(a.g[j], b.g[i])))
            h.append(
                self.total(
                    (
                        p(fa, a.h[k]),
                        p(fb, b.h[k]),
                        p(faa, p(a.g[i], a.g[j])),
                        p(fab, mixed),
                        p(fbb, p(b.g[i], b.g[j])),
                    )
                )
            )
        return self.finished(Triple(f, g, h, a.constant and b.constant, exact))

    # --- operators and functions of two arguments

    def linear(self, a, b, sign):
        v, exact = self.value(a.v + sign * b.v, a, b)
        g = [self.total((x, sign * y)) for x, y in zip(a.g, b.g)]
        h = [self.total((x, sign * y)) for x, y in zip(a.h, b.h)]
        return self.finished(Triple(v, g, h, a.constant and b.constant, exact))

    def times(self, a, b):
        return self.chain2(a, b, (a.v * b.v, b.v, a.v, 0, 1, 0))

    def over(self, a, b):
        r, m = self.m.rounded, self.m
        if self.strict and abs(b.v) < NEAR:
            raise Undefined("division by 0") if b.v == 0 else Refused("near a pole")
        if b.v == 0:
            sign = (a.v > 0) - (a.v < 0)
            f = m.inf * sign if sign else m.nan
            return self.chain2(a, b, (f, m.inf, -f, 0, -m.inf, f))
        f = a.v / b.v
        square = r(b.v * b.v)
        return self.chain2(a, b, (f, r(1 / b.v), r(-a.v / square), 0, r(-1 / square), r(2 * a.v / r(square * b.v))))

    def power(self, a, b):
        m, r = self.m, self.m.rounded
        if b.constant and b.exact and b.v == int(b.v):
            return self.integer_power(a, int(b.v))
        if self.strict and a.v < NEAR:
            raise Undefined("a power of a number that is not positive") if a.v <= 0 else Refused("near a branch point")
        if not (a.constant and b.constant):
            self.seen.add("real power" if b.constant else "variable power")
        if a.v < 0:
            integer = b.v == int(b.v)
            return self.chain2(a, b, (a.v ** int(b.v) if integer else m.nan, m.nan, m.nan, m.nan, m.nan, m.nan))
        if a.v == 0 and b.v == 0:
            return self.chain2(a, b, (m.number(1), m.nan, m.nan, m.nan, m.nan, m.nan))
        if a.v == 0:
            # 0^y for y > 0 is 0 along y; x^y (1 + y log x) and the like go to 0 for y > 1, where they are asked for.
            edge = lambda exponent, factor: m.number(0) if exponent > 0 else factor if exponent == 0 else m.inf
            mixed = m.number(0) if b.v > 1 else m.nan
            f = edge(b.v, 1)
            return self.chain2(a, b, (f, edge(b.v - 1, b.v), f, edge(b.v - 2, b.v * (b.v - 1)), mixed, f))
        log = r(m.log(a.v))
        f = a.v**b.v
        f_less = r(a.v ** (b.v - 1))
        f_least = r(a.v ** (b.v - 2))
        fb = r(f * log)
        rule = (f, r(b.v * f_less), fb, r(r(b.v * (b.v - 1)) * f_least), r(f_less * r(1 + r(b.v * log))), r(fb * log))
        return self.chain2(a, b, rule)

    def integer_power(self, a, k):
        if not a.constant:
            self.seen.add("negative integer power" if k < 0 else "integer power")
        if a.v < 0 and not a.constant:
            self.seen.add("negative base")
        if k < 0 and abs(a.v) < NEAR and self.strict:
            raise Undefined("a negative power of 0") if a.v == 0 else Refused("near a pole")

        def times(factor, j):  # repeated multiplication, with as many roundings
            if factor == 0:
                return 0
            if a.v == 0:
                return factor * self.m.inf if j < 0 else self.m.number(factor if j == 0 else 0)
            result = a.v**j
            for _ in range(max(1, abs(j) - 1)):
                result = self.m.rounded(result)
            return factor * result

        f = times(1, k)
        exact = a.exact and self.is_double(f)
        return self.chain1(a, (f, times(k, k - 1), times(k * (k - 1), k - 2)), exact)

    def hypot(self, a, b):
        r, m = self.m.rounded, self.m
        f = m.hypot(a.v, b.v)
        if self.strict and f < NEAR:
            raise Refused("near a kink")
        if f == 0:
            return self.chain2(a, b, (f, 0, 0, m.nan, m.nan, m.nan))
        x, y = r(a.v / f), r(b.v / f)  # f_aa = (1 - x^2)/f and so on, as differentiating x gives it
        rule = (f, x, y, r(r(1 / f) - r(r(x * x) / f)), r(-r(x * y) / f), r(r(1 / f) - r(r(y * y) / f)))
        return self.chain2(a, b, rule)

    def atan2(self, y, x):
        r, m = self.m.rounded, self.m
        f = m.atan2(y.v, x.v)
        square = r(r(x.v * x.v) + r(y.v * y.v))
        if self.strict and (abs(y.v) < NEAR and x.v < NEAR):
            raise Refused("near the cut")
        if square == 0:
            return self.chain2(y, x, (f, m.nan, m.nan, m.nan, m.nan, m.nan))
        fourth = r(square * square)
        twice = r(2 * r(x.v * y.v) / fourth)
        mixed = r(r(r(y.v * y.v) - r(x.v * x.v)) / fourth)
        return self.chain2(y, x, (f, r(x.v / square), r(-y.v / square), -twice, mixed, twice))

    # --- choices: nothing is rounded

    def extreme(self, arguments, sign):
        best = max(sign * a.v for a in arguments)
        if any(a.v != a.v for a in arguments):
            return self.constant(self.m.nan)
        gaps = sorted(best - sign * a.v for a in arguments)
        if self.strict and gaps[1] < NEAR:
            raise Refused("near a tie")
        tied = [a for a in arguments if sign * a.v == best]
        constant = all(a.constant for a in arguments)
        if len(tied) == 1:
            return self.finished(Triple(tied[0].v, tied[0].g, tied[0].h, constant, tied[0].exact))
        mean = lambda xs: sum(xs) / self.m.number(len(tied))
        g = [mean(xs) for xs in zip(*(a.g for a in tied))]
        h = [mean(xs) for xs in zip(*(a.h for a in tied))]
        return self.finished(Triple(tied[0].v, g, h, constant, tied[0].exact))

    def compare(self, operator, a, b):
        known = a.constant and a.exact and b.constant and b.exact
        if self.strict and not known and abs(a.v - b.v) < NEAR:
            raise Refused("near a tie")
        truth = {
            "<": a.v < b.v, "<=": a.v <= b.v, ">": a.v > b.v,
            ">=": a.v >= b.v, "==": a.v == b.v, "!=": a.v != b.v,
        }[operator]  # fmt: skip
        return self.constant(1 if truth else 0, known)

    def where(self, condition, yes, no):
        c = self.evaluate(condition)
        if self.strict and not c.exact and abs(c.v) < NEAR:
            raise Refused("near a kink")
        taken, other = (yes, no) if c.v != 0 else (no, yes)
        if self.watch and self.undefined(other):
            self.seen.add("where: the other branch undefined")
        a = self.evaluate(taken)
        return self.finished(Triple(a.v, a.g, a.h, False, a.exact))

    def undefined(self, tree):
        operations = self.operations
        try:
            self.apart(tree)
        except Undefined:
            return True
        except Refused:
            pass
        finally:
            self.operations = operations
        return False

    # --- the walk

    def integer(self, tree):
        kind = tree[0]
        if kind == "num":
            return Fraction(tree[1])
        if kind == "name":
            return Fraction(self.integers[tree[1]])
        if kind == "neg":
            return -self.integer(tree[1])
        a, b = self.integer(tree[1]), self.integer(tree[2])
        return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[kind]

    def whole(self, tree):
        result = self.integer(tree)
        if result.denominator != 1:
            raise Refused("a bound or an index that is no integer")
        return int(result)

    def repetition(self, kind, index, lowest, highest, body):
        first, last = self.whole(lowest), self.whole(highest)
        self.seen.add(kind)
        if self.inside:
            self.seen.add("nested sum or prod")
        if index_names(lowest, highest) & set(self.integers) - {"n"}:
            self.seen.add("bounds with a running index")
        if last < first:
            self.seen.add("empty " + kind)
        outer = self.scope.get(index), self.integers.get(index)
        result = None
        self.inside.append(index)
        try:
            for i in range(first, last + 1):
                self.scope[index], self.integers[index] = self.constant(i), i
                term = self.evaluate(body)
                if result is None:
                    result = term
                else:
                    result = self.linear(result, term, 1) if kind == "sum" else self.times(result, term)
        finally:
            self.inside.pop()
            for table, old in ((self.scope, outer[0]), (self.integers, outer[1])):
                table.pop(index, None)
                if old is not None:
                    table[index] = old
        return result or self.constant(0 if kind == "sum" else 1)

    def apart(self, tree):
        """The result of a subtree, and the features in it, which do not count yet."""
        outer, self.seen = self.seen, set()
        try:
            return self.evaluate(tree), self.seen
        finally:
            self.seen = outer

    def evaluate(self, tree):
        kind = tree[0]
        if kind == "num":
            return self.constant(float(tree[1]))
        if kind == "name":
            if tree[1] in self.builtin:
                self.seen.add(tree[1])
            if tree[1] in self.integers:
                self.seen.add("running index or n as a number")
            self.seen |= self.seen_in.get(tree[1], set())
            return self.scope[tree[1]]
        if kind == "index":
            i = self.whole(tree[2])
            if not 1 <= i <= self.n or tree[1] != self.indexed:
                raise IndexError(f"{tree[1]}[{i}] with n = {self.n}")
            running = index_names(tree[2]) & set(self.integers) - {"n"}
            plain = tree[2][0] in ("num", "name")
            self.seen.add(("x[i]" if plain else "x[affine in i]") if running else "x[number or n]")
            return self.variables[i - 1]
        if kind == "let":
            name = tree[1]
            definition, seen = self.apart(tree[2])
            old = self.scope.get(name), self.seen_in.get(name, set())
            self.scope[name], self.seen_in[name] = definition, seen | {"let"} | ({"let that shadows"} if old[0] else set())
            try:
                return self.evaluate(tree[3])
            finally:
                del self.scope[name], self.seen_in[name]
                if old[0]:
                    self.scope[name], self.seen_in[name] = old
        if kind in ("sum", "prod"):
            return self.repetition(*tree)
        if kind == "call":
            return self.call(tree[1], tree[2])
        if kind in ("neg", "pos"):
            a = self.evaluate(tree[1])
            if not a.constant:
                self.seen.add("unary -" if kind == "neg" else "unary +")
            if kind == "pos":
                return a
            return self.finished(Triple(-a.v, [-x for x in a.g], [-x for x in a.h], a.constant, a.exact))
        a, b = self.evaluate(tree[1]), self.evaluate(tree[2])
        if not (a.constant and b.constant):
            self.seen.add(kind)
        if kind in COMPARISONS:
            return self.compare(kind, a, b)
        if kind in ("+", "-"):
            return self.linear(a, b, 1 if kind == "+" else -1)
        return {"*": self.times, "/": self.over, "^": self.power}[kind](a, b)

    def call(self, name, arguments):
        if name == "where":
            self.seen.add("where")
            return self.where(*arguments)
        if name in ("min", "max"):
            args = [self.apart(argument) for argument in arguments]
            result = self.extreme([a for a, _ in args], 1 if name == "max" else -1)
            for a, seen in args:
                if a.v == result.v:
                    self.seen |= seen
            if not result.constant:
                self.seen.add(f"{name} of {len(args)}")
            return result
        args = [self.evaluate(argument) for argument in arguments]
        if not all(a.constant for a in args):
            self.seen.add(name)
        if name in ("atan2", "pow", "hypot"):
            return {"atan2": self.atan2, "pow": self.power, "hypot": self.hypot}[name](*args)
        (a,) = args
        edge = distance_to_edge(name, a.v)
        if self.strict and edge is not None and edge < NEAR:
            outside = edge < 0 or (edge == 0 and name in ("log", "log1p", "log2", "log10", "atanh"))
            raise Undefined(name) if outside else Refused("near a kink")
        kink = name in ("abs", "sign")
        if edge is not None and edge <= 0 and not kink:
            return self.chain1(a, one_sided(self.m, name, a.v))
        if a.v != a.v:
            return self.chain1(a, (self.m.nan, self.m.nan, self.m.nan))
        if name == "sign":
            return self.constant(slope_rules(self.m, name, a.v)[0], a.constant)
        if name == "abs":
            f, s, _ = slope_rules(self.m, name, a.v)
            by = lambda xs: [x * s if x != 0 else 0 for x in xs]
            return self.finished(Triple(f, by(a.g), by(a.h), a.constant, a.exact))
        return self.chain1(a, slope_rules(self.m, name, a.v))

    def run(self, tree):
        """(value, gradient, lower triangle of the Hessian) as lists of numbers."""
        self.inside = []
        result = self.evaluate(tree)
        return [result.v], list(result.g), list(result.h)


def index_names(*trees):
    names = set()
    for tree in trees:
        if tree[0] == "name":
            names.add(tree[1])
        elif tree[0] != "num":
            names |= index_names(*tree[1:])
    return names


def check_indices(tree, integers, n):
    """Raises IndexError if any iteration, taken or not, leaves 1...n."""
    walker = Evaluator(Doubles(), [0.0])

    def walk(tree, integers):
        walker.integers = integers
        if tree[0] == "index":
            if not 1 <= walker.whole(tree[2]) <= n:
                raise IndexError(tree)
        elif tree[0] in ("sum", "prod"):
            first, last = walker.whole(tree[2]), walker.whole(tree[3])
            for i in range(first, last + 1):
                walk(tree[4], integers | {tree[1]: i})
        elif tree[0] not in ("num", "name"):
            parts = tree[2] if tree[0] == "call" else tree[2:] if tree[0] == "let" else tree[1:]
            for part in parts:
                walk(part, integers)

    walk(tree, integers)
