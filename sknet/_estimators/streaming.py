"""A fit from a stream of chunks, which are checked and written to a file, followed by an ordinary fit.

Conventions
-----------
n rows of a chunk.

X : (n, d)         array or data frame, not yet encoded
y : (n,) or (n, k) targets
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from sknet._estimators.base import BaseSigmoidMLP
from sknet._estimators.parameters import ClassifierParameters, check_streamable, column_choices
from sknet._estimators.read_data import (
    Columns,
    FitArguments,
    n_rows_of,
    prefix_errors,
    read_each_weight,
    read_first_table,
    read_groups,
    read_known_table,
    replace_zero_weight_rows,
)
from sknet._estimators.sklearn_api import with_callbacks
from sknet._storage import checkpoints
from sknet._stream.packing import TableFormat, choose_format
from sknet._stream.records import ScratchFiles
from sknet._stream.sources import Chunk
from sknet._stream.stored import CollectedLabels, CollectedNumbers, SourceWriter, StoredSource
from sknet._stream.stored_table import StoredTable
from sknet._tables.read import is_frame, take_rows
from sknet._typing import Table


@with_callbacks
def fit_stream(
    estimator: BaseSigmoidMLP,
    chunks: Iterator[Chunk],
    validation: Iterator[Chunk] | None,
    folder: Path,
    resume: str | PathLike[str] | None,
) -> None:
    """Fit an estimator; `folder` needs room for a copy of the table."""
    estimator._validate_params()
    check_streamable(estimator)
    if validation is not None and not estimator.early_stopping:
        raise ValueError("validation is passed while early_stopping is False: set it to 'auto' or True.")
    if resume is not None:  # before hours of reading
        checkpoints.read_checkpoint(resume).check_estimator(type(estimator).__name__, 0)
    with ScratchFiles(folder) as files:
        reader = ChunkReader(estimator)
        choose = partial(choose_format, choices=column_choices(estimator), files=files)
        source = store_rows(chunks, reader, files, choose, verbose=bool(estimator.verbose))
        arguments = FitArguments(
            StoredTable(source.rows), source.y, source.weight, groups=source.groups, columns=reader.columns
        )
        if validation is not None:  # in the format of the training rows
            own = store_rows(validation, reader, files, lambda X: source.rows.format, "validation")
            arguments = replace(arguments, X_val=StoredTable(own.rows), y_val=own.y, sample_weight_val=own.weight)
        if resume is None:
            estimator._fit(arguments)
        else:
            estimator._resume(resume, arguments)


def store_rows(
    chunks: Iterator[Chunk], reader: ChunkReader, files: ScratchFiles, choose: Callable[[Table], TableFormat],
    name: str = "", *, verbose: bool = False,
) -> StoredSource:  # fmt: skip
    """Check all rows of a source, and write them to a file in the format that `choose` returns for the first chunk.

    `name` is the name of the source in messages, if it is not the source of training rows.
    """
    writer = SourceWriter(
        files, CollectedLabels() if reader.has_labels else CollectedNumbers(), choose, name or "source"
    )
    n_read = 0
    for chunk in chunks:
        with prefix_errors(f"{name}: Chunk {chunk.number}" if name else f"Chunk {chunk.number}"):
            found = reader.read(chunk)
            if found is not None:
                writer.append(*found)
            n_read += n_rows_of(chunk.X, "X") or 0
        if verbose:
            print(f"Rows read: {n_read:,}")
    return writer.finish()


class ChunkReader:
    """Checks the tables, weights and groups of chunks, each against the first.

    Attributes
    ----------
    columns : Columns or None
        The columns of the first chunk.
    has_labels : bool
        Whether the targets are labels.
    """

    def __init__(self, estimator: BaseSigmoidMLP) -> None:
        self._name, self._choices = type(estimator).__name__, column_choices(estimator)
        self.has_labels = isinstance(estimator, ClassifierParameters)
        self.columns: Columns | None = None

    def read(self, chunk: Chunk) -> tuple[Chunk, Table] | None:
        """Return the checked chunk and its first two rows, unchecked; None if all its weights are 0."""
        n = None if chunk.weight is None else n_rows_of(chunk.X, "X")
        weight = None if n is None else read_each_weight(chunk.weight, n)
        if weight is not None and not weight.any():
            return None
        X, y, groups = (
            replace_zero_weight_rows(values, weight, name)
            for values, name in ((chunk.X, "X"), (chunk.y, "y"), (chunk.groups, "groups"))
        )
        if self.columns is None:
            table, columns = read_first_table(X, self._name, self._choices)
        else:
            table, columns = read_known_table(X, self.columns, self._name), self.columns
        n = table.shape[0]
        y = y if is_frame(y) or isinstance(y, pd.Series) else np.asarray(y)
        if len(y) != n:
            raise ValueError(f"X has {n} rows and y {len(y)}.")
        if groups is not None:
            read_groups(groups, n)  # only a check: other chunks may have the same groups, so their values are kept
            groups = np.asarray(groups)
        self.columns = columns
        return replace(chunk, X=table, y=y, weight=weight, groups=groups), take_rows(X, slice(0, 2))
