#!/usr/bin/env python3
"""Fits of exponential decays from text, by nabla minimize and by SciPy's curve_fit.

usage: bench/peers/fits.py NABLA [--fits 1000000] [--of-scipy 300] [--threads 2] [--rounds 5] [--json FILE]

Needs NumPy and SciPy. Both fit a exp(-b t) + c to the same 32 samples, from the same starts, to the same parameters: the
largest difference, relative to 1 + a parameter's size, is printed and must be within 1e-8 (of SciPy's with tolerances of
1e-15; it is timed with its own, 1e-8). A round is both in turn; the ratio is of the times of one fit, which for nabla
leave out what reading and writing files takes.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import scipy
from scipy.optimize import curve_fit


def decay(t, a, b, c):
    return a * numpy.exp(-b * t) + c


def slopes(t, a, b, c):
    e = numpy.exp(-b * t)
    return numpy.stack([e, -a * t * e, numpy.ones_like(t)], axis=1)


def fit_with_nabla(nabla, folder, threads):
    answer = subprocess.run(
        [nabla, "minimize", "--executor", "cpu", "--threads", str(threads), "--json", "--formula",
         "a*exp(-b*t) + c - y", "--variables", "a,b,c", "--at", "1,1,0", "--method", "levenberg-marquardt",
         "--data-column", f"t={folder}/t.npy", "--data-column", f"y={folder}/y.npy", "--relative-tolerance", "1e-8",
         "--out-x", f"{folder}/x.npy"],
        stdout=subprocess.PIPE)
    if answer.returncode not in (0, 1):  # 1: some did not converge, which is told below
        sys.exit(answer.returncode)
    return json.loads(answer.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nabla")
    parser.add_argument("--fits", type=int, default=1_000_000)
    parser.add_argument("--of-scipy", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()

    random = numpy.random.default_rng(7)
    t = numpy.linspace(0, 4, 32)
    a, b, c = (random.uniform(low, high, (options.fits, 1)) for low, high in ((1, 5), (0.5, 2), (-1, 1)))
    y = decay(t, a, b, c) + random.uniform(-0.01, 0.01, (options.fits, t.size))

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        numpy.save(folder / "t.npy", t)
        numpy.save(folder / "y.npy", y)
        some = min(options.of_scipy, options.fits)
        ratios, with_slopes, rates = [], [], []
        for _ in range(options.rounds):
            answer = fit_with_nabla(options.nabla, folder, options.threads)
            rates.append(answer["fits_per_second"])
            for jacobian, into in ((None, ratios), (slopes, with_slopes)):
                began = time.perf_counter()
                for k in range(some):
                    curve_fit(decay, t, y[k], p0=(1, 1, 0), jac=jacobian)
                into.append((time.perf_counter() - began) / some * answer["fits_per_second"])
        found = [curve_fit(decay, t, y[k], p0=(1, 1, 0), jac=slopes, ftol=1e-15, xtol=1e-15, gtol=1e-15)[0]
                 for k in range(some)]
        found = numpy.array(found)
        apart = (numpy.abs(numpy.load(folder / "x.npy")[:some] - found) / (1 + numpy.abs(found))).max()

    print(f"SciPy {scipy.__version__}, {options.fits} fits by nabla, {some} by curve_fit, {options.rounds} rounds")
    for title, numbers in (("nabla, fits a second", rates), ("curve_fit takes, times", ratios),
                           ("... with derivatives by hand", with_slopes)):
        print(f"{title:30} median {statistics.median(numbers):.4g}, {min(numbers):.4g} to {max(numbers):.4g}")
    print(f"{'parameters differ by at most':30} {apart:.2g} of 1 + their size; {answer['converged']} fits converged")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"scipy": scipy.__version__, "fits": options.fits, "fits_by_scipy": some,
                       "parameters_apart": float(apart), "converged": answer["converged"], "fits_per_second": rates,
                       "ratios": ratios, "ratios_with_slopes": with_slopes}, file)
    return 0 if apart <= 1e-8 else 1


if __name__ == "__main__":
    sys.exit(main())
