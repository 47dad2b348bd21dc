"""PyTorch for scripts/compare_peers: torch.func's vmap(grad_and_value), eager and compiled, and autograd of the sum."""

import math

import numpy as np
import torch
from torch.func import grad_and_value, vmap

import worker

torch.set_num_threads(worker.threads())


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def wave_saddle(x):
    return x[0] ** 2 * x[1] + torch.sin(x[0] * x[1])


def ackley(x):
    return (-20 * torch.exp(-0.2 * torch.sqrt((x**2).mean(0))) - torch.exp(torch.cos(2 * math.pi * x).mean(0))
            + 20 + math.e)


def lennard_jones(x):
    q = 1 / (x[0] ** 2 + x[1] ** 2 + x[2] ** 2)
    return 4 * (q**6 - q**3)


FUNCTIONS = {f.__name__: f for f in (rosenbrock, wave_saddle, ackley, lennard_jones)}


def variants_of(name, x):
    f = FUNCTIONS[name]
    n, count = x.shape
    columns = torch.from_numpy(x)
    given = {}

    def rows():
        if "rows" not in given:
            given["rows"] = torch.from_numpy(np.ascontiguousarray(x.T))
        return given["rows"]

    by_rows = vmap(grad_and_value(f))
    by_columns = vmap(grad_and_value(f), in_dims=1, out_dims=(1, 0))
    compiled_rows = torch.compile(by_rows, dynamic=False)
    compiled_columns = torch.compile(by_columns, dynamic=False)

    def fill(points, value, gradient):
        slopes, values = by_columns(points)
        value.copy_(values)
        gradient.copy_(slopes)

    compiled_fill = torch.compile(fill, dynamic=False)

    def filled():
        if "results" not in given:
            given["results"] = torch.empty(count, dtype=torch.float64), torch.empty_like(columns)
        value, gradient = given["results"]
        compiled_fill(columns, value, gradient)
        return gradient, value

    def of_sum():
        points = columns.detach().requires_grad_()
        value = f(points)
        return torch.autograd.grad(value.sum(), points)[0], value.detach()

    def from_columns(result):
        return result[1].numpy(), result[0].numpy()

    def from_rows(result):
        return result[1].numpy(), result[0].numpy().T

    return {
        "(count, n)": (lambda: by_rows(rows()), from_rows),
        "(n, count)": (lambda: by_columns(columns), from_columns),
        "autograd of the sum, (n, count)": (of_sum, from_columns),
        "compiled, (count, n)": (lambda: compiled_rows(rows()), from_rows),
        "compiled, (n, count)": (lambda: compiled_columns(columns), from_columns),
        "compiled, into tensors that are there": (filled, from_columns),
    }


if __name__ == "__main__":
    worker.serve(f"PyTorch {torch.__version__}", variants_of)
