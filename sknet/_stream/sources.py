"""Where rows come from, chunk by chunk: Parquet files, a pyarrow Dataset, an array in a file, or a user's function.

Conventions
-----------
n rows of a chunk.

X : (n, d)               array or data frame
y : (n,) or (n, k)       targets, as the user has them
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sknet._stream.sources import Dataset, files_of, read_frames
from sknet._tables.read import is_frame, is_sparse, mapped_file, short_repr, take_rows
from sknet._typing import Array, Table, Target

Source: TypeAlias = str | os.PathLike[str] | Dataset | Array | Callable[[], Iterable[object]]
"""What a user passes as a source."""

VALUES_READ_AT_ONCE = 2**22
"""How many values of a table are read at once, where the source does not say."""


@dataclass(frozen=True)
class Roles:
    """Where targets, weights and groups are: names of columns, or arrays beside an array.

    Attributes
    ----------
    target : str, list of str, array-like or None
    sample_weight, groups : str, array-like or None
    """

    target: Target = None
    sample_weight: Target = None
    groups: Target = None

    def items(self) -> list[tuple[str, Target]]:
        """Return the user's parameters and what was given."""
        return [("target", self.target), ("sample_weight", self.sample_weight), ("groups", self.groups)]


def _names_columns(role: Target) -> bool:
    """Whether a role is given as the name of a column, or of several, and not as values."""
    return isinstance(role, str) or (isinstance(role, list | tuple) and all(isinstance(name, str) for name in role))


@dataclass(frozen=True)
class Chunk:
    """Some rows as the user has them; chunks of a source are numbered from 1."""

    number: int
    X: Table
    y: Target = None
    weight: Target = None
    groups: Target = None


def read_chunks(source: Source, roles: Roles, name: str = "source") -> Iterator[Chunk]:
    """Yield the rows of a source with their targets; chunks without rows are skipped."""
    pieces = _pieces_of_arrays(source, roles) if isinstance(source, np.ndarray) else _pieces(source, None, name)
    roles = Roles() if isinstance(source, np.ndarray) else roles  # its pieces are (X, y, weight, groups) already
    return (_chunk_of(number, piece, roles, name) for number, piece in _with_rows(pieces, name))


def read_tables(
    source: Source | Iterable[object], columns: Sequence[str] | None, name: str = "source"
) -> Iterator[Chunk]:
    """Yield the rows of a source without targets; of frames with more columns than `columns`, these."""
    if is_frame(source):
        pieces: Iterator[object] = iter([source])  # to iterate over a frame gives its columns' names
    elif isinstance(source, Iterable) and not isinstance(source, str | np.ndarray):  # chunks, which are read only once
        pieces = iter(source)
    else:
        pieces = _pieces(source, columns, name)
    for number, piece in _with_rows(pieces, name):
        X: Table = piece[0] if isinstance(piece, tuple) else piece
        if columns is not None and is_frame(X) and set(columns) < set(X.columns):
            X = X[list(columns)]
        yield Chunk(number, X)


def is_read_from(source: object, path: Path) -> bool:
    """Whether rows of a source are read from the file at `path`; of a function or an iterable, nobody knows."""
    if not path.exists():
        return False
    files: list[str | os.PathLike[str]] = []
    if isinstance(source, np.ndarray):
        mapped = mapped_file(source)
        files = [] if mapped is None else [mapped]
    elif isinstance(source, str | os.PathLike | Dataset):
        files += files_of(source)
    return any(os.path.exists(file) and os.path.samefile(file, path) for file in files)


# --- pieces: what a source gives, one after the other ----------------------------------------------------------------


def _pieces(source: object, columns: Sequence[str] | None, name: str) -> Iterator[object]:
    """Read a source piece by piece, which is no array with arrays beside it."""
    if isinstance(source, str | os.PathLike | Dataset):
        return read_frames(source, columns, VALUES_READ_AT_ONCE)
    if isinstance(source, np.ndarray):
        return (source[rows] for rows in _slices(source))
    if not callable(source):
        raise TypeError(
            f"{name} is of type {type(source).__name__}: pass the path of Parquet files, a pyarrow Dataset, an array, "
            "or a function that returns a new iterator of chunks each time (an iterator itself can be read only once)."
        )
    returned = source()
    try:
        return iter(returned)
    except TypeError:
        raise TypeError(
            f"{name}() returned {type(returned).__name__}, which is no iterator of chunks: return one, such as a "
            "generator."
        ) from None


def _pieces_of_arrays(X: Array, roles: Roles) -> Iterator[object]:
    """Read an array, and the arrays beside it."""
    if roles.target is None:
        raise ValueError("target is None: for an array as source, pass the array of its targets.")
    for what, values in roles.items():
        if _names_columns(values) or (values is not None and np.ndim(values) == 0):
            raise ValueError(
                f"{what}={values!r} names a column, and source is an array: pass an array with a value for each row."
            )
        if values is not None and len(values) != len(X):
            raise ValueError(f"{what} has {len(values)} rows and source {len(X)}: give them the same number.")
    return (
        (np.asarray(X[rows]), *(None if values is None else take_rows(values, rows) for _, values in roles.items()))
        for rows in _slices(X)
    )


def _slices(X: Array) -> Iterator[slice]:
    """Yield the rows of an array, about `VALUES_READ_AT_ONCE` values at a time."""
    height = max(1, VALUES_READ_AT_ONCE // max(int(np.prod(X.shape[1:])), 1))
    return (slice(start, start + height) for start in range(0, len(X), height))


def _with_rows(pieces: Iterator[object], name: str) -> Iterator[tuple[int, object]]:
    """Number the pieces, and skip those without rows; a ValueError if there is no other."""
    is_empty = True
    for number, piece in enumerate(pieces, 1):
        X: Table = piece[0] if isinstance(piece, tuple) and piece else piece
        if (is_frame(X) or isinstance(X, np.ndarray | list)) and len(X) == 0:
            continue
        is_empty = False
        yield number, piece
    if is_empty:
        raise ValueError(f"{name} gave no rows.")


# --- chunks ----------------------------------------------------------------------------------------------------------


def _chunk_of(number: int, piece: object, roles: Roles, name: str) -> Chunk:
    """Read a frame that has the target among its columns, or (X, y), (X, y, weight) or (X, y, weight, groups)."""
    if is_frame(piece):
        if roles.target is None:
            names = list(piece.columns)  # type: ignore[attr-defined]
            raise ValueError(f"target is None: name the column of {name} that is to be predicted, {names}.")
        return Chunk(number, *_without_roles(piece, roles, name))
    if not isinstance(piece, tuple):
        raise TypeError(
            f"{name}() gave a chunk of type {type(piece).__name__}: give (X, y), (X, y, sample_weight), or a data "
            "frame that has the target among its columns."
        )
    if not 2 <= len(piece) <= 4:
        raise ValueError(f"{name}() gave a chunk of {len(piece)} parts: give (X, y), or (X, y, sample_weight).")
    if roles.target is not None:
        raise ValueError(f"target={roles.target!r} is given, and the chunks of {name}() have targets of their own.")
    chunk = Chunk(number, *piece)
    if is_sparse(chunk.X):
        raise TypeError(f"{name}() gave a sparse chunk: give dense arrays or data frames.")
    if not _names_columns(roles.sample_weight) and not _names_columns(roles.groups):
        return chunk
    X, _, weight, groups = _without_roles(chunk.X, roles, name)
    return Chunk(number, X, chunk.y, weight, groups)


def _without_roles(frame: Table, roles: Roles, name: str) -> tuple[Table, Target, Target, Target]:
    """Return a frame without the columns that have a role, and the target, the weight and the groups in these."""
    names: list[str] = []
    for what, role in roles.items():
        if role is not None and not _names_columns(role):
            raise TypeError(f"{what}={short_repr(role)} names no column of {name}: give one of {list(frame.columns)}.")
        names += [] if role is None else [role] if isinstance(role, str) else role
    if len(set(names)) < len(names):
        raise ValueError(f"target, sample_weight and groups name a column twice, {names}: name each once.")
    lacking = [column for column in names if column not in frame.columns]
    if lacking:
        raise ValueError(f"{name} has no column {lacking[0]!r}: give one of {list(frame.columns)}.")
    y, weight, groups = (
        None if role is None else frame[role if isinstance(role, str) else list(role)] for _, role in roles.items()
    )
    return frame[[column for column in frame.columns if column not in names]], y, weight, groups
