"""Checkpoints: files that hold the whole state of a training run, in NumPy's own `.npz` format, without pickle."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from sknet._tables.rows import Rows, is_sparse
from sknet._training.state import State
from sknet._typing import Array, Table

FORMAT = "sknet checkpoint 3"
DIGEST_ROWS = 4096
"""Rows that are hashed at once: a table in a file is never loaded whole."""


# --- the fingerprint of the data -------------------------------------------------------------------------------------


def _parts(values: Table) -> Iterator[Array]:
    """Yield what a table consists of: a frame's names and columns, a sparse matrix's arrays, or an array."""
    if hasattr(values, "columns"):
        yield np.array([str(name) for name in values.columns], dtype=object)
        yield from (np.asarray(values[name]) for name in values.columns)
    elif is_sparse(values):
        yield from (values.data, values.indices, values.indptr)
    else:
        yield values


def digest(values: Table | None) -> str:
    """Return a hash of a table's or an array's type, shape and values; of None too."""
    if values is None:
        return "none"
    found = hashlib.sha256()
    for part in _parts(values):
        found.update(f"{part.dtype.kind}{part.dtype.itemsize}{part.shape}".encode())
        for start in range(0, part.shape[0], DIGEST_ROWS):
            rows = np.asarray(part[start : start + DIGEST_ROWS])
            found.update(repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.tobytes())
    return found.hexdigest()


def fingerprint(rows: Rows, validation: Rows | None) -> dict[str, str]:
    """Return a hash of each thing that a run learns from, class weights folded into the sample weights."""
    held_out = Rows(None, np.empty(0)) if validation is None else validation
    return {
        "X": digest(rows.X),
        "y": digest(rows.y),
        "sample_weight or class_weight": digest(rows.weight),
        "the validation rows": digest(held_out.X),
        "the validation targets": digest(held_out.y),
        "the validation weights": digest(held_out.weight),
    }


# --- the file --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Origin:
    """Where a state comes from: what must be the same where it is taken up again."""

    estimator: str
    solver: str
    sizes: list[int]
    dtype: str
    seeds: list[int]
    seen_before: int  # `t_` of the fitted estimator that a warm start began from; 0 for a new one
    data: dict[str, str]


@dataclass(frozen=True)
class Saved:
    """What a checkpoint file holds."""

    path: str
    origin: Origin
    arrays: dict[str, Array]

    def refuse_other(self, estimator: str, solver: object, n_samples_seen: int) -> None:
        """Raise for a run of another estimator or solver, or a warm start of one that has learnt otherwise since."""
        origin = self.origin
        for name, there, here in (("a", origin.estimator, estimator), ("solver", origin.solver, str(solver))):
            if there != here:
                raise ValueError(f"{self.path} holds a run of {name} {there}, and this is {here}.")
        if origin.seen_before and n_samples_seen != origin.seen_before:
            raise ValueError(
                f"{self.path} holds a warm start: call resume on the estimator that it began from (t_ is "
                f"{origin.seen_before} there, {n_samples_seen} here)."
            )

    def state_for(self, now: Origin) -> State:
        """Return the state, which must fit the run that is to go on."""
        there = self.origin
        if there.sizes != now.sizes:
            raise ValueError(
                f"{self.path} holds a network of layers {tuple(there.sizes)}, and this one has {tuple(now.sizes)}: "
                "resume with the same hidden_layer_sizes and data."
            )
        other = [name for name, value in there.data.items() if now.data[name] != value]
        if other:
            raise ValueError(f"{self.path} was written in training on other data: {', '.join(other)} differs.")
        if there.dtype != now.dtype:
            raise ValueError(
                f"{self.path} holds a run in {there.dtype}, and this one computes in {now.dtype}: set dtype."
            )
        return State.from_arrays(self.arrays)


def write(path: Path, origin: Origin, state: State) -> None:
    """Write a file that is there whole, or not at all: what stands at `path` is replaced at the end."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    header = np.array(json.dumps({"format": FORMAT} | asdict(origin)))
    try:
        with open(draft, "wb") as file:
            np.savez(file, header=header, **state.to_arrays())  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> Saved:
    """Read a checkpoint file."""
    with open(path, "rb") as opened:
        try:
            with np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            header = json.loads(str(arrays.pop("header")))
            if header.pop("format") != FORMAT:
                raise ValueError
            return Saved(str(path), Origin(**header), arrays)
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is not a whole file written by sknet.Checkpoint.") from error
