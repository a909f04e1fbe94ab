"""From an estimator's parameters to what the other rooms work with: layers, objective, theta, training plan."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, inf
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from sknet._estimators.automatic import (
    averaging_of,
    batch_size_of,
    clip_norm_of,
    dropout_of,
    is_patient,
    weight_decay_of,
)
from sknet._estimators.inputs import Data, is_memory_mapped, is_sparse, warn
from sknet._estimators.threads import one_thread_for_scipy, suitable_threads
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.initializers import draw
from sknet._network.losses import Loss
from sknet._network.network import Network
from sknet._network.objective import Batch, Objective, Rows, length
from sknet._network.parameters import Layout
from sknet._network.penalties import ElasticNet, Projection
from sknet._tables.encoding import TableEncoder
from sknet._training import lbfgs, minibatch, schedules
from sknet._training.optimizers import SGD, Adam, Optimizer, RMSProp
from sknet._training.result import Result
from sknet._training.state import State
from sknet._training.stopping import Patience

Array = npt.NDArray[Any]

MAX_ROWS = 4096
"""Rows a network's buffers hold at most; larger batches are computed piece by piece."""

FULL_BATCH_ROWS = 512
"""Rows that L-BFGS computes at once: their buffers stay in the cache from one layer to the next."""


# --- the network -----------------------------------------------------------------------------------------------------


def hidden_sizes(estimator: Any) -> tuple[int, ...]:
    """Return the hidden layers' sizes."""
    sizes = estimator.hidden_layer_sizes
    if isinstance(sizes, Integral):
        size, depth = int(sizes), int(estimator.depth)
        _refuse_beyond_memory(f"hidden_layer_sizes={size} with depth={depth}", (depth - 1) * (size + 1) * size, 4)
        return (size,) * depth
    sizes = list(sizes)
    if estimator.depth != 1:
        raise ValueError(
            f"depth={estimator.depth} goes with an int; hidden_layer_sizes={sizes} gives each layer already."
        )
    if not all(isinstance(size, Integral) and int(size) > 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}: give the units of each layer, as integers.")
    return tuple(int(size) for size in sizes)


def hidden_activations(estimator: Any, n_hidden: int) -> tuple[Activation, ...]:
    """Return one activation a hidden layer."""
    given = estimator.activation
    if isinstance(given, (str, Activation)):
        given = [given] * n_hidden
    if len(given) != n_hidden:
        raise ValueError(
            f"activation={estimator.activation!r} has {len(given)} entries for {n_hidden} hidden layers: give one each."
        )
    unknown = [a for a in given if not isinstance(a, Activation) and not (isinstance(a, str) and a in ACTIVATIONS)]
    if unknown:
        raise ValueError(f"activation: {unknown[0]!r} is not known; use one of {sorted(ACTIVATIONS)} or an Activation.")
    return tuple(a if isinstance(a, Activation) else ACTIVATIONS[a] for a in given)


def dropout_rates(estimator: Any, n_hidden: int, validated: bool) -> tuple[float, ...]:
    """Return one dropout rate a hidden layer."""
    given = dropout_of(estimator, validated)
    rates: tuple[Any, ...] = (given,) * n_hidden if isinstance(given, float | Real) else tuple(given)
    if len(rates) != n_hidden:
        raise ValueError(f"dropout={given!r} has {len(rates)} entries for {n_hidden} hidden layers: give one each.")
    if not all(isinstance(rate, Real) and 0.0 <= float(rate) < 1.0 for rate in rates):
        raise ValueError(f"dropout={given!r}: rates must be numbers in [0, 1).")
    return tuple(map(float, rates))


def refuse_too_large(layout: Layout, dtype: np.dtype[Any]) -> None:
    """Raise if theta, its gradient and moments cannot fit in this machine's memory."""
    _refuse_beyond_memory(
        f"hidden_layer_sizes={layout.sizes[1:-1]} with {layout.sizes[0]} inputs and {layout.sizes[-1]} outputs",
        layout.n_parameters,
        dtype.itemsize,
    )


def _refuse_beyond_memory(what: str, n_weights: int, itemsize: int) -> None:
    needed = 6 * n_weights * itemsize
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return
    if needed > memory:
        raise ValueError(
            f"{what} makes {n_weights:,} weights; to train them takes {needed // 2**30:,} GiB, and this machine has "
            f"{memory / 2**30:,.1f} GiB: use smaller layers."
        )


def initial_parameters(
    estimator: Any, layout: Layout, activations: Sequence[Activation], rng: np.random.Generator
) -> tuple[list[Array], list[Array]]:
    """Return the weights and biases that `init` asks for."""
    if not isinstance(estimator.init, tuple):
        coefs, intercepts = draw(layout, activations, estimator.init, rng)
    elif len(estimator.init) == 2:
        coefs, intercepts = map(_given_arrays, estimator.init)
    else:
        raise ValueError(f"init is a tuple of {len(estimator.init)}; it must be (coefs, intercepts).")
    shapes = [W.shape for W in coefs], [b.shape for b in intercepts]
    wanted = layout.shapes, [(size,) for size in layout.sizes[1:]]
    if shapes != wanted:
        raise ValueError(f"init gives weights of shapes {shapes[0]} and biases {shapes[1]}; this network has {wanted}.")
    if not all(np.isfinite(part).all() for part in (*coefs, *intercepts)):
        raise ValueError("init gives weights that are not finite numbers.")
    return coefs, intercepts


def _given_arrays(parts: Any) -> list[Array]:
    try:
        return [np.asarray(part, dtype=float) for part in parts]
    except (TypeError, ValueError) as error:
        raise ValueError(f"init must be two lists of arrays, (coefs, intercepts); one is not: {error}.") from error


# --- the data --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Encoded:
    """Rows as the network takes them; weights are divided by their mean."""

    inputs: Callable[[Batch], Any]
    target: Array
    weight: Array | None
    total_weight: float
    n_rows: int  # that are computed at once

    def __len__(self) -> int:
        return len(self.target)


def encode_inputs(X: Any, encoder: TableEncoder, dtype: np.dtype[Any], n_rows: int) -> Callable[[Batch], Any]:
    """Return a function from a batch to its rows: of one encoded copy, or encoded as they come from a memory map.

    Dense rows end with a 1, which makes the first layer's biases weights like
    the others: one product then does for both, forward and back.
    """
    if is_memory_mapped(X):
        buffer = np.ones((n_rows, encoder.n_inputs + 1), dtype)

        def rows(batch: Batch) -> Array:
            encoder.encode_rows(X, batch, buffer[: length(batch), :-1])
            return buffer[: length(batch)]

        return rows
    Z = encoder.encode(X, dtype, ones=True)
    return Z.__getitem__ if is_sparse(Z) else Rows(Z, n_rows)


def normalise(weight: Array | None, n: int, dtype: np.dtype[Any]) -> tuple[Array | None, float]:
    """Return the weights divided by their mean, and their sum."""
    if weight is None:
        return None, float(n)
    total = float(weight.sum())
    return (weight * (n / total)).astype(dtype), total


# --- the plan --------------------------------------------------------------------------------------------------------


def optimizer_of(estimator: Any) -> Optimizer:
    """Return the first-order optimizer that `solver` names."""
    table: dict[str, Callable[[], Optimizer]] = {
        "adam": lambda: Adam(estimator.beta_1, estimator.beta_2, estimator.epsilon),
        "sgd": lambda: SGD(estimator.momentum, estimator.nesterovs_momentum),
        "rmsprop": lambda: RMSProp(estimator.beta_2, estimator.epsilon),
    }
    return table[estimator.solver]()


def schedule_of(estimator: Any) -> schedules.Schedule:
    """Return the schedule that `learning_rate` names."""
    if callable(estimator.learning_rate):
        return schedules.OfFraction(estimator.learning_rate)
    if estimator.learning_rate == "invscaling":
        return schedules.InverseScaling(estimator.power_t)
    return getattr(schedules, estimator.learning_rate)


def penalties_of(estimator: Any, total_weight: float) -> ElasticNet:
    """Return alpha's L2 and L1 parts, divided by the training rows' total weight."""
    strength = estimator.alpha / total_weight
    return ElasticNet(l2=strength * (1.0 - estimator.l1_ratio), l1=strength * estimator.l1_ratio)


def warn_of_clipping(estimator: Any, n: int) -> None:
    """Say that a batch has fewer rows than asked for, as scikit-learn does."""
    if estimator.solver != "lbfgs" and not isinstance(estimator.batch_size, str) and estimator.batch_size > n:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)


def buffer_rows(estimator: Any, data: Data) -> int:
    """Return how many rows are computed at once: a batch, unless it is huge; with L-BFGS, equal parts of all rows."""
    n = len(data)
    if estimator.solver != "lbfgs":
        return min(batch_size_of(estimator, n), MAX_ROWS)
    # of a sparse table, a part takes less time than the passes over theta that go with each
    return ceil(n / ceil(n / (MAX_ROWS if is_sparse(data.X) else FULL_BATCH_ROWS)))


def refuse_for_lbfgs(estimator: Any) -> None:
    """Raise if a parameter is set that makes no sense with L-BFGS."""
    given = {"dropout": np.any(dropout_of(estimator, False)), "max_norm": estimator.max_norm is not None}
    for name, is_set in given.items():
        if is_set:
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} does not go with solver='lbfgs': "
                "leave it at 0 or None, or choose solver='adam'."
            )


@dataclass(frozen=True)
class Assembly:
    """A training run, ready to start."""

    layout: Layout
    penalty: ElasticNet
    objective: Objective
    problem: minibatch.Problem
    plan: minibatch.Plan | lbfgs.LBFGSPlan
    n_rows: int  # computed at once

    def new_state(self, theta: Array, rng: np.random.Generator) -> State:
        """Return a state with empty moments."""
        n_moments = self.plan.optimizer.n_moments if isinstance(self.plan, minibatch.Plan) else 0
        moments = tuple(np.zeros_like(theta) for _ in range(n_moments))
        return State(theta, moments, rng, average=theta.copy() if self.averaged else None)

    @property
    def averaged(self) -> bool:
        """Whether a moving average of theta is kept."""
        return isinstance(self.plan, minibatch.Plan) and self.plan.averaging > 0.0

    def full_gradient(self, theta: Array, out: Array) -> float:
        """Set `out` to the gradient over all rows; return the objective, the whole penalty included."""
        value, _ = self.objective(theta, slice(0, self.problem.n_samples), out)
        w, l1 = theta[: self.layout.n_weights], self.penalty.l1
        if l1:
            out[: self.layout.n_weights] += l1 * np.sign(w)
            value += l1 * float(np.abs(w).sum()) if isinstance(self.plan, lbfgs.LBFGSPlan) else 0.0
        return value

    def train(self, state: State, observer: minibatch.Observer | None) -> Result:
        """Train; see `minibatch.train` and `lbfgs.train`."""
        with suitable_threads(self.n_rows, self.layout.sizes):
            if isinstance(self.plan, minibatch.Plan):
                return minibatch.train(self.problem, self.plan, state, observer)
            with one_thread_for_scipy():
                return lbfgs.train(self.problem, self.plan, state, observer)


def assemble(
    estimator: Any,
    layout: Layout,
    activations: Sequence[Activation],
    loss: Loss,
    training: Encoded,
    monitor: Callable[[Objective, Array], tuple[float, float, Array]] | None,
    *,
    dtype: np.dtype[Any],
    n_epochs: int,
    patient: bool,
) -> Assembly:
    """Put a training run together.

    Parameters
    ----------
    estimator : estimator
        Its parameters, validated.

    layout, activations, loss
        The network.

    training : Encoded
    monitor : callable or None
        Validation: (objective, theta) -> (loss, score, theta as judged).

    dtype : dtype
        Of the arithmetic.

    n_epochs : int
        After how many epochs, those already done included, the run ends.

    patient : bool
        Whether a run may end before, for want of improvement.
    """
    n = len(training)
    first_order = estimator.solver != "lbfgs"
    if not first_order:
        refuse_for_lbfgs(estimator)
    dropout = dropout_rates(estimator, len(activations), monitor is not None)
    penalty = penalties_of(estimator, training.total_weight)
    smooth = penalty if first_order else ElasticNet(l2=penalty.l2)  # L-BFGS adds its L1 term itself
    network = Network(layout.sizes, activations, training.n_rows, dtype, dropout=dropout)
    objective = Objective(layout, network, loss, smooth, training.inputs, training.target, training.weight)
    projected = first_order and (penalty.l1 > 0.0 or estimator.max_norm is not None)
    problem = minibatch.Problem(
        objective,
        n,
        layout.n_weights,
        minibatch.Block(layout.starts[0], layout.n_weights, layout.sizes[0]),
        penalty=objective.penalty,
        random=any(dropout),
        project=Projection(penalty.l1, estimator.max_norm or 0.0, layout.shapes[::-1]) if projected else None,
        monitor=None if monitor is None else lambda theta: monitor(objective, theta),
    )
    patience = Patience(estimator.tol, estimator.n_iter_no_change if patient else inf)
    plan = (
        first_order_plan(estimator, n, n_epochs, patience, monitor)
        if first_order
        else lbfgs.LBFGSPlan(n_epochs, estimator.max_fun, estimator.tol, patience, penalty.l1)
    )
    return Assembly(layout, penalty, objective, problem, plan, network.n_rows)


def first_order_plan(estimator: Any, n: int, n_epochs: int, patience: Patience, monitor: Any) -> minibatch.Plan:
    """Return the plan of a first-order solver."""
    open_ended = is_patient(estimator)
    if monitor is None and not open_ended:
        patience = Patience(patience.tol)
    return minibatch.Plan(
        optimizer_of(estimator),
        schedule_of(estimator),
        estimator.learning_rate_init,
        batch_size_of(estimator, n),
        n_epochs,
        patience,
        shuffle=estimator.shuffle,
        weight_decay=weight_decay_of(estimator),
        clip_norm=clip_norm_of(estimator),
        averaging=averaging_of(estimator, monitor is not None),
        horizon=estimator.max_iter,
        open_ended=open_ended,
    )
