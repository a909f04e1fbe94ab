"""Which inputs share a gain, and how strongly each gain is pulled down, so that inputs that carry nothing fade.

Training minimises n log J + sum_G k_G log |W_G|, where J is the objective for n rows, and W_G are the weights of the
inputs that share gain G. This is automatic relevance determination (MacKay 1995; Tipping 2001), with a prior that has
no scale. The derivative by the log-gain g of n log J is n/J dJ/dg, and that of the penalty is k_G. In units of J, this
is

    dJ/dg + k_G J / n

Noise lowers the loss of the training rows by chance, by about one part in n for each way in which the network uses it.
That is too little to withstand the pull, so its weights fade. Where J is small, so is the pull, and the unit of the
target does not matter. In linear regression with one weight for each input, a weight stays if the square of its
t-statistic is at least 2 k, and is shrunk little if it is much larger. With k = log c for c columns, this would be the
universal threshold (Donoho & Johnstone 1994), which c columns of noise hardly reach. A network uses a column in more
ways than one, so noise lowers its loss by more: k is `PULL_STRENGTH` log c.

Correlated columns have fewer chances than c to fit noise, and each of them alone explains little that the others do not
explain, so they would fade although they are informative. Therefore c is the number of independent columns.
"""

from math import log

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.encoding import Encoding
from sknet._model.rows import Sample
from sknet._tables.encoder import TableEncoder
from sknet._typing import Array

PULL_STRENGTH = 1.5
"""k, as a multiple of the logarithm of the number of columns: see "Inputs that carry nothing" in
tests/benchmarks/notes.md."""

MAX_ROWS_TO_CORRELATE = 2_000
"""How many rows of a sample are used at most to correlate columns."""


def n_independent_columns(encoder: TableEncoder, sample: Sample, seed: int) -> float:
    """Return how many uncorrelated columns vary in as many directions as the columns of a sample do.

    It is (sum of l)^2 / sum of l^2 for the eigenvalues l of the correlation matrix (Bretherton et al. 1999, Journal of
    Climate 12, 1990-2009), and the sum of l^2 is that of all squared correlations. Of n rows, two independent columns
    have a squared correlation of 1 / (n - 1) on average, which is subtracted. Columns that are not numbers count as
    independent of all others.
    """
    n_columns = len(np.unique(encoder.input_columns))
    numbers = [j for j, column in enumerate(encoder.columns) if column.is_number]
    if len(numbers) < 2:
        return float(n_columns)
    X = sample.subsample(MAX_ROWS_TO_CORRELATE, seed).X
    of_numbers = TableEncoder(None, tuple(encoder.columns[j] for j in numbers))
    X_of_numbers = X.iloc[:, numbers] if isinstance(X, pd.DataFrame) else np.asarray(X)[:, numbers]
    Z = of_numbers.encode(X_of_numbers, np.dtype(np.float64))
    Z = Z[:, [description.kind == "number" for _, description in of_numbers.input_descriptions]]
    n_not_numbers = n_columns - Z.shape[1]
    Z -= Z.mean(axis=0)
    norm = np.sqrt((Z**2).sum(axis=0))
    Z = Z[:, norm > 0.0] / norm[norm > 0.0]
    n, c = Z.shape
    if n < 2 or c < 2:
        return float(n_not_numbers + c)
    gram = Z.T @ Z if c < n else Z @ Z.T  # both have the same sum of squares
    by_chance = c * (c - 1) / (n - 1)
    return n_not_numbers + c**2 / max(c, (gram**2).sum() - by_chance)


def gain_groups(encoder: TableEncoder, n_skipped_inputs: int) -> NDArray[np.intp] | None:
    """Return the group of each input that a network takes, (d,): inputs of a group share a gain.

    The one-hot inputs of a column share one, and every other input has its own. None if no input shares its gain.
    """
    columns = encoder.input_columns
    shares = np.array([description.is_indicator for _, description in encoder.input_descriptions], dtype=bool)
    single_groups = encoder.n_columns + np.arange(len(columns))
    _, groups = np.unique(np.where(shares, columns, single_groups)[n_skipped_inputs:], return_inverse=True)
    return None if groups.max(initial=-1) + 1 == len(groups) else groups


def pull_on_inputs(
    encoding: Encoding, groups: NDArray[np.intp] | None, n_skipped_inputs: int, strength_per_row: float
) -> Array:
    """Return the pull on each input that a network takes, (d,): k / n, where k is the strength times log c.

    `groups` are the network's `gain_groups`, and `strength_per_row` is the strength over n. Inputs that share a gain
    share its pull. Bins have none: their first weights are small, and their number is a matter of resolution.
    """
    group_sizes = 1 if groups is None else np.bincount(groups)[groups]
    descriptions = encoding.encoder.input_descriptions
    is_bin = np.array([description.kind == "bin" for _, description in descriptions], dtype=bool)
    n_columns = encoding.n_independent_columns or len(np.unique(encoding.encoder.input_columns))
    pull = strength_per_row * log(n_columns) / group_sizes
    return np.where(is_bin[n_skipped_inputs:], 0.0, pull).astype(encoding.compute_dtype)
