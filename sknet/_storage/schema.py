"""What each field of a learnt value may hold, read from its annotations: a file's word is not taken for it.

Conventions
-----------
hint    an annotation: a class, a union, `tuple[X, ...]`, `list[X]`, `Mapping[K, X]`, an array or its type, a protocol
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

Check = Callable[[object, tuple[object, ...]], bool]


@cache
def hints_of(kind: type) -> dict[str, object]:
    """Return the annotation of each field that a learnt value is made of."""
    found = get_type_hints(kind)
    return {field.name: found[field.name] for field in fields(kind) if field.init}


@cache
def required_of(kind: type) -> frozenset[str]:
    """Return the fields without a default: a file that was written before one with a default was added lacks it."""
    own = [field for field in fields(kind) if field.init]
    return frozenset(field.name for field in own if field.default is MISSING and field.default_factory is MISSING)


def make(kind: type, parts: Mapping[str, object]) -> object:
    """Make a learnt value of its parts; a TypeError names a part that is unknown, missing or of another type."""
    hints = hints_of(kind)
    unknown, missing = parts.keys() - hints.keys(), required_of(kind) - parts.keys()
    if unknown or missing:
        raise TypeError(f"{kind.__name__} does not go with the fields {sorted(parts)}")
    for name, part in parts.items():
        if not fits(part, hints[name]):
            raise TypeError(f"{kind.__name__}.{name} is {type(part).__name__}, which it cannot be")
    return kind(**parts)


def fits(value: object, hint: object) -> bool:
    """Whether a value is what an annotation says."""
    check = _BY_ORIGIN.get(get_origin(hint))
    if check is not None:
        return check(value, get_args(hint))
    if hint is object:
        return True
    if not isinstance(hint, type):
        raise TypeError(f"{hint!r} has no check: add one to the table of the schema")
    return _is_one(value, hint)


def _is_one(value: object, kind: type) -> bool:
    if kind in _EXACT:  # True is no number, and a NumPy float no float
        return type(value) is kind
    if getattr(kind, "_is_protocol", False):
        own: type = type(value)
        return _has_all(own, kind)
    return isinstance(value, kind)


@cache
def _has_all(kind: type, protocol: type) -> bool:
    """Whether a dataclass has, by name, all that a protocol asks for; nothing of it is called."""
    if not is_dataclass(kind):
        return False
    wanted = {name for name in vars(protocol) if not name.startswith("_")}
    return wanted <= {*dir(kind), *(field.name for field in fields(kind))}


_EXACT = frozenset({bool, int, float, str, NoneType})


def _tuple(value: object, of: tuple[object, ...]) -> bool:
    if not isinstance(value, tuple):
        return False
    if len(of) == 2 and of[1] is Ellipsis:
        return all(fits(part, of[0]) for part in value)
    return len(value) == len(of) and all(map(fits, value, of))


def _list(value: object, of: tuple[object, ...]) -> bool:
    return isinstance(value, list) and all(fits(part, of[0]) for part in value)


def _sequence(value: object, of: tuple[object, ...]) -> bool:
    return isinstance(value, list | tuple) and all(fits(part, of[0]) for part in value)


def _mapping(value: object, of: tuple[object, ...]) -> bool:
    return isinstance(value, dict) and all(fits(k, of[0]) and fits(v, of[1]) for k, v in value.items())


def _union(value: object, of: tuple[object, ...]) -> bool:
    return any(fits(value, one) for one in of)


def _array(value: object, of: tuple[object, ...]) -> bool:
    return isinstance(value, np.ndarray)


_BY_ORIGIN: dict[object, Check] = {
    tuple: _tuple,
    list: _list,
    Sequence: _sequence,
    dict: _mapping,
    Mapping: _mapping,
    Union: _union,
    UnionType: _union,
    np.ndarray: _array,
    get_origin(NDArray[np.generic]): _array,  # from NumPy 2.5 on an alias of its own
    np.dtype: lambda value, of: isinstance(value, np.dtype),
}
"""How a value is compared with an annotation that has parameters, by what stands before the bracket."""
