"""Read rows chunk by chunk from Parquet files, a pyarrow Dataset, an array in a file, or a user's function.

The Parquet files of a path may have different schemas if nothing is lost: a column without values takes the type of the
other files, integers become floats, decimals beside other numbers become float64, and dictionaries become text. A
Dataset keeps its own schema.

Conventions
-----------
n rows of a chunk.

X : (n, d)               array or data frame
y : (n,) or (n, k)       targets, as the user passes them
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from sknet._packages import explain_missing_package
from sknet._tables.messages import short_repr
from sknet._tables.raw_table import is_frame, is_sparse, mapped_file, take_rows
from sknet._typing import Array, Table, Target

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.dataset import Fragment

Dataset: TypeAlias = Any
"""A pyarrow Dataset, which this module recognises without importing pyarrow."""

Source: TypeAlias = str | os.PathLike[str] | Dataset | Array | Callable[[], Iterable[object]]
"""What a user passes as a source."""

VALUES_READ_AT_ONCE = 2**22
"""Number of values of a table to read at once, unless the source decides."""

MIN_ROWS_READ_AT_ONCE = 1024
"""Minimum number of rows of a file to read at once."""


@dataclass(frozen=True)
class Roles:
    """The targets, weights and groups of a source: names of its columns, or arrays.

    Attributes
    ----------
    target : str, list of str, array-like or None
    sample_weight, groups : str, array-like or None
    """

    target: Target = None
    sample_weight: Target = None
    groups: Target = None


def _names_columns(role: Target) -> bool:
    """Whether a role is the name of a column, or of several columns, and not an array."""
    return isinstance(role, str) or (isinstance(role, list | tuple) and all(isinstance(name, str) for name in role))


@dataclass(frozen=True)
class Chunk:
    """Some rows of a source; chunks are numbered from 1."""

    number: int
    X: Table
    y: Target = None
    weight: Target = None
    groups: Target = None


def read_chunks(source: Source, roles: Roles, argument: str = "source") -> Iterator[Chunk]:
    """Yield the rows of a source with their targets, but no empty chunks; `argument` is its name in messages."""
    passed_chunks = (
        _slices_of_arrays(source, roles) if isinstance(source, np.ndarray) else _passed_chunks(source, None, argument)
    )
    roles = Roles() if isinstance(source, np.ndarray) else roles  # its slices are (X, y, weight, groups)
    return (_chunk_of(number, chunk, roles, argument) for number, chunk in _numbered_nonempty(passed_chunks, argument))


def read_chunks_to_predict(source: Source | Iterable[object], columns: Sequence[str] | None) -> Iterator[Chunk]:
    """Yield the rows of a source without targets; drop other columns of frames than `columns`."""
    if is_frame(source):
        passed_chunks: Iterator[object] = iter([source])  # iterating over a frame would give its column names
    elif isinstance(source, Iterable) and not isinstance(source, str | np.ndarray):  # chunks, to read only once
        passed_chunks = iter(source)
    else:
        passed_chunks = _passed_chunks(source, columns, "source")
    for number, chunk in _numbered_nonempty(passed_chunks, "source"):
        X: Table = chunk[0] if isinstance(chunk, tuple) else chunk
        if columns is not None and is_frame(X) and set(columns) < set(X.columns):
            X = X[list(columns)]
        yield Chunk(number, X)


def is_read_from(source: object, path: Path) -> bool:
    """Whether a source reads the file at `path`; False for functions and iterables, which may read any file."""
    if not path.exists():
        return False
    files: list[str | os.PathLike[str]] = []
    if isinstance(source, np.ndarray):
        mapped = mapped_file(source)
        files = [] if mapped is None else [mapped]
    elif isinstance(source, str | os.PathLike) or is_dataset(source):
        files += files_of(source)
    return any(os.path.exists(file) and os.path.samefile(file, path) for file in files)


# --- chunks as a source gives them -----------------------------------------------------------------------------------


def _passed_chunks(source: object, columns: Sequence[str] | None, argument: str) -> Iterator[object]:
    """Yield the chunks of a source, as it gives them."""
    if isinstance(source, str | os.PathLike) or is_dataset(source):
        return read_parquet(source, columns, VALUES_READ_AT_ONCE)
    if isinstance(source, np.ndarray):
        return (source[rows] for rows in _slices(source))
    if not callable(source):
        raise TypeError(
            f"{argument} is of type {type(source).__name__}: pass the path of Parquet files, a pyarrow Dataset, an "
            "array, or a function that returns a new iterator of chunks each time (an iterator itself can be read only "
            "once)."
        )
    returned = source()
    try:
        return iter(returned)
    except TypeError:
        raise TypeError(
            f"{argument}() returned {type(returned).__name__}, which is no iterator of chunks: return one, such as a "
            "generator."
        ) from None


def _slices_of_arrays(X: Array, roles: Roles) -> Iterator[object]:
    """Yield slices of an array and of its targets, weights and groups."""
    if roles.target is None:
        raise ValueError("target is None: for an array as source, pass the array of its targets.")
    for what, values in vars(roles).items():
        if _names_columns(values) or (values is not None and np.ndim(values) == 0):
            raise ValueError(
                f"{what}={values!r} names a column, and source is an array: pass an array with a value for each row."
            )
        if values is not None and len(values) != len(X):
            raise ValueError(f"{what} has {len(values)} rows and source {len(X)}: give them the same number.")
    return (
        (
            np.asarray(X[rows]),
            *(None if values is None else take_rows(values, rows) for _, values in vars(roles).items()),
        )
        for rows in _slices(X)
    )


def _slices(X: Array) -> Iterator[slice]:
    """Yield the rows of an array, about `VALUES_READ_AT_ONCE` values at a time."""
    height = max(1, VALUES_READ_AT_ONCE // max(int(np.prod(X.shape[1:])), 1))
    return (slice(start, start + height) for start in range(0, len(X), height))


def _numbered_nonempty(passed_chunks: Iterator[object], argument: str) -> Iterator[tuple[int, object]]:
    """Yield numbered chunks, without empty chunks; raise a ValueError if all are empty."""
    is_empty = True
    for number, chunk in enumerate(passed_chunks, 1):
        X: Table = chunk[0] if isinstance(chunk, tuple) and chunk else chunk
        if (is_frame(X) or isinstance(X, np.ndarray | list)) and len(X) == 0:
            continue
        is_empty = False
        yield number, chunk
    if is_empty:
        raise ValueError(f"{argument} gave no rows.")


# --- chunks as they are read -----------------------------------------------------------------------------------------


def _chunk_of(number: int, passed_chunk: object, roles: Roles, argument: str) -> Chunk:
    """Return the chunk of a frame with a target column, or of (X, y), (X, y, weight) or (X, y, weight, groups)."""
    if is_frame(passed_chunk):
        if roles.target is None:
            names = list(passed_chunk.columns)  # type: ignore[attr-defined]
            raise ValueError(f"target is None: name the column of {argument} that is to be predicted, {names}.")
        return Chunk(number, *_split_by_role(passed_chunk, roles, argument))
    if not isinstance(passed_chunk, tuple) or not 2 <= len(passed_chunk) <= 4:
        raise TypeError(
            f"{argument}() gave a chunk {short_repr(passed_chunk)}: give (X, y), (X, y, sample_weight), or a data "
            "frame that has the target among its columns."
        )
    if roles.target is not None:
        raise ValueError(f"target={roles.target!r} is given, and the chunks of {argument}() have targets of their own.")
    chunk = Chunk(number, *passed_chunk)
    if is_sparse(chunk.X):
        raise TypeError(f"{argument}() gave a sparse chunk: give dense arrays or data frames.")
    of_tuples = {
        "sample_weight": ("(X, y, sample_weight)", roles.sample_weight, chunk.weight),
        "groups": ("(X, y, None, groups)", roles.groups, chunk.groups),
    }
    for what, (form, role, values) in of_tuples.items():
        if role is not None and not (values is None and _names_columns(role) and is_frame(chunk.X)):
            raise ValueError(
                f"{what}={short_repr(role)} is given, and the chunks of {argument}() are tuples, which bring their own "
                f"{what}: leave {what} out, and give chunks such as {form}."
            )
    if roles.sample_weight is None and roles.groups is None:
        return chunk
    X, _, weight, groups = _split_by_role(chunk.X, roles, argument)
    return Chunk(
        number, X, chunk.y, chunk.weight if weight is None else weight, chunk.groups if groups is None else groups
    )


def _split_by_role(frame: Table, roles: Roles, argument: str) -> tuple[Table, Target, Target, Target]:
    """Split a frame into features, target, weight and groups."""
    names: list[str] = []
    for what, role in vars(roles).items():
        if role is not None and not _names_columns(role):
            raise TypeError(
                f"{what}={short_repr(role)} names no column of {argument}: give one of {list(frame.columns)}."
            )
        names += [] if role is None else [role] if isinstance(role, str) else role
    if len(set(names)) < len(names):
        raise ValueError(f"target, sample_weight and groups name a column twice, {names}: name each once.")
    lacking = [column for column in names if column not in frame.columns]
    if lacking:
        raise ValueError(f"{argument} has no column {lacking[0]!r}: give one of {list(frame.columns)}.")
    y, weight, groups = (
        None if role is None else frame[role if isinstance(role, str) else list(role)]
        for _, role in vars(roles).items()
    )
    return frame[[column for column in frame.columns if column not in names]], y, weight, groups


# --- Parquet files ---------------------------------------------------------------------------------------------------


def read_parquet(
    source: str | os.PathLike[str] | Dataset, columns: Sequence[str] | None, n_values: int
) -> Iterator[pd.DataFrame]:
    """Yield the rows of Parquet files as data frames of about `n_values` values, in the order of the files.

    A path is that of a file, a glob, or a folder. `columns` are the columns to read, None for all.
    """
    data: Any = source if is_dataset(source) else _open_dataset(source)
    import pyarrow

    try:
        fragments = list(data.get_fragments())
    except ValueError:  # a filtered Dataset does not know its files
        fragments = []
    scanned: list[Fragment | Dataset] = list(fragments) or [data]
    schemas = [(getattr(fragment, "path", "the Dataset"), fragment.physical_schema) for fragment in fragments]
    schemas = schemas or [("the Dataset", data.schema)]
    # a path gets types that hold the values of all files; a user's Dataset keeps its own types
    schema = _common_schema(data.schema, schemas, columns, unify=data is not source)
    n_rows = max(MIN_ROWS_READ_AT_ONCE, n_values // max(len(schema.names), 1))
    for files, (path, in_file) in zip(scanned, schemas, strict=True):
        # the value of a column that is in no file comes from the name of the folder
        fields = [in_file.field(name) if name in in_file.names else schema.field(name) for name in schema.names]
        # read with the types of the file, and cast in `_as_frame`, whose errors name the file and the column
        for batch in _record_batches(files, pyarrow.schema(fields), n_rows):
            if batch.num_rows:
                yield _as_frame(batch, schema, path)


def files_of(source: str | os.PathLike[str] | Dataset) -> list[str]:
    """Return the files of a source; an empty list for a Dataset that does not know its files."""
    data: Any = source if is_dataset(source) else _open_dataset(source)
    children = getattr(data, "children", [])  # a union of Datasets has these
    return [*getattr(data, "files", []), *chain.from_iterable(map(files_of, children))]


def is_dataset(source: object) -> bool:
    """Whether a source is a pyarrow Dataset."""
    return hasattr(source, "get_fragments")


def _open_dataset(source: str | os.PathLike[str]) -> Dataset:
    """Open Parquet files by path, glob or folder."""
    with explain_missing_package("A path as source", "pyarrow"):
        import pyarrow
        from pyarrow import dataset

    path = os.fspath(source)
    files: str | list[str] = sorted(glob(path, recursive=True)) if has_magic(path) and not Path(path).exists() else path
    if not files or (isinstance(files, str) and not Path(files).exists()):
        raise FileNotFoundError(f"source={path!r}: there is no such file or folder.")
    try:
        try:
            # as in pandas, a folder such as "region=north" gives its files a category "region"; those above the folder
            # or the glob are left out
            as_categories = dataset.HivePartitioning.discover(infer_dictionary=True)
            return dataset.dataset(
                files, format="parquet", partitioning=None if Path(path).is_file() else as_categories,
                partition_base_dir=None if isinstance(files, str) else _folder_of_glob(path),
            )  # fmt: skip
        except pyarrow.ArrowTypeError:  # the files themselves have this column, with another type
            return dataset.dataset(files, format="parquet")
    except (ValueError, OSError) as error:
        raise ValueError(f"source={path!r} cannot be read as Parquet: {error}.") from error


def _folder_of_glob(path: str) -> str:
    """Return the folder above the first part of a glob that has a wildcard."""
    fixed = takewhile(lambda part: not has_magic(part), Path(path).parts)
    return str(Path(*fixed))


def _record_batches(files: Fragment | Dataset, schema: pyarrow.Schema, n_rows: int) -> Iterator[pyarrow.RecordBatch]:
    """Yield the rows of a file by row groups, so that Arrow does not read the whole file in advance."""
    from pyarrow import dataset

    options = {"columns": schema.names, "batch_size": n_rows, "batch_readahead": 0}
    if is_dataset(files):
        yield from files.to_batches(**options, fragment_readahead=0)
    elif isinstance(files, dataset.ParquetFileFragment):
        scan = dataset.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
        for row_group in files.split_by_row_group():
            yield from row_group.to_batches(schema=schema, fragment_scan_options=scan, **options)
    else:
        yield from files.to_batches(schema=schema, **options)


def _as_frame(batch: pyarrow.RecordBatch, schema: pyarrow.Schema, path: str) -> pd.DataFrame:
    """Return a batch as a frame whose columns have the types of the schema; categories of a file stay categories.

    Other text stays text, because the levels of a categorical count as declared.
    """
    import pyarrow

    columns = []
    for field, values in zip(schema, batch.columns, strict=True):
        try:
            columns.append(values.cast(field.type))
        except (ValueError, TypeError, NotImplementedError) as error:  # Arrow raises subclasses of these
            raise ValueError(
                f"Column {field.name!r} of {path} holds {values.type}, which cannot be read as {field.type} without "
                f"loss ({error}): write all files with one type."
            ) from error
    triples = zip(schema, batch.columns, columns, strict=True)
    repeats = [field.name for field, *values in triples if _is_string_type(field.type) and _are_categories(*values)]
    table = pyarrow.Table.from_arrays(columns, names=schema.names)
    return table.to_pandas(categories=repeats, split_blocks=True, self_destruct=True)


def _are_categories(in_file: pyarrow.Array, texts: pyarrow.Array) -> bool:
    """Whether texts are categories: if they are in the file, and repeat."""
    from pyarrow import types

    present = texts.drop_null()  # as `holds_free_text` counts
    return bool(types.is_dictionary(in_file.type)) and 2 * len(present.unique()) <= len(present)


# --- schemas ---------------------------------------------------------------------------------------------------------


def _common_schema(
    first: pyarrow.Schema, schemas: Sequence[tuple[str, pyarrow.Schema]], columns: Sequence[str] | None, *, unify: bool
) -> pyarrow.Schema:
    """Return the schema of the columns to read; raise a ValueError if a file lacks a column.

    With `unify`, types hold the values of all files; otherwise they are the types of `first`.
    """
    import pyarrow

    if columns is None:
        in_files = dict.fromkeys(name for _, schema in schemas for name in _columns_without_index(schema))
        names = {name for _, schema in schemas for name in schema.names}
        in_folders = [name for name in first.names if name not in names]
        columns = [*in_files, *in_folders] if unify else _columns_without_index(first)
    fields = []
    for name in columns:
        types = [(path, _plain_type(schema.field(name).type)) for path, schema in schemas if name in schema.names]
        lacking = [path for path, schema in schemas if name not in schema.names]
        if lacking and (types or name not in first.names):  # the folder's name may have its value
            raise ValueError(
                f"{lacking[0]} has no column {name!r}: give all files the same columns, or leave this file out."
            )
        common = _common_type(name, types) if unify and types else _plain_type(first.field(name).type)
        fields.append(pyarrow.field(name, common))
    return pyarrow.schema(fields)


def _columns_without_index(schema: pyarrow.Schema) -> list[str]:
    """Return the names of the columns, except columns that hold an index of pandas."""
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in schema.names if name not in index]


def _common_type(name: str, types: Sequence[tuple[str, pyarrow.DataType]]) -> pyarrow.DataType:
    """Return a type that can hold the values of a column from all files."""
    import pyarrow
    from pyarrow.types import is_decimal, is_floating, is_integer, is_null

    are_decimals = {is_decimal(of_file) for _, of_file in types if not is_null(of_file)}
    are_numbers = all(is_decimal(t) or is_floating(t) or is_integer(t) or is_null(t) for _, t in types)
    if are_numbers and len(are_decimals) > 1:  # for Arrow, a decimal is a float16 beside one, and may lack digits
        return pyarrow.float64()
    schemas = [pyarrow.schema([(name, of_file)]) for _, of_file in types]
    try:
        return pyarrow.unify_schemas(schemas, promote_options="permissive").field(name).type
    except (ValueError, TypeError) as error:
        first_files: dict[pyarrow.DataType, str] = {}
        for path, of_file in types:
            first_files.setdefault(of_file, path)
        held = " and ".join(f"{of_file} in {path}" for of_file, path in first_files.items())
        raise ValueError(f"Column {name!r} holds {held}: write all files with one type.") from error


def _plain_type(of_file: pyarrow.DataType) -> pyarrow.DataType:
    """Return text's plain type if a file holds it as a dictionary or as views of strings; other types stay."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(of_file) and (_is_string_type(of_file.value_type) or types.is_null(of_file.value_type)):
        of_file = of_file.value_type
    return pyarrow.string() if types.is_string_view(of_file) else of_file  # Arrow does not unify views with strings


def _is_string_type(of_file: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(of_file) or types.is_large_string(of_file) or types.is_string_view(of_file))
