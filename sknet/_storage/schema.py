"""What each field of a learnt value may hold, read from its annotations: a file's word is not taken for it.

Conventions
-----------
hint    an annotation: a class, a union, `tuple[X, ...]`, `list[X]`, `Mapping[K, X]`, an array or its type
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray


@cache
def hints_of(cls: type) -> dict[str, object]:
    """Return the annotation of each field that a dataclass is made of."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls) if field.init}


def make_value(cls: type, parts: Mapping[str, object]) -> object:
    """Make a learnt value of its parts; a TypeError names a part that is unknown, missing or of another type."""
    hints = hints_of(cls)
    for name, part in parts.items():
        if name not in hints or not is_of_type(part, hints[name]):
            raise TypeError(f"{cls.__name__}.{name} is {type(part).__name__}, which it cannot be")
    return cls(**parts)


def is_of_type(value: object, hint: object) -> bool:
    """Whether a value, and each item in it, is what an annotation says."""
    check = _CHECKS.get(get_origin(hint) or hint)  # of `tuple[int, ...]`, the origin is tuple, its arguments the rest
    if check is not None:
        return check(value, get_args(hint))
    # what a protocol asks for shows when the value is used
    return getattr(hint, "_is_protocol", False) or isinstance(value, hint)  # type: ignore[arg-type]


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
    np.ndarray: lambda value, of: isinstance(value, np.ndarray),
    get_origin(NDArray[np.generic]): lambda value, of: isinstance(value, np.ndarray),  # an alias from NumPy 2.5 on
    np.dtype: lambda value, of: isinstance(value, np.dtype),
}
"""How a value is compared with an annotation, by what stands before its bracket; of all others by isinstance."""
