"""CasADi for scripts/compare_peers: f and its gradient in one Function, mapped over all points, interpreted and as C.

Points and results are handed over by CasADi's buffers, without copies. Its packages on PyPI are built without OpenMP,
so that map(…, "openmp") would be serial: "thread" it is.
"""

import os
import subprocess
import tempfile

import casadi
import numpy as np

import worker


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def wave_saddle(x):
    return x[0] ** 2 * x[1] + casadi.sin(x[0] * x[1])


def ackley(x):
    n = x.numel()
    return (-20 * casadi.exp(-0.2 * casadi.sqrt(casadi.sumsqr(x) / n))
            - casadi.exp(casadi.sum1(casadi.cos(2 * casadi.pi * x)) / n) + 20 + np.e)


def lennard_jones(x):
    q = 1 / casadi.sumsqr(x)
    return 4 * (q**6 - q**3)


FUNCTIONS = {f.__name__: f for f in (rosenbrock, wave_saddle, ackley, lennard_jones)}


def variants_of(name, x):
    n, count = x.shape
    threads = worker.threads()
    variables = casadi.SX.sym("x", n)
    value = FUNCTIONS[name](variables)
    f = casadi.Function("f", [variables], [value, casadi.gradient(value, variables)])
    points = np.ascontiguousarray(x.T)
    values, gradients = np.empty(count), np.empty((count, n))
    folder = tempfile.TemporaryDirectory()
    ready = {}

    def call(key, make):
        if key not in ready:
            buffer, trigger = make().buffer()
            buffer.set_arg(0, memoryview(points))
            buffer.set_res(0, memoryview(values))
            buffer.set_res(1, memoryview(gradients))
            ready[key] = buffer, trigger
        ready[key][1]()
        return values, gradients

    def mapped(how):
        return lambda: call(how, lambda: f.map(count, *how)), lambda result: (result[0], result[1].T)

    def as_c():
        each = count // threads
        if each * threads != count:
            raise ValueError(f"the number of points is no multiple of {threads}")
        # C is written to the working directory.
        previous = os.getcwd()
        os.chdir(folder.name)
        try:
            part = f.map(each)
            part.generate("generated.c")
            subprocess.run(["gcc", "-O3", "-march=native", "-fPIC", "-shared", "generated.c", "-o", "generated.so", "-lm"],
                           check=True, stdout=subprocess.DEVNULL)
        finally:
            os.chdir(previous)
        return casadi.external(part.name(), os.path.join(folder.name, "generated.so")).map(threads, "thread", threads)

    return {
        "map, one thread": mapped(()),
        "map, threads": mapped(("thread", threads)),
        # Each thread has one call, of C that loops over its points.
        "generated C, threads": (lambda: call("c", as_c), lambda result: (result[0], result[1].T)),
    }


if __name__ == "__main__":
    worker.serve(f"CasADi {casadi.__version__}", variants_of)
