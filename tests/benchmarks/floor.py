"""What NumPy's calls alone would take: scikit-learn's time / that of our steps' calls, one after the other.

The same arithmetic as `fit` at the small shapes, in one function with every array at hand: no batches drawn, no
schedule, no layers to loop over, nothing checked. No code with a structure can be faster.
"""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

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
    rng, loss_of = np.random.default_rng(0), sigmoid if k == 1 else softmax
    Y = np.eye(k + 1, k, dtype=np.float32)[rng.integers(0, max(k, 2), len(X))].T.copy()
    rows = rng.permutation(len(X))[:b]
    n_weights = d * h + h * k
    theta, g, m, v = (rng.normal(0.0, 0.1, n_weights + h + k).astype(np.float32) ** p for p in (1, 1, 1, 2))
    (W1, W2, b1, b2), (G1, G2, g1, g2) = (
        (p[: d * h].reshape(d, h), p[d * h : n_weights].reshape(h, k), p[n_weights : n_weights + h], p[-k:])
        for p in (theta, g)
    )
    batch, z, delta = (np.empty((b, size), np.float32) for size in (d, h, h))
    target, raw, ones = np.empty((k, b), np.float32), np.empty((k, b), np.float32).T, np.ones(b, np.float32)
    w, gw = theta[:n_weights], g[:n_weights]

    def step() -> None:
        nonlocal z, raw, delta, m, v, g, theta, gw
        X.take(rows, 0, batch, "clip")
        Y.take(rows, 1, target, "clip")
        batch.dot(W1, z)
        z += b1
        z *= 0.5
        np.tanh(z, out=z)
        z *= 0.5
        z += 0.5
        W2.T.dot(z.T, raw.T)
        raw += b2
        np.add.reduce(loss_of(raw, target.T))
        raw *= 1.0 / b
        z.T.dot(raw, G2)
        ones.dot(raw, g2)
        raw.dot(W2.T, delta)
        delta *= z
        z *= delta
        delta -= z
        batch.T.dot(delta, G1)
        ones.dot(delta, g1)
        gw += 1e-8 * w
        np.dot(w, w)
        m *= 0.9
        m += g
        g *= g
        v *= 0.999
        v += g
        np.sqrt(v, out=g)
        g += 1e-7
        np.divide(m, g, out=g)
        g *= 1e-9
        theta -= g

    def task() -> None:
        for _ in range(shape.epochs * -(-shape.rows // b)):
            step()

    return task


def sigmoid(raw: np.ndarray, target: np.ndarray) -> np.ndarray:
    value = np.logaddexp(0.0, raw)
    value -= target * raw
    expit(raw, out=raw)
    raw -= target
    return value[:, 0]


def softmax(raw: np.ndarray, target: np.ndarray) -> np.ndarray:
    raw -= np.maximum.reduce(raw, axis=1, keepdims=True)
    at_target = np.einsum("ij,ij->i", raw, target)
    np.exp(raw, out=raw)
    total = np.add.reduce(raw, axis=1, keepdims=True)
    raw /= total
    raw -= target
    return np.log(total[:, 0]) - at_target
