"""A model's file: arrays as safetensors' tensors, everything else as JSON text in its header; no pickle.

A file is there whole, or not at all. What is read is measured before it is believed: sizes against the file's own, the
count of values before they are parsed, a digest of every byte before anything is made of them.

Conventions
-----------
tree      names and arrays, as `models.pack` makes them
plain     the same as JSON has it: an array is the name of a tensor, a tuple is a list, and a list says that it is one
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from errno import EISDIR
from glob import escape
from io import BufferedReader
from math import prod
from pathlib import Path
from platform import node
from typing import BinaryIO, Protocol
from uuid import uuid4
from zlib import crc32

import numpy as np

from sknet._model.machine import needed
from sknet._storage.plain import from_plain, to_plain
from sknet._typing import Array, DType

FORMAT = "sknet model"
VERSION = 1
"""Files of this version are written; those of it and of all before are read."""

MAX_HEADER = 2**22
"""Bytes of settings and of the list of tensors, at most."""

MAX_VALUES = 150_000
"""Values in the settings, at most: what is parsed takes some two hundred bytes each."""

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
    "BOOL": np.dtype("u1"),
}
"""How a tensor of each of the format's types is read. Truth values are looked at before they are taken for such."""


class ModelFileError(ValueError):
    """A file is not one that sknet has written, is damaged, or needs something that was not passed.

    See Also
    --------
    load : Read a model's file.
    """


class Slice(Protocol):
    """What safetensors tells of a tensor before it is read."""

    def get_shape(self) -> list[int]:
        """Return its shape."""

    def get_dtype(self) -> str:
        """Return the name of its type."""


class Tensors(Protocol):
    """What safetensors tells of a file whose header it has checked: the tensors lie side by side and fill it."""

    def offset_keys(self) -> list[str]:
        """Return the tensors' names in the order in which they lie in the file."""

    def get_slice(self, name: str) -> Slice:
        """Return what is known of a tensor."""


@contextmanager
def damage_named(path: object, writer: str, *others: type[Exception]) -> Iterator[None]:
    """Turn what goes wrong while a file is read into the one error that says so."""
    try:
        yield
    except ModelFileError:
        raise
    except (*_DAMAGE, *others) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise ModelFileError(f"{path} is not a whole file written by {writer}: {reason}.") from error


_DAMAGE: tuple[type[Exception], ...] = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, EOFError, RecursionError, MemoryError,
)  # fmt: skip


# --- writing ---------------------------------------------------------------------------------------------------------


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


def write(path: str | os.PathLike[str], tree: object) -> None:
    """Write names and arrays to a file."""
    with needed("sknet.save", "safetensors", extra="files"):
        from safetensors.numpy import save
    plain, arrays = to_plain(tree)
    settings = json.dumps(plain, allow_nan=False, separators=(",", ":"))
    arrays = {name: array.astype(array.dtype.newbyteorder("<"), "C", copy=False) for name, array in arrays.items()}
    metadata = {"format": FORMAT, "version": str(VERSION), "settings": settings}
    metadata["digest"] = digest(f"{VERSION} {settings}", arrays)
    content = _in_order(save(arrays, metadata))
    if int.from_bytes(content[:8], "little") > MAX_HEADER or _count(settings.encode()) > MAX_VALUES:
        raise ValueError(
            f"The settings of this model, column by column, take {len(settings):,} characters: too many for a file of "
            f"this kind, which holds {MAX_HEADER:,}. Use pickle, or a table of fewer columns."
        )
    replace(as_path(path), lambda file: file.write(content))


def _in_order(content: bytes) -> bytes:
    """Sort the entries beside the tensors, which safetensors writes in any order: one model is one file."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at whole words
    return len(text).to_bytes(8, "little") + text + content[end:]


def digest(text: str, arrays: Mapping[str, Array]) -> str:
    """Return a hash of all that a file says."""
    found = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


# --- reading ---------------------------------------------------------------------------------------------------------


def read(path: str | os.PathLike[str], custom: Mapping[str, object] | None = None) -> object:
    """Read names and arrays from a file, pieces of the user's own taken from `custom`."""
    with needed("sknet.load", "safetensors", extra="files"):
        from safetensors import SafetensorError, safe_open
    with as_path(path).open("rb") as file, damage_named(path, "sknet.save", SafetensorError):
        start = _start_of_tensors(file)
        with safe_open(os.fspath(path), framework="numpy") as tensors:
            metadata = tensors.metadata() or {}
            settings = _settings_of(path, metadata)
            arrays = dict(_read_tensors(file, start, tensors))
        if digest(f"{metadata['version']} {settings}", arrays) != metadata["digest"]:
            raise ValueError("its digest is another one: it has been changed or damaged")
        tree, missing = from_plain(json.loads(settings), arrays, custom or {})
        if missing:
            example = ", ".join(f"{name!r}: ..." for name in missing)
            raise ModelFileError(
                f"{path} names pieces of your own, {', '.join(missing)}, which a file cannot hold: pass them, as in "
                f"load(path, custom={{{example}}})."
            )
        return tree


def _start_of_tensors(file: BinaryIO) -> int:
    """Return where the header ends, having looked at its size and at how much there is to parse."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(MAX_HEADER, size - 8):
        raise ValueError("its header is longer than the file, or than any header")
    header = file.read(length)
    if not header.isascii() or _count(header) > 2 * MAX_VALUES:
        raise ValueError("its header holds more than any model does")
    return 8 + length


def _count(text: bytes) -> int:
    """Return how many values JSON text holds, at most."""
    return sum(map(text.count, (b",", b"{", b"[")))


def _settings_of(path: object, metadata: Mapping[str, str]) -> str:
    """Return the settings of a file of a version that is read."""
    if metadata.get("format") != FORMAT:
        raise ValueError("it holds tensors, but no model of sknet's")
    if int(metadata["version"]) > VERSION:
        raise ModelFileError(
            f"{path} was written by a later version of sknet: its format is {metadata['version']}, and this version "
            f"reads up to {VERSION}. Update sknet."
        )
    settings = metadata["settings"]
    if _count(settings.encode()) > MAX_VALUES:
        raise ValueError("its settings hold more values than those of any model")
    return settings


def _read_tensors(file: BufferedReader, start: int, tensors: Tensors) -> Iterator[tuple[str, Array]]:
    """Yield tensors in the order in which they lie in the file, one after the other to its end."""
    file.seek(start)
    left = os.fstat(file.fileno()).st_size - start
    for name in tensors.offset_keys():
        view = tensors.get_slice(name)
        shape, dtype = view.get_shape(), TYPES[view.get_dtype()]
        left -= prod(shape) * dtype.itemsize
        if left < 0:
            raise EOFError("it ends early")
        array = np.empty(prod(shape), dtype)
        file.readinto(array.view(np.uint8).data)
        if view.get_dtype() == "BOOL":
            if array.max(initial=0) > 1:
                raise ValueError("it holds truth values that are neither")
            array = array.view(bool)
        yield name, array.reshape(shape)
    if left:
        raise ValueError("it goes on after its end")
