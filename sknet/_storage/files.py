"""The one file format, of models and checkpoints: arrays as safetensors' tensors, everything else as text; no pickle.

A file is there whole, or not at all. What is read is measured before it is believed: the count of its values before
they are parsed, sizes against the file's own, a digest of every byte before anything is made of them.

A file in the safetensors format is the length of a header, the header, which is JSON, and the tensors side by side.
The header says of each tensor its type, its shape and where it lies, and has metadata of text: ours are the name and
version of this format, and the settings, which are JSON again: the plain things of `models.pack`.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from errno import EISDIR
from glob import escape
from io import BufferedReader
from pathlib import Path
from platform import node
from typing import BinaryIO, TypedDict
from uuid import uuid4
from zlib import crc32

import numpy as np

from sknet._storage.models import Packer, unpack
from sknet._typing import Array, DType

FORMAT = "sknet"
VERSION = 1

TYPES: dict[str, DType] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
"""The format's types of tensors."""

DIGEST = "sha256"
"""The last tensor: a hash of all bytes before it."""

MAX_MEMORY = 56 * 2**20
"""Bytes that what is made of a file may take beyond the file's own size; 8 MB are left for what is not counted."""

COSTS = {",": 70, ":": 90, "{": 120, "[": 130}
"""Bytes that Python needs, at most, for what each of these characters adds to a JSON text."""

TEXT_COST = 8
"""Bytes for each character of the text: it and the strings made of it may have four bytes per character."""

ROW_COST = 370
"""Bytes for each value that is kept as one array per field."""


class TensorEntry(TypedDict):
    """What a file's header says of a tensor."""

    dtype: str
    shape: list[int]
    data_offsets: tuple[int, int]


class ModelFileError(ValueError):
    """A file is not one that sknet has written, is damaged, or needs something that was not passed.

    See Also
    --------
    load : Read a model's file.
    """


@contextmanager
def damage_named(path: object, writer: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into the one error that says so; the system's errors stay."""
    try:
        yield
    except (ModelFileError, OSError):
        raise
    except Exception as error:
        reason = str(error)[:200].rstrip(".") or type(error).__name__
        raise ModelFileError(f"{path} is not a whole file written by {writer}: {reason}.") from error


# --- whole or absent -------------------------------------------------------------------------------------------------


def as_path(path: object, name: str = "path") -> Path:
    """Return a path that a user gave; a number, which Python would take for an open file, is none."""
    if not isinstance(path, str | os.PathLike) or "\0" in os.fspath(path):
        raise TypeError(f"{name}={path!r} is no path: give a string without null characters, or a pathlib.Path.")
    return Path(path)


def replace(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file that is there whole, or not at all: what stands at `path` is replaced at the end."""
    with _failure_named(path), drafted(path) as draft, open(draft, "xb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    clear_drafts(path)


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """Yield where to write what stands at `path` at the end, or, where something goes wrong, nowhere."""
    place = Path(os.path.realpath(path))  # a link stays one
    draft = _draft_of(place)
    try:
        yield draft
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)


def refuse_unwritable(path: Path) -> None:
    """Raise an OSError, before anything is computed, where a file cannot be written."""
    place = Path(os.path.realpath(path))
    draft = _draft_of(place)
    with _failure_named(path):
        if place.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        draft.touch(exist_ok=False)
        draft.unlink()


@contextmanager
def _failure_named(path: Path) -> Iterator[None]:
    """Say which file it was that could not be written: an error of a full disk names none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{path} cannot be written: {error.strerror or error}. Give another path") from error


def clear_drafts(path: str | os.PathLike[str]) -> None:
    """Remove what processes of this machine that are no more have left beside a file."""
    place = Path(os.path.realpath(path))
    for draft in place.parent.glob(f".{escape(place.name)}.*-*.*"):
        machine, _, process = draft.name.removeprefix(f".{place.name}.").partition(".")[0].partition("-")
        if machine == _MACHINE and process.isdecimal() and not _is_alive(int(process)):
            draft.unlink(missing_ok=True)


def _process(number: int) -> str:
    return f"{_MACHINE}-{number}"


def _draft_of(place: Path) -> Path:
    """Return a new name beside a file; it says which process of which machine writes it."""
    return place.with_name(f".{place.name}.{_process(os.getpid())}.{uuid4().hex}")


_MACHINE = f"{crc32(node().encode()):08x}"


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere, signal 0 ends a process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


# --- writing ---------------------------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], value: object, kinds: Mapping[str, type]) -> None:
    """Write a value of one of the kinds to a file."""
    packer = Packer(kinds)
    plain = packer.pack(value)
    names = [piece_name(piece) for piece in packer.pieces]
    for name, piece in zip(names, packer.pieces, strict=True):
        if packer.pieces[names.index(name)] is not piece:
            raise ValueError(
                f"Two pieces of your own are called {name!r}: a file names them, so give each a name of its own."
            )
    settings = json.dumps({"pieces": names, "value": plain}, separators=(",", ":"))
    tensors = dict(sorted(packer.arrays.items(), key=lambda item: -item[1].itemsize))  # each lies at a whole number
    header = _header(settings, tensors)
    if packer.n_rows * ROW_COST > _memory_left(header.decode(), settings):
        raise ValueError(
            f"{path} would hold too many settings: {len(settings):,} characters, {packer.n_rows:,} columns and epochs; "
            "use pickle, max_categories, or a table of fewer columns."
        )

    def fill(file: BinaryIO) -> None:
        digest = hashlib.sha256()
        parts: list[bytes | memoryview] = [len(header).to_bytes(8, "little"), header]
        for part in parts + [_bytes_of(array) for array in tensors.values()]:
            digest.update(part)
            file.write(part)
        file.write(digest.digest())

    replace(as_path(path), fill)


def _header(settings: str, tensors: dict[str, Array]) -> bytes:
    header: dict[str, object] = {"__metadata__": {"format": FORMAT, "version": str(VERSION), "settings": settings}}
    names, at = {(dtype.kind, dtype.itemsize): name for name, dtype in TYPES.items()}, 0
    last: dict[str, Array] = {DIGEST: np.empty(32, np.uint8)}
    for path, array in (tensors | last).items():
        name = names.get((array.dtype.kind, array.itemsize))
        if name is None:
            raise ValueError(
                f"A model with an array of type {array.dtype} cannot be saved: labels and parameters may be numbers, "
                "booleans and text. Convert them before fit, or use pickle."
            )
        header[path] = {"dtype": name, "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)  # tensors begin at whole words


def _bytes_of(array: Array) -> memoryview:
    little = array.astype(array.dtype.newbyteorder("<"), "C", copy=False)
    return little.reshape(-1).view(np.uint8).data


def piece_name(value: object) -> str:
    """Return what a piece of the user's own is called: by its `name`, its `__name__`, or its class's."""
    for name in (getattr(value, "name", None), getattr(value, "__name__", None)):
        if isinstance(name, str):
            return name
    return type(value).__name__


def _memory_left(*texts: str) -> int:
    """Return how much of MAX_MEMORY is left once the longer of these JSON texts is parsed."""
    costs = [TEXT_COST * len(text) + sum(cost * text.count(mark) for mark, cost in COSTS.items()) for text in texts]
    return MAX_MEMORY - max(costs)


# --- reading ---------------------------------------------------------------------------------------------------------


def read(
    path: str | os.PathLike[str], writer: str, kinds: Mapping[str, type], custom: Mapping[str, object] | None = None
) -> object:
    """Read the value that a file holds, pieces of the user's own taken from `custom`; errors name the writer."""
    place = as_path(path)
    if place.exists() and not (place.is_file() or place.is_dir()):
        raise ModelFileError(f"{path} is a pipe or a device: give the path of a file that {writer} has written.")
    with place.open("rb") as file, damage_named(path, writer):
        prefix, size = file.read(8), os.fstat(file.fileno()).st_size
        length = int.from_bytes(prefix, "little")
        if size < 8 or length > min(size - 8, MAX_MEMORY // TEXT_COST):
            raise ValueError("its header is longer than the file, or than any header")
        header = file.read(length)
        text, digest = header.decode(), hashlib.sha256(prefix + header)
        if _memory_left(text) < 0:
            raise ValueError("its header holds more than that of any model")
        entries = json.loads(text)
        settings = _settings_of(path, entries.pop("__metadata__"))
        tensors = _read_tensors(file, entries, digest)
        if 8 + length + sum(array.nbytes for array in tensors.values()) != size:
            raise ValueError("it goes on after its end")
        if tensors.pop(DIGEST).tobytes() != digest.digest():
            raise ValueError("its digest is another one: it has been changed or damaged")
        memory_left = _memory_left(text, settings)
        if memory_left < 0:
            raise ValueError("its settings hold more than those of any model")
        content = json.loads(settings)
        pieces = _pieces_of(path, content["pieces"], custom or {})
        return unpack((content["value"], tensors, pieces), kinds, memory_left // ROW_COST)


def _settings_of(path: object, metadata: Mapping[str, str]) -> str:
    """Return the settings of a file of a version that is read."""
    version = metadata.get("version", "")
    if metadata.get("format") != FORMAT:
        raise ValueError("it holds tensors, but nothing of sknet's")
    if not (version.isascii() and version.isdecimal()) or int(version) < 1:
        raise ValueError(f"its version is {version[:20]!r}, which is no whole number")
    if int(version) > VERSION:
        raise ModelFileError(
            f"{path} was written by a later version of sknet: its format is {version}, and this version reads up to "
            f"{VERSION}. Update sknet."
        )
    return metadata["settings"]


def _read_tensors(
    file: BufferedReader, entries: Mapping[str, TensorEntry], digest: "hashlib._Hash"
) -> dict[str, Array]:
    """Read tensors, which lie side by side in the order of the header, and hash all but the digest itself."""
    tensors, at, size = {}, 0, os.fstat(file.fileno()).st_size
    for path, entry in entries.items():
        dtype, (start, stop) = TYPES[entry["dtype"]], entry["data_offsets"]
        if start != at or not at <= stop <= size:
            raise ValueError(f"{path} is not where it should be")
        array = np.empty((stop - start) // dtype.itemsize, dtype)
        raw = array.view(np.uint8)
        if file.readinto(raw.data) != stop - start:
            raise EOFError(f"{path} is not as long as it should be")
        if entry["dtype"] == "BOOL" and raw.max(initial=0) > 1:
            raise ValueError(f"{path} holds booleans that are neither true nor false")
        if path != DIGEST:
            digest.update(raw.data)
        tensors[path], at = array.reshape(entry["shape"]), stop
    return tensors


def _pieces_of(path: object, names: list[str], custom: Mapping[str, object]) -> list[object]:
    missing = sorted({name for name in names if name not in custom})
    if missing:
        example = ", ".join(f"{name!r}: ..." for name in missing)
        raise ModelFileError(
            f"{path} names pieces of your own, {', '.join(missing)}, which a file cannot hold: pass them, as in "
            f"load(path, custom={{{example}}})."
        )
    return [custom[name] for name in names]
