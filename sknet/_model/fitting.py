"""From settings and rows to a trained model: the parts that `fit`, `partial_fit` and `resume` share.

Conventions
-----------
theta : (p,)        all parameters, in the compute dtype
target : (n, k)     what the raw outputs are compared with
weight : (n,)       sample weights divided by their mean; None where all are 1
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf
from threading import active_count

import numpy as np
from numpy.typing import NDArray

from sknet._model.heads import Head, NumberHead
from sknet._model.machine import refuse_beyond_memory
from sknet._model.mapped import MappedInputs
from sknet._model.model import Model, Network
from sknet._model.settings import Settings
from sknet._model.starting import given_parameters, kept_state, refuse_other_layers
from sknet._model.threads import Outside, giving_way, suitable_threads
from sknet._network.activations import ACTIVATIONS
from sknet._network.custom import refuse_bad_pieces
from sknet._network.initializers import draw
from sknet._network.layout import Layout
from sknet._network.losses import Loss, mean_at_best_temperature
from sknet._network.objective import EncodedTable, Inputs, Minimised, Objective, SparseRows, SplitRows
from sknet._network.objective import Rows as GatheredRows
from sknet._network.penalties import ElasticNet, Projection
from sknet._network.sparse_layers import Split
from sknet._tables.columns.target import assign_folds
from sknet._tables.encoding import TableEncoder, learn_encoder
from sknet._tables.rows import ExternalTable, Rows, is_sparse
from sknet._training.lbfgs import LBFGS
from sknet._training.minibatch import MiniBatch
from sknet._training.result import Result, StopReason
from sknet._training.solver import Block, Observer, Problem, Solver
from sknet._training.state import Evaluate, State
from sknet._typing import Array, DType, Table

# Rows a network's buffers hold at most; larger batches are computed piece by piece.
MAX_ROWS = 4096
# Rows that L-BFGS computes at once: their buffers stay in the cache from one layer to the next.
FULL_BATCH_ROWS = 512
# Weights that fit in any machine's memory.
MANY_WEIGHTS = 10**6

Score = Callable[[Model], float]
"""How a user's scorer rates a model on the validation rows."""


# --- tables become matrices ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tables:
    """What turns a table and its targets into matrices, and back."""

    encoder: TableEncoder
    head: Head
    compute_dtype: DType
    output_dtype: DType

    def folds(self, rows: Rows) -> NDArray[np.intp] | None:
        """Assign all training rows to the folds whose targets they do not see; None where no column is encoded so."""
        if not self.encoder.by_target:
            return None
        n = len(rows)
        return assign_folds(self.head.targets(rows.y, np.dtype(np.float64)), np.arange(n), n)


def learn_tables(settings: Settings, head: Head, training: Rows, output_dtype: DType, seed: int = 0) -> Tables:
    """Learn how the table is encoded and numbers among the targets are scaled, from a sample of the training rows.

    Where categories are encoded by the target, levels and means are those of all rows: of thousands of levels, a sample
    has a few rows each, and costs several per cent of the error.
    """
    sample = training.sample(seed)
    if isinstance(head, NumberHead):
        head = head.scaled_to(sample.y, sample.weight)
    by_target = settings.table.category_encoding != "one_hot"
    target = head.targets(sample.y, np.dtype(np.float64)) if by_target else None
    encoder = learn_encoder(sample.X, **vars(settings.table), weight=sample.weight, target=target)
    tables = Tables(encoder, head, settings.dtype, output_dtype)
    if len(sample) == len(training) or not encoder.by_target:
        return tables
    target, n = head.targets(training.y, np.dtype(np.float64)), len(training)
    every = target, training.weight, assign_folds(target, np.arange(n), n)
    outside = isinstance(training.X, ExternalTable)
    totals = training.X.target_totals(encoder, *every) if outside else encoder.target_totals(training.X, *every)
    return replace(tables, encoder=encoder.with_totals(totals))


@dataclass(frozen=True)
class EncodedRows:
    """Rows as the network takes them."""

    inputs: Inputs
    target: Array
    weight: Array | None
    total_weight: float
    n_rows: int  # that are computed at once


def encode_rows(
    tables: Tables, rows: Rows, n_rows: int, smoothing: float = 0.0, *, cross_fit: bool = False
) -> EncodedRows:
    """Encode rows in the compute dtype, once; the rows of a memory map batch by batch.

    With `cross_fit`, they are rows to train on: where a column is encoded by the target, none sees its own.
    """
    dtype, n = tables.compute_dtype, len(rows.y)
    total = float(n) if rows.weight is None else float(rows.weight.sum())
    weight = None if rows.weight is None else (rows.weight * (n / total)).astype(dtype)
    target = tables.head.targets(rows.y, dtype, smoothing)
    inputs = rows.X.inputs if isinstance(rows.X, EncodedTable) else encode_table(tables, rows, cross_fit=cross_fit)
    return EncodedRows(inputs(n_rows), target, weight, total, n_rows)


def encode_table(tables: Tables, rows: Rows, *, cross_fit: bool) -> Callable[[int], Inputs]:
    """Encode a table, see `encode_rows`; return what makes inputs of it that gather so many rows at a time."""
    dtype, encoder = tables.compute_dtype, tables.encoder
    if encoder.names is None and not isinstance(rows.X, np.ndarray):
        encoder = encoder.as_named_by(rows.X)
    fold = tables.folds(rows) if cross_fit else None
    if rows.in_file:
        return lambda _: MappedInputs(encoder, rows.X, dtype, fold)
    if (lookups := encoder.lookups) is not None:
        return partial(SplitRows, Split(*lookups.encode(rows.X, dtype, fold)))
    # Dense rows end with a 1, so that the first layer's biases are weights like the others: one product computes both.
    Z = encoder.encode(rows.X, dtype, ones=True, fold=fold)
    return partial(GatheredRows, Z, kind="ones") if isinstance(Z, np.ndarray) else lambda _: SparseRows(Z)


def encode_once(tables: Tables, rows: Rows) -> EncodedTable:
    """Encode rows to train on, for several runs: each takes some of them."""
    return EncodedTable(encode_table(tables, rows, cross_fit=True), (len(rows.y), tables.encoder.n_inputs))


# --- a training run --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where rows are: how their table is encoded, and what computes the objective over them."""

    encode: Callable[..., EncodedRows]  # as `encode_rows`
    objective: Callable[..., Minimised]  # as `Objective`
    share: Callable[[Tables, Rows], Table] = encode_once
    at_once: int = 1  # of how many runs an epoch is computed at a time, since each waits for what works elsewhere
    trial: Callable[..., Minimised] = Objective  # as `objective`, of a run after which others encode the table


IN_MEMORY = Place(encode_rows, Objective)
"""In this process' memory, or in a file that it maps."""


def place_of(X: Table) -> Place:
    """Return where the rows of a table are: one in parts says so; a frame may have a column of this name."""
    return place if isinstance(place := getattr(X, "place", None), Place) else IN_MEMORY


@dataclass(frozen=True)
class TrainingRun:
    """A training run, ready to start: what is minimised, how, and what the outcome becomes."""

    settings: Settings
    tables: Tables
    layout: Layout
    training: EncodedRows
    objective: Minimised
    problem: Problem
    solver: Solver
    temperature: float = 1.0  # of a run without validation, chosen before it

    def first_state(self, seeds: tuple[int, int]) -> State:
        """Return the state of a new run, from weights that are drawn or that `init` gives."""
        init, head = self.settings.network.init, self.tables.head
        if isinstance(init, tuple):
            coefs, intercepts = given_parameters(self.layout, init)
        else:
            activations, rng = self.settings.network.activations, np.random.default_rng(seeds[0])
            with suitable_threads(0) if init == "orthogonal" else nullcontext():  # a QR decomposition
                coefs, intercepts = draw(self.layout, activations, init, rng)
            if not isinstance(init, str):  # a function that the user wrote may return anything
                coefs, intercepts = given_parameters(self.layout, (coefs, intercepts))
            bias = head.first_bias(self.training.target, self.training.weight, init)
            intercepts[-1] = intercepts[-1] if bias is None else intercepts[-1] + bias
        theta = self.layout.pack(coefs, intercepts, self.tables.compute_dtype)
        return self.solver.init(theta, np.random.default_rng(seeds[1]))

    def state_from(self, network: Network, seed: int) -> State:
        """Return the state of a new run, from the weights of an earlier one."""
        return self.solver.init(network.packed(self.tables.compute_dtype), np.random.default_rng(seed))

    def train(self, state: State, observer: Observer | None = None) -> Result:
        """Train, with several threads where the products are large enough. Sets: `state`, in place."""
        # in the only thread there is, nobody can be waiting
        problem = self.problem if active_count() == 1 else replace(self.problem, objective=giving_way(self.objective))
        with suitable_threads(self.training.n_rows * self.layout.largest):
            return self.solver.train(problem, state, None if observer is None else Outside(observer))

    def trained(self, state: State) -> Model:
        """Return the model of this state: of the best epoch where rows were held out."""
        best, dtype = state.best, self.tables.output_dtype
        theta, temperature = (state.parameters, self.temperature) if best is None else (best.theta, best.temperature)
        if best is None and temperature != 1.0:
            theta = self.layout.with_output_scaled(theta, 1.0 / temperature)
        return model_of(self.settings, self.tables, self.layout, theta.astype(dtype), temperature)

    def kept(self, state: State) -> State:
        """Return what of a state must be kept for training to continue."""
        scaled = self.problem.evaluate is not None or self.temperature != 1.0
        return kept_state(state, self.tables.output_dtype, validated=scaled)

    def gradient(self, network: Network) -> tuple[float, Array]:
        """Return the objective over all rows and its gradient, the whole penalty included."""
        theta = network.packed(self.tables.compute_dtype)
        gradient = np.zeros_like(theta)
        with suitable_threads(self.training.n_rows * self.layout.largest):
            value, _ = self.objective(theta, slice(0, self.problem.n_samples), gradient)
        w, penalty = theta[: self.layout.n_weights], penalties_of(self.settings, self.training.total_weight)
        if penalty.l1:
            gradient[: self.layout.n_weights] += penalty.l1 * np.sign(w)
            # L-BFGS adds its L1 term by a change of variables: the objective does not hold it
            value += 0.0 if self.settings.solver.optimizer else penalty.l1 * float(np.abs(w).sum())
        return value, gradient


def model_of(settings: Settings, tables: Tables, layout: Layout, theta: Array, temperature: float = 1.0) -> Model:
    """Return the model whose weights are views of theta, with the temperature that is in it."""
    network = Network(settings.network.activations, *layout.views(theta), temperature)
    return Model(tables.encoder, tables.head, network, tables.compute_dtype, tables.output_dtype)


def prepare(
    settings: Settings,
    head: Head,
    training: Rows,
    validation: Rows | None = None,
    score: Score | None = None,
    *,
    output_dtype: DType,
    earlier: Model | None = None,
    until: int | None = None,
    may_stop_early: bool = True,
    cross_fit: bool = True,
    on_trial: bool = False,
    seed: int = 0,
) -> TrainingRun:
    """Learn the tables, encode them, and put a training run together.

    Parameters
    ----------
    settings : Settings
    head : Head
        What the targets are; numbers are not yet scaled.

    training : Rows
    validation : Rows, default=None
        Held-out rows, by which each epoch is evaluated.

    score : callable, default=None
        What rates a model on them; None is minus their loss.

    output_dtype : dtype
        Of weights and predictions.

    earlier : Model, default=None
        If given, what it has learnt of the tables is kept.

    until : int, default=None
        After how many epochs, those already done included, the run ends; None
        is `max_iter`.

    may_stop_early : bool, default=True
        Whether it may end earlier where nothing improves.

    cross_fit : bool, default=True
        Whether the rows are encoded as in training, where no mean of the target
        contains their own; else as `predict` encodes them.

    on_trial : bool, default=False
        Whether other runs will encode the table afterwards: it is kept, wherever
        it is.

    seed : int, default=0
        Of the sample of rows that the tables are learnt from.

    Returns
    -------
    TrainingRun
    """
    place = place_of(training.X) if hasattr(training.X, "place") else IN_MEMORY  # which an array, at least, has not
    place = replace(place, objective=place.trial) if on_trial else place
    if earlier is None:
        tables = learn_tables(settings, head, training, output_dtype, seed)
    else:
        tables = Tables(earlier.encoder, head, earlier.compute_dtype, earlier.output_dtype)
    by_target = cross_fit and settings.table.category_encoding != "one_hot"
    run = assemble(settings, tables, training, validation, score, until, may_stop_early, by_target, place)
    if earlier is not None:
        refuse_other_layers(run.layout, earlier.network)
        if isinstance(settings.network.init, tuple):  # which has had its effect, but must be what it says
            given_parameters(run.layout, settings.network.init)
    return run


def assemble(
    settings: Settings, tables: Tables, training: Rows, validation: Rows | None = None, score: Score | None = None,
    until: int | None = None, may_stop_early: bool = True, cross_fit: bool = False, place: Place = IN_MEMORY,
) -> TrainingRun:  # fmt: skip
    """Encode the rows, and put objective, penalty, validation and solver together."""
    head = tables.head
    layout = Layout((tables.encoder.n_inputs, *settings.network.hidden_sizes, head.n_outputs))
    n_rows = buffer_rows(settings, training)
    n_outputs = max(n_rows, 0 if validation is None else min(len(validation.y), MAX_ROWS)) * sum(layout.sizes[1:])
    if layout.n_parameters + n_outputs > MANY_WEIGHTS:
        what = f"hidden_layer_sizes={layout.sizes[1:-1]} with {layout.sizes[0]} inputs and {layout.sizes[-1]} outputs"
        refuse_beyond_memory(what, layout.n_parameters, tables.compute_dtype.itemsize, n_outputs)
    encoded = place.encode(tables, training, n_rows, settings.penalty.label_smoothing, cross_fit=cross_fit)
    if isinstance(settings.target.loss, Loss) or not {*ACTIVATIONS.values()}.issuperset(settings.network.activations):
        refuse_bad_pieces(head.loss, encoded.target, settings.network.activations)
    first_order, penalty = settings.solver.optimizer is not None, penalties_of(settings, encoded.total_weight)
    objective = place.objective(
        layout, settings.network.activations, head.loss,
        penalty if first_order else ElasticNet(l2=penalty.l2),  # L-BFGS adds its L1 term itself
        encoded.inputs, encoded.target, encoded.weight, n_rows=encoded.n_rows, dropout=settings.network.dropout,
    )  # fmt: skip
    evaluate = None
    if validation is not None:
        evaluate = evaluation(settings, tables, layout, objective, validation, score, place.encode)
    max_norm, projection = settings.penalty.max_norm, None
    if first_order and (penalty.l1 or max_norm):
        projection = Projection(penalty.l1, max_norm or 0.0, layout.shapes[::-1])
    problem = Problem(
        objective, len(encoded.target), layout.n_weights, Block(layout.starts[0], layout.n_weights, layout.sizes[0]),
        penalty=objective.penalty, random=any(settings.network.dropout), project=projection,
        limit=projection.limit if projection is not None and max_norm else None, evaluate=evaluate,
    )  # fmt: skip
    solver = solver_of(settings, penalty.l1, evaluate is not None, until or settings.solver.max_iter, may_stop_early)
    return TrainingRun(settings, tables, layout, encoded, objective, problem, solver)


def fit_model(
    settings: Settings, head: Head, training: Rows, validation: Rows | None = None, *, output_dtype: DType,
    seeds: tuple[int, int], observer: Observer | None = None,
) -> tuple[Model, Result, State]:  # fmt: skip
    """Fit a model from scratch: a pure function of settings, rows and two seeds, of first weights and of training."""
    run = prepare(settings, head, training, validation, output_dtype=output_dtype)
    state = run.first_state(seeds)
    result = run.train(state, observer)
    return run.trained(state), result, state


def buffer_rows(settings: Settings, training: Rows) -> int:
    """Return how many rows are computed at once: a batch, unless it is huge; with L-BFGS, equal parts of all rows."""
    n = len(training.y)
    if settings.solver.optimizer is not None:
        return min(settings.solver.batch_size, MAX_ROWS)
    # each part costs passes over theta, which take longer than the part itself where the table is sparse
    return ceil(n / ceil(n / (MAX_ROWS if is_sparse(training.X) else FULL_BATCH_ROWS)))


def penalties_of(settings: Settings, total_weight: float) -> ElasticNet:
    """Return alpha's L2 and L1 parts, divided by the training rows' total weight."""
    strength, l1_ratio = settings.penalty.alpha / total_weight, settings.penalty.l1_ratio
    return ElasticNet(l2=strength * (1.0 - l1_ratio), l1=strength * l1_ratio)


def solver_of(settings: Settings, l1: float, validated: bool, until: int, may_stop_early: bool) -> Solver:
    """Return what trains: a first-order method over mini-batches, or L-BFGS."""
    how = settings.solver
    n_iter_no_change = how.n_iter_no_change if may_stop_early else inf
    if how.optimizer is None:
        return LBFGS(until, how.max_fun, how.tol, n_iter_no_change, l1)
    return MiniBatch(
        how.optimizer, how.schedule, how.learning_rate_init, how.batch_size, until, tol=how.tol,
        # the training loss does not cut a schedule short: it falls most while the rate does, at the end
        n_iter_no_change=inf if how.has_end and not validated else n_iter_no_change,
        shuffle=how.shuffle, weight_decay=how.weight_decay, clip_norm=how.clip_norm, averaging=how.averaging,
        horizon=how.max_iter, relative_tol=how.has_end,
        end=StopReason.FINISHED if how.has_end else StopReason.MAX_ITER,
    )  # fmt: skip


# --- held-out rows ---------------------------------------------------------------------------------------------------


def evaluation(
    settings: Settings, tables: Tables, layout: Layout, objective: Minimised, validation: Rows, score: Score | None,
    encode: Callable[..., EncodedRows] = encode_rows,
) -> Evaluate:  # fmt: skip
    """Return a function theta -> (validation loss, score, theta as evaluated: with its temperature, and that)."""
    try:  # pieces as large as those of the training part, which may be the larger one
        held_out, loss = encode(tables, validation, min(len(validation.y), MAX_ROWS)), tables.head.loss
    except (ValueError, TypeError) as error:
        raise type(error)(f"In the rows that validate, X_val if it was passed: {error}") from error

    def evaluate(theta: Array) -> tuple[float, float, Array, float]:
        raw, factor = objective.raw(theta, held_out.inputs, len(held_out.target)), 1.0
        if settings.penalty.temperature_scaling:
            factor, value = mean_at_best_temperature(loss, raw, held_out.target, held_out.weight, held_out.total_weight)
            theta = layout.with_output_scaled(theta, factor)  # a copy: training continues from the unscaled weights
        else:
            value = loss.mean(raw, held_out.target, held_out.weight)
        return value, -value if score is None else score(model_of(settings, tables, layout, theta)), theta, 1.0 / factor

    return evaluate
