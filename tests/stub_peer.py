#!/usr/bin/env python3
"""A peer of scripts/compare_peers for its test, without NumPy: Rosenbrock's function of two variables.

usage: stub_peer.py [wrong-derivative | wrong-nan | short | refuses | dies]     what is to go wrong
"""

import array
import math
import sys
import time

fault = sys.argv[1] if len(sys.argv) > 1 else ""


def say(*words):
    print("\t".join(words), flush=True)


def answers(x, count, stride):
    for p in range(0, count, stride):
        a, b = 1 - x[p], x[count + p] - x[p] ** 2
        value, gradient = a * a + 100 * b * b, [-2 * a - 400 * x[p] * b, 200 * b]
        late = p > count // 2
        if fault == "wrong-derivative" and late:
            gradient[1] *= 1 + 1e-7
        if fault == "wrong-nan" and late:
            value = math.nan
        yield from (value, *gradient)


say("ready", "stub")
for line in sys.stdin:
    command, *words = line.rstrip("\n").split("\t")
    if command == "case":
        x, count = array.array("d"), int(words[3])
        with open(words[1], "rb") as file:
            x.frombytes(file.read())
        if len(x) != 2 * count:
            say("error", f"{len(x)} numbers for {count} points")
        else:
            say("variants", "slow", "slower")
    elif command == "answers":
        numbers = array.array("d", answers(x, count, int(words[2])))
        with open(words[1], "wb") as file:
            (numbers[:-3] if fault == "short" else numbers).tofile(file)
        say("written")
    elif fault == "refuses" and words[0] == "slower":
        say("error", "not today")
    elif fault == "dies" and command == "run":
        sys.exit("it was too much")
    else:
        begun = time.perf_counter()
        time.sleep(0.02 if words[0] == "slow" else 0.04)
        say("seconds", str(time.perf_counter() - begun))
