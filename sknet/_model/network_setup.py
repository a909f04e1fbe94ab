"""The training of one network: its rows, objective and solver, its first state, and the resulting network.

Several networks are trained side by side.

Conventions
-----------
theta : (p,)       all parameters, in the compute dtype
published weights  see `_publish` in `_estimators/base.py`; in the output dtype
m                  inputs of the network
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf, prod

import numpy as np

from sknet._model.encoding import Encoding
from sknet._model.fading import fading_of_inputs, gain_groups
from sknet._model.machine import check_fits_in_memory, limit_blas_threads, single_blas_thread, threads_for_networks
from sknet._model.model import Network
from sknet._model.rows import EncodedRows
from sknet._model.settings import Settings
from sknet._network.activations import ACTIVATIONS
from sknet._network.chain import Layout
from sknet._network.check import check_custom_functions
from sknet._network.losses import Loss
from sknet._network.objective import MIN_ROWS_EVALUATED_AT_ONCE, ObjectiveFunction, ObjectiveSettings
from sknet._network.weights import (
    ElasticNet,
    InputSets,
    MonotoneBounds,
    draw_weights,
    ever_decreases,
    limit_norms,
    monotone_bounds,
)
from sknet._tables.constraints import input_signs, sets_with_inputs
from sknet._tables.tables import take_optional
from sknet._training.solver import Judge, Observer, Problem, Solver, State, StopReason, TrainingEnd
from sknet._training.sparse_steps import zero_fixed_gradient
from sknet._typing import Array, Batch, DType, Gradient, ValueAndGradient

# --- constraints on weights ------------------------------------------------------------------------------------------


def make_interaction_sets(settings: Settings, encoding: Encoding, n_skipped_inputs: int) -> InputSets:
    """Return the sets of a network's inputs; a single set if all inputs may interact."""
    if settings.interaction_cst is None or not settings.hidden_sizes:  # a linear model is additive anyway
        return InputSets(np.ones((encoding.encoder.n_inputs - n_skipped_inputs, 1), dtype=bool), settings.n_joined)
    has_input = sets_with_inputs(settings.interaction_cst, encoding.encoder)
    return InputSets(has_input[n_skipped_inputs:], settings.n_joined)


def check_weights_between_sets(sets: InputSets, layout: Layout, coefs: Sequence[Array]) -> None:
    """Raise if the user's initial weights join inputs of different sets."""
    for layer, n_outside in enumerate(sets.weights_outside(layout, coefs)):
        if n_outside:
            raise ValueError(
                f"init gives {n_outside} weights of layer {layer} that interaction_cst needs to be 0: each unit sees "
                f"the inputs of one of {sets.n_sets} sets. Set them to 0, start from the coefs_ of a network fitted "
                "with the same interaction_cst, or leave init at 'auto'."
            )


BIN_MEAN = 0.5
"""The approximate mean of a bin input, which runs from 0 to 1. The mean of scaled numbers is about 0."""


def make_monotone_bounds(
    settings: Settings, encoding: Encoding, layout: Layout, n_skipped_inputs: int, sets: InputSets
) -> MonotoneBounds | None:
    """Return the bounds on a network's weights; None if no column is constrained. `sets` are the sets of its inputs."""
    sign = input_signs(settings.monotonic_cst, encoding.encoder)
    if sign is None:
        return None
    check_can_be_monotone(settings, encoding)
    # the inputs' means: first biases compensate for weights whose sign is changed
    means = np.array([BIN_MEAN * (description.kind == "bin") for _, description in encoding.encoder.input_descriptions])
    sign = sign[n_skipped_inputs:]
    means = means[n_skipped_inputs:]
    dtype = encoding.compute_dtype
    return monotone_bounds(layout, settings.activations, sign=sign, input_means=means, dtype=dtype, sets=sets)


def check_can_be_monotone(settings: Settings, encoding: Encoding) -> None:
    """Raise if the target, the loss, an activation or the initial weights rule out a monotone network."""
    head = encoding.head
    if head.n_outputs != 1:
        raise ValueError(
            f"monotonic_cst needs a network of one output, and this target makes {head.n_outputs}: fit one target, of "
            "numbers or two classes and with one quantile level, or leave monotonic_cst out."
        )
    for activation in settings.activations:  # tested numerically, since it may be the user's own
        if ever_decreases(activation.apply):
            raise ValueError(
                f"monotonic_cst does not go with activation={activation.name!r}, which falls somewhere: choose "
                "'sigmoid', 'tanh' or another that never does."
            )
    if ever_decreases(head.loss.inverse_link.apply):
        raise ValueError(
            f"monotonic_cst does not go with loss={head.loss.name!r}, whose link falls somewhere: choose another loss."
        )
    if isinstance(settings.init, tuple):
        raise ValueError(
            "monotonic_cst does not go with init=(coefs, intercepts): half of the weights would have to change. "
            "Leave init at 'auto'."
        )


# --- given weights, and states to continue from ----------------------------------------------------------------------


def read_initial_weights(layout: Layout, init: tuple[object, ...]) -> tuple[list[Array], list[Array]]:
    """Return the user's initial weights and biases in float64; raise for other shapes, and if some are not finite."""
    if len(init) != 2:
        raise ValueError(f"init is a tuple of {len(init)}; it must be (coefs, intercepts).")
    try:
        coefs, intercepts = ([np.asarray(array, dtype=float) for array in arrays] for arrays in init)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise ValueError(f"init must be two lists of arrays, (coefs, intercepts); one is not: {error}.") from error
    shapes = [W.shape for W in coefs], [b.shape for b in intercepts]
    expected = layout.shapes, [(size,) for size in layout.sizes[1:]]
    if shapes != expected:
        raise ValueError(
            f"init gives weights of shapes {shapes[0]} and biases {shapes[1]}; this network has {expected}."
        )
    if not all(np.isfinite(array).all() for array in (*coefs, *intercepts)):
        raise ValueError("init gives weights that are not finite numbers.")
    return coefs, intercepts


def log_gains_of(theta: Array, n_parameters: int) -> Array:
    """Return a view of the logarithms of the input gains, at the end of theta; empty if there are none."""
    return theta[n_parameters if theta.size >= n_parameters else 0 :]


def pruned_state(state: State, n_parameters: int, output_dtype: DType, *, from_published: bool) -> State:
    """Return the part of a state that is kept in addition to the published weights and the history.

    With `from_published`, training continues from the published weights. If rows were held out, these are the weights
    of the best epoch, at its temperature.
    """
    # The average is published if there is one, else theta. If theta is published, only its gains are kept here.
    exact = np.can_cast(state.theta.dtype, output_dtype)  # whether publishing loses no digits
    published = from_published or (exact and state.average is None)
    theta = log_gains_of(state.theta, n_parameters).copy() if published else state.theta
    average = None if exact or from_published else state.average
    return replace(state, theta=theta, average=average, best=None, history=[])


def state_with_new_gains(state: State, n_parameters: int) -> State:
    """Return a copy of a kept state with input gains of 1 and moments of 0 for them."""
    state = state.copy()
    log_gains_of(state.theta, n_parameters)[:] = 0.0
    for moment in state.moments:
        moment[n_parameters:] = 0.0
    return state


def state_with_published_weights(
    kept_state: State, fresh_state: State, n_parameters: int, output_dtype: DType, *, keep_moments: bool = True
) -> State:
    """Return a copy of a kept state to continue from, with the published weights, which may have been set by hand.

    `fresh_state` is the state of a new run from the published weights. `keep_moments` is False after a change of the
    solver.
    """
    state = kept_state.copy()
    published = fresh_state.theta[:n_parameters]
    if not keep_moments or len(state.moments) != len(fresh_state.moments):
        return replace(fresh_state, epoch=state.epoch, n_samples_seen=state.n_samples_seen, rng=state.rng)
    gains = log_gains_of(state.theta, n_parameters)
    weights = state.theta[: state.theta.size - gains.size]
    if fresh_state.average is not None:  # the published weights are the average, and theta is separate
        average = take_optional(state.average, slice(n_parameters))
        average = _most_precise_weights(average, published, output_dtype)
        state.average = np.concatenate([average, gains])
        weights = weights if weights.size else published
    else:
        weights = _most_precise_weights(weights, published, output_dtype)
        state.average = None
    state.theta = np.concatenate([weights, gains])
    return state


def _most_precise_weights(kept_weights: Array | None, published: Array, dtype: DType) -> Array:
    """Return the kept weights if they round to the published weights, else a copy of the published weights.

    The kept weights have more digits. They do not round to the published weights if the user has set `coefs_` by hand.
    """
    if kept_weights is not None and np.array_equal(kept_weights.astype(dtype), published.astype(dtype)):
        return kept_weights
    return published.copy()


# --- the training of one network -------------------------------------------------------------------------------------

MAX_BUFFER_ROWS = 4096
"""How many rows a network's buffers hold at most. Larger batches are computed block by block."""

ROWS_IN_CACHE = 512
"""How many rows L-BFGS computes at once, so that buffers stay in the cache from layer to layer."""


@dataclass(frozen=True)
class NetworkSetup:
    """What the training of a network needs besides its state: rows, objective and solver."""

    settings: Settings
    encoding: Encoding
    layout: Layout
    n_skipped_inputs: int  # how many of the encoded table's inputs it skips, the first ones
    train_rows: EncodedRows  # in the form that this network takes, like the held-out rows
    held_out_rows: EncodedRows | None
    l1: float  # strength of the L1 penalty, which the solver applies
    objective_settings: ObjectiveSettings
    objective: ObjectiveFunction
    solver: Solver
    sets: InputSets  # a single set, unless `interaction_cst` keeps inputs apart
    monotone: MonotoneBounds | None  # bounds on the weights, if columns are monotone

    @property
    def largest_product(self) -> int:
        """Multiply-adds of the largest matrix product in a step."""
        return self.objective_settings.block_rows * self.layout.largest_matrix

    def work_per_row(self, n_inputs: float) -> float:
        """Return the number of multiplications per row and epoch; `n_inputs` of a row are nonzero.

        They are the multiplications of the forward pass, the backward pass, and the row's share of a step. A step of
        "adam" multiplies each weight about five times, which takes most of the time for sparse tables.
        """
        first = (n_inputs - self.n_skipped_inputs) * self.layout.sizes[1]
        later_weights = sum(map(prod, self.layout.shapes[1:]))
        return 2.0 * first + 3.0 * later_weights + 5.0 * self.layout.n_weights / self.objective_settings.block_rows

    # --- the start ---------------------------------------------------------------------------------------------------

    def first_state(self, seeds: tuple[int, int]) -> State:
        """Return the first state, with weights that are drawn or given by `init`."""
        init = self.settings.init
        head = self.encoding.head
        if isinstance(init, tuple):
            coefs, intercepts = read_initial_weights(self.layout, init)
            check_weights_between_sets(self.sets, self.layout, coefs)
        else:
            activations = self.settings.activations
            rng = np.random.default_rng(seeds[0])
            with single_blas_thread() if init == "orthogonal" else nullcontext():  # a QR decomposition
                sets = self.sets if self.sets.n_sets > 1 else None
                bins_per_column = self.encoding.encoder.bins_per_column[self.n_skipped_inputs :]
                coefs, intercepts = draw_weights(
                    self.layout, activations, init, rng, sets=sets, bins_per_column=bins_per_column
                )
            if not isinstance(init, str):  # a user's function may return anything
                coefs, intercepts = read_initial_weights(self.layout, (coefs, intercepts))
            if self.monotone is not None:
                coefs, intercepts = self.monotone.initial_parameters(coefs, intercepts)
            bias = head.initial_output_bias(*self.objective.target_sample, init)
            intercepts[-1] = intercepts[-1] if bias is None else intercepts[-1] + bias
        return self.new_state(self.layout.flatten(coefs, intercepts, self.encoding.compute_dtype), seeds[1])

    def new_state(self, theta: Array, seed: int) -> State:
        """Return the state of a training that starts from these weights; `seed` is that of the order of rows."""
        return self.solver.initial_state(theta, np.random.default_rng(seed), self.layout.sizes[0])

    # --- training ----------------------------------------------------------------------------------------------------

    @property
    def problem(self) -> Problem:
        """What the solver minimises. It is not cached: a cycle of references would keep the encoded rows in memory."""
        bounds = self._weight_bounds()
        objective = self.objective
        max_norm = self.settings.max_norm
        encoder = self.encoding.encoder
        solver = self.solver
        n_skipped_inputs = self.n_skipped_inputs
        n = len(self.train_rows)
        groups = gain_groups(encoder, n_skipped_inputs) if solver.learns_gains else None
        return Problem(
            objective if bounds is None else with_fixed_weights(objective, *bounds),
            n_samples=n,
            n_weights=self.layout.n_weights,
            n_inputs=self.layout.sizes[0],
            first_input_weight=self.layout.weight_starts[0],
            gain_groups=groups,
            fading=fading_of_inputs(self.encoding, groups, n_skipped_inputs, solver.pull / n) if solver.pull else None,
            penalty=self.objective_settings.penalty.value,
            is_random=any(self.settings.dropout),
            l1=self.l1,
            bounds=bounds,
            limit_norms=partial(limit_norms, self.layout, max_norm) if max_norm else None,
            batches=objective.batches,
        )

    def _weight_bounds(self) -> tuple[Array, Array] | None:
        """Return the lower and upper bounds on the weights, (n_weights,) each; None if there are none."""
        if self.monotone is not None:
            return self.monotone.lower, self.monotone.upper
        return self.sets.weight_bounds(self.layout, self.encoding.compute_dtype) if self.sets.n_sets > 1 else None

    # --- results -----------------------------------------------------------------------------------------------------

    def make_network(self, theta: Array, temperature: float = 1.0) -> Network:
        """Return the network of theta, with copies of its arrays and with its outputs divided by a temperature.

        It takes all inputs of the encoded table.
        """
        if temperature != 1.0:
            theta = self.layout.with_output_scaled(theta, 1.0 / temperature)
        theta = theta.astype(self.encoding.output_dtype)
        activations = self.settings.activations
        is_monotone = self.monotone is not None
        network = Network(activations, *self.layout.coefs_and_intercepts(theta), temperature, is_monotone)
        return network.with_skipped_inputs(self.n_skipped_inputs)

    def raw_held_out_outputs(self, theta: Array) -> Array:
        """Return raw outputs for the held-out rows, (m, k)."""
        rows = self.held_out_rows
        assert rows is not None
        return rows.inputs.raw_outputs(self.objective_settings, theta, len(rows))

    def raw_training_outputs(self, state: State) -> Array:
        """Return raw outputs for the training rows, (n, k)."""
        with limit_blas_threads(self.largest_product):
            return self.objective.raw_training_outputs(state.theta_to_publish)

    def objective_and_gradient(self, network: Network) -> tuple[float, Array]:
        """Return the objective over all rows and its gradient, (p,), with both penalty terms."""
        theta = network.theta_vector(self.encoding.compute_dtype)
        gradient = np.zeros_like(theta)
        with limit_blas_threads(self.largest_product):
            value, _ = self.objective(theta, slice(0, len(self.train_rows)), gradient)
        if self.l1:
            w = theta[: self.layout.n_weights]
            gradient[: self.layout.n_weights] += self.l1 * np.sign(w)
            if not self.solver.uses_batches:  # else the objective includes it
                value += self.l1 * float(np.abs(w).sum())
        return value, gradient


def set_up_network(
    settings: Settings,
    encoding: Encoding,
    train_rows: EncodedRows,
    held_out_rows: EncodedRows | None = None,
    *,
    sees_bins: bool = True,
    solver: Solver | None = None,
) -> NetworkSetup:
    """Make the setup of one network: its layout, bounds, rows, objective and solver.

    Parameters
    ----------
    settings : Settings
    encoding : Encoding
    train_rows : EncodedRows
    held_out_rows : EncodedRows, default=None
        The rows that evaluate each epoch. Without them, training may end early
        by the training loss.

    sees_bins : bool, default=True
        Whether the network takes the bins as inputs.

    solver : Solver, default=None
        A solver with another number of epochs, which counts epochs already done.
        By default the solver of the settings.

    Returns
    -------
    NetworkSetup
    """
    head = encoding.head
    is_sparse = train_rows.inputs.batch_format == "sparse"
    if settings.solver.learns_gains and is_sparse:
        raise ValueError("input_gains=True does not go with sparse X: leave it at 'auto', or pass a dense table.")
    layout = layout_of(settings, encoding, sees_bins=sees_bins)
    n_skipped_inputs = encoding.encoder.n_inputs - layout.sizes[0]  # the bins, if there are any
    block_rows = rows_per_block(settings, len(train_rows), is_sparse=is_sparse)
    sets = make_interaction_sets(settings, encoding, n_skipped_inputs)
    monotone = make_monotone_bounds(settings, encoding, layout, n_skipped_inputs, sets)
    if isinstance(settings.init, tuple):
        read_initial_weights(layout, settings.init)  # raises even if training continues, so that they have no effect
    network_rows = train_rows.for_network(n_skipped_inputs, settings.label_smoothing)
    strength = settings.alpha / network_rows.total_weight
    l1 = strength * settings.l1_ratio
    # L-BFGS adds the L1 term itself
    penalty = ElasticNet(strength * (1.0 - settings.l1_ratio), l1 if settings.solver.uses_batches else 0.0)
    objective_settings = ObjectiveSettings(
        layout, settings.activations, head.loss, penalty, block_rows, dropout=settings.dropout
    )
    objective = network_rows.inputs.objective(objective_settings, network_rows)
    if isinstance(head.settings.loss, Loss) or not {*ACTIVATIONS.values()}.issuperset(settings.activations):
        check_custom_functions(head.loss, objective.target_sample[0], settings.activations)
    network_solver = solver or settings.solver
    # a schedule that ends is not cut short by the training loss, which falls most at the end; L-BFGS ends by itself
    if held_out_rows is None and (network_solver.end_reason is StopReason.FINISHED or not network_solver.uses_batches):
        network_solver = replace(network_solver, n_iter_no_change=inf)
    return NetworkSetup(
        settings=settings,
        encoding=encoding,
        layout=layout,
        n_skipped_inputs=n_skipped_inputs,
        train_rows=network_rows,
        held_out_rows=None if held_out_rows is None else held_out_rows.for_network(n_skipped_inputs),
        l1=l1,
        objective_settings=objective_settings,
        objective=objective,
        solver=network_solver,
        sets=sets,
        monotone=monotone,
    )


def set_up_networks(
    settings: Settings,
    encoding: Encoding,
    train_rows: EncodedRows,
    held_out_rows: EncodedRows | None = None,
    *,
    solver: Solver | None = None,
) -> list[NetworkSetup]:
    """Make the setup of each member, see `set_up_network`."""
    return [
        set_up_network(settings, encoding, train_rows, held_out_rows, sees_bins=sees_bins, solver=solver)
        for sees_bins in settings.members_see_bins
    ]


def with_fixed_weights(objective: ValueAndGradient, lower: Array, upper: Array) -> ValueAndGradient:
    """Return the objective with a gradient of 0 for weights of equal bounds, so that they do not affect clipping."""
    is_free = (lower < upper).astype(lower.dtype)  # (n_weights,)

    def with_fixed_gradient(
        theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Return the objective and its gradient, 0 for fixed weights."""
        value, gradient = objective(theta, batch, out, rng)
        zero_fixed_gradient(gradient, is_free)
        return value, gradient

    return with_fixed_gradient


def layout_of(settings: Settings, encoding: Encoding, *, sees_bins: bool) -> Layout:
    """Return the layout of a network that takes the encoded table with or without bins."""
    n_inputs = encoding.encoder.n_inputs - (0 if sees_bins else encoding.encoder.n_bins)
    return Layout((n_inputs, *settings.hidden_sizes, encoding.head.n_outputs))


def check_networks_fit_in_memory(settings: Settings, encoding: Encoding, n_rows: int, n_folds: int) -> None:
    """Raise if all networks that are in memory at once do not fit: the members, or before them those of each fold."""
    layouts = [layout_of(settings, encoding, sees_bins=sees_bins) for sees_bins in settings.members_see_bins]
    n_times = max(n_folds, 1)
    n_networks = n_times * len(layouts)
    n_weights = n_times * sum(layout.n_parameters for layout in layouts)
    n_at_once = max(rows_per_block(settings, n_rows), min(n_rows, MIN_ROWS_EVALUATED_AT_ONCE))
    n_outputs = n_times * n_at_once * sum(sum(layout.sizes[1:]) for layout in layouts)
    sizes = layouts[-1].sizes
    what = f"hidden_layer_sizes={sizes[1:-1]} with {sizes[0]} inputs and {sizes[-1]} outputs"
    if n_networks > 1:
        of_folds = f" for each of {n_folds} folds held out," if n_folds else ""
        what = f"n_members={len(layouts)}{of_folds} with {what}"
    check_fits_in_memory(what, n_weights, encoding.compute_dtype.itemsize, n_outputs, n_networks)


def rows_per_block(settings: Settings, n_rows: int, *, is_sparse: bool = False) -> int:
    """Return how many of n training rows are computed at once: a batch, or for L-BFGS an equal share of all rows."""
    if settings.solver.uses_batches:
        return min(settings.solver.samples_per_step(n_rows), MAX_BUFFER_ROWS)
    # each block passes over theta several times, which takes longest if the table is sparse: use fewer, larger blocks
    return ceil(n_rows / ceil(n_rows / (MAX_BUFFER_ROWS if is_sparse else ROWS_IN_CACHE)))


# --- several networks ------------------------------------------------------------------------------------------------


def train_side_by_side(
    setups: Sequence[NetworkSetup], states: Sequence[State], observer: Observer, judge: Judge | None = None
) -> TrainingEnd:
    """Train all networks until they end together; updates the states in place.

    Parameters
    ----------
    setups : sequence of NetworkSetup
        All have the same solver; for L-BFGS there is a single setup.

    states : sequence of State
    observer : Observer
    judge : callable, default=None
        Evaluates each epoch of all networks together; by default, their mean
        training loss tells whether they still improve.

    Returns
    -------
    end : TrainingEnd
        Why they have ended.

    Raises
    ------
    DivergedError
        If the objective or theta of a network is not finite.
    """
    first = setups[0]
    with threads_for_networks(len(setups), first.largest_product) as n_threads:
        # threads that only wait for workers need no core
        n_awaited = min(first.train_rows.inputs.n_networks_awaited_at_once, len(setups))
        problems = [setup.problem for setup in setups]
        return first.solver.train(problems, states, observer, max(n_threads, n_awaited), judge)
