"""Where rows come from, chunk by chunk: Parquet files, a pyarrow Dataset, an array in a file, or a user's function.

Conventions
-----------
n rows of a chunk.

X : (n, d)               array or data frame
y : (n,) or (n, k)       targets, as the user has them
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from sknet._model.machine import needed
from sknet._tables.arrays import shown
from sknet._tables.frames import is_frame
from sknet._tables.rows import is_sparse, take_rows
from sknet._typing import Array, Table, Target

Source: TypeAlias = Any
"""What a user passes as a source: a path, a Dataset, an array or a function."""

CHUNK_VALUES = 2**22
"""How many values of a table are read at once, where the source does not say."""

FROM_PARQUET = {"strings_to_categorical": True, "split_blocks": True, "self_destruct": True}


@dataclass(frozen=True)
class Roles:
    """Where targets, weights and groups are: names of columns, or arrays beside an array in a file.

    Attributes
    ----------
    target : str, list of str, array-like or None
    sample_weight, groups : str, array-like or None
    """

    target: Target = None
    sample_weight: Target = None
    groups: Target = None

    @property
    def names(self) -> list[str]:
        """The columns that are not part of X."""
        given = [*(self.target if _are_names(self.target) else [self.target]), self.sample_weight, self.groups]
        return [name for name in given if isinstance(name, str)]


def _are_names(target: Target) -> bool:
    return isinstance(target, list | tuple) and all(isinstance(name, str) for name in target)


@dataclass(frozen=True)
class Chunk:
    """Some rows as the user has them."""

    X: Table
    y: Target
    weight: Target = None
    groups: Target = None


def chunks(source: Source, roles: Roles, name: str = "source") -> Iterator[Chunk]:
    """Yield the rows of a source, chunk by chunk; a second call yields the same."""
    if isinstance(source, str | os.PathLike) or hasattr(source, "scanner"):
        return (_of_whole(frame, roles, name) for frame in _frames(source, None))
    if isinstance(source, np.ndarray):
        return _of_array(source, roles)
    if callable(source):
        return (_of_piece(piece, roles, name) for piece in _called(source, name))
    raise TypeError(
        f"{name} is of type {type(source).__name__}: pass the path of Parquet files, a pyarrow Dataset, an array, or "
        "a function that returns a new iterator of chunks each time (an iterator itself can be read only once)."
    )


def tables(source: Source, columns: Sequence[str] | None, name: str = "source") -> Iterator[Table]:
    """Yield the tables of a source of rows to predict; of Parquet files and Datasets these columns, None for all."""
    if isinstance(source, str | os.PathLike) or hasattr(source, "scanner"):
        yield from _frames(source, columns)
    elif isinstance(source, np.ndarray):
        yield from (source[rows] for rows in _slices(source))
    else:
        for piece in _called(source, name) if callable(source) else source:
            X: Table = piece[0] if isinstance(piece, tuple) else piece
            yield X[list(columns)] if columns is not None and is_frame(X) and set(columns) < set(X.columns) else X


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _frames(source: Source, columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
    """Yield frames of the rows of Parquet files, in the order of the files."""
    data = _dataset(source)
    rows = max(1024, CHUNK_VALUES // max(len(data.schema.names), 1))
    import pyarrow

    names = None if columns is None else list(columns)
    for part, how in _parts(data):
        for batch in part.to_batches(columns=names, batch_size=rows, batch_readahead=0, **how):
            if batch.num_rows:
                yield pyarrow.Table.from_batches([batch]).to_pandas(**FROM_PARQUET)


def _parts(data: Source) -> Iterator[tuple[Source, dict[str, object]]]:
    """Yield what is read one after the other, and how: Parquet files by row groups.

    Of what is read at once, Arrow reads in advance as much as it can while a chunk is being worked on.
    """
    from pyarrow import dataset

    options = dataset.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
    try:
        fragments = list(data.get_fragments())
    except ValueError:  # the rows or columns of a Dataset that was filtered are known to its scanner only
        yield data, {"fragment_readahead": 0}
        return
    for fragment in fragments:
        if isinstance(fragment, dataset.ParquetFileFragment):
            how = {"schema": data.schema, "fragment_scan_options": options}
            yield from ((group, how) for group in fragment.split_by_row_group())
        else:
            yield fragment, {"schema": data.schema}


def _dataset(source: Source) -> Source:
    """Open Parquet files, by path, glob or folder; a Dataset is returned as it is."""
    if hasattr(source, "scanner"):
        return source
    with needed("A path as source", "pyarrow", extra="parquet"):
        from pyarrow import dataset
    path = os.fspath(source)
    found: str | list[str] = sorted(glob(path, recursive=True)) if has_magic(path) and not Path(path).exists() else path
    if not found or (isinstance(found, str) and not Path(found).exists()):
        raise FileNotFoundError(f"source={path!r}: there is no such file or folder.")
    try:
        return dataset.dataset(found, format="parquet")
    except (ValueError, OSError) as error:
        raise ValueError(f"source={path!r} cannot be read as Parquet: {error}.") from error


# --- other sources ---------------------------------------------------------------------------------------------------


def _slices(X: Array) -> Iterator[slice]:
    height = max(1, CHUNK_VALUES // max(int(np.prod(X.shape[1:])), 1))
    return (slice(start, start + height) for start in range(0, len(X), height))


def _of_array(X: Array, roles: Roles) -> Iterator[Chunk]:
    """Yield the rows of an array, with those of the arrays beside it."""
    beside = {"target": roles.target, "sample_weight": roles.sample_weight, "groups": roles.groups}
    if roles.target is None:
        raise ValueError("target is None: for an array as source, pass the array of its targets.")
    for what, values in beside.items():
        if isinstance(values, str) or _are_names(values):
            raise ValueError(
                f"{what}={values!r} names a column, and source is an array: pass an array of as many rows."
            )
        if values is not None and len(values) != len(X):
            raise ValueError(f"{what} has {len(values)} rows and source {len(X)}: give as many.")
    for rows in _slices(X):
        yield Chunk(np.asarray(X[rows]), *(None if v is None else take_rows(v, rows) for v in beside.values()))


def _called(source: Callable[[], Iterator[object]], name: str) -> Iterator[object]:
    """Call a user's function for a new iterator."""
    found = source()
    try:
        return iter(found)
    except TypeError:
        raise TypeError(
            f"{name}() returned {type(found).__name__}, which is no iterator of chunks: return one, such as a "
            "generator."
        ) from None


def _of_piece(piece: object, roles: Roles, name: str) -> Chunk:
    """Read a chunk: a frame with all columns, or (X, y), (X, y, weight) or (X, y, weight, groups)."""
    if is_frame(piece):
        return _of_whole(piece, roles, name)
    if not isinstance(piece, tuple):
        raise TypeError(
            f"{name}() gave a chunk of type {type(piece).__name__}: give (X, y), (X, y, sample_weight), or a data "
            "frame that has the target among its columns."
        )
    if not 2 <= len(piece) <= 4:
        raise ValueError(f"{name}() gave a chunk of {len(piece)} parts: give (X, y), or (X, y, sample_weight).")
    if roles.target is not None:
        raise ValueError(f"target={roles.target!r} is given, and the chunks of {name}() have targets of their own.")
    own = Chunk(*piece)
    if is_sparse(own.X):
        raise TypeError(f"{name}() gave a sparse chunk: give dense arrays or data frames.")
    columns = [role for role in (roles.sample_weight, roles.groups) if isinstance(role, str)]
    if not columns:
        return own
    rest = _of_frame(own.X, Roles(None, roles.sample_weight, roles.groups), name)
    return Chunk(rest.X, own.y, rest.weight, rest.groups)


def _of_whole(frame: Table, roles: Roles, name: str) -> Chunk:
    """Read a frame that has the target among its columns."""
    if roles.target is None:
        raise ValueError(f"target is None: name the column of {name} that is to be predicted, {list(frame.columns)}.")
    return _of_frame(frame, roles, name)


def _of_frame(frame: Table, roles: Roles, name: str) -> Chunk:
    """Take the target, the weight and the group out of a frame's columns."""
    given = {"target": roles.target, "sample_weight": roles.sample_weight, "groups": roles.groups}
    for what, role in given.items():
        if role is not None and not isinstance(role, str) and not _are_names(role):
            raise TypeError(f"{what}={shown(role)} names no column of {name}: give one of {list(frame.columns)}.")
    if len(set(roles.names)) < len(roles.names):
        raise ValueError(f"target, sample_weight and groups name a column twice, {roles.names}: name each once.")
    lacking = [column for column in roles.names if column not in frame.columns]
    if lacking:
        raise ValueError(f"{name} has no column {lacking[0]!r}: give one of {list(frame.columns)}.")
    y, weight, groups = (
        None if role is None else frame[list(role)] if _are_names(role) else frame[role] for role in given.values()
    )
    X = frame.drop(columns=roles.names) if hasattr(frame, "iloc") else frame.drop(roles.names)
    return Chunk(X, y, weight, groups)


def first_of(found: Iterator[Chunk], name: str = "source") -> tuple[Chunk, Iterator[Chunk]]:
    """Return the first chunk, and all of them."""
    first = next(found, None)
    if first is None:
        raise ValueError(f"{name} gave no rows.")
    return first, chain([first], found)
