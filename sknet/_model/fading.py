"""Which inputs share a gain, and how strongly each gain is pulled down, so that inputs that carry nothing fade.

Training minimises n log J + sum_G k_G log |W_G|, where J is the loss for n rows, and W_G are the weights of the inputs
that share gain G. This is automatic relevance determination (MacKay 1995; Tipping 2001) with a prior that has no scale:
an input must lower the loss by a share of k_G / n, or its weights are not worth keeping. An input of noise lowers the
loss of the training rows by chance, by about one part in n for each way in which the network uses it. Since J is the
measure, inputs fade slowly where little of the target is left to explain, and the unit of the target does not matter.

The derivative by the shared log-gain is that of n log J, which is n/J dJ/dg, and k_G. In units of J, this is

    dJ/dg_G + k_G J / n

With k_G = log c for c columns, the best of c columns of noise would just fade (the risk inflation criterion, Foster &
George 1994, has twice the logarithm for twice the log-likelihood). The pull is constant in g: it takes the same share of
large weights as of small ones, and the loss of a column that matters resists far more. So such columns keep theirs.
"""

from math import log

import numpy as np
from numpy.typing import NDArray

from sknet._tables.encoder import TableEncoder
from sknet._typing import Array, DType


def gain_groups(encoder: TableEncoder, n_skipped_inputs: int) -> NDArray[np.intp] | None:
    """Return the group of each input that a network takes, (d,): inputs of a group share a gain.

    The one-hot inputs of a column share one, and every other input has its own. None if no input shares its gain.
    """
    columns = encoder.input_columns
    shares = np.array([description.is_indicator for _, description in encoder.input_descriptions], dtype=bool)
    own = encoder.n_columns + np.arange(len(columns))
    _, groups = np.unique(np.where(shares, columns, own)[n_skipped_inputs:], return_inverse=True)
    return None if groups.max(initial=-1) + 1 == len(groups) else groups


def fading_of_inputs(encoder: TableEncoder, n_skipped_inputs: int, n_rows: int, dtype: DType) -> Array:
    """Return k / n of each input that a network takes, (d,); the sum over a group is that of its gain.

    A column of l one-hot inputs has the square root of l times the pull of a number. Bins have none: their first
    weights are small, and their number is a matter of resolution.
    """
    columns = encoder.input_columns
    descriptions = [description for _, description in encoder.input_descriptions]
    is_indicator = np.array([description.is_indicator for description in descriptions], dtype=bool)
    group_sizes = np.where(is_indicator, np.bincount(columns, is_indicator, encoder.n_columns)[columns], 1.0)
    is_bin = np.array([description.kind == "bin" for description in descriptions], dtype=bool)
    pull = np.where(is_bin, 0.0, log(len(np.unique(columns))) / np.sqrt(group_sizes))
    return (pull / n_rows).astype(dtype)[n_skipped_inputs:]
