"""Names and arrays as JSON has them, and back: what JSON cannot say stands in a dict that says what it is.

Conventions
-----------
tree      tuples, lists, dicts of names, numbers, text, None, and arrays at the leaves
plain     lists, dicts, finite numbers, text, None; an array is the name of a tensor
tensors   arrays of numbers, by name
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from sknet._storage.models import KIND
from sknet._typing import Array

MANY = 16
"""From so many texts in a tuple on, they are a tensor of their bytes."""

MAX_TEXTS = 200_000
MAX_TEXT_BYTES = 2**22
"""Texts in a file, and the bytes of all of them, at most: in memory they take several times as many."""

_NUMBERS = "biuf"


# --- to JSON ---------------------------------------------------------------------------------------------------------


@dataclass
class _Writer:
    tensors: dict[str, Array] = field(default_factory=dict)
    custom: dict[str, object] = field(default_factory=dict)

    def tensor(self, array: Array) -> str:
        """Keep an array, and return its name."""
        name = f"t{len(self.tensors)}"
        self.tensors[name] = array
        return name

    def plain(self, value: object) -> object:
        """Return what JSON can say."""
        write = _WRITERS.get(type(value))
        if write is not None:
            return write(self, value)
        if isinstance(value, np.ndarray):
            return self.array(np.asarray(value))
        if isinstance(value, np.generic) and value.dtype.kind in _NUMBERS:
            return {KIND: "scalar", "array": self.tensor(np.asarray(value))}
        return self.piece(value)

    def array(self, array: Array) -> object:
        """Return the name of an array; text is kept as the numbers of its characters."""
        kind = array.dtype.kind
        if kind in _NUMBERS and array.dtype.itemsize <= 8:
            return {KIND: "array", "array": self.tensor(array)}
        if kind == "U":
            width = array.dtype.itemsize // 4
            codes = np.ascontiguousarray(array).reshape(-1).view(np.uint32).reshape(*array.shape, width)
            return {KIND: "characters", "array": self.tensor(codes)}
        if kind == "O" and array.ndim == 1 and all(isinstance(text, str) for text in array):
            return {KIND: "objects", "texts": self.texts(tuple(array))}
        raise ValueError(
            f"A model with an array of type {array.dtype} cannot be saved: labels and parameters may be numbers, truth "
            "values and text. Convert them before fit, or use pickle."
        )

    def texts(self, values: tuple[str, ...]) -> dict[str, object]:
        """Return many texts as a tensor of their bytes, and one of where each ends."""
        parts = [text.encode("utf-8", "surrogatepass") for text in values]
        whole, ends = b"".join(parts), np.cumsum([len(part) for part in parts], dtype=np.int64)
        if len(parts) > MAX_TEXTS or len(whole) > MAX_TEXT_BYTES:
            raise ValueError(
                f"This model holds {len(parts):,} texts of {len(whole):,} bytes, as names or levels: too many for a "
                f"file, which takes {MAX_TEXTS:,} of {MAX_TEXT_BYTES:,} bytes. Use pickle, or set max_categories."
            )
        return {KIND: "texts", "bytes": self.tensor(np.frombuffer(whole, np.uint8)), "ends": self.tensor(ends)}

    def tuple(self, values: tuple[object, ...]) -> object:
        """Return a list, or many texts as tensors."""
        if len(values) >= MANY and all(type(value) is str for value in values):
            return self.texts(values)  # type: ignore[arg-type]
        return [self.plain(value) for value in values]

    def piece(self, value: object) -> object:
        """Return the name of a piece of the user's own."""
        name = piece_name(value)
        if self.custom.setdefault(name, value) is not value:
            raise ValueError(
                f"Two pieces of your own are called {name!r}: a file names them, so give each a name of its own."
            )
        return {KIND: "custom", "name": name}


def piece_name(value: object) -> str:
    """Return what a piece of the user's own is called: by its `name`, its `__name__`, or its class's."""
    for name in (getattr(value, "name", None), getattr(value, "__name__", None)):
        if isinstance(name, str):
            return name
    return type(value).__name__


def _float(writer: _Writer, value: float) -> object:
    return value if isfinite(value) else {KIND: "float", "name": repr(value)}


_WRITERS: dict[type, Callable[..., object]] = {
    type(None): lambda writer, value: None,
    bool: lambda writer, value: value,
    int: lambda writer, value: value,
    str: lambda writer, value: value,
    np.str_: lambda writer, value: str(value),
    float: _float,
    tuple: _Writer.tuple,
    list: lambda writer, values: {KIND: "list", "items": [writer.plain(value) for value in values]},
    dict: lambda writer, values: {key: writer.plain(value) for key, value in values.items()},
    np.random.RandomState: lambda writer, value: {KIND: "random state", **_numbers_of(writer, value)},
}
"""How a value is written, by its type; what is not here is an array or a piece of the user's own."""


def _numbers_of(writer: _Writer, source: np.random.RandomState) -> dict[str, object]:
    state = source.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise ValueError("random_state is a RandomState of another generator than MT19937: give an int.")
    numbers = np.array([state["state"]["pos"], state["has_gauss"]], dtype=np.int64)
    key, gauss = state["state"]["key"], np.array(state["gauss"], dtype=np.float64)
    return {"key": writer.tensor(key), "numbers": writer.tensor(numbers), "gauss": writer.tensor(gauss)}


def to_plain(tree: object) -> tuple[object, dict[str, Array]]:
    """Return a tree as JSON has it, and its arrays by name."""
    writer = _Writer()
    return writer.plain(tree), writer.tensors


# --- from JSON -------------------------------------------------------------------------------------------------------


@dataclass
class _Reader:
    tensors: Mapping[str, Array]
    custom: Mapping[str, object]
    missing: set[str] = field(default_factory=set)
    n_texts: int = 0
    n_bytes: int = 0

    def tree(self, plain: object) -> object:
        """Return what the JSON stands for."""
        if isinstance(plain, list):
            return tuple([self.tree(part) for part in plain])
        if not isinstance(plain, dict):
            return plain
        read = _READERS.get(plain.get(KIND))
        if read is not None:
            return read(self, **{key: part for key, part in plain.items() if key != KIND})
        return {key: self.tree(part) for key, part in plain.items()}

    def array(self, array: str) -> Array:
        """Return a tensor."""
        return self.tensors[array]

    def characters(self, array: str) -> Array:
        """Return an array of text."""
        codes = self.tensors[array]
        if codes.dtype != np.uint32 or codes.ndim == 0 or not codes.shape[-1] or codes.max(initial=0) > 0x10FFFF:
            raise TypeError("an array of text is not made of characters")
        return np.ascontiguousarray(codes).view(f"<U{codes.shape[-1]}")[..., 0]

    def texts(self, bytes: str, ends: str) -> tuple[str, ...]:
        """Return many texts."""
        whole, stops = self.tensors[bytes], self.tensors[ends]
        self.n_texts, self.n_bytes = self.n_texts + stops.size, self.n_bytes + whole.size
        if self.n_texts > MAX_TEXTS or self.n_bytes > MAX_TEXT_BYTES:
            raise ValueError("it holds more text than any model")
        if whole.dtype != np.uint8 or stops.dtype != np.int64 or whole.ndim != 1 or stops.ndim != 1:
            raise TypeError("texts are not made of bytes")
        starts = np.concatenate([[0], stops[:-1]])
        if (starts > stops).any() or (stops[-1:] != whole.size).any() or (stops < 0).any():
            raise ValueError("texts end where they cannot")
        content = whole.tobytes()
        pairs = zip(starts.tolist(), stops.tolist(), strict=True)
        return tuple([content[start:stop].decode("utf-8", "surrogatepass") for start, stop in pairs])

    def objects(self, texts: dict[str, object]) -> Array:
        """Return an array of texts as objects."""
        found = self.tree(texts)
        if not isinstance(found, tuple) or not all(type(text) is str for text in found):
            raise TypeError("an array of objects is not one of texts")
        array = np.empty(len(found), dtype=object)
        array[:] = found
        return array

    def piece(self, name: str) -> object:
        """Return a piece of the user's own."""
        if name not in self.custom:
            self.missing.add(str(name))
        return self.custom.get(name)

    def random_state(self, key: str, numbers: str, gauss: str) -> np.random.RandomState:
        """Return a random generator."""
        position, has_gauss = self.tensors[numbers].tolist()
        if self.tensors[key].shape != (624,) or not 0 <= position <= 624:
            raise ValueError("a random state is not one")
        source = np.random.RandomState()
        source.set_state(("MT19937", self.tensors[key], position, has_gauss, float(self.tensors[gauss])))
        return source


_FLOATS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}

_READERS: dict[object, Callable[..., object]] = {
    "array": _Reader.array,
    "scalar": lambda reader, array: reader.tensors[array][()],
    "characters": _Reader.characters,
    "texts": _Reader.texts,
    "objects": _Reader.objects,
    "float": lambda reader, name: _FLOATS[name],
    "list": lambda reader, items: [reader.tree(item) for item in items],
    "custom": _Reader.piece,
    "random state": _Reader.random_state,
}
"""How what JSON cannot say is read, by the name it has."""


def from_plain(plain: object, tensors: Mapping[str, Array], custom: Mapping[str, object]) -> tuple[object, list[str]]:
    """Return the tree that JSON and arrays stand for, and the names of pieces that `custom` lacks."""
    reader = _Reader(tensors, custom)
    tree = reader.tree(plain)
    return tree, sorted(reader.missing)
