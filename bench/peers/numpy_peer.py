"""NumPy by hand for scripts/compare_peers: gradients written down by somebody who takes care, into arrays that are there.

Two ways: whole arrays at a time, which is how it is mostly written, on one thread as NumPy is; and blocks that fit into
the caches, on as many threads as all others have (NumPy lets go of the interpreter within an operation).
"""

import concurrent.futures

import numpy as np

import worker

BLOCK = 4096


class Scratch:
    def __init__(self, count, arrays):
        self.arrays = np.empty((arrays, count))


def rosenbrock(x, value, gradient, s):
    a, b, t = s[:3, :x.shape[1]]
    np.multiply(x[0], x[0], out=t)
    np.subtract(x[1], t, out=b)
    np.subtract(1.0, x[0], out=a)
    np.multiply(b, 200.0, out=gradient[1])
    np.multiply(gradient[1], x[0], out=t)
    t += a
    np.multiply(t, -2.0, out=gradient[0])
    np.multiply(a, a, out=value)
    b *= b
    b *= 100.0
    value += b


def wave_saddle(x, value, gradient, s):
    xy, t, c = s[:3, :x.shape[1]]
    np.multiply(x[0], x[1], out=xy)
    np.sin(xy, out=t)
    np.cos(xy, out=c)
    np.multiply(x[0], xy, out=value)
    value += t
    np.multiply(xy, 2.0, out=gradient[0])
    np.multiply(c, x[1], out=t)
    gradient[0] += t
    np.add(x[0], c, out=gradient[1])
    gradient[1] *= x[0]


def ackley(x, value, gradient, s):
    n = len(x)
    root, waves, t = s[:3, :x.shape[1]]
    np.multiply(x[0], x[0], out=root)
    for i in range(1, n):
        np.multiply(x[i], x[i], out=t)
        root += t
    root /= n
    np.sqrt(root, out=root)
    waves[...] = 0
    for i in range(n):
        np.multiply(x[i], 2 * np.pi, out=t)
        np.sin(t, out=gradient[i])
        np.cos(t, out=t)
        waves += t
    waves /= n
    np.exp(waves, out=waves)
    np.multiply(root, -0.2, out=t)
    np.exp(t, out=t)
    np.multiply(t, -20.0, out=value)
    value -= waves
    value += 20 + np.e
    t *= 4.0 / n
    t /= root
    waves *= 2 * np.pi / n
    for i in range(n):
        gradient[i] *= waves
        np.multiply(x[i], t, out=root)
        gradient[i] += root


def lennard_jones(x, value, gradient, s):
    q, cube, t = s[:3, :x.shape[1]]
    np.multiply(x[0], x[0], out=q)
    for i in (1, 2):
        np.multiply(x[i], x[i], out=t)
        q += t
    np.divide(1.0, q, out=q)
    np.multiply(q, q, out=cube)
    cube *= q
    np.subtract(cube, 1.0, out=t)
    t *= cube
    np.multiply(t, 4.0, out=value)
    np.multiply(cube, -2.0, out=t)
    t += 1.0
    t *= cube
    t *= q
    t *= 24.0
    for i in range(3):
        np.multiply(x[i], t, out=gradient[i])


FUNCTIONS = {f.__name__: f for f in (rosenbrock, wave_saddle, ackley, lennard_jones)}


def variants_of(name, x):
    f = FUNCTIONS[name]
    n, count = x.shape
    value, gradient, whole = np.empty(count), np.empty((n, count)), []
    threads = worker.threads()
    pool = concurrent.futures.ThreadPoolExecutor(threads)

    def in_whole():
        if not whole:
            whole.append(np.empty((3, count)))
        f(x, value, gradient, whole[0])
        return value, gradient

    def part(k):
        scratch = np.empty((3, BLOCK))
        for begin in range(count * k // threads, count * (k + 1) // threads, BLOCK):
            end = min(begin + BLOCK, count * (k + 1) // threads)
            f(x[:, begin:end], value[begin:end], gradient[:, begin:end], scratch)

    def in_blocks():
        list(pool.map(part, range(threads)))
        return value, gradient

    return {"whole arrays, one thread": (in_whole, lambda result: result),
            "blocks, threads": (in_blocks, lambda result: result)}


if __name__ == "__main__":
    worker.serve(f"NumPy {np.__version__}", variants_of)
