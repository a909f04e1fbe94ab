"""The setup of one network for training: its rows, objective and solver, its first state, and the resulting network.

Several networks are trained side by side.

Conventions
-----------
theta : (p,)       all parameters, in the compute dtype
published weights  see `publish` in `_estimators/fitted.py`; in the output dtype
m                  inputs of the network
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import ceil, prod

import numpy as np

from sknet._model.encoding import Encoding
from sknet._model.fading import gain_groups, pull_on_inputs
from sknet._model.machine import (
    N_LAYER_BUFFERS,
    check_fits_in_memory,
    limit_blas_threads,
    single_blas_thread,
    threads_for_networks,
)
from sknet._model.model import Network
from sknet._model.rows import EncodedInputs, EncodedRows
from sknet._model.settings import Settings
from sknet._model.weight_constraints import WeightConstraints, make_weight_constraints
from sknet._network.activations import ACTIVATIONS
from sknet._network.chain import Layout
from sknet._network.check import check_custom_functions
from sknet._network.losses import Loss
from sknet._network.objective import MIN_ROWS_EVALUATED_AT_ONCE, ObjectiveFunction, ObjectiveSettings
from sknet._network.weights import ElasticNet, draw_weights
from sknet._training.gains import GainedInputs
from sknet._training.proximal import ProximalTerms
from sknet._training.solver import Evaluation, Observer, Problem, Solver, State, TrainingEnd
from sknet._typing import Array

# --- the training of one network -------------------------------------------------------------------------------------

MAX_BUFFER_ROWS = 4096
"""How many rows a network's buffers hold at most. Larger batches are computed block by block."""

ROWS_IN_CACHE = 512
"""How many rows L-BFGS computes at once, so that buffers stay in the cache from layer to layer."""


@dataclass(frozen=True)
class NetworkSetup:
    """What the training of a network needs besides its state: rows, objective and solver."""

    settings: Settings  # with the solver that trains this network
    encoding: Encoding
    n_skipped_inputs: int  # how many of the encoded table's inputs it skips, the first ones
    train_rows: EncodedRows
    held_out_rows: EncodedRows | None
    train_inputs: EncodedInputs  # without the inputs that it skips, like those of held-out rows
    held_out_inputs: EncodedInputs | None
    constraints: WeightConstraints
    l1: float  # strength of the L1 penalty, which the solver applies
    objective_settings: ObjectiveSettings
    objective: ObjectiveFunction

    @property
    def solver(self) -> Solver:
        """The solver that trains it."""
        return self.settings.solver

    @property
    def layout(self) -> Layout:
        """The shapes and places of its weights and biases in theta."""
        return self.objective_settings.layout

    @property
    def largest_product(self) -> int:
        """Multiply-adds of the largest matrix product in a step."""
        return self.objective_settings.block_rows * self.layout.max_matrix_size

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
        constraints = self.constraints
        if isinstance(init, tuple):
            coefs, intercepts = read_initial_weights(self.layout, init)
            constraints.check_initial_weights(self.layout, coefs)
        else:
            activations = self.settings.activations
            rng = np.random.default_rng(seeds[0])
            with single_blas_thread() if init == "orthogonal" else nullcontext():  # it makes a QR decomposition
                bins_per_column = self.encoding.encoder.bins_per_column[self.n_skipped_inputs :]
                coefs, intercepts = draw_weights(
                    self.layout, activations, init, rng, sets=constraints.sets, bins_per_column=bins_per_column
                )
            if not isinstance(init, str):  # a user's function may return anything
                coefs, intercepts = read_initial_weights(self.layout, (coefs, intercepts))
            if constraints.monotone is not None:
                coefs, intercepts = constraints.monotone.initial_parameters(coefs, intercepts)
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
        objective = self.objective
        return Problem(
            self.constraints.without_fixed_gradient(objective),
            n_samples=len(self.train_rows),
            n_weights=self.layout.n_weights,
            gained_inputs=self._gained_inputs() if self.solver.learns_gains else None,
            proximal=ProximalTerms(self.l1, self.constraints.limit_norms, self.constraints.bounds),
            penalty=self.objective_settings.penalty.value,
            has_sparse_gradients=self.train_inputs.batch_format == "sparse",
            is_random=any(self.settings.dropout),
            batches=objective.batches,
        )

    def _gained_inputs(self) -> GainedInputs:
        """Return the network's inputs with what moves their gains."""
        n_skipped_inputs = self.n_skipped_inputs
        groups = gain_groups(self.encoding.encoder, n_skipped_inputs)
        pull = None
        if self.solver.pull_strength:
            strength_per_row = self.solver.pull_strength / len(self.train_rows)
            pull = pull_on_inputs(self.encoding, groups, n_skipped_inputs, strength_per_row)
        layout = self.layout
        return GainedInputs(layout.sizes[0], layout.weight_starts[0], layout.n_weights, groups, pull)

    # --- results -----------------------------------------------------------------------------------------------------

    def make_network(self, theta: Array, temperature: float = 1.0) -> Network:
        """Return the network of theta, with copies of its arrays and with its outputs at a temperature.

        It takes all inputs of the encoded table.
        """
        if temperature != 1.0:
            theta = self.layout.with_output_scaled(theta, 1.0 / temperature, self.encoding.head.center_of_temperature)
        theta = theta.astype(self.encoding.output_dtype)
        activations = self.settings.activations
        is_monotone = self.constraints.monotone is not None
        network = Network(activations, *self.layout.coefs_and_intercepts(theta), temperature, is_monotone)
        return network.with_skipped_inputs(self.n_skipped_inputs)

    def raw_held_out_outputs(self, theta: Array) -> Array:
        """Return raw outputs for the held-out rows, (m, k)."""
        assert self.held_out_rows is not None
        assert self.held_out_inputs is not None
        return self.held_out_inputs.raw_outputs(self.objective_settings, theta, len(self.held_out_rows))

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
            if not self.solver.uses_batches:  # with batches, the objective includes the L1 term
                value += self.l1 * float(np.abs(w).sum())
        return value, gradient


def make_network_setup(
    settings: Settings,
    encoding: Encoding,
    train_rows: EncodedRows,
    held_out_rows: EncodedRows | None = None,
    *,
    sees_bins: bool = True,
) -> NetworkSetup:
    """Make the setup of one network: its layout, rows, constraints, objective and solver.

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

    Returns
    -------
    NetworkSetup
    """
    head = encoding.head
    is_sparse = train_rows.inputs.batch_format == "sparse"
    if settings.solver.learns_gains and is_sparse:
        raise ValueError("input_gains=True does not go with sparse X: leave it at 'auto', or pass a dense table.")
    layout = layout_of(settings, encoding, sees_bins=sees_bins)
    n_skipped_inputs = encoding.encoder.n_inputs - layout.sizes[0]  # these are the bins, if there are any
    block_rows = rows_per_block(settings, len(train_rows), is_sparse=is_sparse)
    constraints = make_weight_constraints(settings, encoding, layout)
    if isinstance(settings.init, tuple):
        read_initial_weights(layout, settings.init)  # raises even if training continues, so that they have no effect
    train_inputs = train_rows.inputs.without_first_inputs(n_skipped_inputs)
    strength = settings.alpha / train_rows.total_weight
    l1 = strength * settings.l1_ratio
    # L-BFGS adds the L1 term itself
    penalty = ElasticNet(strength * (1.0 - settings.l1_ratio), l1 if settings.solver.uses_batches else 0.0)
    objective_settings = ObjectiveSettings(
        layout, settings.activations, head.loss, penalty, block_rows, dropout=settings.dropout
    )
    objective = train_inputs.objective(objective_settings, train_rows)
    if isinstance(head.settings.loss, Loss) or not {*ACTIVATIONS.values()}.issuperset(settings.activations):
        check_custom_functions(head.loss, objective.target_sample[0], settings.activations)
    return NetworkSetup(
        settings=settings,
        encoding=encoding,
        n_skipped_inputs=n_skipped_inputs,
        train_rows=train_rows,
        held_out_rows=held_out_rows,
        train_inputs=train_inputs,
        held_out_inputs=None if held_out_rows is None else held_out_rows.inputs.without_first_inputs(n_skipped_inputs),
        constraints=constraints,
        l1=l1,
        objective_settings=objective_settings,
        objective=objective,
    )


def make_network_setups(
    settings: Settings,
    encoding: Encoding,
    train_rows: EncodedRows,
    held_out_rows: EncodedRows | None = None,
) -> list[NetworkSetup]:
    """Make the setup of each member, see `make_network_setup`."""
    train_rows = replace(train_rows, label_smoothing=settings.label_smoothing)  # once: they share its target
    return [
        make_network_setup(settings, encoding, train_rows, held_out_rows, sees_bins=sees_bins)
        for sees_bins in settings.members_see_bins
    ]


def layout_of(settings: Settings, encoding: Encoding, *, sees_bins: bool) -> Layout:
    """Return the layout of a network that takes the encoded table with or without bins."""
    n_inputs = encoding.encoder.n_inputs - (0 if sees_bins else encoding.encoder.n_bins)
    return Layout((n_inputs, *settings.hidden_sizes, encoding.head.n_outputs))


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


def check_networks_fit_in_memory(
    settings: Settings, encoding: Encoding, n_rows: int, n_folds: int, *, keeps_best: bool
) -> None:
    """Raise if all networks that are in memory at once do not fit.

    These are the members, or before them those of each fold; and after training, the members and the network that they
    are joined to. The weights of this grow with the square of the number of members, as most of them are 0.
    """
    layouts = [layout_of(settings, encoding, sees_bins=sees_bins) for sees_bins in settings.members_see_bins]
    n_times = max(n_folds, 1)
    n_networks = n_times * len(layouts)
    n_weights = n_times * sum(layout.n_parameters for layout in layouts)
    n_at_once = max(rows_per_block(settings, n_rows), min(n_rows, MIN_ROWS_EVALUATED_AT_ONCE))
    n_outputs = n_times * n_at_once * sum(sum(layout.sizes[1:]) for layout in layouts)
    sizes = layouts[-1].sizes
    what = f"hidden_layer_sizes={sizes[1:-1]} with {sizes[0]} inputs and {sizes[-1]} outputs"
    n_members = len(layouts)
    of_folds = f" for each of {n_folds} folds held out," if n_folds else ""
    what_trains = f"n_members={n_members}{of_folds} with {what}" if n_networks > 1 else what
    itemsize = encoding.compute_dtype.itemsize
    has_l1 = settings.alpha * settings.l1_ratio > 0.0
    per_parameter = settings.solver.bytes_per_parameter(itemsize, keeps_best=keeps_best, has_l1=has_l1)
    n_bytes = n_weights * per_parameter + N_LAYER_BUFFERS * n_outputs * itemsize
    check_fits_in_memory(what_trains, n_weights, n_bytes, n_networks=n_networks, has_batches=True)
    if n_members > 1:
        joined = Layout((encoding.encoder.n_inputs, *(n_members * size for size in sizes[1:-1]), sizes[-1]))
        published_itemsize = encoding.output_dtype.itemsize
        n_bytes = joined.n_parameters * published_itemsize + n_weights // n_times * (itemsize + published_itemsize)
        what_is_joined = f"n_members={n_members} with {what}, joined to one network,"
        check_fits_in_memory(what_is_joined, joined.n_parameters, n_bytes, n_networks=n_members)


def rows_per_block(settings: Settings, n_rows: int, *, is_sparse: bool = False) -> int:
    """Return how many of n training rows are computed at once: a batch, or for L-BFGS an equal share of all rows."""
    if settings.solver.uses_batches:
        return min(settings.solver.samples_per_step(n_rows), MAX_BUFFER_ROWS)
    # each block passes over theta several times, which takes longest if the table is sparse: use fewer, larger blocks
    return ceil(n_rows / ceil(n_rows / (MAX_BUFFER_ROWS if is_sparse else ROWS_IN_CACHE)))


# --- several networks ------------------------------------------------------------------------------------------------


def train_side_by_side(
    setups: Sequence[NetworkSetup], states: Sequence[State], observer: Observer, evaluation: Evaluation | None
) -> TrainingEnd:
    """Train all networks until they end together; updates the states in place.

    Parameters
    ----------
    setups : sequence of NetworkSetup
        All have the same solver; for L-BFGS there is a single setup.

    states : sequence of State
    observer : Observer
    evaluation : Evaluation or None
        With None, the mean training loss tells whether the networks still improve.

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
        n_awaited = min(first.train_inputs.n_networks_awaited_at_once, len(setups))
        problems = [setup.problem for setup in setups]
        return first.solver.train(problems, states, observer, max(n_threads, n_awaited), evaluation)
