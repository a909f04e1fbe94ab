"""A `Model` as names and arrays: plain dicts, lists, numbers and text, with NumPy arrays at the leaves.

What is written names its pieces ("log_loss", "sigmoid", "category"); what is read is made from the table of kinds here,
and nothing that a file names is imported or called. A piece of the user's own stands as the object it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Model, Network
from sknet._model.settings import TargetSettings
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import QuantileColumn
from sknet._tables.encoding import TableEncoder
from sknet._tables.labels import IndicatorLabels, MultiOutputLabels, SingleLabels
from sknet._tables.targets import Numbers, TargetScaler
from sknet._training.result import Epoch
from sknet._training.state import History, State

KIND = "kind"
"""The key under which a dict says what it stands for."""

KINDS: dict[str, type] = {
    "model": Model,
    "network": Network,
    "encoder": TableEncoder,
    "number": NumberColumn,
    "quantile number": QuantileColumn,
    "category": CategoryColumn,
    "label head": LabelHead,
    "number head": NumberHead,
    "target settings": TargetSettings,
    "labels": SingleLabels,
    "labels of several outputs": MultiOutputLabels,
    "indicator labels": IndicatorLabels,
    "numbers": Numbers,
    "target scaler": TargetScaler,
    "epoch": Epoch,
}
"""Every learnt value by the name it has in a file."""


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
    if isinstance(value, History):
        return {KIND: "history", "epochs": np.array([list(vars(epoch).values()) for epoch in value])}
    if isinstance(value, list | tuple):
        return type(value)([pack(part, kinds) for part in value])
    if isinstance(value, np.dtype):
        return {KIND: "dtype", "name": value.name}
    if isinstance(value, Activation):
        return {KIND: "activation", "name": value.name} if ACTIVATIONS.get(value.name) is value else value
    if isinstance(value, State):
        return {KIND: "state", "arrays": value.to_arrays()}
    names = {kind: name for name, kind in kinds.items()}
    if type(value) not in names:
        return value
    parts = {field.name: pack(getattr(value, field.name), kinds) for field in fields(value) if field.init}  # type: ignore[arg-type]
    return {KIND: names[type(value)], **parts}


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
    """
    if isinstance(plain, list | tuple):
        return type(plain)([unpack(part, kinds) for part in plain])
    if not isinstance(plain, dict) or KIND not in plain:
        return plain
    parts = {name: part for name, part in plain.items() if name != KIND}
    special = _SPECIAL.get(plain[KIND])
    if special is not None:
        return special(parts)
    return kinds[plain[KIND]](**{name: unpack(part, kinds) for name, part in parts.items()})


_SPECIAL: dict[str, Callable[[dict[str, Any]], object]] = {
    "history": lambda parts: History().extended([Epoch(*map(float, row)) for row in parts["epochs"]]),
    "dtype": lambda parts: np.dtype(parts["name"]),
    "activation": lambda parts: ACTIVATIONS[parts["name"]],
    "state": lambda parts: State.from_arrays(parts["arrays"]),
}
