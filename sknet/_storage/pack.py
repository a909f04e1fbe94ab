"""Convert learnt values to plain values and arrays, for files and pickles, and back.

A dataclass becomes a dict of its fields. An array stays an array, named by the path of fields that leads to it, such as
"fitted.model.network.coefs.0". Reading makes only values of known classes, and compares each field with its annotation.
Nothing is imported or called by a name that is read, and each array is used once.

Conventions
-----------
plain     what JSON can express: None, bool, int, float, str, lists for tuples, and dicts with a `TYPE`
arrays    by path
pieces    the user's own objects, by number
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
from sknet._tables.encoder import TableEncoder
from sknet._tables.kinds import kinds_by_class
from sknet._tables.labels import IndicatorLabels, MultiOutputLabels, SingleLabels
from sknet._tables.targets import RegressionTarget, TargetScaler
from sknet._training.solver import BestEpoch, Epoch, State
from sknet._typing import Array, DType

TYPE = "is"
"""The key for the type of the value that a dict represents. It is a keyword of Python, so no field has this name."""


def classes_by_name(*classes: type) -> dict[str, type]:
    """Return a dict of dataclasses by the names that they have in a file."""
    return {cls.__name__: cls for cls in classes}


STORED_CLASSES = classes_by_name(
    Model, Encoding, Network, TableEncoder, *kinds_by_class(), LabelHead, RegressionHead, TargetSettings,
    SingleLabels, MultiOutputLabels, IndicatorLabels, RegressionTarget, TargetScaler,
    Epoch, State, BestEpoch,
)  # fmt: skip
"""The classes of learnt values, by the names that files give them.

A new field needs a default, for files that lack it: the value with which sknet does the same as before. A field cannot
be removed or renamed after a release, because a file with an unknown field is refused. If a class is renamed, files
keep its old name.
"""


def with_added_kinds(classes: Mapping[str, type]) -> dict[str, type]:
    """Return the classes with those of columns of kinds that a program has added to `KINDS`; no class is replaced."""
    return {**classes_by_name(*kinds_by_class()), **classes}


Packed = tuple[object, dict[str, Array], list[object]]
"""A plain value, arrays by path, and the user's own pieces."""

_PLAIN_TYPES = frozenset({type(None), bool, int, float, str})
"""Values of these types are stored as they are, in JSON."""

_ROW_KINDS: dict[object, str] = {bool: "b", int: "i", float: "f"}
"""Values of a class whose fields all have these types are stored in one array per field, of these NumPy kinds."""


def pack(value: object, classes: Mapping[str, type] = STORED_CLASSES) -> Packed:
    """Convert a value of one of the classes, or a container of such values, to a plain value, arrays and pieces."""
    packer = Packer(classes)
    return packer.pack(value), packer.arrays, packer.pieces


def unpack(packed: Packed, classes: Mapping[str, type] = STORED_CLASSES, max_rows: float = np.inf) -> object:
    """Return the value that was packed; at most `max_rows` values in it may be stored field by field.

    Raises
    ------
    Exception
        Of any class, if a name is unknown, or if a field does not match its annotation.
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
    """Packs a value, and collects its arrays and pieces."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        self._names = {cls: name for name, cls in classes.items()}
        self.arrays: dict[str, Array] = {}
        self.pieces: list[object] = []
        self.n_rows = 0  # how many values are stored field by field

    def pack(self, value: object, path: str = "") -> object:
        """Return the plain form of the value at this path."""
        cls: type = type(value)
        if cls in _PLAIN_TYPES:
            return value
        if cls in self._names:
            packed_fields = {name: self.pack(getattr(value, name), _join(path, name)) for name in hints_of(cls)}
            return {TYPE: self._names[cls]} | packed_fields
        pack = _PACKERS.get(cls)
        if pack is not None:
            return pack(self, value, path)
        if isinstance(value, pd.Index):  # names of columns, such as `frame.columns[:3]`
            value = value.to_numpy()
        if isinstance(value, np.ndarray):
            return self._pack_array(value, path)
        if isinstance(value, np.dtype):
            return {TYPE: "dtype", "name": value.name}
        if isinstance(value, np.generic) and type(value.item()) in _PLAIN_TYPES:
            return value.item()
        return self._add_piece(value)

    def _pack_array(self, array: Array, path: str) -> object:
        """Store an array; text becomes code points, or a list if it is an array of objects."""
        if array.dtype.kind == "O" and array.ndim == 1 and all(isinstance(item, str) for item in array):
            return {TYPE: "objects", "items": array.tolist()}
        if array.dtype.kind != "U":
            self.arrays[path] = array
            return {TYPE: "array"}
        width = array.dtype.itemsize // 4  # characters per text; NumPy stores each in 4 bytes
        native = np.ascontiguousarray(array, dtype=f"=U{width}")
        self.arrays[path] = native.reshape(-1).view(np.uint32).reshape(*array.shape, width)
        return {TYPE: "characters"}

    def pack_tuple(self, values: Sequence[object], path: str) -> object:
        """Pack each value. Values of one class whose fields are numbers become one array per field."""
        classes: set[type] = {type(value) for value in values}
        cls: type = classes.pop() if len(classes) == 1 else NoneType  # NoneType is not among the classes
        hints = hints_of(cls) if cls in self._names else {}
        if hints and set(hints.values()) <= _ROW_KINDS.keys():
            columns = {name: np.array([getattr(value, name) for value in values]) for name in hints}
            # if NumPy reads a field as another type, such as floats as ints, the values are packed one by one
            if all(column.dtype.kind == _ROW_KINDS[hints[name]] for name, column in columns.items()):
                self.arrays |= {_join(path, name): column for name, column in columns.items()}
                self.n_rows += len(values)
                return {TYPE: "rows", "of": self._names[cls]}
        return [self.pack(value, _join(path, i)) for i, value in enumerate(values)]

    def pack_dict(self, values: Mapping[object, object], path: str) -> object:
        """Pack the keys, which may have any type, and the values."""
        keys, items = tuple(values), tuple(values.values())
        return {TYPE: "dict", "keys": self.pack(keys, _join(path, "keys")), "values": self.pack_tuple(items, path)}

    def pack_activation(self, activation: Activation, path: str) -> object:
        """Pack an activation of the package as its name, and a user's own as a piece."""
        ours = ACTIVATIONS.get(activation.name) is activation
        return {TYPE: "activation", "name": activation.name} if ours else self._add_piece(activation)

    def _add_piece(self, value: object) -> object:
        """Add a user's own object to the pieces; return its number, by which `load` finds it in `custom`."""
        self.pieces.append(value)
        return {TYPE: "piece", "number": len(self.pieces) - 1}


def _pack_random_state(packer: Packer, source: np.random.RandomState, path: str) -> object:
    """Return the plain form of a RandomState; raise for generators other than MT19937."""
    state = source.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise ValueError(
            "random_state is a RandomState with a generator other than MT19937, which files cannot hold: give an int."
        )
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
"""The packing functions of values that are not of the classes, by type."""


# --- unpacking -------------------------------------------------------------------------------------------------------


class _Unpacker:
    """Makes a value from its plain form, arrays and pieces."""

    def __init__(
        self, classes: Mapping[str, type], arrays: dict[str, Array], pieces: list[object], max_rows: float
    ) -> None:
        self._classes = classes
        self.arrays = arrays
        self.pieces = pieces
        self._rows_left = max_rows

    def unpack(self, plain: object, path: str) -> object:
        """Return the value with this plain form; `path` is its path."""
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
        return unpack(self, path, **parts)  # an unknown or missing part raises a TypeError

    def pop_array(self, path: str) -> Array:
        """Return the array at this path, and remove it, so that no two values share it."""
        return self.arrays.pop(path)

    def make_text_array(self, path: str) -> Array:
        """Return an array of text, made from code points."""
        codes = self.pop_array(path)
        if codes.dtype != np.uint32 or codes.ndim == 0 or not codes.shape[-1]:
            raise TypeError(f"{path} is not an array of characters")
        if codes.max(initial=0) > sys.maxunicode:
            raise ValueError(f"{path} holds characters that do not exist")
        return codes.view(f"<U{codes.shape[-1]}")[..., 0]

    def make_object_array(self, path: str, items: list[object]) -> Array:
        """Return an array of objects that are texts."""
        if not all(type(item) is str for item in items):
            raise TypeError(f"{path} is not an array of texts")
        return np.array(items, dtype=object)

    def make_rows(self, path: str, of: str) -> tuple[object, ...]:
        """Return a tuple of values of one class, whose fields are stored in arrays."""
        cls = self._classes[of]
        hints = hints_of(self._classes[of])
        # a field that was added after the file was written has no array: all values get its default
        paths = {name: _join(path, name) for name in hints}
        columns = {name: self.pop_array(paths[name]) for name in hints if paths[name] in self.arrays}
        n_rows = max(column.size for column in columns.values())
        for name, column in columns.items():
            if column.ndim != 1 or column.dtype.kind != _ROW_KINDS.get(hints[name]) or n_rows > self._rows_left:
                raise TypeError(f"{paths[name]} is not a field of many values, or has too many")
        self._rows_left -= n_rows
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return tuple([cls(**dict(zip(columns, row, strict=True))) for row in rows])

    def make_dict(self, path: str, keys: object, values: object) -> object:
        """Return a dict."""
        return dict(zip(self.unpack(keys, _join(path, "keys")), self.unpack(values, path), strict=True))  # type: ignore[call-overload]

    def make_dtype(self, path: str, name: str) -> DType:
        """Return a float dtype."""
        if name not in {"float16", "float32", "float64"}:
            raise ValueError(f"{path} is not a dtype in which a model computes")
        return np.dtype(name)

    def make_generator(self, path: str, state: object) -> np.random.Generator:
        """Return a generator with this state."""
        source = np.random.default_rng(0)
        source.bit_generator.state = self.unpack(state, path)  # type: ignore[assignment]
        return source

    def make_random_state(self, path: str, state: object) -> np.random.RandomState:
        """Return a RandomState, NumPy's older generator, with this state."""
        unpacked = self.unpack(state, path)
        source = np.random.RandomState(0)
        key, position = unpacked["state"]["key"], unpacked["state"]["pos"]  # type: ignore[index]
        if key.shape != (624,) or not 0 <= position <= 624:  # NumPy does not check
            raise ValueError(f"{path} is not the state of a random generator")
        source.set_state(unpacked)  # type: ignore[arg-type]
        return source


_UNPACKERS: dict[object, Callable[..., object]] = {
    "array": _Unpacker.pop_array,
    "characters": _Unpacker.make_text_array,
    "objects": _Unpacker.make_object_array,
    "rows": _Unpacker.make_rows,
    "list": lambda unpacker, path, items: list(unpacker.unpack(items, path)),
    "dict": _Unpacker.make_dict,
    "dtype": _Unpacker.make_dtype,
    "activation": lambda unpacker, path, name: ACTIVATIONS[name],
    "piece": lambda unpacker, path, number: unpacker.pieces[number],
    "Generator": _Unpacker.make_generator,
    "RandomState": _Unpacker.make_random_state,
}
"""The functions that make values that are not of the classes, by the `TYPE` of a dict."""


# --- checks of annotations -------------------------------------------------------------------------------------------


@cache
def hints_of(cls: type) -> dict[str, object]:
    """Return the annotation of each field that `__init__` of a dataclass takes."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls) if field.init}


def make_value(cls: type, parts: Mapping[str, object]) -> object:
    """Return a value made from its fields; a TypeError names a field that is unknown, missing or of another type.

    A field with a default may be missing, if it was added after the file was written.
    """
    hints = hints_of(cls)
    for name, part in parts.items():
        if name not in hints:
            raise TypeError(f"it holds {cls.__name__}.{name}, which is not known here")
        if not is_of_type(part, hints[name]):
            raise TypeError(f"{cls.__name__}.{name} has the wrong type {type(part).__name__}")
    return cls(**parts)


def is_of_type(value: object, hint: object) -> bool:
    """Whether a value, and each item in it, matches an annotation."""
    origin: Any = get_origin(hint) or hint  # `tuple[int, ...]` has the origin tuple
    check = _TYPE_CHECKS.get(origin)
    if check is not None:
        return check(value, get_args(hint))
    # values of a protocol are not checked here: their methods are looked up when they are called
    return getattr(origin, "_is_protocol", False) or isinstance(value, origin)


def _is_tuple(value: object, of: tuple[object, ...]) -> bool:
    """Whether a value is a tuple whose items match the arguments of `tuple[...]`."""
    if not isinstance(value, tuple):
        return False
    if of[1:] == (Ellipsis,):
        return all(is_of_type(part, of[0]) for part in value)
    return len(value) == len(of) and all(map(is_of_type, value, of))


def _is_mapping(value: object, of: tuple[object, ...]) -> bool:
    return isinstance(value, dict) and all(is_of_type(k, of[0]) and is_of_type(v, of[1]) for k, v in value.items())


_TYPE_CHECKS: dict[object, Callable[..., bool]] = {
    int: lambda value, of: type(value) is int and 0 <= value < 2**63,  # learnt integers are counts, indices and seeds
    float: lambda value, of: type(value) in (int, float),
    tuple: _is_tuple,
    list: lambda value, of: isinstance(value, list) and all(is_of_type(part, of[0]) for part in value),
    dict: _is_mapping,
    Mapping: _is_mapping,
    **dict.fromkeys((Union, UnionType), lambda value, of: any(is_of_type(value, hint) for hint in of)),
    get_origin(NDArray[np.generic]): lambda value, of: isinstance(value, np.ndarray),  # an alias from NumPy 2.5 on
}
"""The checks of a value and an annotation, by the origin of the annotation. All others are classes."""
