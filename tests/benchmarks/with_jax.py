"""JAX's fit of a shape, the time that it takes to compile, and its matrix products.

Conventions
-----------
params : list of (W, b)     W : (fan_in, fan_out)    b : (fan_out,)
state : (params, m, v, t)   Adam's moments have the structure of params; t counts the steps
"""

from itertools import pairwise
from typing import Any

import numpy as np

from tests.benchmarks.networks import Shape, Task

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
STACKED = 8
"""How many batches are passed to one call of the compiled products, whose own cost is then shared."""


def fit(shape: Shape, X: np.ndarray, y: np.ndarray) -> Task:
    """The training loop that a user of JAX writes who knows it well: an epoch is one call, compiled once and kept.

    The rows' order is NumPy's: XLA sorts random numbers for it, which takes as long as many steps.
    """
    epoch = epoch_of(shape)

    def task() -> None:
        import jax.numpy as jnp

        inputs, target = jnp.asarray(X, jnp.float32), target_of(shape, y)
        state, rng = first_state(shape), np.random.default_rng(0)
        for _ in range(shape.epochs):
            state, total = epoch(state, inputs, target, rng.permutation(len(X)))
            total.item()

    return task


def target_of(shape: Shape, y: np.ndarray) -> Any:
    """0 and 1 as numbers, or the classes' indices."""
    import jax.numpy as jnp

    return jnp.asarray(y, jnp.float32 if shape.n_outputs == 1 else jnp.int32)


def compilation(shape: Shape, X: np.ndarray, y: np.ndarray) -> Task:
    """Tracing an epoch and compiling it, as the first call does."""
    import jax
    import jax.numpy as jnp

    arguments = first_state(shape), jnp.asarray(X, jnp.float32), target_of(shape, y), np.arange(len(X))

    def task() -> None:
        jax.clear_caches()
        epoch_of(shape).lower(*arguments).compile()

    return task


def first_state(shape: Shape) -> Any:
    """Uniform weights (Glorot & Bengio 2010), biases and moments of 0."""
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    params = []
    for fan_in, fan_out in pairwise((*shape.sizes[:-1], shape.n_outputs)):
        bound = np.sqrt(6.0 / (fan_in + fan_out))
        params.append((jnp.asarray(rng.uniform(-bound, bound, (fan_in, fan_out)), jnp.float32), jnp.zeros(fan_out)))
    m, v = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
    return params, m, v, jnp.zeros((), jnp.int32)


def epoch_of(shape: Shape) -> Any:
    """Return a compiled function (state, inputs, target, order) -> (state, sum of the batches' losses)."""
    import jax
    import jax.numpy as jnp

    def loss(params: Any, x: Any, target: Any) -> Any:
        for W, b in params[:-1]:
            x = jax.nn.sigmoid(x @ W + b)
        W, b = params[-1]
        raw = x @ W + b
        if shape.n_outputs == 1:
            return jnp.mean(jax.nn.softplus(raw[:, 0]) - target * raw[:, 0])
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(raw), target[:, None], axis=1))

    def step(state: Any, x: Any, target: Any) -> tuple[Any, Any]:
        params, m, v, t = state
        value, gradient = jax.value_and_grad(loss)(params, x, target)
        t = t + 1
        m = jax.tree.map(lambda m, g: BETA_1 * m + (1.0 - BETA_1) * g, m, gradient)
        v = jax.tree.map(lambda v, g: BETA_2 * v + (1.0 - BETA_2) * g * g, v, gradient)
        scale = RATE * jnp.sqrt(1.0 - BETA_2**t) / (1.0 - BETA_1**t)
        params = jax.tree.map(lambda p, m, v: p - scale * m / (jnp.sqrt(v) + EPSILON), params, m, v)
        return (params, m, v, t), value * len(x)

    def epoch(state: Any, inputs: Any, target: Any, order: Any) -> tuple[Any, Any]:
        n_whole = len(inputs) // shape.batch
        batches, rest = order[: n_whole * shape.batch].reshape(n_whole, -1), order[n_whole * shape.batch :]
        state, values = jax.lax.scan(lambda state, rows: step(state, inputs[rows], target[rows]), state, batches)
        total = values.sum()
        if len(rest):
            state, value = step(state, inputs[rest], target[rest])
            total += value
        return state, total

    return jax.jit(epoch, donate_argnums=0)


def products(shape: Shape, n_steps: int) -> Task:
    """The matrix products of `n_steps` steps, as part of a loop that is compiled whole.

    Each step has other inputs and errors: what all steps have in common would be computed once.
    """
    import jax
    import jax.numpy as jnp

    sizes, rng = shape.steps(1).sizes, np.random.default_rng(0)

    def random(*lengths: int) -> Any:
        return jnp.asarray(rng.random(lengths, dtype=np.float32))

    @jax.jit
    def steps(weights: Any, results: Any, batches: Any) -> Any:
        def step(_: Any, batch: Any) -> tuple[Any, None]:
            outputs, delta = [batch[0]], batch[1]
            for W in weights:
                outputs.append(outputs[-1] @ W)
            gradients = []
            for layer in range(len(weights) - 1, -1, -1):
                gradients.append(outputs[layer].T @ delta)
                if layer:
                    delta = delta @ weights[layer].T
            return (gradients[::-1], outputs[-1]), None

        return jax.lax.scan(step, results, batches)[0]

    weights = [random(fan_in, fan_out) for fan_in, fan_out in pairwise(sizes)]
    batches = random(STACKED, shape.batch, sizes[0]), random(STACKED, shape.batch, sizes[-1])
    nothing = [jnp.zeros_like(W) for W in weights], jnp.zeros((shape.batch, sizes[-1]))

    def task() -> None:
        found = nothing
        for _ in range(n_steps // STACKED):
            found = steps(weights, found, batches)
        jax.block_until_ready(found)

    return task
