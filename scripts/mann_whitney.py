"""The Mann-Whitney U test (Mann and Whitney 1947): are numbers of one sample larger than those of another?

It asks nothing of their distribution, so a few repetitions that something else disturbed do not decide. SciPy has it
too, but is not needed for benchmarks otherwise.
"""

import math

most_exact = 1000  # products of sizes; beyond them the normal distribution is within 1 % of the exact one


def u_statistic(first, second):
    """How many pairs have the larger number in `first`; equal ones count half."""
    return sum((a > b) + 0.5 * (a == b) for a in first for b in second)


def _exact(first, second):
    """Of all ways to split the pooled numbers, the shares with U no larger and no smaller than this; ties included."""
    pooled = sorted([*first, *second])
    # Twice the mean rank, which is a whole number where ranks are shared: below + up to and including + 1.
    ranks = [sum(b < a for b in pooled) + sum(b <= a for b in pooled) + 1 for a in pooled]
    ways = [{0: 1}] + [{} for _ in first]  # ways[k][s]: subsets of k numbers whose ranks add up to s
    for rank in ranks:
        for k in range(len(first), 0, -1):
            for total, count in ways[k - 1].items():
                ways[k][total + rank] = ways[k].get(total + rank, 0) + count
    observed = round(2 * u_statistic(first, second)) + len(first) * (len(first) + 1)
    below = sum(count for total, count in ways[-1].items() if total <= observed)
    above = sum(count for total, count in ways[-1].items() if total >= observed)
    every = math.comb(len(pooled), len(first))
    return below / every, above / every


def _normal(first, second):
    """The same by the normal approximation, with corrections for ties and for continuity."""
    n, m = len(first), len(second)
    pooled = [*first, *second]
    ties = sum(count**3 - count for count in (pooled.count(a) for a in set(pooled)))
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0, 1.0
    away = u_statistic(first, second) - n * m / 2
    tail = lambda z: 0.5 * math.erfc(z / math.sqrt(2))  # of the standard normal distribution, above z
    return tail((-away - 0.5) / math.sqrt(variance)), tail((away - 0.5) / math.sqrt(variance))


def p_value(first, second):
    """Two-sided: how likely the samples would be as far apart, or farther, if they were of one distribution."""
    if not first or not second:
        return 1.0
    tails = _exact(first, second) if len(first) * len(second) <= most_exact else _normal(first, second)
    return min(1.0, 2 * min(tails))
