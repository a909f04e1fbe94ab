"""What is learnt about a table and its targets: how they become matrices, and raw outputs predictions."""

from dataclasses import dataclass

from sknet._model.heads import Head
from sknet._tables.encoder import TableEncoder
from sknet._typing import DType


@dataclass(frozen=True)
class Encoding:
    """How a table and its targets become matrices, and how raw outputs become predictions."""

    encoder: TableEncoder
    head: Head
    compute_dtype: DType
    output_dtype: DType  # dtype of weights and predictions: the float type of the training table
    n_independent_columns: float | None = None  # see `fading`; None if all columns with inputs count
