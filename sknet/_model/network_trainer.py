"""The training of one network: its rows, objective and solver, its first state, and the resulting network.

Conventions
-----------
theta : (p,)        all parameters, in the compute dtype
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import ceil, inf, prod

import numpy as np

from sknet._model.interactions import make_input_sets, refuse_weights_between_sets
from sknet._model.joining import join_networks
from sknet._model.machine import refuse_beyond_memory
from sknet._model.matrices import EncodedRows, Encoding
from sknet._model.mixture import HeldOutLoss
from sknet._model.model import Model, Network
from sknet._model.monotone_bounds import make_monotone_bounds
from sknet._model.settings import Settings
from sknet._model.starting import check_initial_weights, state_to_keep
from sknet._model.threads import limit_blas_threads
from sknet._network.activations import ACTIVATIONS
from sknet._network.chain import Layout
from sknet._network.check import check_custom_functions
from sknet._network.losses import Loss
from sknet._network.objective import ObjectiveFunction, ObjectiveSettings
from sknet._network.weights import ElasticNet, InputSets, MonotoneBounds, ProximalStep, draw_weights
from sknet._training.loop import clear_fixed
from sknet._training.solver import EpochEvaluation, Evaluate, Problem, Solver, State, StopReason
from sknet._typing import Array, Batch, Gradient, ValueAndGradient

MAX_BUFFER_ROWS = 4096
"""How many rows a network's buffers hold at most. Larger batches are computed piece by piece."""

ROWS_IN_CACHE = 512
"""How many rows L-BFGS computes at once, so that buffers stay in the cache from layer to layer."""

ModelScorer = Callable[[Model, Array], float]
"""A user's scorer: (model, raw outputs for the validation rows, (n, k)) -> score."""


@dataclass(frozen=True)
class NetworkTrainer:
    """Everything that trains one network, except its state."""

    settings: Settings
    encoding: Encoding
    layout: Layout
    n_skipped_inputs: int  # how many of the encoded table's inputs it skips, the first ones
    train_rows: EncodedRows  # in the form that this network takes
    held_out: EncodedRows | None  # the rows that evaluate each epoch
    max_rows: int  # how many are computed at once
    objective: ObjectiveFunction
    problem: Problem
    solver: Solver
    sets: InputSets  # a single set, unless `interaction_cst` keeps inputs apart
    monotone: MonotoneBounds | None = None  # bounds on the weights

    @property
    def largest_product(self) -> int:
        """Multiply-adds of the largest matrix product in a step."""
        return self.max_rows * self.layout.largest_matrix

    def work_per_row(self, n_inputs: float) -> float:
        """Return the number of multiplications per row and epoch; `n_inputs` of a row are nonzero.

        They are the multiplications of the forward pass, the backward pass, and the row's share of a step. A step of
        "adam" multiplies each weight about five times, which takes most of the time for sparse tables.
        """
        first = (n_inputs - self.n_skipped_inputs) * self.layout.sizes[1]
        others = sum(map(prod, self.layout.shapes[1:]))
        return 2.0 * first + 3.0 * others + 5.0 * self.layout.n_weights / self.max_rows

    # --- the start ---------------------------------------------------------------------------------------------------

    def first_state(self, seeds: tuple[int, int]) -> State:
        """Return the first state, with weights that are drawn or given by `init`."""
        init, head = self.settings.network.init, self.encoding.head
        if isinstance(init, tuple):
            coefs, intercepts = check_initial_weights(self.layout, init)
            refuse_weights_between_sets(self.sets, self.layout, coefs)
        else:
            activations, rng = self.settings.network.activations, np.random.default_rng(seeds[0])
            with limit_blas_threads(0) if init == "orthogonal" else nullcontext():  # a QR decomposition
                sets = self.sets if self.sets.n_sets > 1 else None
                bins_per_column = self.encoding.encoder.bins_per_column[self.n_skipped_inputs :]
                coefs, intercepts = draw_weights(self.layout, activations, init, rng, sets, bins_per_column)
            if not isinstance(init, str):  # a user's function may return anything
                coefs, intercepts = check_initial_weights(self.layout, (coefs, intercepts))
            if self.monotone is not None:
                coefs, intercepts = self.monotone.start(coefs, intercepts)
            bias = head.first_bias(*self.objective.known_targets, init)
            intercepts[-1] = intercepts[-1] if bias is None else intercepts[-1] + bias
        theta = self.layout.pack(coefs, intercepts, self.encoding.compute_dtype)
        return self.solver.init(theta, np.random.default_rng(seeds[1]), self.layout.sizes[0])

    # --- results -----------------------------------------------------------------------------------------------------

    def network(self, state: State, temperature: float = 1.0) -> Network:
        """Return the trained network, with copies of its arrays and with its outputs divided by a temperature.

        If rows were held out, it is the network of the best epoch. It takes all inputs of the encoded table.
        """
        best, dtype = state.best, self.encoding.output_dtype
        theta = state.parameters if best is None else best.theta
        if temperature != 1.0:
            theta = self.layout.with_output_scaled(theta, 1.0 / temperature)
        if best is not None:
            temperature *= best.temperature  # best.theta includes it already
        is_monotone = self.monotone is not None
        return make_network(self.settings, self.encoding, self.layout, theta.astype(dtype), temperature, is_monotone)

    def raw_outputs(self, state: State, rows: EncodedRows) -> Array:
        """Return raw outputs for other rows, (n, k), at the best epoch if rows were held out."""
        theta = state.parameters if state.best is None else state.best.theta
        return self.objective.raw(theta, rows.inputs, len(rows))

    def raw_held_out_outputs(self, state: State) -> Array:
        """Return raw outputs for the rows that evaluate each epoch, (n, k), at the best epoch's temperature."""
        if self.held_out is None:
            raise TypeError("no rows evaluate the epochs")
        return self.raw_outputs(state, self.held_out)

    def raw_training_outputs(self, state: State) -> Array:
        """Return raw outputs for the training rows, (n, k), at the best epoch if rows were held out."""
        with limit_blas_threads(self.largest_product):
            return self.objective.raw_training_outputs(state.parameters if state.best is None else state.best.theta)

    def state_to_keep(self, state: State, *, from_published: bool) -> State:
        """Return the part of a state that is kept to continue training; see `starting.state_to_keep`."""
        from_published = from_published or self.problem.evaluate is not None
        return state_to_keep(state, self.layout.n_parameters, self.encoding.output_dtype, from_published=from_published)

    def gradient(self, network: Network) -> tuple[float, Array]:
        """Return the objective over all rows and its gradient, with both penalty terms."""
        theta = network.theta_vector(self.encoding.compute_dtype)
        gradient = np.zeros_like(theta)
        with limit_blas_threads(self.largest_product):
            value, _ = self.objective(theta, slice(0, self.problem.n_samples), gradient)
        w, penalty = theta[: self.layout.n_weights], penalty_of(self.settings, self.train_rows.total_weight)
        if penalty.l1:
            gradient[: self.layout.n_weights] += penalty.l1 * np.sign(w)
            value += self.problem.l1 * float(np.abs(w).sum())  # unless the objective includes it
        return value, gradient


def make_network(
    settings: Settings, encoding: Encoding, layout: Layout, theta: Array, temperature: float, is_monotone: bool
) -> Network:
    """Return the network of theta, which takes all inputs of the encoded table."""
    network = Network(settings.network.activations, *layout.views(theta), temperature, is_monotone)
    return join_networks([network], encoding.encoder.n_inputs)


def make_trainer(
    settings: Settings,
    encoding: Encoding,
    train_rows: EncodedRows,
    held_out: EncodedRows | None = None,
    score: ModelScorer | None = None,
    *,
    sees_bins: bool = True,
    solver: Solver | None = None,
    may_stop_early: bool = True,
) -> NetworkTrainer:
    """Make the trainer of one network: its layout, bounds, rows, objective and solver.

    Parameters
    ----------
    settings : Settings
    encoding : Encoding
    train_rows : EncodedRows
    held_out : EncodedRows, default=None
        Rows that evaluate each epoch.

    score : callable, default=None
        Returns the score of an epoch; by default minus the loss.

    sees_bins : bool, default=True
        Whether the network takes the bins as inputs.

    solver : Solver, default=None
        A solver with another number of epochs, which counts epochs already done.
        By default the solver of the settings.

    may_stop_early : bool, default=True
        Whether training may end early if nothing improves.

    Returns
    -------
    NetworkTrainer
    """
    head, activations = encoding.head, settings.network.activations
    if settings.solver.learns_gains and train_rows.inputs.batch_format == "sparse":
        raise ValueError("input_gains=True does not go with sparse X: leave it at 'auto', or pass a dense table.")
    n_skipped_inputs = 0 if sees_bins else encoding.encoder.n_bins
    layout = layout_of(settings, encoding, sees_bins=sees_bins)
    max_rows = rows_at_once(settings, train_rows)
    n_held_out = 0 if held_out is None else min(len(held_out), MAX_BUFFER_ROWS)
    n_outputs = max(max_rows, n_held_out) * sum(layout.sizes[1:])
    what = f"hidden_layer_sizes={layout.sizes[1:-1]} with {layout.sizes[0]} inputs and {layout.sizes[-1]} outputs"
    refuse_beyond_memory(what, layout.n_parameters, encoding.compute_dtype.itemsize, n_outputs)
    own_rows = train_rows.for_network(n_skipped_inputs, settings.regularisation.label_smoothing)
    sets = make_input_sets(settings.network, encoding, n_skipped_inputs)
    monotone = make_monotone_bounds(settings.network, encoding, layout, n_skipped_inputs, sets)
    bounds = None if monotone is None else (monotone.lower, monotone.upper)
    if bounds is None and sets.n_sets > 1:
        bounds = sets.bounds(layout, encoding.compute_dtype)
    is_first_order = settings.solver.is_first_order
    penalty = penalty_of(settings, own_rows.total_weight)
    smooth_penalty = penalty if is_first_order else ElasticNet(l2=penalty.l2)  # the solver adds the L1 term
    objective_settings = ObjectiveSettings(
        layout, activations, head.loss, smooth_penalty, max_rows, settings.network.dropout
    )
    objective = own_rows.inputs.objective(objective_settings, own_rows)
    if isinstance(settings.target.loss, Loss) or not {*ACTIVATIONS.values()}.issuperset(activations):
        check_custom_functions(head.loss, objective.known_targets[0], activations)
    max_norm = settings.regularisation.max_norm
    proximal_step = None
    if is_first_order and (penalty.l1 or max_norm):
        proximal_step = ProximalStep(penalty.l1, max_norm or 0.0, layout)
    held_out_rows, evaluate = None, None
    if held_out is not None:
        held_out_rows = held_out.for_network(n_skipped_inputs)
        evaluate = make_evaluation(settings, encoding, layout, objective, held_out_rows, score, monotone is not None)
    problem = Problem(
        objective if bounds is None else with_fixed_weights(objective, (bounds[0] < bounds[1]).astype(bounds[0].dtype)),
        n_samples=len(own_rows),
        n_weights=layout.n_weights,
        n_inputs=layout.sizes[0],
        first_input_weight=layout.weight_starts[0],
        penalty=objective.penalty,
        is_random=any(settings.network.dropout),
        l1=0.0 if is_first_order else penalty.l1,
        bounds=bounds,
        proximal_step=proximal_step,
        evaluate=evaluate,
        batches=objective.batches,
    )
    own_solver = solver_of_network(
        solver or settings.solver, is_evaluated=held_out is not None, may_stop_early=may_stop_early
    )
    if penalty.l1:
        own_solver = own_solver.with_l1(penalty.l1)
    return NetworkTrainer(
        settings=settings,
        encoding=encoding,
        layout=layout,
        n_skipped_inputs=n_skipped_inputs,
        train_rows=own_rows,
        held_out=held_out_rows,
        max_rows=max_rows,
        objective=objective,
        problem=problem,
        solver=own_solver,
        sets=sets,
        monotone=monotone,
    )


def make_evaluation(
    settings: Settings, encoding: Encoding, layout: Layout, objective: ObjectiveFunction, held_out: EncodedRows,
    score: ModelScorer | None, is_monotone: bool,
) -> Evaluate:  # fmt: skip
    """Return a function that evaluates theta on held-out rows, at the best temperature if there is one.

    The score is what `score` returns, or minus the loss.
    """
    has_temperature = settings.regularisation.temperature_scaling
    loss = HeldOutLoss(held_out, has_temperature)

    def evaluate(theta: Array) -> EpochEvaluation:
        raw = objective.raw(theta, held_out.inputs, len(held_out))
        calibration = loss.calibrate_in_place(raw)
        if has_temperature:  # a copy: training continues without a temperature
            theta = layout.with_output_scaled(theta, calibration.inverse_temperature)
        epoch_score = -calibration.loss
        if score is not None:
            network = make_network(settings, encoding, layout, theta, calibration.temperature, is_monotone)
            epoch_score = score(encoding.model(network), raw.astype(encoding.output_dtype))
        return EpochEvaluation(calibration.loss, epoch_score, theta, calibration.temperature)

    return evaluate


def with_fixed_weights(objective: ValueAndGradient, is_free: Array) -> ValueAndGradient:
    """Return the objective with a gradient of 0 for fixed weights, so that they stay and do not affect clipping.

    `is_free`, (n_weights,), is 1 for free weights and 0 for fixed weights.
    """

    def value_and_gradient(
        theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        value, gradient = objective(theta, batch, out, rng)
        clear_fixed(gradient, is_free)
        return value, gradient

    return value_and_gradient


def layout_of(settings: Settings, encoding: Encoding, *, sees_bins: bool) -> Layout:
    """Return the layout of a network that takes the encoded table with or without bins."""
    n_inputs = encoding.encoder.n_inputs - (0 if sees_bins else encoding.encoder.n_bins)
    return Layout((n_inputs, *settings.network.hidden_sizes, encoding.head.n_outputs))


def refuse_networks_beyond_memory(settings: Settings, encoding: Encoding, n_rows: int, n_folds: int) -> None:
    """Raise if the networks in memory at once do not fit: all members, and all members of each fold."""
    n_members = len(settings.sees_bins)
    batch = min(settings.solver.samples_per_step(n_rows), MAX_BUFFER_ROWS)
    counts = {sees_bins: (1 + n_folds) * settings.sees_bins.count(sees_bins) for sees_bins in (False, True)}
    layouts = {sees_bins: layout_of(settings, encoding, sees_bins=sees_bins) for sees_bins in counts}
    n_weights = sum(counts[bins] * layouts[bins].n_parameters for bins in counts)
    n_outputs = sum(counts[bins] * batch * sum(layouts[bins].sizes[1:]) for bins in counts)
    n_networks = sum(counts.values())
    if n_networks > 1:  # `make_trainer` checks each network by itself
        among_folds = f", and as many networks for each of {n_folds} folds held out," if n_folds else ""
        what = f"n_members={n_members}{among_folds} with hidden_layer_sizes={settings.network.hidden_sizes}"
        refuse_beyond_memory(what, n_weights, encoding.compute_dtype.itemsize, n_outputs, n_networks)


def rows_at_once(settings: Settings, train_rows: EncodedRows) -> int:
    """Return how many rows are computed at once: a batch, or for L-BFGS an equal share of all rows."""
    n = len(train_rows)
    if settings.solver.is_first_order:
        return min(settings.solver.samples_per_step(n), MAX_BUFFER_ROWS)
    # each piece needs passes over theta, which take longer than the rest if the table is sparse
    return ceil(n / ceil(n / (MAX_BUFFER_ROWS if train_rows.inputs.batch_format == "sparse" else ROWS_IN_CACHE)))


def penalty_of(settings: Settings, total_weight: float) -> ElasticNet:
    """Return the L2 and L1 penalties from alpha, divided by the training rows' total weight."""
    strength, l1_ratio = settings.regularisation.alpha / total_weight, settings.regularisation.l1_ratio
    return ElasticNet(l2=strength * (1.0 - l1_ratio), l1=strength * l1_ratio)


def solver_of_network(solver: Solver, *, is_evaluated: bool, may_stop_early: bool) -> Solver:
    """Return the solver of a network, which never stops early unless it may."""
    # a schedule that ends is not cut short by the training loss, which falls most at the end
    runs_through = solver.end_reason is StopReason.FINISHED and not is_evaluated
    return solver if may_stop_early and not runs_through else replace(solver, n_iter_no_change=inf)
