"""The matrices that networks are trained on: rows are encoded once, and all networks of a fit share them.

Conventions
-----------
n rows; m inputs of the network; k raw outputs.

target : (n, k)     what the raw outputs are compared with
weight : (n,)       sample weights divided by their mean; None where all are 1
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sknet._model.heads import Head, RegressionHead
from sknet._model.model import Model, Network
from sknet._model.settings import Settings
from sknet._network.activations import Activation
from sknet._network.inputs import Inputs
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.objective import ObjectiveFunction
from sknet._network.penalties import ElasticNet
from sknet._tables.columns import Column
from sknet._tables.columns.target import cross_fit_parts
from sknet._tables.encoding import TableEncoder, learn_encoder
from sknet._tables.rows import MIN_TOTAL_WEIGHT, Rows, Sample, too_little_weight_message
from sknet._tables.sampling import exceeds_sample_size
from sknet._tables.survey import Survey
from sknet._typing import Array, DType


@dataclass(frozen=True)
class Encoding:
    """How a table and its targets become matrices, and how raw outputs become predictions."""

    encoder: TableEncoder
    head: Head
    compute_dtype: DType
    output_dtype: DType

    def model(self, network: Network) -> Model:
        """Return the model that a network makes of what was encoded so."""
        return Model(self.encoder, self.head, network, self.compute_dtype, self.output_dtype)

    def cross_fit_parts(self, rows: Rows, train: NDArray[np.intp] | None = None) -> NDArray[np.intp] | None:
        """Assign the rows numbered `train`, or all, to parts that are encoded by the others' targets; -1 for others.

        None where the target encodes nothing.
        """
        if not self.encoder.has_target_encoding:
            return None
        n = len(rows)
        numbers = np.arange(n) if train is None else train
        encoding_part = np.full(n, -1)
        y = rows.y[numbers]
        # a large table's rows go by their numbers: the matrix of their targets is not needed
        target = y if exceeds_sample_size(n) else targets_to_encode_by(self.head, y)
        encoding_part[numbers] = cross_fit_parts(target, numbers, n)
        return encoding_part

    def with_target_means(self, rows: Rows, train: NDArray[np.intp] | None = None) -> "Encoding":
        """Return the encoding with the target's means of the rows numbered `train`, or of all; all else stays."""
        encoding_part = self.cross_fit_parts(rows, train)
        if encoding_part is None:
            return self
        target_of = partial(targets_to_encode_by, self.head)
        totals = rows.X.target_totals(self.encoder, rows.y, target_of, rows.weight, encoding_part)
        return replace(self, encoder=self.encoder.with_target_totals(totals))


MIN_ROWS_OF_LEVEL = 3
"""Of so many rows of a level, on average, `partial_fit` learns means of its own to train on. Means of fewer rows are
next to nothing: a network that is trained on them forgets what means say."""


def encoding_to_continue_by(
    encoding: Encoding, rows: Rows, train: NDArray[np.intp] | None, *, is_partial_fit: bool
) -> Encoding:
    """Return an earlier encoding with the target's means of the rows to train on, which then do not see their own.

    The earlier means may contain their targets: which mean leaves a row out is known of the whole table alone, whose
    means are the same again. Few rows of `partial_fit` keep the earlier means.
    """
    n = len(rows) if train is None else len(train)
    n_levels = max((len(column.known_levels) for column in encoding.encoder.columns if column.uses_target), default=0)
    if is_partial_fit and n < MIN_ROWS_OF_LEVEL * n_levels:
        return encoding
    return encoding.with_target_means(rows, train)


def targets_to_encode_by(head: Head, values: Array) -> Array:
    """Return the target matrix, (n, k); a missing target says nothing of its row's levels: it is the mean of all."""
    target = head.targets(values, np.dtype(np.float64))
    missing = np.isnan(target)
    return np.where(missing, np.nanmean(target, axis=0), target) if missing.any() else target


def encoding_of(model: Model, head: Head) -> Encoding:
    """Return how a model encodes tables, for training to go on from it; the head may have another loss."""
    return Encoding(model.encoder, head, model.compute_dtype, model.output_dtype)


@dataclass(frozen=True)
class EncodingLearner:
    """Learns how a table is encoded from the rows that a fit trains on, and again from those of each fold.

    Attributes
    ----------
    settings : Settings
    head : Head
    rows : Rows
        All of the table, those held out too.
    sample : Sample
        Of the rows that are trained on.
    survey : Survey
        What the columns of the sample are.
    output_dtype : dtype
    seed : int
    """

    settings: Settings
    head: Head
    rows: Rows
    sample: Sample
    survey: Survey
    output_dtype: DType
    seed: int = 0

    def learn(self, train: NDArray[np.intp] | None = None) -> Encoding:
        """Learn all columns, and how numbers among the targets are scaled, from the sample.

        The rows numbered `train`, or all, are trained on: the target's means of levels are those of all of them. Of
        thousands of levels, a sample has a few rows each, and costs several per cent of the error.
        """
        head = self.head
        if isinstance(head, RegressionHead):
            # with input_scaling=None nothing is scaled: the loss is then scikit-learn's, in the target's own unit
            in_unit_of_mean = self.settings.table.input_scaling is not None
            head = head.scaled_to(self.sample.y, self.sample.weight, in_unit_of_mean=in_unit_of_mean)
        return self._learn(head, self.sample, self.survey, {}, train)

    def learn_for_fold(self, shared: Encoding, train: NDArray[np.intp], *, shares_columns: bool) -> Encoding:
        """Learn from the rows of a fold, numbered `train`, all that its held-out rows must not have a say in.

        These are the columns that targets decide on: which levels count, and means. All others, which no target has a
        say in, are those of the table if `shares_columns`. The scale of the targets always is: the folds' losses have
        one unit.
        """
        if isinstance(self.settings.network.init, tuple):  # the user's weights are made for the inputs of the table
            return shared.with_target_means(self.rows, train)
        columns = enumerate(shared.encoder.columns)
        kept = {j: column for j, column in columns if shares_columns and not column.was_judged_by_target}
        if len(kept) == shared.encoder.n_columns:
            return shared
        sample = self.sample.among(train)
        return self._learn(shared.head, sample, self.survey.of_rows(sample.X, kept), kept, train)

    def _learn(
        self, head: Head, sample: Sample, survey: Survey, kept: Mapping[int, Column], train: NDArray[np.intp] | None
    ) -> Encoding:
        table = self.settings.table
        needs_target = table.category_encoding != "one_hot" or "category" in survey.kinds.values()
        target = targets_to_encode_by(head, sample.y) if needs_target else None
        column_settings = replace(
            table,
            weight=sample.weight,
            target=target,
            about_spread=head.loss.asks_about_spread,
            seed=self.seed,
        )
        encoder = learn_encoder(sample.X, column_settings, survey, kept)
        encoding = Encoding(encoder, head, self.settings.dtype, self.output_dtype)
        return encoding.with_target_means(self.rows, train) if exceeds_sample_size(len(self.rows)) else encoding


# --- an encoded table ------------------------------------------------------------------------------------------------


class EncodedTable(Protocol):
    """A table that has been encoded once, for several networks; or some of its rows."""

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return some of these rows."""

    @property
    def n_networks_at_once(self) -> int:
        """How many networks may be trained at a time: several, where each waits for what is computed elsewhere."""

    @property
    def typical_rows(self) -> NDArray[np.intp] | None:
        """Which rows stand for all where targets of all would take too much memory; None: all."""

    @property
    def inputs(self) -> Inputs:
        """All inputs of these rows; each network takes them without those that it skips."""

    def objective(
        self, layout: Layout, activations: Sequence[Activation], loss: Loss, penalty: ElasticNet,
        samples: "NetworkRows", dropout: Sequence[float],
    ) -> ObjectiveFunction:  # fmt: skip
        """Return the objective of a network that is trained on these rows, which are `samples`; see `Objective`."""


# --- rows that share an encoded table --------------------------------------------------------------------------------


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows with their targets and weights."""

    table: EncodedTable
    y: Array
    weight: Array | None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return some of the rows; a ValueError if they have next to no weight."""
        weight = None if self.weight is None else self.weight[rows]
        if weight is not None and weight.sum() < MIN_TOTAL_WEIGHT:
            raise ValueError(too_little_weight_message(weight))
        return replace(self, table=self.table[rows], y=self.y[rows], weight=weight)

    @property
    def total_weight(self) -> float:
        """How many rows of weight 1 they are worth."""
        return float(len(self.y)) if self.weight is None else float(self.weight.sum())


def encode_rows(
    encoding: Encoding, rows: Rows, *, cross_fit: bool, train: NDArray[np.intp] | None = None
) -> EncodedRows:
    """Encode rows where they are, once for all networks.

    With `cross_fit`, where a column is encoded by the target, no row that is trained on, numbered `train` if others are
    held out, sees its own.
    """
    encoding_part = encoding.cross_fit_parts(rows, train) if cross_fit else None
    table = rows.X.encode(encoding.encoder, encoding.compute_dtype, encoding_part)
    return EncodedRows(table, rows.y, rows.weight)


@dataclass(frozen=True)
class NetworkRows:
    """Rows as one network takes them, batch by batch."""

    inputs: Inputs
    y: Array  # (n, m), parsed
    target_of: Callable[[Array], Array]  # y -> what raw outputs are compared with: (b, m) -> (b, k)
    target: Array  # (n, k); or (t, k) where there are typical rows, and those of all are made when they are needed
    weight: Array | None  # (n,), of mean 1
    total_weight: float
    max_rows: int  # that are computed at once
    typical_rows: NDArray[np.intp] | None = None  # (t,)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def typical_weight(self) -> Array | None:
        """The weights of the rows whose targets are `target`."""
        return self.weight if self.weight is None or self.typical_rows is None else self.weight[self.typical_rows]


def make_network_rows(
    encoding: Encoding,
    rows: EncodedRows,
    max_rows: int,
    n_skipped_inputs: int = 0,
    smoothing: float = 0.0,
    typical_rows: NDArray[np.intp] | None = None,
) -> NetworkRows:
    """Return rows as one network takes them, so many at once, without the first inputs; labels smoothed."""
    dtype, total = encoding.compute_dtype, rows.total_weight
    # mean 1: a gradient has the same size whatever unit the user's weights have
    weight = None if rows.weight is None else (rows.weight * (len(rows) / total)).astype(dtype)
    target_of = partial(encoding.head.targets, dtype=dtype, smoothing=smoothing)
    target = target_of(rows.y if typical_rows is None else rows.y[typical_rows])
    inputs = rows.table.inputs.without_first_inputs(n_skipped_inputs)
    return NetworkRows(inputs, rows.y, target_of, target, weight, total, max_rows, typical_rows)
