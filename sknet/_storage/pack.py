"""A learnt value as plain things and arrays, and back: what a file and a pickle hold of it.

A value of one of the classes, a dataclass, becomes a dict of its fields; an array stays an array, under the path of
fields that leads to it ("fitted.model.network.coefs.0"). What is read is made from the table of classes, each field
compared with its annotation. Nothing that is read is imported or called, and no array is referred to twice.

Conventions
-----------
plain     what JSON can say: None, bool, int, float, str, a list for a tuple, and dicts that say what they are
arrays    by path
pieces    objects of the user's own, by number
hint      an annotation: a class, a union, `tuple[X, ...]`, `list[X]`, `Mapping[K, X]`, an array or its type
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.encoding import Encoding
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.model import Model, Network
from sknet._model.settings import TargetSettings
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._tables.encoding import TableEncoder
from sknet._tables.kinds import KINDS_BY_CLASS
from sknet._tables.labels import IndicatorLabels, MultiOutputLabels, SingleLabels
from sknet._tables.targets import RegressionTarget, TargetScaler
from sknet._training.solver import Epoch, EpochEvaluation, State
from sknet._typing import Array, DType

TYPE = "is"
"""The key under which a dict says what it stands for; no field can have this name, since Python reserves it."""


def classes_by_name(*classes: type) -> dict[str, type]:
    """Return dataclasses by the names that they have in a file."""
    return {cls.__name__: cls for cls in classes}


STORED_CLASSES = classes_by_name(
    Model, Encoding, Network, TableEncoder, *KINDS_BY_CLASS, LabelHead, RegressionHead, TargetSettings,
    SingleLabels, MultiOutputLabels, IndicatorLabels, RegressionTarget, TargetScaler, Epoch, State, EpochEvaluation,
)  # fmt: skip
"""The classes of learnt values, by the names that files give them.

A new field needs a default: the value that gives what sknet did before there was the field, for files that lack it. A
class keeps its name in files if it is renamed.
"""

Packed = tuple[object, dict[str, Array], list[object]]
"""Plain things, arrays by path, and pieces of the user's own."""

_PLAIN = frozenset({type(None), bool, int, float, str})
_ROW_TYPES: dict[object, str] = {bool: "b", int: "i", float: "f"}
"""Values whose fields are all of these types are kept as one array per field, of these NumPy types."""


def pack(value: object, classes: Mapping[str, type] = STORED_CLASSES) -> Packed:
    """Turn a value of one of the classes, or a container of such, into plain things, arrays and pieces."""
    packer = Packer(classes)
    return packer.pack(value), packer.arrays, packer.pieces


def unpack(packed: Packed, classes: Mapping[str, type] = STORED_CLASSES, max_rows: float = np.inf) -> object:
    """Make the value that was packed, from at most `max_rows` values that arrays hold field by field.

    Raises
    ------
    Exception
        Of any class, if a name is not known, or a part is not what its annotation says.
    """
    plain, arrays, pieces = packed
    unpacker = _Unpacker(classes, dict(arrays), pieces, max_rows)
    value = unpacker.unpack(plain, "")
    if unpacker.arrays:
        raise TypeError(f"it holds the array {min(unpacker.arrays)}, which is not known here")
    return value


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


# --- packing ---------------------------------------------------------------------------------------------------------


class Packer:
    """Collects the arrays and pieces of a value while it is packed."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self._names = {cls: name for name, cls in classes.items()}
        self.arrays: dict[str, Array] = {}
        self.pieces: list[object] = []
        self.n_rows = 0  # values that are kept field by field

    def pack(self, value: object, path: str = "") -> object:
        """Return the plain things that stand for a value at this path."""
        cls: type = type(value)
        if cls in _PLAIN:
            return value
        if cls in self._names:
            fields = {name: self.pack(getattr(value, name), _join(path, name)) for name in hints_of(cls)}
            return {TYPE: self._names[cls]} | fields
        pack = _PACKERS.get(cls)
        if pack is not None:
            return pack(self, value, path)
        if isinstance(value, pd.Index):  # names of columns, such as `frame.columns[:3]`
            value = value.to_numpy()
        if isinstance(value, np.ndarray):
            return self._pack_array(value, path)
        if isinstance(value, np.dtype):
            return {TYPE: "dtype", "name": value.name}
        if isinstance(value, np.generic) and type(value.item()) in _PLAIN:
            return value.item()
        return self._set_aside(value)

    def _pack_array(self, array: Array, path: str) -> object:
        """Keep an array; text as the code points of its characters, where it is not of objects."""
        if array.dtype.kind == "O" and array.ndim == 1 and all(isinstance(item, str) for item in array):
            return {TYPE: "objects", "items": array.tolist()}
        if array.dtype.kind != "U":
            self.arrays[path] = array
            return {TYPE: "array"}
        width = array.dtype.itemsize // 4  # characters of each text: NumPy has 4 bytes for one
        native = np.ascontiguousarray(array, dtype=f"=U{width}")
        self.arrays[path] = native.reshape(-1).view(np.uint32).reshape(*array.shape, width)
        return {TYPE: "characters"}

    def pack_tuple(self, values: Sequence[object], path: str) -> object:
        """Pack each value; many of one class whose fields are numbers become one array per field."""
        classes: set[type] = {type(value) for value in values}
        cls: type = classes.pop() if len(classes) == 1 else NoneType  # which is never among the classes
        hints = hints_of(cls) if cls in self._names else {}
        if hints and set(hints.values()) <= _ROW_TYPES.keys():
            columns = {name: np.array([getattr(value, name) for value in values]) for name in hints}
            # not where NumPy makes another type of a field: of ints in place of floats, which are packed one by one
            if all(column.dtype.kind == _ROW_TYPES[hints[name]] for name, column in columns.items()):
                self.arrays |= {_join(path, name): column for name, column in columns.items()}
                self.n_rows += len(values)
                return {TYPE: "rows", "of": self._names[cls]}
        return [self.pack(value, _join(path, i)) for i, value in enumerate(values)]

    def pack_dict(self, values: Mapping[object, object], path: str) -> object:
        """Pack keys, which may be of any type, and values."""
        keys, items = tuple(values), tuple(values.values())
        return {TYPE: "dict", "keys": self.pack(keys, _join(path, "keys")), "values": self.pack_tuple(items, path)}

    def pack_activation(self, activation: Activation, path: str) -> object:
        """Pack one of the package's by its name."""
        ours = ACTIVATIONS.get(activation.name) is activation
        return {TYPE: "activation", "name": activation.name} if ours else self._set_aside(activation)

    def _set_aside(self, value: object) -> object:
        """Set an object of the user's own aside, for `custom` to give back; its number stands for it."""
        self.pieces.append(value)
        return {TYPE: "piece", "number": len(self.pieces) - 1}


def _pack_random_state(packer: Packer, source: np.random.RandomState, path: str) -> object:
    state = source.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise ValueError("random_state is a RandomState of another generator than MT19937: give an int.")
    return {TYPE: "RandomState", "state": packer.pack(state, path)}


_PACKERS: dict[type, Callable[..., object]] = {
    tuple: Packer.pack_tuple,
    list: lambda packer, values, path: {TYPE: "list", "items": packer.pack_tuple(values, path)},
    dict: Packer.pack_dict,
    Activation: Packer.pack_activation,
    np.random.Generator: lambda packer, source, path: {
        TYPE: "Generator",
        "state": packer.pack(source.bit_generator.state, path),
    },
    np.random.RandomState: _pack_random_state,
}
"""How a value that is none of the classes is packed, by its type."""


# --- unpacking -------------------------------------------------------------------------------------------------------


class _Unpacker:
    """Makes a value of plain things, arrays and pieces."""

    def __init__(
        self, classes: Mapping[str, type], arrays: dict[str, Array], pieces: list[object], max_rows: float
    ) -> None:
        self._classes, self.arrays, self.pieces, self._rows_left = classes, arrays, pieces, max_rows

    def unpack(self, plain: object, path: str) -> object:
        """Return the value that stands at this path."""
        if type(plain) is list:
            return tuple([self.unpack(part, _join(path, i)) for i, part in enumerate(plain)])
        if type(plain) is not dict:
            return plain
        parts = {name: part for name, part in plain.items() if name != TYPE}
        cls = self._classes.get(plain[TYPE])
        if cls is not None:
            return make_value(cls, {name: self.unpack(part, _join(path, name)) for name, part in parts.items()})
        unpack = _UNPACKERS.get(plain[TYPE])
        if unpack is None:
            raise TypeError(f"it holds a {plain[TYPE]!r}, which is not known here")
        return unpack(self, path, **parts)  # a part too many or too few is a TypeError, too

    def pop_array(self, path: str) -> Array:
        """Remove the array of this path and return it, so that no other value gets it, too."""
        return self.arrays.pop(path)

    def characters(self, path: str) -> Array:
        """Make an array of text of its code points."""
        codes = self.pop_array(path)
        if codes.dtype != np.uint32 or codes.ndim == 0 or not codes.shape[-1]:
            raise TypeError(f"{path} is not an array of characters")
        if codes.max(initial=0) > sys.maxunicode:
            raise ValueError(f"{path} holds characters that do not exist")
        return codes.view(f"<U{codes.shape[-1]}")[..., 0]

    def objects(self, path: str, items: list[object]) -> Array:
        """Make an array of texts that are objects."""
        if not all(type(item) is str for item in items):
            raise TypeError(f"{path} is not an array of texts")
        return np.array(items, dtype=object)

    def rows(self, path: str, of: str) -> tuple[object, ...]:
        """Make many values of one class, whose fields are arrays."""
        cls, hints = self._classes[of], hints_of(self._classes[of])
        # a field that is newer than the file has no array, and all values have its default
        paths = {name: _join(path, name) for name in hints}
        columns = {name: self.pop_array(paths[name]) for name in hints if paths[name] in self.arrays}
        n_rows = max(column.size for column in columns.values())
        for name, column in columns.items():
            if column.ndim != 1 or column.dtype.kind != _ROW_TYPES.get(hints[name]) or n_rows > self._rows_left:
                raise TypeError(f"{paths[name]} is not such a field of many values, or of too many")
        self._rows_left -= n_rows
        lines = zip(*(column.tolist() for column in columns.values()), strict=True)
        return tuple([cls(**dict(zip(columns, line, strict=True))) for line in lines])

    def make_dict(self, path: str, keys: object, values: object) -> object:
        """Make a dict."""
        return dict(zip(self.unpack(keys, _join(path, "keys")), self.unpack(values, path), strict=True))  # type: ignore[call-overload]

    def dtype(self, path: str, name: str) -> DType:
        """Make a type of floats."""
        if name not in {"float16", "float32", "float64"}:
            raise ValueError(f"{path} is not a type that a model computes in")
        return np.dtype(name)

    def generator(self, path: str, state: object) -> np.random.Generator:
        """Make a generator of random numbers."""
        source = np.random.default_rng(0)
        source.bit_generator.state = self.unpack(state, path)  # type: ignore[assignment]
        return source

    def random_state(self, path: str, state: object) -> np.random.RandomState:
        """Make one of NumPy's older generators."""
        numbers, source = self.unpack(state, path), np.random.RandomState(0)
        key, position = numbers["state"]["key"], numbers["state"]["pos"]  # type: ignore[index]
        if key.shape != (624,) or not 0 <= position <= 624:  # NumPy does not check
            raise ValueError(f"{path} is not the state of a random generator")
        source.set_state(numbers)  # type: ignore[arg-type]
        return source


_UNPACKERS: dict[object, Callable[..., object]] = {
    "array": _Unpacker.pop_array,
    "characters": _Unpacker.characters,
    "objects": _Unpacker.objects,
    "rows": _Unpacker.rows,
    "list": lambda unpacker, path, items: list(unpacker.unpack(items, path)),
    "dict": _Unpacker.make_dict,
    "dtype": _Unpacker.dtype,
    "activation": lambda unpacker, path, name: ACTIVATIONS[name],
    "piece": lambda unpacker, path, number: unpacker.pieces[number],
    "Generator": _Unpacker.generator,
    "RandomState": _Unpacker.random_state,
}
"""How a value that is none of the classes is made, by what a dict says that it is."""


# --- what a field may hold -------------------------------------------------------------------------------------------


@cache
def hints_of(cls: type) -> dict[str, object]:
    """Return the annotation of each field that a dataclass is made of."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls) if field.init}


def make_value(cls: type, parts: Mapping[str, object]) -> object:
    """Make a learnt value of its parts; a TypeError names a part that is unknown, missing or of another type.

    A part with a default may be missing, from a file that is older than this field.
    """
    hints = hints_of(cls)
    for name, part in parts.items():
        if name not in hints:
            raise TypeError(f"it holds {cls.__name__}.{name}, which is not known here")
        if not is_of_type(part, hints[name]):
            raise TypeError(f"{cls.__name__}.{name} is {type(part).__name__}, which it cannot be")
    return cls(**parts)


def is_of_type(value: object, hint: object) -> bool:
    """Whether a value, and each item in it, is what an annotation says."""
    origin: Any = get_origin(hint) or hint  # of `tuple[int, ...]`, the origin is tuple, its arguments the rest
    check = _CHECKS.get(origin)
    if check is not None:
        return check(value, get_args(hint))
    # a protocol's methods are only looked for when the value is used
    return getattr(origin, "_is_protocol", False) or isinstance(value, origin)


def _is_tuple(value: object, of: tuple[object, ...]) -> bool:
    if not isinstance(value, tuple):
        return False
    if of[1:] == (Ellipsis,):
        return all(is_of_type(part, of[0]) for part in value)
    return len(value) == len(of) and all(map(is_of_type, value, of))


def _is_list(value: object, of: tuple[object, ...]) -> bool:
    return isinstance(value, list) and all(is_of_type(part, of[0]) for part in value)


def _is_mapping(value: object, of: tuple[object, ...]) -> bool:
    return isinstance(value, dict) and all(is_of_type(k, of[0]) and is_of_type(v, of[1]) for k, v in value.items())


def _fits_one_of(value: object, of: tuple[object, ...]) -> bool:
    return any(is_of_type(value, hint) for hint in of)


_CHECKS: dict[object, Callable[..., bool]] = {
    int: lambda value, of: type(value) is int and 0 <= value < 2**63,  # what is learnt are counts, positions and seeds
    float: lambda value, of: type(value) in (int, float),
    tuple: _is_tuple,
    list: _is_list,
    dict: _is_mapping,
    Mapping: _is_mapping,
    Union: _fits_one_of,
    UnionType: _fits_one_of,
    get_origin(NDArray[np.generic]): lambda value, of: isinstance(value, np.ndarray),  # an alias from NumPy 2.5 on
}
"""Compares a value with an annotation, by the annotation's origin; other annotations are classes for isinstance."""
