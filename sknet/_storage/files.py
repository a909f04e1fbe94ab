"""The file format of models and checkpoints: arrays are tensors of safetensors, everything else is text; no pickle.

A file is complete, or it does not exist. The package safetensors writes and parses it. Before a file is parsed, its
header is measured, so that no file can make sknet allocate much more memory than its own size. A digest of all bytes is
compared before any value is made.

The metadata of a file are the name and version of this format, the minor version of sknet that wrote it, the settings
(the plain values of `pack.pack`, as JSON), and the digest.

Which versions read which files
-------------------------------
`docs/saving.md` promises that later versions read the files of fitted models. Most changes need no new version of the
format: a field that a file lacks gets its default, with which sknet does the same as before the field was added. A
field that the reader does not know is an error, because ignoring it could change predictions. Checkpoints depend on how
training works, so only the minor version that wrote a checkpoint reads it.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import EINVAL, EISDIR
from pathlib import Path
from stat import S_IMODE
from tempfile import TemporaryFile
from typing import BinaryIO, TypeVar
from uuid import uuid4

import numpy as np

from sknet._packages import explain_missing_package
from sknet._storage.pack import Packer, unpack, with_added_kinds
from sknet._typing import Array

T = TypeVar("T")

FORMAT_NAME = "sknet.safetensors"
"""The name in each file's metadata that marks it as sknet's."""

NAMES_BEFORE_VERSION_1 = ("sknet", "sknet model")
"""The names of formats that were used before the first release."""

VERSION = 1
"""The version of the format that is written. All versions from 1 to this one are read."""

MINOR_VERSION = "0.1"
"""The version of sknet, which each file names. Patch releases do not change what files hold."""

TENSOR_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
"""The types of tensors that a model may have, by safetensors' names, and NumPy's names for them."""

MAX_EXTRA_BYTES = 56 * 2**20
"""How many bytes of memory parsing a file may take in addition to its size. 8 of the promised 64 MB are left."""

BYTES_PER_JSON_SIGN = {",": 70, ":": 90, "{": 120, "[": 130}
"""How many bytes Python needs at most for the values that each of these characters announces in a JSON text."""

BYTES_PER_CHARACTER = 8
"""Bytes of memory for each character of the text: four in the text itself, and four in strings made from it."""

BYTES_PER_ROW_VALUE = 370
"""Bytes of memory for each value whose fields are stored in one array per field (see `Packer.pack_tuple`)."""


class ModelFileError(ValueError):
    """The file was not written by a compatible version of sknet, is damaged, or needs an object that was not passed.

    See Also
    --------
    load : Load an estimator from a file.
    """


@contextmanager
def as_model_file_error(path: object, public_name: str) -> Iterator[None]:
    """Turn any error in the `with` block into a `ModelFileError`, except an OSError."""
    try:
        yield
    except (ModelFileError, OSError):
        raise
    except Exception as error:
        raise ModelFileError(f"{path} is not a whole file written by {public_name}: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    return str(error)[:200].rstrip(".") or type(error).__name__


# --- complete files --------------------------------------------------------------------------------------------------


def as_path(path: object, name: str = "path") -> Path:
    """Return a user's path; raise a TypeError for anything else, such as a number, which `open` takes as open file."""
    if not isinstance(path, str | os.PathLike) or "\0" in os.fspath(path):
        raise TypeError(f"{name}={path!r} is no path: give a string without null characters, or a pathlib.Path.")
    return Path(path)


@contextmanager
def write_then_rename(path: Path) -> Iterator[Path]:
    """Yield the path of an empty file beside `path`; rename it to `path` at the end, or remove it on an error.

    If there is a file at `path`, the new one gets its permissions and, where the system allows it, its owner.
    """
    target = _resolve_regular_file(path)
    temporary = target.with_name(f".{target.name}.{uuid4().hex}.part")
    replaced = target.stat() if target.exists() else None
    try:
        # only this user can read it until it gets the permissions of the file that it replaces
        temporary.touch(0o666 if replaced is None else 0o600, exist_ok=False)
        yield temporary
        if replaced is not None:
            with suppress(OSError, AttributeError):  # only root may give a file away, and Windows has no `chown`
                os.chown(temporary, replaced.st_uid, replaced.st_gid)
            temporary.chmod(S_IMODE(replaced.st_mode))
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _resolve_regular_file(path: Path) -> Path:
    """Return the path with symbolic links followed; raise an OSError for a directory, a pipe or a device."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    if os.path.lexists(target) and not target.is_file():
        raise OSError(EINVAL, "it is a pipe, a device or another special file")
    return target


def check_writable(path: Path) -> None:
    """Raise an OSError if a file cannot be written to this path; the path is not touched."""
    # try a nameless file in the same directory: opening `path` would overwrite what is there
    with _name_in_os_error(path), TemporaryFile(dir=_resolve_regular_file(path).parent):
        pass


@contextmanager
def _name_in_os_error(path: Path) -> Iterator[None]:
    """Name the file in an OSError of the `with` block, since the error of a full disk names no file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{path} cannot be written: {error.strerror or error}. Give another path") from error


# --- writing ---------------------------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], value: object, classes: Mapping[str, type], public_name: str) -> None:
    """Write a value of one of the classes to a file. `public_name` is the name of the caller, for error messages."""
    with explain_missing_package(public_name, "safetensors"):
        from safetensors.numpy import save
    path = as_path(path)
    packer = Packer(with_added_kinds(classes))
    plain = packer.pack(value)
    settings = json.dumps({"pieces": _names_of(packer.pieces), "value": plain}, separators=(",", ":"))
    arrays = {name: _as_tensor(array) for name, array in packer.arrays.items()}
    metadata = {"format": FORMAT_NAME, "version": str(VERSION), "sknet": MINOR_VERSION, "settings": settings}
    metadata["digest"] = digest(f"{VERSION} {settings}", arrays)
    header, tensors = _sort_metadata(save(arrays, metadata))
    if packer.n_rows * BYTES_PER_ROW_VALUE > _memory_left(header.decode()):  # it contains the settings
        raise ValueError(
            f"{path} would hold too many settings: {len(settings):,} characters, {packer.n_rows:,} columns and epochs: "
            "use pickle, max_categories, or a table of fewer columns."
        )
    with _name_in_os_error(path), write_then_rename(path) as temporary, open(temporary, "wb") as file:
        for content in (len(header).to_bytes(8, "little"), header, tensors):
            file.write(content)
        file.flush()
        os.fsync(file.fileno())  # sync before the rename, since a crash must not replace an old file by an empty one


def _as_tensor(array: Array) -> Array:
    """Return an array in the layout of the format: contiguous, and little-endian."""
    tensor = array.astype(array.dtype.newbyteorder("<"), "C", copy=False)
    if tensor.dtype.str not in TENSOR_TYPES.values():
        raise ValueError(
            f"A model with an array of type {array.dtype} cannot be saved: labels and parameters may be numbers, "
            "booleans and text. Convert them before fit, or use pickle."
        )
    return tensor


def digest(text: str, arrays: Mapping[str, Array]) -> str:
    """Return a hash of a text, and of the name, type, shape and bytes of every array."""
    content = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        content.update(f"{name} {array.dtype.str} {array.shape}".encode())
        content.update(array.reshape(-1).view(np.uint8).data)
    return content.hexdigest()


def _sort_metadata(content: bytes) -> tuple[bytes, memoryview]:
    """Return the header, with sorted metadata, and the tensors. Equal models then give equal files."""
    end = 8 + int.from_bytes(content[:8], "little")  # a file is the header's length, 8 bytes, the header, the tensors
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8), memoryview(content)[end:]  # tensors begin at whole words


def _names_of(pieces: list[object]) -> list[str]:
    """Return the name of each of the user's own pieces: its `name`, its `__name__`, or the name of its class."""
    names = []
    owners = dict[str, object]()
    for piece in pieces:
        possible = (getattr(piece, "name", None), getattr(piece, "__name__", None), type(piece).__name__)
        name = next(name for name in possible if isinstance(name, str))
        if owners.setdefault(name, piece) is not piece:
            raise ValueError(
                f"Two pieces of your own are called {name!r}, and a file has only their names: give each another name."
            )
        names.append(name)
    return names


def _memory_left(text: str) -> int:
    """Return how many of MAX_EXTRA_BYTES are left after a JSON text is parsed."""
    cost_of_values = sum(cost * text.count(mark) for mark, cost in BYTES_PER_JSON_SIGN.items())
    return MAX_EXTRA_BYTES - BYTES_PER_CHARACTER * len(text) - cost_of_values


# --- reading ---------------------------------------------------------------------------------------------------------


def read(
    path: str | os.PathLike[str],
    public_name: str,
    classes: Mapping[str, type],
    make: Callable[[object], T],
    custom: object = None,
    *,
    is_checkpoint: bool = False,
) -> T:
    """Read the value in a file, and return `make(value)`. Any error except an OSError becomes a `ModelFileError`.

    The user's own pieces come from `custom`. Errors name `public_name`, the function that writes such files.
    """
    with explain_missing_package(f"reading a file of {public_name}", "safetensors"):
        from safetensors import safe_open
    if not isinstance(custom, Mapping | None):
        kind = type(custom).__name__
        raise TypeError(f"custom maps names to pieces of your own, as in custom={{'my_loss': ...}}; got a {kind}.")
    path = as_path(path)
    # opening a pipe could wait for ever; opening a directory raises a clear error
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ModelFileError(f"{path} is a pipe or a device: give the path of a file that {public_name} has written.")
    with path.open("rb") as file, as_model_file_error(path, public_name):
        _check_header(file)
        with safe_open(path, framework="numpy") as tensors:
            # another process may have replaced the file after `file` was opened and before `tensors` was: read it again
            if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return read(path, public_name, classes, make, custom, is_checkpoint=is_checkpoint)
            metadata = tensors.metadata() or {}
            _check_version(path, metadata, is_checkpoint=is_checkpoint)
            settings = metadata["settings"]
            memory_left = _memory_left(settings)
            if memory_left < 0:
                raise ValueError("its settings are larger than those of any model")
            # take tensors in the order of their bytes, since `_read_array` reads on from the end of the last one
            views = {name: tensors.get_slice(name) for name in tensors.offset_keys()}
            arrays = {name: _read_array(file, view.get_dtype(), view.get_shape()) for name, view in views.items()}
        if digest(f"{metadata['version']} {settings}", arrays) != metadata["digest"]:
            raise ValueError("its digest does not match: the file has been changed or damaged")
        content = json.loads(settings, parse_int=_parse_int)
        pieces = _custom_pieces(path, content["pieces"], custom or {})
        try:
            packed = content["value"], arrays, pieces
            return make(unpack(packed, with_added_kinds(classes), memory_left // BYTES_PER_ROW_VALUE))
        except Exception as error:
            writer = metadata["sknet"]
            is_known_version = _parse_version(writer) <= _parse_version(MINOR_VERSION)
            if is_known_version and pieces:  # the digest matches, so the file is whole
                names = ", ".join(dict.fromkeys(content["pieces"]))
                raise ModelFileError(
                    f"{path} cannot be read with these pieces of your own, {names}: {_reason(error)}. Pass in custom "
                    "what the saved estimator had."
                ) from error
            if is_known_version:
                raise
            raise ModelFileError(
                f"{path} was written by sknet {writer}, and sknet {MINOR_VERSION} cannot read it: {_reason(error)}. "
                "Update sknet."
            ) from error


def _parse_int(text: str) -> int:
    """Return an integer; raise a ValueError if it is larger than any float, since conversions would overflow."""
    number = int(text)
    if abs(number) > sys.float_info.max:
        raise ValueError(f"its settings hold an integer of {len(text)} digits")
    return number


def _check_header(file: BinaryIO) -> None:
    """Raise if parsing the header would take more than MAX_EXTRA_BYTES; moves the file to the start of the tensors."""
    start = file.read(8)
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(start, "little")
    if size < 8 or length > min(size - 8, MAX_EXTRA_BYTES // BYTES_PER_CHARACTER):
        raise ValueError("its header is longer than the file, or than any header")
    if _memory_left(file.read(length).decode()) < 0:
        raise ValueError("its header is larger than that of any model")


def _check_version(path: Path, metadata: Mapping[str, str], *, is_checkpoint: bool) -> None:
    """Raise for a file of another format, or of a version that this sknet does not read."""
    name, version, writer = (metadata.get(key, "") for key in ("format", "version", "sknet"))
    if name in NAMES_BEFORE_VERSION_1:
        raise ModelFileError(
            f"{path} has a format from before version 1, which no release of sknet reads. Fit and save again, or load "
            "it with the sknet that wrote it."
        )
    if name != FORMAT_NAME:
        raise ValueError("it holds tensors, but no format of sknet")
    if not re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}", writer):
        raise ValueError(f"it was written by sknet {writer[:20]!r}, which is not a version of sknet")
    if is_checkpoint and writer != MINOR_VERSION:
        raise ModelFileError(
            f"{path} was written by sknet {writer}, and this is sknet {MINOR_VERSION}: only the minor version that "
            f"wrote a checkpoint can resume it. Install sknet {writer}, or fit anew."
        )
    if version not in map(str, range(1, VERSION + 1)):
        raise ModelFileError(
            f"{path} was written by sknet {writer}, in version {version[:20]} of the format: sknet {MINOR_VERSION} "
            f"reads files up to version {VERSION}. Update sknet."
        )


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _read_array(file: BinaryIO, dtype: str, shape: list[int]) -> Array:
    """Read the next tensor, without the copy that safetensors' own functions make."""
    array = np.empty(shape, TENSOR_TYPES[dtype])
    content = array.reshape(-1).view(np.uint8)
    if file.readinto(content.data) != array.nbytes:  # type: ignore[attr-defined]
        raise EOFError("it ends early")
    if dtype == "BOOL" and content.max(initial=0) > 1:
        raise ValueError("it holds bools that are neither 0 nor 1")
    return array


def _custom_pieces(path: Path, names: list[str], custom: Mapping[str, object]) -> list[object]:
    """Return the user's own pieces that a file names, from `custom`; raise if one is missing."""
    missing = sorted(set(names) - custom.keys())
    if missing:
        example = ", ".join(f"{name!r}: ..." for name in missing)
        raise ModelFileError(
            f"{path} needs pieces of your own, {', '.join(missing)}, which a file cannot hold: pass them, as in "
            f"load(path, custom={{{example}}})."
        )
    return [custom[name] for name in names]
