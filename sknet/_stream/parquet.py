"""Parquet files and pyarrow Datasets as data frames, some rows at a time.

The files of a path may differ in their schemas where nothing is lost: a column without values takes the type of the
other files, integers become floats, dictionaries text. A Dataset keeps the schema that it was opened with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import pandas as pd

from sknet._packages import require_package
from sknet._tables.dates import holds_iso_dates

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.dataset import Fragment

MIN_ROWS_READ_AT_ONCE = 1024
"""How many rows are read at once, at least."""


@runtime_checkable
class Dataset(Protocol):
    """What is used of a pyarrow Dataset."""

    schema: pyarrow.Schema

    def get_fragments(self) -> Iterator[Fragment]:
        """Yield the files."""

    def to_batches(self, **options: object) -> Iterator[pyarrow.RecordBatch]:
        """Read all rows."""


def read_frames(
    source: str | os.PathLike[str] | Dataset, columns: Sequence[str] | None, n_values: int
) -> Iterator[pd.DataFrame]:
    """Yield the rows of files as data frames, in the order of the files.

    Parameters
    ----------
    source : path or Dataset
        The path of a Parquet file, a glob, or a folder of such files.
    columns : sequence of str, or None
        Which columns are read, None for all.
    n_values : int
        How many values a frame has, about.
    """
    data = source if isinstance(source, Dataset) else _open_dataset(source)
    import pyarrow

    try:
        fragments = list(data.get_fragments())
    except ValueError:  # a filtered Dataset does not tell its files
        fragments = []
    parts: list[Fragment | Dataset] = list(fragments) or [data]
    schemas = [(getattr(fragment, "path", "the Dataset"), fragment.physical_schema) for fragment in fragments]
    schemas = schemas or [("the Dataset", data.schema)]
    # types that hold the values of all files, where we opened these; a user's Dataset has types of its own
    schema = _common_schema(data.schema, schemas, columns, unify=data is not source)
    n_rows = max(MIN_ROWS_READ_AT_ONCE, n_values // max(len(schema.names), 1))
    for part, (path, in_file) in zip(parts, schemas, strict=True):
        # a column that is in no file is known from the folder's name
        fields = [in_file.field(name) if name in in_file.names else schema.field(name) for name in schema.names]
        # read in the file's own types, and cast in `_as_frame`, where an error can name the file and the column
        for batch in _batches(part, pyarrow.schema(fields), n_rows):
            if batch.num_rows:
                yield _as_frame(batch, schema, path)


def files_of(source: str | os.PathLike[str] | Dataset) -> list[str]:
    """Return the files that a source consists of; none where a Dataset does not tell."""
    data = source if isinstance(source, Dataset) else _open_dataset(source)
    parts = getattr(data, "children", [])  # of a union of Datasets
    return [*getattr(data, "files", []), *chain.from_iterable(map(files_of, parts))]


def _open_dataset(source: str | os.PathLike[str]) -> Dataset:
    """Open Parquet files by path, glob or folder."""
    with require_package("A path as source", "pyarrow", extra="parquet"):
        from pyarrow import dataset

    path = os.fspath(source)
    files: str | list[str] = sorted(glob(path, recursive=True)) if has_magic(path) and not Path(path).exists() else path
    if not files or (isinstance(files, str) and not Path(files).exists()):
        raise FileNotFoundError(f"source={path!r}: there is no such file or folder.")
    try:
        opened: Dataset = dataset.dataset(files, format="parquet")
    except (ValueError, OSError) as error:
        raise ValueError(f"source={path!r} cannot be read as Parquet: {error}.") from error
    return opened


def _batches(part: Fragment | Dataset, schema: pyarrow.Schema, n_rows: int) -> Iterator[pyarrow.RecordBatch]:
    """Yield the rows of a file by row groups, so that Arrow does not read the whole file in advance."""
    from pyarrow import dataset

    options = {"columns": schema.names, "batch_size": n_rows, "batch_readahead": 0}
    if isinstance(part, Dataset):
        yield from part.to_batches(**options, fragment_readahead=0)
    elif isinstance(part, dataset.ParquetFileFragment):
        scan = dataset.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
        for row_group in part.split_by_row_group():
            yield from row_group.to_batches(schema=schema, fragment_scan_options=scan, **options)
    else:
        yield from part.to_batches(schema=schema, **options)


def _as_frame(batch: pyarrow.RecordBatch, schema: pyarrow.Schema, path: str) -> pd.DataFrame:
    """Return a batch as a frame whose columns have the types of the schema; text that repeats is read as categories.

    Dates that are text stay text: as categories they would be what the user says that they are.
    """
    import pyarrow

    columns = []
    for field, values in zip(schema, batch.columns, strict=True):
        try:
            columns.append(values.cast(field.type))
        except (ValueError, TypeError, NotImplementedError) as error:  # what Arrow raises are subclasses
            raise ValueError(
                f"Column {field.name!r} of {path} holds {values.type}, which cannot be read as {field.type} without "
                f"loss ({error}): write all files with one type."
            ) from error
    triples = zip(schema, batch.columns, columns, strict=True)
    repeats = [field.name for field, *values in triples if _is_text(field.type) and _are_categories(*values)]
    table = pyarrow.Table.from_arrays(columns, names=schema.names)
    frame: pd.DataFrame = table.to_pandas(categories=repeats, split_blocks=True, self_destruct=True)
    return frame


def _are_categories(in_file: pyarrow.Array, texts: pyarrow.Array) -> bool:
    """Whether texts are read as categories: those that repeat, and are no dates unless the file has categories."""
    from pyarrow import types

    categories = texts.unique()
    repeat = 2 * len(categories) <= len(texts)
    return repeat and (types.is_dictionary(in_file.type) or not holds_iso_dates(categories.to_pandas()))


# --- schemas ---------------------------------------------------------------------------------------------------------


def _common_schema(
    first: pyarrow.Schema,
    schemas: Sequence[tuple[str, pyarrow.Schema]],
    columns: Sequence[str] | None,
    *,
    unify: bool,
) -> pyarrow.Schema:
    """Return the columns that are read and their types; raise a ValueError for a file that lacks one of them.

    With `unify`, types are those that hold the values of all files; else those of `first`.
    """
    import pyarrow

    in_files = dict.fromkeys(name for _, schema in schemas for name in _columns_without_index(schema))
    if columns is None:
        columns = list(in_files) if unify else _columns_without_index(first)
    fields = []
    for name in columns:
        types = [(path, _value_type(schema.field(name).type)) for path, schema in schemas if name in schema.names]
        lacking = [path for path, schema in schemas if name not in schema.names]
        if lacking and (types or name not in first.names):  # what no file has may be known from the folder's name
            raise ValueError(
                f"{lacking[0]} has no column {name!r}: give all files the same columns, or leave this file out."
            )
        common = _common_type(name, types) if unify else _value_type(first.field(name).type)
        fields.append(pyarrow.field(name, common))
    return pyarrow.schema(fields)


def _columns_without_index(schema: pyarrow.Schema) -> list[str]:
    """Return the names of the columns without those in which pandas keeps an index."""
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in schema.names if name not in index]


def _common_type(name: str, types: Sequence[tuple[str, pyarrow.DataType]]) -> pyarrow.DataType:
    """Return the type that holds a column's values of all files."""
    import pyarrow

    first, common = types[0]
    for path, other in types[1:]:
        pair = [pyarrow.schema([(name, of_file)]) for of_file in (common, other)]
        try:
            common = pyarrow.unify_schemas(pair, promote_options="permissive").field(name).type
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"Column {name!r} holds {common} in {first} and {other} in {path}: write all files with one type."
            ) from error
    return common


def _value_type(of_file: pyarrow.DataType) -> pyarrow.DataType:
    """Return the type of a dictionary's text, or the type itself."""
    from pyarrow import types

    is_text = types.is_dictionary(of_file) and (_is_text(of_file.value_type) or types.is_null(of_file.value_type))
    return of_file.value_type if is_text else of_file


def _is_text(of_file: pyarrow.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_string(of_file) or types.is_large_string(of_file) or types.is_string_view(of_file))
