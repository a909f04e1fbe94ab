"""What NumPy's calls alone would take: the others' time / that of our steps' calls, one after the other.

The same calls as those of `fit`, in one function, the loss's apart, with every array at hand: no batches drawn, no
schedule, no layers that know each other, nothing checked, nothing around the steps. No code with a structure can be
faster. scikit-learn's time for the small shapes; for the others PyTorch's, at equal rates of the products, where it is
installed, and ours.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from tests.benchmarks import networks, peers
from tests.benchmarks.harness import HAS_TORCH, Figure, in_turns, ratio
from tests.network.pieces import LOSSES


def figures(quick: bool) -> Iterator[Figure]:
    for shape in networks.ALL:
        shape_now = shape.shorter(4) if quick else shape
        X, y = shape_now.data()
        tasks = {"calls": calls(shape_now, X.astype(np.float32))}
        if shape in networks.SMALL:
            tasks["scikit-learn"] = networks.sklearns(shape_now, X, y)
        else:
            tasks["ours"] = networks.ours(shape_now, X, y, **networks.BARE)
            if HAS_TORCH:
                tasks["PyTorch"] = peers.EAGER.fit(shape_now, X, y)
        seconds = in_turns(tasks, 3 if quick else 5)
        for name in list(tasks)[1:]:
            found = ratio(f"{name}: {shape.name}", seconds[name], seconds["calls"])
            yield at_equal_rates(found, shape, quick) if name == "PyTorch" else found


def at_equal_rates(found: Figure, shape: networks.Shape, quick: bool) -> Figure:
    """Scale PyTorch's ratio to what it would be if its products were as fast as NumPy's."""
    theirs, numpys = peers.rates(peers.EAGER, shape, quick)
    factor = theirs / numpys
    return replace(found, ratio=found.ratio * factor, low=found.low * factor, high=found.high * factor)


def calls(shape: networks.Shape, X: np.ndarray) -> networks.Task:
    sizes = shape.steps(1).sizes
    k, b = sizes[-1], shape.batch
    rng, loss = np.random.default_rng(0), LOSSES["log_loss, binary" if k == 1 else "log_loss, softmax"].loss
    X = np.column_stack([X, np.ones(len(X), np.float32)])
    Y = np.eye(k + 1, k, dtype=np.float32)[rng.integers(0, max(k, 2), len(X))].T.copy()
    order = rng.permutation(len(X))
    shapes = [(fan_in + (i == 0), fan_out) for i, (fan_in, fan_out) in enumerate(pairwise(sizes))]
    n_weights, n_biases = sum(fan_in * fan_out for fan_in, fan_out in shapes), sum(sizes[2:])
    theta, g, m, v = (rng.normal(0.0, 0.1, n_weights + n_biases).astype(np.float32) ** p for p in (1, 1, 1, 2))

    def views(flat: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        W = np.split(flat[:n_weights], np.cumsum([fan_in * fan_out for fan_in, fan_out in shapes[::-1]])[:-1])[::-1]
        biases = np.split(flat[n_weights:], np.cumsum(sizes[2:])[:-1])
        return [block.reshape(s) for block, s in zip(W, shapes, strict=True)], biases

    (W, bias), (dW, dbias) = views(theta), views(g)
    batch, target, ones = np.empty((b, sizes[0] + 1), np.float32), np.empty((k, b), np.float32), np.ones(b, np.float32)
    a, delta = ([np.empty((b, size), np.float32) for size in sizes[1:-1]] for _ in range(2))
    raw = np.empty((k, b), np.float32).T
    w, gw = theta[:n_weights], g[:n_weights]
    half, beta_1, beta_2, epsilon = (np.array(number, np.float32) for number in (0.5, 0.9, 0.999, 1e-7))
    inner, last = range(1, len(sizes) - 2), len(sizes) - 2

    def squash(z: np.ndarray) -> None:
        np.multiply(z, half, z)
        np.tanh(z, z)
        np.multiply(z, half, z)
        np.add(z, half, z)

    def slope(a: np.ndarray, delta: np.ndarray) -> None:
        np.multiply(delta, a, delta)
        np.multiply(a, delta, a)
        np.subtract(delta, a, delta)

    def step(start: int) -> None:
        nonlocal m, v, g, theta, gw, raw
        rows = order[start : start + b]
        X.take(rows, 0, batch, "clip")
        Y.take(rows, 1, target, "clip")
        batch.dot(W[0], a[0])
        squash(a[0])
        for i in inner:
            a[i - 1].dot(W[i], a[i])
            np.add(a[i], bias[i - 1], a[i])
            squash(a[i])
        W[last].T.dot(a[-1].T, raw.T)
        raw += bias[-1]
        losses, _ = loss.joint(raw, target.T)  # raw becomes the gradient
        losses.dot(ones)
        raw *= 1.0 / b
        a[-1].T.dot(raw, dW[last])
        ones.dot(raw, dbias[-1])
        raw.dot(W[last].T, delta[-1])
        for i in reversed(inner):
            slope(a[i], delta[i])
            a[i - 1].T.dot(delta[i], dW[i])
            ones.dot(delta[i], dbias[i - 1])
            delta[i].dot(W[i].T, delta[i - 1])
        slope(a[0], delta[0])
        batch.T.dot(delta[0], dW[0])
        gw += 1e-8 * w
        np.dot(w, w)
        m *= beta_1
        m += g
        g *= g
        v *= beta_2
        v += g
        np.sqrt(v, out=g)
        g += epsilon
        np.divide(m, g, out=g)
        g *= 1e-9
        theta -= g

    def task() -> None:
        for _ in range(shape.epochs):
            for start in range(0, shape.rows - b + 1, b):
                step(start)

    return task
