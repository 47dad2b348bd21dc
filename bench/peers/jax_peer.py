"""JAX for scripts/compare_peers: jit(vmap(value_and_grad(f))), for each way to lay points out that suits somebody."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

import worker

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def wave_saddle(x, y):
    return x**2 * y + jnp.sin(x * y)


def ackley(*x):
    n = len(x)
    return (-20 * jnp.exp(-0.2 * jnp.sqrt(sum(v * v for v in x) / n))
            - jnp.exp(sum(jnp.cos(2 * jnp.pi * v) for v in x) / n) + 20 + jnp.e)


def ackley_of_vector(x):
    return (-20 * jnp.exp(-0.2 * jnp.sqrt(jnp.mean(x**2))) - jnp.exp(jnp.mean(jnp.cos(2 * jnp.pi * x))) + 20 + jnp.e)


def lennard_jones(x, y, z):
    q = 1 / (x * x + y * y + z * z)
    return 4 * (q**6 - q**3)


FUNCTIONS = {f.__name__: f for f in (rosenbrock, wave_saddle, ackley, lennard_jones)}


def variants_of(name, x):
    f = FUNCTIONS[name]
    n, count = x.shape
    of_vector = ackley_of_vector if f is ackley else (lambda v: f(*v))
    given, made = {}, {}

    def points(layout):  # made when a variant first needs them: they take memory
        if layout not in given:
            given[layout] = {"rows": lambda: jnp.asarray(np.ascontiguousarray(x.T)), "columns": lambda: jnp.asarray(x),
                             "apart": lambda: tuple(jnp.asarray(one) for one in x)}[layout]()
        return given[layout]

    by_rows = jax.jit(jax.vmap(jax.value_and_grad(of_vector)))
    by_columns = jax.jit(jax.vmap(jax.value_and_grad(of_vector), in_axes=1, out_axes=(0, 1)))
    each = jax.vmap(jax.value_and_grad(f, argnums=tuple(range(n))))
    apart = jax.jit(each)

    # The results go to where the last ones were.
    @functools.partial(jax.jit, donate_argnums=0)
    def again(old, xs):
        return each(*xs)

    def donated():
        old = made.pop("old", None)
        if old is None:
            old = jnp.zeros(count), tuple(jnp.zeros(count) for _ in range(n))
        made["old"] = jax.block_until_ready(again(old, points("apart")))
        return made["old"]

    def in_one(result):
        return np.asarray(result[0]), np.stack([np.asarray(one) for one in result[1]])

    return {
        "(count, n)": (lambda: jax.block_until_ready(by_rows(points("rows"))), lambda r: (r[0], np.asarray(r[1]).T)),
        "(n, count)": (lambda: jax.block_until_ready(by_columns(points("columns"))), lambda r: r),
        "components apart": (lambda: jax.block_until_ready(apart(*points("apart"))), in_one),
        "components apart, donated results": (donated, in_one),
    }


if __name__ == "__main__":
    worker.serve(f"JAX {jax.__version__}", variants_of)
