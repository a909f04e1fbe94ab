"""The matrices that networks are trained on: rows are encoded once, and all networks of a fit share them.

Conventions
-----------
n rows; m inputs of the network; k raw outputs.

target : (n, k)     what the raw outputs are compared with
weight : (n,)       sample weights; None where all are 1
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sknet._model.heads import Head, RegressionHead
from sknet._model.model import Model, Network
from sknet._model.settings import Settings
from sknet._network.inputs import Inputs
from sknet._network.objective import ObjectiveFunction, ObjectiveSettings
from sknet._tables.columns.target import cross_fit_folds
from sknet._tables.encoding import TableEncoder, learn_encoder
from sknet._tables.rows import MIN_TOTAL_WEIGHT, Rows, Sample, too_little_weight_message
from sknet._tables.sampling import exceeds_sample_size
from sknet._tables.survey import Survey
from sknet._tables.tables import take_optional
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

    def cross_fit_folds(self, rows: Rows, train: NDArray[np.intp] | None = None) -> NDArray[np.intp] | None:
        """Assign the rows numbered `train`, or all, to folds that are encoded by the others' targets; -1 for others.

        None where the target encodes nothing.
        """
        if not self.encoder.has_target_encoding:
            return None
        n = len(rows)
        numbers = np.arange(n) if train is None else train
        encoding_fold = np.full(n, -1)
        y = rows.y[numbers]
        # a large table's rows go by their numbers: the matrix of their targets is not needed
        target = y if exceeds_sample_size(n) else targets_to_encode_by(self.head, y)
        encoding_fold[numbers] = cross_fit_folds(target, numbers, n)
        return encoding_fold

    def with_target_means(self, rows: Rows, train: NDArray[np.intp] | None = None) -> "Encoding":
        """Return the encoding with the target's means of the rows numbered `train`, or of all; all else stays."""
        encoding_fold = self.cross_fit_folds(rows, train)
        if encoding_fold is None:
            return self
        target_of = partial(targets_to_encode_by, self.head)
        totals = rows.X.target_totals(self.encoder, rows.y, target_of, rows.weight, encoding_fold)
        return replace(self, encoder=self.encoder.with_target_totals(totals))


MIN_ROWS_PER_CATEGORY = 3
"""From this many rows per category on, on average, `partial_fit` learns means of its own to train on. Means of fewer
are next to nothing: a network that is trained on them forgets what means say."""


def encoding_to_continue_by(
    encoding: Encoding, rows: Rows, train: NDArray[np.intp] | None, *, is_partial_fit: bool
) -> Encoding:
    """Return an earlier encoding with target means of the rows to train on, in which no row sees its own target.

    The earlier means may contain these rows' targets, and which of them leave a row out is known only for the table
    that they were learnt from. From that table, the same means are learnt again. `partial_fit` keeps the earlier means
    if it is given few rows, or rows in all of which one of several targets is missing.
    """
    n = len(rows) if train is None else len(train)
    n_known = max(
        (len(column.known_categories) for column in encoding.encoder.columns if column.uses_target), default=0
    )
    if is_partial_fit and n < MIN_ROWS_PER_CATEGORY * n_known:
        return encoding
    if is_partial_fit and n_known and np.isnan(encoding.head.targets(rows.y, np.dtype(np.float64))).all(axis=0).any():
        return encoding
    return encoding.with_target_means(rows, train)


def targets_to_encode_by(head: Head, values: Array) -> Array:
    """Return the target matrix, (n, k); a missing target is the mean of all: it says nothing of a category."""
    target = head.targets(values, np.dtype(np.float64))
    missing = np.isnan(target)
    if not missing.any():
        return target
    n_known = len(target) - missing.sum(axis=0)
    mean = np.nansum(target, axis=0) / np.maximum(n_known, 1)  # a fold may have no value of a target: 0 for all
    return np.where(missing, mean, target)


def encoding_of(model: Model, head: Head) -> Encoding:
    """Return how a model encodes tables, for training to go on from it; the head may have another loss."""
    return Encoding(model.encoder, head, model.compute_dtype, model.output_dtype)


MAX_ROWS_FOR_STEPS = 2_000
"""How many rows show where the target jumps, at most: a step is then off by a row in thousands."""


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

    def learn(self, rows_of_means: NDArray[np.intp] | None = None) -> Encoding:
        """Learn all columns, and how numbers among the targets are scaled, from the sample.

        The target's means of categories are those of the rows numbered `rows_of_means`, or of all rows: a sample has
        only a few rows of each of a thousand categories, and its means make the error several per cent larger.
        """
        head = self.head
        if isinstance(head, RegressionHead):
            # with input_scaling=None nothing is scaled: the loss is then scikit-learn's, in the target's own unit
            in_unit_of_mean = self.settings.table.input_scaling is not None
            head = head.scaled_to(self.sample.y, self.sample.weight, in_unit_of_mean=in_unit_of_mean)
        return self._with_steps(self._learn(head, self.sample, self.survey, rows_of_means), self.sample)

    def learn_for_fold(self, shared: Encoding, train: NDArray[np.intp], *, shares_columns: bool) -> Encoding:
        """Learn from the rows of a fold, numbered `train`, all that its held-out rows must not have a say in.

        These are what targets decide, steps and means, and all else too unless the fold `shares_columns`. The scale of
        the targets is always shared: the folds' losses have one unit.
        """
        own = shared.with_target_means(self.rows, train)
        if isinstance(self.settings.network.init, tuple):  # the user's weights are made for the inputs of the table
            return own
        sample = self.sample.among(train)
        if not shares_columns:
            own = self._learn(shared.head, sample, self.survey.of_rows(sample.X), train)
        return self._with_steps(own, sample)

    @property
    def _looks_for_steps(self) -> bool:
        return self.settings.table.numeric_encoding == "steps"

    def _with_steps(self, encoding: Encoding, sample: Sample) -> Encoding:
        """Return the encoding with steps, if there are to be some and the sample's targets show where."""
        if not self._looks_for_steps:
            return encoding
        some = sample.some(MAX_ROWS_FOR_STEPS, self.seed)
        encoder = encoding.encoder.with_steps(some.X, targets_to_encode_by(encoding.head, some.y), some.weight)
        return encoding if encoder is encoding.encoder else replace(encoding, encoder=encoder)

    def _learn(self, head: Head, sample: Sample, survey: Survey, train: NDArray[np.intp] | None) -> Encoding:
        table = self.settings.table
        target = targets_to_encode_by(head, sample.y) if table.category_encoding != "one_hot" else None
        encoder = learn_encoder(sample.X, replace(table, weight=sample.weight, target=target, seed=self.seed), survey)
        encoding = Encoding(encoder, head, self.settings.dtype, self.output_dtype)
        return encoding.with_target_means(self.rows, train) if exceeds_sample_size(len(self.rows)) else encoding


# --- encoded rows ----------------------------------------------------------------------------------------------------


class EncodedInputs(Inputs, Protocol):
    """The inputs of a table that has been encoded once, for several networks, or of some of its rows."""

    @property
    def n_networks_awaited_at_once(self) -> int:
        """How many networks may be trained at a time: several, where each waits for what is computed elsewhere."""

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return those of some of these rows."""

    def objective(self, settings: ObjectiveSettings, rows: "EncodedRows") -> ObjectiveFunction:
        """Return the objective of a network that is trained on `rows`, which have these inputs."""


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows with their targets and weights."""

    inputs: EncodedInputs
    y: Array  # (n, m), parsed
    weight: Array | None  # (n,), as the user gives it
    encoding: Encoding
    smoothing: float = 0.0  # of labels

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return some of the rows; a ValueError if they have next to no weight."""
        weight = take_optional(self.weight, rows)
        if weight is not None and weight.sum() < MIN_TOTAL_WEIGHT:
            raise ValueError(too_little_weight_message(weight))
        return replace(self, inputs=self.inputs[rows], y=self.y[rows], weight=weight)

    def for_network(self, n_skipped_inputs: int, smoothing: float = 0.0) -> Self:
        """Return the rows as one network takes them, without the first inputs, with buffers and targets of its own."""
        return replace(self, inputs=self.inputs.without_first_inputs(n_skipped_inputs), smoothing=smoothing)

    @property
    def total_weight(self) -> float:
        """How many rows of weight 1 they are worth."""
        return float(len(self.y)) if self.weight is None else float(self.weight.sum())

    def encode_targets(self, y: Array) -> Array:
        """Return what raw outputs are compared with, (b, k), of some rows' y."""
        return self.encoding.head.targets(y, self.encoding.compute_dtype, self.smoothing)

    @cached_property
    def target(self) -> Array:
        """The targets of all rows, (n, k); those of a stream are made for some rows at a time instead."""
        return self.encode_targets(self.y)

    @cached_property
    def relative_weight(self) -> Array | None:
        """The weights, (n,), of mean 1: a gradient has the same size whatever unit the user's have."""
        if self.weight is None:
            return None
        return (self.weight * (len(self) / self.total_weight)).astype(self.encoding.compute_dtype)


def encode_rows(
    encoding: Encoding, rows: Rows, *, cross_fit: bool, train: NDArray[np.intp] | None = None
) -> EncodedRows:
    """Encode rows where they are, once for all networks.

    With `cross_fit`, where a column is encoded by the target, no row that is trained on, numbered `train` if others are
    held out, sees its own.
    """
    encoding_fold = encoding.cross_fit_folds(rows, train) if cross_fit else None
    inputs = rows.X.encode(encoding.encoder, encoding.compute_dtype, encoding_fold)
    return EncodedRows(inputs, rows.y, rows.weight, encoding)
