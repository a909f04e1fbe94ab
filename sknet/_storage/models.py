"""A `Model` as names and arrays: plain dicts, lists, numbers and text, with NumPy arrays at the leaves.

What is written names its pieces ("log_loss", "sigmoid", "category"); what is read is made from the table of kinds here,
its parts compared with their annotations, and nothing that a file names is imported or called. A piece of the user's
own stands as the object it is.
"""

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Model, Network
from sknet._model.settings import TargetSettings
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._storage.schema import fits, hints_of, make, required_of
from sknet._tables.columns.bins import BinnedColumn
from sknet._tables.columns.category import CategoryColumn, IdentifierColumn
from sknet._tables.columns.datetime import DatetimeColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import QuantileColumn
from sknet._tables.columns.target import TargetColumn
from sknet._tables.encoding import TableEncoder
from sknet._tables.labels import IndicatorLabels, MultiOutputLabels, SingleLabels
from sknet._tables.targets import RegressionTarget, TargetScaler
from sknet._training.result import Epoch
from sknet._training.state import History, State
from sknet._typing import Array

KIND = "is"
"""The key under which a dict says what it stands for; no field can have this name."""

KINDS: dict[str, type] = {
    "model": Model,
    "network": Network,
    "encoder": TableEncoder,
    "number": NumberColumn,
    "quantile number": QuantileColumn,
    "binned number": BinnedColumn,
    "category": CategoryColumn,
    "identifier": IdentifierColumn,
    "target-encoded category": TargetColumn,
    "datetime": DatetimeColumn,
    "label head": LabelHead,
    "number head": NumberHead,
    "target settings": TargetSettings,
    "labels": SingleLabels,
    "labels of several outputs": MultiOutputLabels,
    "indicator labels": IndicatorLabels,
    "numbers": RegressionTarget,
    "target scaler": TargetScaler,
    "epoch": Epoch,
}
"""Every learnt value by the name it has in a file."""

DTYPES = {name: np.dtype(name) for name in ("float16", "float32", "float64")}
"""Every type of arithmetic by the name it has in a file."""

MAX_STATE_TEXT = 4096
"""Characters of a state's counters and generator, at most: ten times what they are."""


# --- packing ---------------------------------------------------------------------------------------------------------


def pack(value: object, kinds: Mapping[str, type] = KINDS) -> object:
    """Turn a learnt value into names and arrays.

    Parameters
    ----------
    value : object
        A value of one of the kinds, or a container of such.

    kinds : mapping of str to type
        The names.

    Returns
    -------
    plain : object
        Dicts, lists, tuples, numbers, text and arrays. An object of another
        type, a user's own, stands as it is.
    """
    kind: type = np.dtype if isinstance(value, np.dtype) else type(value)
    name = name_of(kind, kinds)
    if name is not None:
        return {KIND: name} | {field: pack(getattr(value, field), kinds) for field in hints_of(kind)}
    packer = _PACKERS.get(kind)
    return value if packer is None else packer(value, kinds)


def name_of(kind: type, kinds: Mapping[str, type]) -> str | None:
    """Return the name that a kind has in a file."""
    return next((name for name, known in kinds.items() if known is kind), None)


def _pack_tuple(values: tuple[object, ...], kinds: Mapping[str, type]) -> object:
    """Pack a tuple; many values of one kind whose fields are numbers become one array per field."""
    found = {type(value) for value in values}
    kind: type = found.pop() if len(found) == 1 else object
    hints = {} if name_of(kind, kinds) is None else hints_of(kind)
    if not hints or not set(hints.values()) <= _COLUMN_KINDS.keys():
        return tuple([pack(value, kinds) for value in values])
    columns = {field: np.array([getattr(value, field) for value in values]) for field in hints}
    if any(column.dtype.kind != _COLUMN_KINDS[hints[field]] for field, column in columns.items()):
        return tuple([pack(value, kinds) for value in values])  # an int where a float was meant
    return {KIND: "rows", "of": name_of(kind, kinds), **columns}


def _pack_dict(mapping: Mapping[object, object], kinds: Mapping[str, type]) -> object:
    """Pack a mapping whose keys may be anything, "kind" among it."""
    values = [pack(value, kinds) for value in mapping.values()]
    return {KIND: "mapping", "keys": list(mapping.keys()), "values": values}


def _pack_activation(activation: Activation, kinds: Mapping[str, type]) -> object:
    own = ACTIVATIONS.get(activation.name) is activation
    return {KIND: "activation", "name": activation.name} if own else activation


_COLUMN_KINDS: dict[object, str] = {bool: "b", int: "i", float: "f"}
"""The kind of array that the fields of many values become, by their annotation."""

_PACKERS: dict[type, Callable[..., object]] = {
    tuple: _pack_tuple,
    History: lambda history, kinds: {KIND: "history", "epochs": _pack_tuple(tuple(history), kinds)},
    list: lambda values, kinds: [pack(value, kinds) for value in values],
    dict: _pack_dict,
    np.dtype: lambda dtype, kinds: {KIND: "dtype", "name": dtype.name},
    Activation: _pack_activation,
    State: lambda state, kinds: {KIND: "state", "arrays": _pack_dict(state.to_arrays(), kinds)},
}
"""How a value that is none of the kinds is packed, by its type."""


# --- unpacking -------------------------------------------------------------------------------------------------------


def unpack(plain: object, kinds: Mapping[str, type] = KINDS) -> object:
    """Make a value of what `pack` has written.

    Parameters
    ----------
    plain : object
        As `pack` returned it.

    kinds : mapping of str to type
        The names.

    Returns
    -------
    value : object
        Equal to the one that was packed.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a name is not known, or a part is not what its kind takes.
    """
    if isinstance(plain, list | tuple):
        return type(plain)([unpack(part, kinds) for part in plain])
    if type(plain) is not dict:  # a mapping of a type of its own stands as it is
        return plain
    name = plain[KIND]
    parts = {key: unpack(part, kinds) for key, part in plain.items() if key != KIND}
    special = _SPECIAL.get(name)
    return make(kinds[name], parts) if special is None else special(kinds, **parts)


def _rows(kinds: Mapping[str, type], of: str, **columns: Array) -> tuple[object, ...]:
    """Make many values of one kind; all that are alike are one value."""
    kind, hints = kinds[of], hints_of(kinds[of])
    for name, column in columns.items():
        if column.ndim != 1 or column.dtype.kind != _COLUMN_KINDS.get(hints[name]):
            raise TypeError(f"the array {name!r} of many {of!r} is not one of such fields")
    if not required_of(kind) <= columns.keys():
        raise TypeError(f"many {of!r} do not go with the fields {sorted(columns)}")
    bits = [column.view(f"u{column.itemsize}").tolist() for column in columns.values()]  # which tell 0.0 from -0.0
    known: dict[tuple[int, ...], object] = {}
    found = []
    for key, line in zip(zip(*bits, strict=True), zip(*map(_numbers, columns.values()), strict=True), strict=True):
        if key not in known:
            known[key] = kind(**dict(zip(columns, line, strict=True)))
        found.append(known[key])
    return tuple(found)


def _numbers(column: Array) -> list[object]:
    numbers: list[object] = column.tolist()
    return numbers


def _history(kinds: Mapping[str, type], epochs: object) -> History:
    if not fits(epochs, tuple[Epoch, ...]):
        raise TypeError("a history is made of epochs")
    return History().extended(cast("tuple[Epoch, ...]", epochs))


def state_of(arrays: Mapping[str, Array]) -> State:
    """Make a training state, whose text is read as JSON: no more of it than there ever is."""
    are_arrays = all(isinstance(array, np.ndarray) for array in arrays.values())
    if not are_arrays or arrays["text"].dtype.kind != "U" or arrays["text"].itemsize > 4 * MAX_STATE_TEXT:
        raise TypeError("a training state is not made of such parts")
    vectors = [array for name, array in arrays.items() if name in _VECTORS or name.startswith("moment_")]
    if any(vector.ndim != 1 or vector.dtype.kind != "f" for vector in vectors):
        raise TypeError("a training state's vectors are not vectors of floats")
    return State.from_arrays(arrays)


_VECTORS = {"theta", "average", "best_theta"}

_SPECIAL: dict[object, Callable[..., object]] = {
    "rows": _rows,
    "history": _history,
    "mapping": lambda kinds, keys, values: dict(zip(keys, values, strict=True)),
    "dtype": lambda kinds, name: DTYPES[name],
    "activation": lambda kinds, name: ACTIVATIONS[name],
    "state": lambda kinds, arrays: state_of(arrays),
}
"""How a value that is none of the kinds is made, by the name it has in a file."""
