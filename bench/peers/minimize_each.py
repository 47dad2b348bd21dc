#!/usr/bin/env python3
"""Many descents: nabla minimize against SciPy's BFGS in a loop and BFGS batched in JAX and PyTorch.

    python3 bench/peers/minimize_each.py --nabla build/cpu/nabla [--starts 1000000] [--rounds 5] [--json FILE]

Two-dimensional Rosenbrock from uniform starts in [-2, 2]^2, until the gradient's norm is at most 1e-8, in f64. All in one
process's run, in turns; each round tells its own ratios, the summary their medians. Every answer is checked: norms of
gradients recomputed here, and distances from (1, 1).

JAX is given two programs, and the faster one counts: jax.scipy.optimize.minimize(method="BFGS") under vmap, and a
batched BFGS of our own with backtracking by selection, both in chunks of several sizes, since a batch waits for its
slowest member. Compilation is not counted. PyTorch is given the second of them, in which a turn is one call of
torch.compile's code, and as it is. Those that are not installed are skipped, which is said.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

TOLERANCE = 1e-8


def gradient_norms(x):
    a = x[:, 1] - x[:, 0] ** 2
    g0 = -400 * x[:, 0] * a - 2 * (1 - x[:, 0])
    g1 = 200 * a
    return np.hypot(g0, g1)


def describe_answer(x):
    norms = gradient_norms(x)
    return (f"{np.mean(norms <= TOLERANCE):.4%} within the tolerance, largest distance from (1, 1) "
            f"{np.max(np.abs(x - 1)):.1e}")


def run_nabla(program, starts, threads):
    with tempfile.TemporaryDirectory() as folder:
        points, out = os.path.join(folder, "starts.npy"), os.path.join(folder, "x.npy")
        np.save(points, starts)
        done = subprocess.run(
            [program, "minimize", "--function", "rosenbrock", "--points", points, "--method", "bfgs",
             "--gradient-tolerance", str(TOLERANCE), "--threads", str(threads), "--executor", "cpu", "--out-x", out,
             "--json"], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        return json.loads(done.stdout)["seconds"], np.load(out)


def run_scipy(starts):
    from scipy.optimize import minimize, rosen, rosen_der

    begun = time.perf_counter()
    x = np.array([minimize(rosen, start, jac=rosen_der, method="BFGS", options={"gtol": TOLERANCE, "norm": 2}).x
                  for start in starts])
    return time.perf_counter() - begun, x


def jax_programs():
    import jax
    import jax.numpy as jnp
    from jax.scipy.optimize import minimize

    jax.config.update("jax_enable_x64", True)

    def f(x):
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    @jax.jit
    def library(starts):
        return jax.vmap(lambda x: minimize(f, x, method="BFGS", tol=TOLERANCE).x)(starts)

    both = jax.vmap(jax.value_and_grad(f))
    eye = jnp.eye(2)

    # One evaluation a turn: a trial is taken where Armijo's condition holds, and else halved.
    @jax.jit
    def batched(starts):
        def turn(state):
            x, value, g, h, p, t, turns = state
            trial = x + t[:, None] * p
            value_there, g_there = both(trial)
            slope = jnp.sum(p * g, 1)
            level = (jnp.abs(t * slope) <= 1e-15 * jnp.abs(value)) & (value_there <= value * (1 + 1e-15))
            good = (value_there <= value + 1e-4 * t * slope) | level
            good &= jnp.sum(g * g, 1) > TOLERANCE**2
            s, y = trial - x, g_there - g
            sy = jnp.sum(s * y, 1)
            rho = jnp.where(sy > 0, 1 / sy, 0.0)
            left = eye - rho[:, None, None] * s[:, :, None] * y[:, None, :]
            h_next = jnp.einsum("kij,kjl,kml->kim", left, h, left) + rho[:, None, None] * s[:, :, None] * s[:, None, :]
            h = jnp.where((good & (sy > 0))[:, None, None], h_next, h)
            x = jnp.where(good[:, None], trial, x)
            g = jnp.where(good[:, None], g_there, g)
            value = jnp.where(good, value_there, value)
            p = jnp.where(good[:, None], -jnp.einsum("kij,kj->ki", h, g), p)
            t = jnp.where(good, 1.0, 0.5 * t)
            return x, value, g, h, p, t, turns + 1

        def goes_on(state):
            return jnp.any(jnp.sum(state[2] ** 2, 1) > TOLERANCE**2) & (state[6] < 1000)

        value, g = both(starts)
        h = jnp.broadcast_to(eye, (starts.shape[0], 2, 2))
        t = jnp.minimum(1.0, 1 / jnp.sqrt(jnp.sum(g * g, 1)))
        return jax.lax.while_loop(goes_on, turn, (starts, value, g, h, -g, t, 0))[0]

    def in_chunks(program, size):
        def run(starts):
            pieces = [jnp.asarray(starts[k:k + size]) for k in range(0, len(starts), size)]
            program(pieces[0]).block_until_ready()
            if len(pieces[-1]) != len(pieces[0]):
                program(pieces[-1]).block_until_ready()
            begun = time.perf_counter()
            found = [program(piece) for piece in pieces]
            for piece in found:
                piece.block_until_ready()
            return time.perf_counter() - begun, np.concatenate([np.asarray(piece) for piece in found])

        return run

    return {f"JAX, {name}, {size} at a time": in_chunks(program, size)
            for name, program in (("batched by hand", batched), ("jax.scipy.optimize", library))
            for size in (1_000, 10_000, 100_000)}


def torch_programs(threads):
    import torch

    torch.set_num_threads(threads)

    # A turn of the batched BFGS above; in components, since products of two by two matrices are too small for calls.
    def turn(x, y, value, gx, gy, hxx, hxy, hyy, px, py, t):
        nx, ny = x + t * px, y + t * py
        a, b = ny - nx * nx, 1 - nx
        there = 100 * a * a + b * b
        mx, my = -400 * nx * a - 2 * b, 200 * a
        slope = px * gx + py * gy
        level = ((t * slope).abs() <= 1e-15 * value.abs()) & (there <= value * (1 + 1e-15))
        good = ((there <= value + 1e-4 * t * slope) | level) & (gx * gx + gy * gy > TOLERANCE**2)
        sx, sy, yx, yy = nx - x, ny - y, mx - gx, my - gy
        along = sx * yx + sy * yy
        learns = good & (along > 0)
        rho = torch.where(along > 0, 1 / along, 0.0)
        ux, uy = hxx * yx + hxy * yy, hxy * yx + hyy * yy
        scale = (1 + rho * (yx * ux + yy * uy)) * rho
        hxx = torch.where(learns, hxx - 2 * rho * sx * ux + scale * sx * sx, hxx)
        hxy = torch.where(learns, hxy - rho * (sx * uy + sy * ux) + scale * sx * sy, hxy)
        hyy = torch.where(learns, hyy - 2 * rho * sy * uy + scale * sy * sy, hyy)
        x, y, value = torch.where(good, nx, x), torch.where(good, ny, y), torch.where(good, there, value)
        gx, gy = torch.where(good, mx, gx), torch.where(good, my, gy)
        px, py = torch.where(good, -(hxx * gx + hxy * gy), px), torch.where(good, -(hxy * gx + hyy * gy), py)
        return x, y, value, gx, gy, hxx, hxy, hyy, px, py, torch.where(good, 1.0, 0.5 * t)

    def in_chunks(one_turn, size):
        def descend(starts):
            x, y = starts[:, 0].contiguous(), starts[:, 1].contiguous()
            a, b = y - x * x, 1 - x
            gx, gy, one = -400 * x * a - 2 * b, 200 * a, torch.ones_like(x)
            t = torch.minimum(one, 1 / torch.sqrt(gx * gx + gy * gy))
            state = (x, y, 100 * a * a + b * b, gx, gy, one, torch.zeros_like(x), one, -gx, -gy, t)
            turns, between_looks = 0, 4
            while turns < 1000 and bool((state[3] ** 2 + state[4] ** 2 > TOLERANCE**2).any()):
                for _ in range(between_looks):
                    state = one_turn(*state)
                turns += between_looks
            return torch.stack(state[:2], 1)

        def run(starts):
            pieces = [torch.from_numpy(np.ascontiguousarray(starts[k:k + size])) for k in range(0, len(starts), size)]
            with torch.no_grad():
                descend(pieces[0])
                if len(pieces[-1]) != len(pieces[0]):
                    descend(pieces[-1])
                begun = time.perf_counter()
                found = [descend(piece) for piece in pieces]
                return time.perf_counter() - begun, torch.cat(found).numpy()

        return run

    return {f"PyTorch, {name}, {size} at a time": in_chunks(one_turn, size)
            for name, one_turn in (("torch.compile", torch.compile(turn, dynamic=False)), ("eager", turn))
            for size in (1_000, 10_000, 100_000)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nabla", required=True)
    parser.add_argument("--starts", type=int, default=1_000_000)
    parser.add_argument("--scipy-starts", type=int, default=300)
    parser.add_argument("--jax-starts", type=int, default=100_000, help="of JAX and PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    starts = np.random.default_rng(7).uniform(-2, 2, (options.starts, 2))
    runs = {"nabla": (lambda s: run_nabla(options.nabla, s, options.threads), options.starts)}
    try:
        import scipy  # noqa: F401
        runs["SciPy BFGS in a loop"] = (run_scipy, options.scipy_starts)
    except ImportError:
        print("skipped: SciPy is not there")
    try:
        runs |= {name: (run, options.jax_starts) for name, run in jax_programs().items()}
    except ImportError:
        print("skipped: JAX is not there")
    try:
        runs |= {name: (run, options.jax_starts) for name, run in torch_programs(options.threads).items()}
    except ImportError:
        print("skipped: PyTorch is not there")
    per_start = {name: [] for name in runs}
    wrong = set()
    for turn in range(options.rounds):
        for name, (run, count) in runs.items():
            seconds, x = run(starts[:count])
            per_start[name].append(seconds / min(count, len(starts)))
            if turn == 0:
                print(f"{name}: {describe_answer(x)}", flush=True)
                if np.mean(gradient_norms(x) <= TOLERANCE) < 0.99:
                    wrong.add(name)
    ours = np.array(per_start["nabla"])
    rows = []
    for name, all_seconds in per_start.items():
        ratios = np.array(all_seconds) / ours
        print(f"{name}: {np.median(all_seconds) * 1e9:.4g} ns a start; {np.median(ratios):.4g} times nabla's "
              f"({ratios.min():.4g} to {ratios.max():.4g})" + ("; does not count, its answers are wrong" * (name in wrong)))
        rows.append({"name": name, "seconds_per_start": all_seconds, "ratios": ratios.tolist(), "counts": name not in wrong})
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file)
    return 1 if "nabla" in wrong else 0


if __name__ == "__main__":
    sys.exit(main())
