"""A fit from a stream of chunks: as from a table in memory, but with rows that are read once and kept in files.

Conventions
-----------
n rows of a chunk.

X : (n, d)         array or data frame, its values not yet encoded
y : (n,) or (n, k) targets
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from numbers import Real
from os import PathLike
from pathlib import Path

import numpy as np

from sknet._estimators.base import BaseSigmoidMLP, Begun, Seeds
from sknet._estimators.callbacks import refuse_lbfgs
from sknet._estimators.facts import SHARE, Facts
from sknet._estimators.fitted import while_training
from sknet._estimators.parameters import ClassifierParameters
from sknet._estimators.read_data import (
    Columns,
    Given,
    called,
    gather,
    read_groups,
    read_known_table,
    read_table,
)
from sknet._estimators.reporting import refuse_or_warn_of_identifiers, warn_of_few_rows
from sknet._estimators.resolve import evaluates, resolve, target_settings
from sknet._estimators.scoring import score_on
from sknet._model.heads import Head
from sknet._partitions.epochs import Counted, StoredRows, learn_stored, run_of
from sknet._partitions.packing import Packing
from sknet._partitions.sources import Chunk
from sknet._partitions.stored import Checked, Stored, store
from sknet._storage import checkpoints
from sknet._tables.arrays import plain_numbers
from sknet._tables.kinds import count_kinds
from sknet._tables.rows import Rows
from sknet._tables.splitting import MIN_HELD_OUT
from sknet._typing import Array, Target


@dataclass(frozen=True)
class StreamBegun(Begun):
    """A run on a stream, known again by a hash of all its rows."""

    digest: str = ""

    def origin(self) -> checkpoints.Origin:
        """Return what must be the same where this run is taken up again."""
        origin = super().origin()
        return replace(origin, data=origin.data | {"the rows of the source": self.digest})


def refuse(estimator: BaseSigmoidMLP) -> None:
    """Raise for parameters that need all rows at once."""
    estimator._validate_params()
    if estimator.solver == "lbfgs":
        raise ValueError("solver='lbfgs' needs all rows for every step, and a stream gives batches: use 'adam'.")
    if estimator.n_members != 1:
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
    """Fit an estimator; `folder` is an empty one, with room for a copy of the table."""
    refuse(estimator)
    saved = None
    if resume is not None:
        refuse_lbfgs(estimator.solver)
        saved = checkpoints.read(resume)
        saved.refuse_other(type(estimator).__name__, estimator.solver, 0)
    drawn = estimator._seeds(None)
    seeds: Seeds = drawn if saved is None else (saved.origin.seeds[0], saved.origin.seeds[1], saved.origin.seeds[2])
    reader = ChunkReader(estimator)
    stored = store(
        map(reader.read, chunks),
        folder,
        seeds[1],
        categorical_features=estimator.categorical_features,
        labels=isinstance(estimator, ClassifierParameters),
        progress=_say if estimator.verbose else None,
    )
    begun = begin(estimator, stored, reader, validation, seeds)
    state = begun.first_state() if saved is None else saved.state_for(begun.origin())
    estimator._complete(Given(None, None), begun, state)


def _say(n_rows: int) -> None:
    print(f"Rows read: {n_rows:,}")


class ChunkReader:
    """Checks the chunks of a source, each against the first."""

    def __init__(self, estimator: BaseSigmoidMLP) -> None:
        self._name, self._categorical = type(estimator).__name__, estimator.categorical_features
        self._columns: Columns | None = None
        self._number = 0

    @property
    def columns(self) -> Columns:
        """What the first chunk's table tells of all."""
        if self._columns is None:
            raise ValueError("The source gave no rows.")
        return self._columns

    def read(self, chunk: Chunk) -> Checked:
        """Check a chunk; errors say which it is."""
        self._number += 1
        with called(f"Chunk {self._number}"):
            if self._columns is None:
                table, self._columns = read_table(chunk.X, self._name, self._categorical)
            else:
                table = read_known_table(chunk.X, self._columns, self._name)
            n = table.shape[0]
            y = chunk.y if hasattr(chunk.y, "iloc") else np.asarray(chunk.y)
            if len(y) != n:
                raise ValueError(f"X has {n} rows and y {len(y)}.")
            groups = None if chunk.groups is None else as_groups(chunk.groups, n)
            return Checked(table, y, None if chunk.weight is None else as_weight(chunk.weight, n), groups)


def as_weight(weight: Target, n: int) -> Array:
    """Check the weights of a chunk, which may all be zero."""
    values = plain_numbers(weight, "sample_weight").astype(np.float64)
    if values.shape != (n,):
        raise ValueError(f"sample_weight has shape {values.shape}, expected ({n},): one weight per row of X.")
    if not np.isfinite(values).all() or (values < 0.0).any():
        raise ValueError("sample_weight holds a negative weight, or one that is no finite number.")
    return values


def as_groups(groups: Target, n: int) -> Array:
    """Check the groups of a chunk; they keep their values, which must be the same in other chunks."""
    read_groups(groups, n)
    return np.asarray(groups)


def begin(
    estimator: BaseSigmoidMLP, stored: Stored, reader: ChunkReader, given: Iterable[Chunk] | None, seeds: Seeds
) -> StreamBegun:
    """Hold out, resolve, learn and assemble: all that comes before the first step."""
    head = stored.head(target_settings(estimator))
    rows, counted = _split(estimator, stored, head, given is not None)
    validation = rows.held_out() if counted.n_held_out else None
    if given is not None:
        validation = read_validation_stream(estimator, given, reader, stored, head)
    sample = rows.sample(seeds[1])
    n_held_out = 0 if validation is None else len(validation.y)
    kinds = count_kinds(sample.rows.X, estimator.categorical_features, estimator.max_categories)
    facts = Facts(counted.n, validation is not None, *kinds, n_held_out=n_held_out)
    settings, parameters = resolve(estimator, facts)
    resolved = estimator._as_resolved(parameters, settings)
    columns = reader.columns
    # numbers are scaled by the loss that training will use
    head = head.with_settings(settings.target)
    tables = learn_stored(settings, head, rows, sample, counted.n, columns.float_type)
    if not isinstance(sample.rows.X, np.ndarray):
        refuse_or_warn_of_identifiers(tables.encoder)
    score = None
    if validation is not None and estimator.scoring != "loss":
        score = score_on(estimator, validation, tables.head, while_training(resolved, columns, seeds))
    run = run_of(settings, tables, rows, counted, sample, validation, score)
    every = Rows(None, np.broadcast_to(0.0, (stored.n_rows,)))  # as long as they are many, and takes no memory
    return StreamBegun(
        run, every, validation, columns, seeds, resolved, None, type(estimator).__name__, stored.digest
    )  # fmt: skip


def _split(estimator: BaseSigmoidMLP, stored: Stored, head: Head, has_validation: bool) -> tuple[StoredRows, Counted]:
    """Hold rows out; where they would be too few, train on all, and say so if it was asked for."""
    share = 0.0
    how = None if has_validation else evaluates(estimator, stored.n_rows)
    if how is not None:  # small tables are evaluated by folds in memory, and by held-out rows here
        share = SHARE if isinstance(how, str) else float(how)
    if share and stored.keys[0] == stored.keys[1] and stored.n_rows > 1:
        raise ValueError("groups holds a single group, of which no part can be held out: pass more, or none.")
    rows = StoredRows(stored, head, share)
    counted = rows.count()
    if share and (counted.n_held_out < MIN_HELD_OUT or counted.n < 1):
        if estimator.early_stopping != "auto":
            warn_of_few_rows(stored.n_rows, share)
        rows = StoredRows(stored, head, 0.0)
        counted = rows.count()
    if counted.n < 1:
        raise ValueError("class_weight and sample_weight make the weight of every row zero: one must be positive.")
    return rows, counted


def read_validation_stream(
    estimator: BaseSigmoidMLP, given: Iterable[Chunk], reader: ChunkReader, stored: Stored, head: Head
) -> Rows:
    """Read a validation source, whose rows stay in memory, packed as those to train on are."""
    if not estimator.early_stopping:
        raise ValueError("validation is passed while early_stopping is False: set it to 'auto' or True.")
    parts: list[Rows] = []
    with called("validation"):
        for chunk in given:
            checked = reader.read(chunk)
            values = head.read(checked.y)
            parts.append(gather(_packed(stored.packing, checked), values, checked.weight))
    if not parts:
        raise ValueError("validation gave no rows.")
    weights = [part.weight for part in parts if part.weight is not None]
    X = stored.packing.unpack(np.concatenate([part.X for part in parts]))
    y = np.concatenate([part.y for part in parts])
    return Rows(X, y, np.concatenate(weights) if len(weights) == len(parts) else None)


def _packed(packing: Packing, checked: Checked) -> Array:
    records = np.zeros(checked.X.shape[0], np.dtype(packing.fields))
    packing.pack(checked.X, records)
    return records
