"""Tables whose texts are encoded already: encoding text takes longest, so it is done once for all networks and epochs.

Conventions
-----------
n rows.

X : (n, d)               a data frame with columns of text
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike

from sknet._tables.column import Column
from sknet._tables.column_values import ColumnValues
from sknet._tables.encoder import TableEncoder
from sknet._tables.formulas import InputDescription
from sknet._tables.raw_table import column_at
from sknet._typing import Array


@dataclass(frozen=True)
class EncodedTextInput(Column):
    """One input of text that is encoded already: the values are the input's values."""

    input_descriptions: ClassVar[tuple[InputDescription, ...]] = (InputDescription("", "text"),)

    def encode_into(self, values: ColumnValues, out: Array, name: str, encoding_fold: Array | None = None) -> None:
        """Copy n values to `out`, of shape (n, 1)."""
        out[:, 0] = values


def text_columns(encoder: TableEncoder) -> tuple[Column, ...]:
    """Return the columns of free text."""
    return tuple([column for column in encoder.columns if column.is_free_text])


def encoder_after_text(encoder: TableEncoder) -> TableEncoder:
    """Return the encoder of tables that `replace_text_by_inputs` returns; its inputs are those of `encoder`."""
    names: list[str] = []
    columns: list[Column] = []
    for name, column in zip(encoder.column_names, encoder.columns, strict=True):
        n_inputs = column.n_inputs
        names += [f"{name}_{i}" for i in range(n_inputs)] if column.is_free_text else [name]
        columns += [EncodedTextInput()] * n_inputs if column.is_free_text else [column]
    return TableEncoder(tuple(names), tuple(columns))


def replace_text_by_inputs(encoder: TableEncoder, X: pd.DataFrame, dtype: DTypeLike) -> pd.DataFrame:
    """Return the table with the inputs of each column of text instead of this column."""
    values: list[ColumnValues] = []
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        if column.is_free_text:
            Z = np.zeros((len(X), column.n_inputs), dtype)
            column.encode_into(column_at(X, j), Z, name)
            values += [*Z.T]
        else:
            values.append(column_at(X, j))
    # the keys are integers at first, since two columns may have the same name
    frame = pd.DataFrame(dict(enumerate(values)), index=X.index, copy=False)
    return frame.set_axis(pd.Index(encoder_after_text(encoder).names, dtype=object), axis=1)
