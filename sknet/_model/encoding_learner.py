"""Learn the encoding of a table and its targets from training rows, and encode the rows with it.

Conventions
-----------
n rows; k raw outputs.

values : (n, m)     parsed y
encoding_fold : (n,)  as in `TableEncoder.encode`
target : (n, k)     the target matrix, which the loss compares with raw outputs
train_indices : (m,) or None  indices of the training rows; None means all rows
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sknet._model.encoding import Encoding
from sknet._model.fading import n_independent_columns
from sknet._model.heads import Head
from sknet._model.rows import EncodedRows, Rows, Sample
from sknet._model.settings import Settings
from sknet._tables.column import WeightsAndTarget
from sknet._tables.encoder import learn_encoder
from sknet._tables.kinds import Survey
from sknet._tables.raw_table import is_sparse
from sknet._tables.sampling import cross_fit_folds, exceeds_sample_size
from sknet._tables.steps import with_learnt_steps
from sknet._tables.target_statistics import columns_with_means
from sknet._typing import Array, DType


def assign_encoding_folds(encoding: Encoding, rows: Rows, indices: NDArray[np.intp] | None) -> NDArray[np.intp] | None:
    """Assign training rows to folds for target means; each fold is encoded by the targets of the other folds.

    `indices` are those of the training rows; None means all rows. All other rows get -1. The result is None if no
    column is encoded by target means.
    """
    if not encoding.encoder.has_target_encoding:
        return None
    n = len(rows)
    row_indices = np.arange(n) if indices is None else indices
    encoding_fold = np.full(n, -1)
    y = rows.y[row_indices]
    # the folds of a large table depend on row indices alone, so the target matrix is not needed
    target = y if exceeds_sample_size(n) else imputed_target_matrix(encoding.head, y)
    encoding_fold[row_indices] = cross_fit_folds(target, row_indices, n)
    return encoding_fold


def with_target_means(encoding: Encoding, rows: Rows, train_indices: NDArray[np.intp] | None) -> Encoding:
    """Return the encoding with target means learnt from the training rows, or from all rows."""
    encoding_fold = assign_encoding_folds(encoding, rows, train_indices)
    if encoding_fold is None:
        return encoding
    target_of = partial(imputed_target_matrix, encoding.head)
    encoder = encoding.encoder
    statistics = rows.X.target_statistics(encoder, rows.y, target_of, rows.weight, encoding_fold)
    return replace(encoding, encoder=encoder.with_columns(columns_with_means(encoder.columns, statistics)))


MIN_ROWS_PER_CATEGORY = 3
"""With at least this many rows per category on average, `partial_fit` learns new target means to train on. Means of
fewer rows are close to 0: training on them would make the network unlearn the use of means."""


def encoding_to_continue_with(
    encoding: Encoding, rows: Rows, train_indices: NDArray[np.intp] | None, *, has_all_rows: bool
) -> Encoding:
    """Return an earlier encoding with new target means, cross-fitted on the rows to train on.

    The earlier means may contain the targets of these rows, so they would leak. If the table is the same as before, the
    new means equal the earlier ones. `partial_fit` keeps the earlier means if it gets few rows, or if one of several
    targets is missing in all rows.
    """
    n = len(rows) if train_indices is None else len(train_indices)
    n_known = max((len(column.categories) for column in encoding.encoder.columns if column.uses_target), default=0)
    if not has_all_rows and n < MIN_ROWS_PER_CATEGORY * n_known:
        return encoding
    if not has_all_rows and n_known and np.isnan(encoding.head.targets(rows.y, np.dtype(np.float64))).all(axis=0).any():
        return encoding
    return with_target_means(encoding, rows, train_indices)


def imputed_target_matrix(head: Head, values: Array) -> Array:
    """Return the target matrix, (n, k), with missing targets replaced by the mean of the target."""
    target = head.targets(values, np.dtype(np.float64))
    missing = np.isnan(target)
    if not missing.any():
        return target
    n_known = len(target) - missing.sum(axis=0)
    mean = np.nansum(target, axis=0) / np.maximum(n_known, 1)  # 0 for a target without values, as in some folds
    return np.where(missing, mean, target)


MAX_ROWS_TO_FIND_JUMPS = 2_000
"""How many rows are used at most to find where the target jumps."""


@dataclass(frozen=True)
class EncodingLearner:
    """Learns the encoding of a table from the training rows of a fit, and again from the training rows of each fold.

    Attributes
    ----------
    settings : Settings
    head : Head
    sample : Sample
        A sample of the training rows.
    survey : Survey
        The kinds of the sample's columns.
    output_dtype : dtype
    seed : int
    """

    settings: Settings
    head: Head
    sample: Sample
    survey: Survey
    output_dtype: DType
    seed: int

    def learn(self, rows: Rows, train_indices: NDArray[np.intp] | None) -> Encoding:
        """Learn all columns, and the scale of a regressor's targets, from the sample.

        `rows` are all rows of the table, including held-out rows.
        On large tables, target means of categories are learnt from the training rows, or from all rows. The sample has
        too few rows for this: with a thousand categories, its means would make the loss several per cent larger.
        """
        # with input_scaling=None nothing is scaled, and the loss equals scikit-learn's
        in_unit_of_mean = self.settings.table.input_scaling is not None
        head = self.head.with_fitted_scaler(self.sample.y, self.sample.weight, in_unit_of_mean=in_unit_of_mean)
        head = head.with_constants_of(rows.y)  # look at all rows, since the sample may lack a rare value
        return self._with_bins_at_jumps(self._learn(head, self.sample, rows, train_indices), self.sample)

    def learn_for_fold(
        self, rows: Rows, shared: Encoding, train_indices: NDArray[np.intp], *, shares_columns: bool
    ) -> Encoding | None:
        """Return the encoding for a fold, without information from its held-out rows; None if it is the shared one.

        Then the table need not be encoded again. Jumps of the target and target means are learnt from the fold's
        training rows. Everything else is shared if `shares_columns`. The scale of the targets is always
        shared, so that the losses of folds are comparable.
        """
        if isinstance(self.settings.init, tuple):  # the user's weights fit the shared inputs only
            encoding = with_target_means(shared, rows, train_indices)
        else:
            sample = self.sample.restricted_to(train_indices)
            if shares_columns:
                encoding = with_target_means(shared, rows, train_indices)
            else:
                encoding = self._learn(shared.head, sample, rows, train_indices)
            encoding = self._with_bins_at_jumps(encoding, sample)
        # the inputs of training rows are cross-fitted among the rows of the fold, even if its target means are the same
        has_changed = encoding.encoder.has_target_encoding or encoding != shared
        return encoding if has_changed else None

    def _with_bins_at_jumps(self, encoding: Encoding, sample: Sample) -> Encoding:
        """Return the encoding; with `numeric_encoding="steps"`, it has a narrow bin where the target jumps."""
        if self.settings.table.numeric_encoding != "steps":
            return encoding
        subsample = sample.subsample(MAX_ROWS_TO_FIND_JUMPS, self.seed)
        target = imputed_target_matrix(encoding.head, subsample.y)
        return replace(encoding, encoder=with_learnt_steps(encoding.encoder, subsample.X, target, subsample.weight))

    def _learn(self, head: Head, sample: Sample, rows: Rows, train_indices: NDArray[np.intp] | None) -> Encoding:
        """Learn all columns from a sample. On large tables, learn target means from all training rows."""
        table = self.settings.table
        target = imputed_target_matrix(head, sample.y) if table.category_encoding != "one_hot" else None
        encoder = learn_encoder(sample.X, table, self.survey, WeightsAndTarget(sample.weight, target, self.seed))
        encoding = Encoding(encoder, head, self.settings.dtype, self.output_dtype)
        if self.settings.solver.pull_strength and not is_sparse(sample.X):
            encoding = replace(encoding, n_independent_columns=n_independent_columns(encoder, sample, self.seed))
        return with_target_means(encoding, rows, train_indices) if exceeds_sample_size(len(rows)) else encoding


def encode_rows(
    encoding: Encoding, rows: Rows, *, cross_fit: bool, train_indices: NDArray[np.intp] | None = None
) -> EncodedRows:
    """Encode rows, once for all networks.

    With `cross_fit`, the target means of a training row do not contain its own target. `train_indices` are those of the
    training rows; None means all rows.
    """
    encoding_fold = assign_encoding_folds(encoding, rows, train_indices) if cross_fit else None
    inputs = rows.X.encode(encoding.encoder, encoding.compute_dtype, encoding_fold)
    return EncodedRows(inputs, rows.y, rows.weight, encoding)
