#!/usr/bin/env python3
"""Writes smooth.txt: random formulas that are smooth wherever they are finite, for gradient checks.

As make_oracle.py, with another seed, and without the functions that have corners, jumps or cusps. Needs mpmath
(python3-mpmath).
"""

import os
import re

from make_oracle import candidate
from random_formulas import FEATURES

HERE = os.path.dirname(os.path.abspath(__file__))
SEED, RECORDS = 20261123, 2000
NOT_SMOOTH = re.compile(r"abs|sign|min\(|max\(|where|cbrt|hypot|[<>]|==|!=")
HEADER = f"""\
# Formulas that are smooth wherever they are finite, with a point each, as in oracle.txt. Written by make_smooth.py, seed
# {SEED}: {RECORDS} records.
"""


SMOOTH = [feature for feature in FEATURES if not NOT_SMOOTH.search(feature) and feature not in ("min", "max")]


def main():
    found, attempt = [], 0
    while len(found) < RECORDS:
        made = candidate(SMOOTH[attempt % len(SMOOTH)], SEED, attempt)
        attempt += 1
        if made is None or NOT_SMOOTH.search(made[0].text):
            continue
        record = made[0]
        of = f"dimension {record.n}" if record.names is None else f"variables {' '.join(record.names)}"
        at = " ".join(repr(float(x)) for x in record.point)
        found.append(f"\nformula {record.text}\n{of}\nat {at}\n")
    with open(os.path.join(HERE, "smooth.txt"), "w", encoding="utf-8") as file:
        file.write(HEADER + "".join(found))


if __name__ == "__main__":
    main()
