"""The table of all that is differentiable, finite differences, and small networks to try them in.

A new activation enters `ACTIVATION_NAMES` by itself, a new loss `LOSSES` by one line: the contract tests go over these.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import scipy.sparse as sp

from sknet._network.activations import ACTIVATIONS
from sknet._network.chain import (
    DenseBatches,
    Layout,
    OneHotAndDenseBatches,
    OneHotAndDenseRows,
    SparseBatches,
    make_chain,
)
from sknet._network.losses import Loss
from sknet._network.losses_of_labels import (
    CLASSIFICATION_LOSSES,
    SIGMOID_LOG_LOSS,
    SIGMOID_SQUARED_ERROR,
    SOFTMAX_LOG_LOSS,
)
from sknet._network.losses_of_numbers import (
    ABSOLUTE_ERROR,
    GAMMA,
    POISSON,
    REGRESSION_LOSSES,
    SQUARED_ERROR,
    make_huber,
    make_quantile,
    make_tweedie,
)
from sknet._network.objective import Objective, ObjectiveSettings
from sknet._network.temperature import PRIOR_LOG_DEVIATION, best_inverse_temperature
from sknet._network.weights import ElasticNet, draw_weights
from sknet._typing import SparseGradient

ACTIVATION_NAMES = [name for name in ACTIVATIONS if name != "logistic"]  # another name of sigmoid
LABEL_LOSSES, NUMBER_LOSSES = list(CLASSIFICATION_LOSSES), list(REGRESSION_LOSSES)
LEVELS = (0.1, 0.5, 0.9)
FLOATS = [np.float32, np.float64]


def extremes(dtype):
    """What a float can be: the largest, where exp ends, around 1, the smallest, subnormals and both zeros."""
    limits = np.finfo(dtype)
    sizes = [limits.max, limits.max / 2, 1e30, 745.2, 709.8, 88.8, 40.0, 1.0, limits.eps, limits.tiny,
             limits.smallest_subnormal, 0.0]  # fmt: skip
    return np.array([*sizes, *[-size for size in sizes]], dtype)


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


COLUMNS = slice(0, 3), slice(3, 4)
"""The raw outputs of two columns, of three classes and of two."""


def columns(rng, n, k):
    return np.hstack([one_hot(rng, n, 3), labels(rng, n, 1)])


@dataclass(frozen=True)
class LossCase:
    """A loss, the number of its raw outputs and targets that suit it."""

    loss: Loss
    n_outputs: int
    target: Callable[[np.random.Generator, int, int], np.ndarray]
    kinks: bool = False

    def draw(self, n=7, seed=2):
        """The loss, raw outputs and targets of n rows."""
        rng = np.random.default_rng(seed)
        return self.loss, rng.normal(size=(n, self.n_outputs)), self.target(rng, n, self.n_outputs)

    @property
    def share(self):
        """What a target by itself is of the value: of several numbers a mean, of labels a sum; None if they mix."""
        return {numbers: 1.0 / self.n_outputs, positive: 1.0 / self.n_outputs, labels: 1.0}.get(self.target)


LOSSES = {
    "log_loss, binary": LossCase(SIGMOID_LOG_LOSS, 1, labels),
    "log_loss, two labels": LossCase(SIGMOID_LOG_LOSS, 2, labels),
    "log_loss, multilabel": LossCase(SIGMOID_LOG_LOSS, 3, labels),
    "log_loss, softmax": LossCase(SOFTMAX_LOG_LOSS, 3, one_hot),
    "log_loss, softmax, soft labels": LossCase(SOFTMAX_LOG_LOSS, 3, soft),
    "squared_error on sigmoids": LossCase(SIGMOID_SQUARED_ERROR, 2, labels),
    "squared_error": LossCase(SQUARED_ERROR, 1, numbers),
    "squared_error, 3 outputs": LossCase(SQUARED_ERROR, 3, numbers),
    "absolute_error": LossCase(ABSOLUTE_ERROR, 2, numbers, kinks=True),
    "huber": LossCase(make_huber(0.7), 2, numbers, kinks=True),
    "poisson": LossCase(POISSON, 2, positive),
    "gamma": LossCase(GAMMA, 2, positive),
    "tweedie": LossCase(make_tweedie(1.3), 2, positive),
    "pinball": LossCase(make_quantile(0.2), 2, numbers, kinks=True),
    "quantiles": LossCase(make_quantile(LEVELS), 3, one_number, kinks=True),
    "log_loss, two columns": LossCase(CLASSIFICATION_LOSSES["log_loss"](COLUMNS, True), 4, columns),
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


def with_ones(X):
    return np.column_stack([X, np.ones(len(X), X.dtype)])


def one_hot_and_dense_rows(X):
    """Every second input of X as an array, the others as a CSR matrix."""
    one_hot = X.copy()
    one_hot[:, ::2] = 0.0
    # the first input is dense, as bins are: it is not among those that may be one-hot
    return OneHotAndDenseRows(X[:, ::2].copy(), sp.csr_array(one_hot[:, 1:]), np.arange(X.shape[1])[::2])


KINDS = {"dense": lambda X: X, "ones": with_ones, "sparse": sp.csr_array, "one_hot_and_dense": one_hot_and_dense_rows}
"""What a first layer takes in place of an array."""


def inputs_of(X, kind):
    """The rows of X, batch by batch."""
    rows = KINDS[kind](X)
    if kind == "sparse":
        return SparseBatches(rows)
    if kind == "one_hot_and_dense":
        return OneHotAndDenseBatches(DenseBatches(rows.dense), rows.one_hot, rows.dense_inputs)
    return DenseBatches(rows, kind)


def as_array(Z, batch_format, n_inputs):
    """A batch in whatever form as one array of `n_inputs` inputs, without the column of ones."""
    if batch_format == "one_hot_and_dense":
        whole = np.zeros((len(Z.dense), n_inputs), Z.dense.dtype)
        whole[:, n_inputs - Z.one_hot.shape[1] :] = Z.one_hot.toarray()
        whole[:, Z.dense_inputs] += Z.dense
        return whole
    Z = Z.toarray() if batch_format == "sparse" else np.array(Z)
    assert Z.shape[1] == n_inputs + (batch_format == "ones")
    assert (Z[:, n_inputs:] == 1.0).all()
    return Z[:, :n_inputs]


def layout_of(*sizes):
    """Where the parameters of layers of these sizes lie in theta."""
    return Layout(sizes)


def network_of(*sizes, l2=0.0, l1=0.0):
    """The settings of the objective of a network for numbers."""
    activations, loss = (ACTIVATIONS["tanh"],) * (len(sizes) - 2), SQUARED_ERROR
    return ObjectiveSettings(layout_of(*sizes), activations, loss, ElasticNet(l2=l2, l1=l1), block_rows=64)


def objective_of(network, Z, target, weight=None, n_skipped_inputs=0):
    """The objective of inputs with a last column of ones, without the first inputs, and these inputs."""
    inputs = DenseBatches(Z, "ones").without_first_inputs(n_skipped_inputs)
    return Objective(replace(network, block_rows=len(Z)), inputs, target, weight), inputs


def best_temperature(loss, raw, target, weight, total_weight):
    """The temperature at which the loss of raw outputs, and of itself, is least."""
    return 1.0 / best_inverse_temperature(loss, raw, target, weight, total_weight)


def temperature_penalty(temperature, total_weight):
    """What the prior on a temperature adds to the loss."""
    return np.log(temperature) ** 2 / (2.0 * PRIOR_LOG_DEVIATION**2 * total_weight)


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

    def objective(self, *, kind="dense", n_rows=None, dropout=(), rows=slice(None), dtype=float):
        """An objective over the given rows of the data. Buffers of n_rows make it work in pieces."""
        X, target = self.X[rows].astype(dtype), self.target[rows].astype(dtype)
        weight = None if self.weight is None else self.weight[rows].astype(dtype)
        return Objective(self.settings(n_rows or len(X), dropout), inputs_of(X, kind), target, weight)

    def settings(self, block_rows=1, dropout=()):
        """What an objective needs besides rows."""
        return ObjectiveSettings(self.layout, self.activations, self.loss, self.penalty, block_rows, dropout)

    def chain(self, n_rows, *, kind="dense", gradient=None, **training):
        """A chain for n_rows rows; with a gradient, one for training."""
        gradients = () if gradient is None else self.layout.layers(gradient, kind)
        return make_chain(self.activations, self.layout.layers(self.theta, kind), n_rows, kind, gradients, **training)

    def gradient(self, batch, theta=None, rng=None, **how):
        """The objective's value, the penalty included, its gradient, and the rows of W_1 that have one (None: all).

        Where only some have one, the others are as the penalty has them.
        """
        theta = self.theta if theta is None else theta
        value, gradient = self.objective(**how)(theta, batch, np.full_like(theta, np.nan), rng)
        if not isinstance(gradient, SparseGradient):
            return value, gradient, None
        whole = gradient.out.copy()
        W = self.layout.coefs_and_intercepts(whole)[0][0]
        W[:] = self.penalty.l2 * self.layout.coefs_and_intercepts(theta)[0][0]
        W[gradient.row_indices] = gradient.values
        return value + self.penalty.value(theta[: self.layout.n_weights]), whole, gradient.row_indices

    def arrays(self, theta):
        """The weights and biases of a theta, in one list."""
        coefs, intercepts = self.layout.coefs_and_intercepts(theta)
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


def drawn_network(sizes, activation, init, rng):
    """A network at its first weights, without data."""
    layout, activations = Layout(sizes), (ACTIVATIONS[activation],) * (len(sizes) - 2)
    theta = layout.flatten(*draw_weights(layout, activations, init, rng), np.dtype(float))
    return NetworkCase(layout, activations, None, None, None, None, theta, ElasticNet())


def clearance(case, kinks):
    """How far the network is from the nearest kink."""
    coefs, intercepts = case.layout.coefs_and_intercepts(case.theta)
    signal, nearest = case.X, np.inf
    for W, b, activation in zip(coefs, intercepts, case.activations, strict=False):
        signal = signal @ W + b
        nearest = min(nearest, np.abs(signal).min())
        activation.apply(signal)
    raw = signal @ coefs[-1] + intercepts[-1]
    if kinks:
        case.loss.inverse_link.apply(raw)
        error = np.abs(raw - case.target)
        nearest = min(nearest, error.min(), np.abs(error - 0.7).min())
    return nearest
