"""What NumPy's calls alone would take: scikit-learn's time / that of our steps' calls, one after the other.

The same calls as those of `fit` at the small shapes, in one function, the loss's apart, with every array at hand: no
batches drawn, no schedule, no layers to loop over, nothing checked, nothing around the steps. No code with a structure
can be faster.
"""

from collections.abc import Iterator

import numpy as np

from sknet._network.losses import SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS
from tests.benchmarks import networks
from tests.benchmarks.harness import Figure, in_turns, ratio


def figures(quick: bool) -> Iterator[Figure]:
    for shape in networks.SMALL:
        shape = shape.shorter(4) if quick else shape
        X, y = shape.data()
        tasks = {"scikit-learn": networks.sklearns(shape, X, y), "calls": calls(shape, X.astype(np.float32))}
        seconds = in_turns(tasks, 3 if quick else 5)
        yield ratio(shape.name, seconds["scikit-learn"], seconds["calls"])


def calls(shape: networks.Shape, X: np.ndarray) -> networks.Task:
    d, h, n_classes = shape.sizes
    k, b = 1 if n_classes == 2 else n_classes, shape.batch
    rng, loss = np.random.default_rng(0), SIGMOID_LOG_LOSS if k == 1 else SOFTMAX_LOG_LOSS
    X = np.column_stack([X, np.ones(len(X), np.float32)])
    Y = np.eye(k + 1, k, dtype=np.float32)[rng.integers(0, max(k, 2), len(X))].T.copy()
    rows = rng.permutation(len(X))[:b]
    second, n_weights = h * k, h * k + d * h
    theta, g, m, v = (rng.normal(0.0, 0.1, n_weights + h + k).astype(np.float32) ** p for p in (1, 1, 1, 2))
    (W2, W1, b2), (G2, G1, g2) = (
        (p[:second].reshape(h, k), p[second : n_weights + h].reshape(d + 1, h), p[-k:]) for p in (theta, g)
    )
    batch, z, delta = (np.empty((b, size), np.float32) for size in (d + 1, h, h))
    target, raw, ones = np.empty((k, b), np.float32), np.empty((k, b), np.float32).T, np.ones(b, np.float32)
    w, gw = theta[:n_weights], g[:n_weights]
    half, beta_1, beta_2, epsilon = (np.array(number, np.float32) for number in (0.5, 0.9, 0.999, 1e-7))

    def step() -> None:
        nonlocal z, raw, delta, m, v, g, theta, gw
        X.take(rows, 0, batch, "clip")
        Y.take(rows, 1, target, "clip")
        batch.dot(W1, z)
        z *= half
        np.tanh(z, out=z)
        z *= half
        z += half
        W2.T.dot(z.T, raw.T)
        raw += b2
        losses, _ = loss.value_and_gradient(raw, target.T)  # raw becomes the gradient
        losses.dot(ones)
        raw *= 1.0 / b
        z.T.dot(raw, G2)
        ones.dot(raw, g2)
        raw.dot(W2.T, delta)
        delta *= z
        z *= delta
        delta -= z
        batch.T.dot(delta, G1)
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
        for _ in range(shape.epochs * -(-shape.rows // b)):
            step()

    return task
