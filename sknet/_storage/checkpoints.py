"""Checkpoints: files that hold the whole state of a training run, in NumPy's own `.npz` format, without pickle."""

import hashlib
import json
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import prod
from numbers import Integral, Real
from pathlib import Path
from typing import BinaryIO, Protocol, cast, runtime_checkable

import numpy as np

from sknet._network.layout import Layout
from sknet._storage.files import as_path, clear_drafts, damage_named, replace
from sknet._storage.files import digest as digest_of
from sknet._storage.models import state_of
from sknet._storage.schema import make
from sknet._tables.rows import Rows, is_sparse
from sknet._training.state import State
from sknet._typing import Array, Table

FORMAT = "sknet checkpoint 4"
WRITER = "sknet.Checkpoint"
LISTED, LOCATED = 22, 20
"""Bytes of an archive's last record, and of the one that may stand before it and says that the list is elsewhere."""

MAX_LIST = 2**14
"""Bytes of an archive's list of entries, at most; ours have a dozen of some fifty."""

MAX_TEXT = 2**18
"""Bytes of an entry of text, at most."""

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


@runtime_checkable
class HasDigest(Protocol):
    """A table that is elsewhere, and knows a hash of its rows."""

    def digest(self) -> str:
        """Return it."""


def digest(values: Table | None) -> str:
    """Return a hash of a table's or an array's type, shape and values; of None too."""
    if values is None:
        return "none"
    if isinstance(values, HasDigest):
        return values.digest()
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
    settings: dict[str, str]  # the parameters, as text


MAY_DIFFER = {"max_iter", "tol", "n_iter_no_change", "verbose", "warm_start", "early_stopping", "max_fun"}
"""Parameters that may be other ones where a run is taken up: they say how long it goes on, and what is told of it."""


def described(parameters: Mapping[str, object]) -> dict[str, str]:
    """Return what each parameter is, as text that is the same in every process."""
    drawn = {"random_state"} if not isinstance(parameters.get("random_state"), Integral) else set()
    return {name: _as_text(value) for name, value in parameters.items() if name not in MAY_DIFFER | drawn}


def _as_text(value: object) -> str:
    if value is None or isinstance(value, str | bool):
        return repr(value)
    if isinstance(value, Real):
        return f"{float(value):.17g}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_as_text(key)}: {_as_text(part)}' for key, part in value.items())}}}"
    if isinstance(value, np.ndarray):
        return digest(value)[:16] if value.size > SHOWN else _as_text(value.tolist())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_text, value))}]"
    if callable(value):
        return "a function"  # which two processes cannot compare
    return f"{type(value).__qualname__} {getattr(value, 'name', '')}".rstrip()


SHOWN = 16
"""So many numbers of an array are shown; of more, a hash."""


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
                "resume with the same hidden_layer_sizes, encodings and data."
            )
        other = [name for name, value in there.data.items() if now.data[name] != value]
        if other:
            raise ValueError(f"{self.path} was written in training on other data: {', '.join(other)} differs.")
        if there.dtype != now.dtype:
            raise ValueError(
                f"{self.path} holds a run in {there.dtype}, and this one computes in {now.dtype}: set dtype."
            )
        changed = [name for name, value in there.settings.items() if now.settings.get(name, value) != value]
        if changed:
            name = changed[0]
            raise ValueError(
                f"{self.path} was written with {name}={there.settings[name]}, and this is a run with "
                f"{name}={now.settings[name]}: set it as it was, or fit anew."
            )
        with damage_named(self.path, WRITER):
            state = state_of(self.arrays)
            n_parameters = Layout(tuple(there.sizes)).n_parameters
            if any(vector.size != n_parameters or vector.dtype.name != there.dtype for vector in state.vectors):
                raise ValueError("its arrays are not those of its network")
            if state.epoch != len(state.history):
                raise ValueError("its history is not that of its epochs")
            return state


def write(path: Path, origin: Origin, state: State) -> None:
    """Write a file that is there whole, or not at all: what stands at `path` is replaced at the end."""
    arrays, header = state.to_arrays(), json.dumps({"format": FORMAT} | asdict(origin))
    content = {"header": np.array(header), "digest": np.array(digest_of(header, arrays))} | arrays
    replace(path, lambda file: np.savez(file, **content))  # type: ignore[arg-type]


def read(path: str | os.PathLike[str]) -> Saved:
    """Read a checkpoint file; what a writer that was killed has left beside it, is removed."""
    clear_drafts(as_path(path))
    with open(path, "rb") as opened, damage_named(path, WRITER, *_DAMAGE):
        _refuse_long_list(opened)
        with zipfile.ZipFile(opened) as archive:
            _refuse_more_than_there_is(archive, os.fstat(opened.fileno()).st_size)
        opened.seek(0)
        with np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        text, written = str(arrays.pop("header")), str(arrays.pop("digest"))
        if digest_of(text, arrays) != written:
            raise ValueError("its content is not what was written")
        header = json.loads(text)
        if header.pop("format") != FORMAT:
            raise ValueError("it is of another version")
        return Saved(str(path), cast(Origin, make(Origin, header)), arrays)


def _refuse_long_list(opened: BinaryIO) -> None:
    """Raise for an archive whose list of entries is longer than ours are: it would be read at once."""
    size = opened.seek(0, os.SEEK_END)
    opened.seek(max(size - LISTED - LOCATED, 0))
    end = opened.read().rjust(LISTED + LOCATED, b"\0")
    listed, elsewhere = int.from_bytes(end[-10:-6], "little"), end.startswith(b"PK\6\7") and size < 2**32
    if end[LOCATED : LOCATED + 4] != b"PK\5\6" or listed > MAX_LIST or elsewhere:
        raise ValueError("it is no archive, or one of very many entries")


def _refuse_more_than_there_is(archive: zipfile.ZipFile, size: int) -> None:
    """Raise for entries that are larger than the file, or that hold less than they say."""
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or sum(e.file_size for e in entries) > size:
        raise ValueError("its entries are larger than the file")
    if not all(0 <= entry.header_offset < size for entry in entries):
        raise ValueError("its entries are not where they should be")
    for entry in entries:
        with archive.open(entry) as content:
            read_header = _HEADERS[np.lib.format.read_magic(content)]
            shape, _, dtype = read_header(content)
            if prod(shape) * dtype.itemsize > entry.file_size or (dtype.kind == "U" and prod(shape) != 1):
                raise ValueError(f"{entry.filename} says that it is larger than it is")
            if dtype.kind == "U" and dtype.itemsize > MAX_TEXT:
                raise ValueError(f"{entry.filename} holds more text than any")


_DAMAGE = zipfile.BadZipFile, zlib.error, RuntimeError, tokenize.TokenError
"""What a damaged archive, or the header of an array in it, raises beside the usual errors."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""How the first lines of an array's entry are read, by the version of NumPy's format."""
