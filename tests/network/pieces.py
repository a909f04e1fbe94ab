"""The table of all that is differentiable, finite differences, and small networks to try them in.

A new activation enters `ACTIVATION_NAMES` by itself, a new loss `LOSSES` by one line; every derivative test walks them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
import scipy.sparse as sp

from sknet._network import losses, regression
from sknet._network.activations import ACTIVATIONS
from sknet._network.layers import Training, bind
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.objective import Objective, Rows, SparseRows, SplitRows
from sknet._network.penalties import ElasticNet
from sknet._network.sparse_layers import Split

ACTIVATION_NAMES = [name for name in ACTIVATIONS if name != "logistic"]  # another name of sigmoid
LEVELS = (0.1, 0.5, 0.9)


# --- targets, each for (n, k) raw outputs ----------------------------------------------------------------------------


def numbers(rng, n, k):
    return rng.normal(size=(n, k))


def positive(rng, n, k):
    return rng.gamma(2.0, size=(n, k))


def labels(rng, n, k):
    return rng.integers(0, 2, (n, k)).astype(float)


def one_hot(rng, n, k):
    return np.eye(k)[rng.integers(0, k, n)]


def soft(rng, n, k):
    return rng.dirichlet(np.ones(k), n)


def one_number(rng, n, k):
    return rng.normal(size=(n, 1))


def mixed(rng, n, k):
    return np.hstack([one_hot(rng, n, 3), labels(rng, n, 1), numbers(rng, n, 2)])


@dataclass(frozen=True)
class LossCase:
    """A loss, the number of its raw outputs and targets that suit it."""

    loss: Loss
    n_outputs: int
    target: Callable[[np.random.Generator, int, int], np.ndarray]
    kinks: bool = False


LOSSES = {
    "log_loss, binary": LossCase(losses.SIGMOID_LOG_LOSS, 1, labels),
    "log_loss, two labels": LossCase(losses.SIGMOID_LOG_LOSS, 2, labels),
    "log_loss, multilabel": LossCase(losses.SIGMOID_LOG_LOSS, 3, labels),
    "log_loss, softmax": LossCase(losses.SOFTMAX_LOG_LOSS, 3, one_hot),
    "log_loss, softmax, soft labels": LossCase(losses.SOFTMAX_LOG_LOSS, 3, soft),
    "squared_error on sigmoids": LossCase(losses.SIGMOID_SQUARED_ERROR, 2, labels),
    "squared_error": LossCase(regression.SQUARED_ERROR, 1, numbers),
    "squared_error, 3 outputs": LossCase(regression.SQUARED_ERROR, 3, numbers),
    "absolute_error": LossCase(regression.ABSOLUTE_ERROR, 2, numbers, kinks=True),
    "huber": LossCase(regression.huber(0.7), 2, numbers, kinks=True),
    "poisson": LossCase(regression.POISSON, 2, positive),
    "gamma": LossCase(regression.GAMMA, 2, positive),
    "tweedie": LossCase(regression.tweedie(1.3), 2, positive),
    "pinball": LossCase(regression.pinball(0.2), 2, numbers, kinks=True),
    "quantiles": LossCase(regression.quantiles(LEVELS), 3, one_number, kinks=True),
    "blocks": LossCase(
        losses.blocks(
            [losses.SOFTMAX_LOG_LOSS, losses.SIGMOID_LOG_LOSS, regression.SQUARED_ERROR],
            [slice(0, 3), slice(3, 4), slice(4, 6)],
        ),
        6,
        mixed,
    ),
}


# --- finite differences ----------------------------------------------------------------------------------------------


def numerical_gradient(function, x, step):
    """Fourth-order central differences of a function to numbers or arrays, one row an entry of x.

    The stencil errs by step^4 f'''''/30, and rounding adds about 1e-16 / step: at 1e-4 both are far below 1e-10.
    """
    rows = []
    for i in np.ndindex(x.shape):
        at = [np.array(x) for _ in range(4)]
        for moved, steps in zip(at, (1, -1, 2, -2), strict=True):
            moved[i] += steps * step
        near, opposite, far, far_opposite = (function(moved) for moved in at)
        rows.append((8.0 * (near - opposite) - (far - far_opposite)) / (12.0 * step))
    return np.array(rows)


def assert_gradient(gradient, expected, tolerance=1e-7):
    """The error is at most 1e-7 of the array's norm."""
    assert np.linalg.norm(gradient - expected) <= tolerance * np.linalg.norm(expected)


def split_in_two(X):
    """Every second input of X as an array, the others as a CSR matrix."""
    hot = X.copy()
    hot[:, ::2] = 0.0
    return Split(X[:, ::2].copy(), sp.csr_array(hot), np.arange(X.shape[1])[::2])


# --- whole networks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NetworkCase:
    """A small network with data; every way to compute its gradient starts here."""

    layout: Layout
    activations: tuple
    loss: Loss
    X: np.ndarray
    target: np.ndarray
    weight: np.ndarray | None
    theta: np.ndarray
    penalty: ElasticNet

    def objective(
        self, *, sparse=False, split=False, ones=False, n_rows=None, dropout=(), rows=slice(None), dtype=float
    ):
        """An objective over the given rows of the data, with a column of ones or without.

        Buffers of n_rows make it work in pieces.
        """
        X, target = self.X[rows].astype(dtype), self.target[rows].astype(dtype)
        X = np.column_stack([X, np.ones(len(X), dtype)]) if ones else X
        weight = None if self.weight is None else self.weight[rows].astype(dtype)
        n_rows = n_rows or len(X)
        inputs = SparseRows(sp.csr_array(X)) if sparse else Rows(X, n_rows, kind="ones" if ones else "dense")
        inputs = SplitRows(split_in_two(X), n_rows) if split else inputs
        return Objective(
            self.layout, self.activations, self.loss, self.penalty, inputs, target, weight,
            n_rows=n_rows, dropout=dropout,
        )  # fmt: skip

    def chain(self, n_rows, *, kind="dense", gradient=None, **training):
        """A chain for n_rows rows; with a gradient, one for training."""
        given = None if gradient is None else Training(gradient, **training)
        return bind(self.layout, self.activations, self.theta, n_rows, kind, training=given)

    def gradient(self, batch, theta=None, rng=None, **how):
        """The objective's value, its gradient and the touched rows."""
        theta = self.theta if theta is None else theta
        out = np.full_like(theta, np.nan)
        value, rows = self.objective(**how)(theta, batch, out, rng)
        return value, out, rows

    def arrays(self, theta):
        """The weights and biases of a theta, in one list."""
        coefs, intercepts = self.layout.views(theta)
        return [*coefs, *intercepts]


def network_case(loss_name, activation, hidden, *, seed=0, n=8, d=6, weighted=True):
    """Draw a network whose sums and errors all stay clear of kinks. Rows 0, 2, 5 touch the inputs 1 and 4 only."""
    loss_case = LOSSES[loss_name]
    layout = Layout((d, *hidden, loss_case.n_outputs))
    activations = (ACTIVATIONS[activation],) * len(hidden)
    for attempt in count():
        rng = np.random.default_rng([seed, attempt])
        X = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.8)
        X[np.ix_([0, 2, 5], [0, 2, 3, 5])] = 0.0
        target = loss_case.target(rng, n, loss_case.n_outputs)
        weight = rng.uniform(0.5, 1.5, n) if weighted else None
        theta = rng.normal(scale=0.6, size=layout.n_parameters)
        case = NetworkCase(layout, activations, loss_case.loss, X, target, weight, theta, ElasticNet(l2=0.3))
        if clearance(case, loss_case.kinks) > 3e-3:
            return case


def clearance(case, kinks):
    """How far the network is from the nearest kink."""
    coefs, intercepts = case.layout.views(case.theta)
    signal, nearest = case.X, np.inf
    for W, b, activation in zip(coefs, intercepts, case.activations, strict=False):
        signal = signal @ W + b
        nearest = min(nearest, np.abs(signal).min())
        activation.apply(signal)
    raw = signal @ coefs[-1] + intercepts[-1]
    if kinks:
        case.loss.link(raw)
        error = np.abs(raw - case.target)
        nearest = min(nearest, error.min(), np.abs(error - 0.7).min())
    return nearest
