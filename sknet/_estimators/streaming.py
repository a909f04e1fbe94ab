"""A fit from a stream of chunks: as from a table in memory, but with rows that are read once and kept in a file.

Conventions
-----------
n rows of a chunk.

X : (n, d)         array or data frame, its values not yet encoded
y : (n,) or (n, k) targets
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from sknet._estimators.auto import SHARE_HELD_OUT, Facts, evaluation_method
from sknet._estimators.base import BaseSigmoidMLP
from sknet._estimators.fit_run import FitRun, Plan, Seeds
from sknet._estimators.parameters import ClassifierParameters, column_choices
from sknet._estimators.read_data import (
    Columns,
    FitArguments,
    assemble_rows,
    prefix_errors,
    read_groups,
    read_known_table,
    read_table,
)
from sknet._estimators.reporting import refuse_or_warn_of_left_out, warn_of_few_rows
from sknet._estimators.resolve import objective_settings
from sknet._model.heads import Head
from sknet._storage import checkpoints
from sknet._stream.epochs import (
    RowCounts,
    StoredRows,
    encode_validation_batchwise,
    learn_stream_encoding,
    make_stream_run,
)
from sknet._stream.scratch import ScratchFiles
from sknet._stream.sources import Chunk
from sknet._stream.stored import CheckedChunk, StoredTable, TableWriter
from sknet._tables.arrays import as_numbers
from sknet._tables.frames import is_frame
from sknet._tables.kinds import count_kinds
from sknet._tables.rows import Rows
from sknet._tables.splitting import MIN_HELD_OUT
from sknet._typing import Array, Target


def refuse_parameters(estimator: BaseSigmoidMLP) -> None:
    """Raise for parameters that need all rows at once."""
    estimator._validate_params()
    if estimator.solver == "lbfgs":
        raise ValueError("solver='lbfgs' needs all rows for every step, and a stream gives batches: use 'adam'.")
    if estimator.n_members not in (1, "auto"):
        raise ValueError(f"n_members={estimator.n_members} needs all rows at once: fit a stream with n_members=1.")
    if estimator.early_stopping == "folds":
        raise ValueError("early_stopping='folds' trains on all rows several times: set it to 'auto', True or False.")
    if estimator.warm_start:
        raise ValueError("warm_start=True: a fit from a stream starts anew; set it to False, or use partial_fit.")
    if not isinstance(estimator.validation_fraction, Real | str):
        raise ValueError(
            f"validation_fraction={estimator.validation_fraction} is a splitter, which needs all rows at once: give a "
            "share, or a source as validation."
        )


def fit_stream(
    estimator: BaseSigmoidMLP,
    chunks: Iterator[Chunk],
    validation: Iterator[Chunk] | None,
    folder: Path,
    resume: str | PathLike[str] | None,
) -> None:
    """Fit an estimator; `folder` has room for a copy of the table."""
    refuse_parameters(estimator)
    saved = None
    if resume is not None:
        saved = checkpoints.read(resume)
        saved.refuse_other_estimator(type(estimator).__name__, 0)
    seeds = estimator._seeds(None) if saved is None else Seeds(*saved.origin.seeds)
    with ScratchFiles(folder) as files:
        has_labels = isinstance(estimator, ClassifierParameters)
        writer = TableWriter(files, seeds.rows, choices=column_choices(estimator), has_labels=has_labels)
        reader = ChunkReader(estimator)
        stored = store_rows(chunks, reader, writer, verbose=bool(estimator.verbose))
        del writer  # which frees its buffer, before memory is needed for training
        run = assemble(estimator, stored, reader, validation, seeds)
        if saved is not None:
            run.start_from([saved.state_for(run.origin(), run.first_states()[0])])
        # X and y are None: callbacks get no data, which is not in memory
        estimator._train_and_publish(run, estimator._observers(FitArguments(None, None), run))


def store_rows(chunks: Iterator[Chunk], reader: ChunkReader, writer: TableWriter, *, verbose: bool) -> StoredTable:
    """Check all rows of a source, and write them to a file."""
    for chunk in chunks:
        with prefix_errors(f"Chunk {chunk.number}"):
            writer.append(reader.read(chunk))
        if verbose:
            print(f"Rows read: {writer.n_read:,}")
    return writer.finish()


class ChunkReader:
    """Checks the tables, weights and groups of chunks, each against the first.

    Attributes
    ----------
    columns : Columns or None
        What the first chunk's table tells of all.
    """

    def __init__(self, estimator: BaseSigmoidMLP) -> None:
        self._name, self._choices = type(estimator).__name__, column_choices(estimator)
        self.columns: Columns | None = None

    def read(self, chunk: Chunk) -> CheckedChunk:
        """Check a chunk."""
        if self.columns is None:
            table, columns = read_table(chunk.X, self._name, self._choices)
        else:
            table, columns = read_known_table(chunk.X, self.columns, self._name), self.columns
        n = table.shape[0]
        y = chunk.y if is_frame(chunk.y) or isinstance(chunk.y, pd.Series) else np.asarray(chunk.y)
        if len(y) != n:
            raise ValueError(f"X has {n} rows and y {len(y)}.")
        weight = None if chunk.weight is None else read_chunk_weight(chunk.weight, n)
        groups = None if chunk.groups is None else read_chunk_groups(chunk.groups, n)
        self.columns = columns
        return CheckedChunk(table, y, weight, groups)


def read_chunk_weight(weight: Target, n: int) -> Array:
    """Check the weights of a chunk, which, unlike those of a whole table, may all be zero."""
    values = as_numbers(weight, "sample_weight").astype(np.float64)
    if values.shape != (n,):
        raise ValueError(f"sample_weight has shape {values.shape}, expected ({n},): one weight per row of X.")
    if not np.isfinite(values).all() or (values < 0.0).any():
        raise ValueError("sample_weight holds a negative weight, or one that is no finite number.")
    return values


def read_chunk_groups(groups: Target, n: int) -> Array:
    """Check the groups of a chunk; they keep their values, which must be the same in other chunks."""
    read_groups(groups, n)
    return np.asarray(groups)


def assemble(
    estimator: BaseSigmoidMLP,
    stored: StoredTable,
    reader: ChunkReader,
    validation_chunks: Iterator[Chunk] | None,
    seeds: Seeds,
) -> FitRun:
    """Hold rows out, answer every "auto", learn the encoding, and put the network together."""
    head = stored.learn_head(objective_settings(estimator))  # before "auto" is answered: the row counts depend on it
    rows, counts = _hold_out(estimator, stored, head, validation_chunks is not None)
    validation = rows.held_out() if counts.n_held_out else None
    if validation_chunks is not None:
        validation = read_validation_stream(estimator, validation_chunks, reader, stored, head)
    sample = rows.sample(seeds.rows)
    n_held_out = 0 if validation is None else len(validation.y)
    counts_by_kind = count_kinds(sample.rows.X, column_choices(estimator), estimator.max_categories)
    facts = Facts(
        counts.n,
        validation is not None,
        **counts_by_kind._asdict(),
        n_held_out=n_held_out,
        is_stream=True,
    )
    settings, resolved = estimator._resolve(facts)
    columns = cast(Columns, reader.columns)  # there was a first chunk
    head = head.with_settings(settings.objective)  # numbers are scaled by the loss that training will use
    encoding = learn_stream_encoding(settings, head, rows, sample, counts.n, columns.float_type, seeds.rows)
    refuse_or_warn_of_left_out(encoding.encoder)
    encoded = None if validation is None else encode_validation_batchwise(encoding, validation)
    method = evaluation_method(estimator, stored.n_rows)
    plan = Plan(
        settings,
        resolved,
        seeds,
        n_rows_before_split=stored.n_rows if counts.n_held_out and validation_chunks is None else 0,
        # "folds" is an answer to "auto" only (`refuse_parameters`): nobody has asked for held-out rows
        lacks_validation=validation is None and method not in (None, "folds"),
    )
    # only their number is read, and `stored.digest` stands for their values; the broadcast array takes no memory
    rows_without_values = Rows(None, np.broadcast_to(0.0, (stored.n_rows,)))
    run = FitRun(
        estimator_name=type(estimator).__name__,
        plan=plan,
        columns=columns,
        encoding=encoding,
        rows=rows_without_values,
        validation_table=validation,
        validation=encoded,
        earlier=None,
        networks=[make_stream_run(settings, encoding, rows, counts, sample, encoded)],
        source_digest=stored.digest,
    )
    run.evaluate_by_scorer(estimator)
    return run


def _hold_out(
    estimator: BaseSigmoidMLP, stored: StoredTable, head: Head, has_validation: bool
) -> tuple[StoredRows, RowCounts]:
    """Hold rows out; where they would be too few, train on all, and say so if it was asked for."""
    share = 0.0
    method = None if has_validation else evaluation_method(estimator, stored.n_rows)
    if method is not None:  # small tables are evaluated by folds in memory, and by held-out rows here
        share = SHARE_HELD_OUT if isinstance(method, str) else float(method)
    # a group's rows have one key, and single rows one each: a single key for many rows is a single group
    if share and stored.key_range[0] == stored.key_range[1] and stored.n_rows > 1:
        raise ValueError("groups holds a single group, of which no part can be held out: pass more, or none.")
    rows = StoredRows(stored, head, share)
    counts = rows.count()
    if share and (counts.n_held_out < MIN_HELD_OUT or counts.n < 1):
        if estimator.early_stopping != "auto":
            warn_of_few_rows(stored.n_rows, share)
        rows = StoredRows(stored, head, 0.0)
        counts = rows.count()
    if counts.n < 1:
        raise ValueError("class_weight and sample_weight make the weight of every row zero: one must be positive.")
    return rows, counts


def read_validation_stream(
    estimator: BaseSigmoidMLP, chunks: Iterator[Chunk], reader: ChunkReader, stored: StoredTable, head: Head
) -> Rows:
    """Read a validation source, whose rows stay in memory, packed as those to train on are."""
    if not estimator.early_stopping:
        raise ValueError("validation is passed while early_stopping is False: set it to 'auto' or True.")
    chunks_read: list[tuple[Array, Array, Array | None]] = []
    for chunk in chunks:
        with prefix_errors(f"validation: Chunk {chunk.number}"):
            checked = reader.read(chunk)
            # packed, and unpacked below: columns then have the types and categories of the rows to train on
            records = np.zeros(checked.X.shape[0], stored.format.fields)
            stored.format.pack(checked.X, records)
            chunks_read.append((records, head.read(checked.y), checked.weight))
    all_records, y, weights = zip(*chunks_read, strict=True)
    weight = None
    if any(chunk_weight is not None for chunk_weight in weights):
        if any(chunk_weight is None for chunk_weight in weights):
            raise ValueError(
                "validation: some chunks have sample weights and some have none: give all of them weights."
            )
        weight = np.concatenate(weights)
    rows = assemble_rows(np.concatenate(all_records), np.concatenate(y), weight)  # without those of weight 0
    return Rows(stored.format.unpack(rows.X), rows.y, rows.weight)
