"""Equality of learnt values that hold arrays."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self

import numpy as np


class EqualByFields:
    """Base of dataclasses with eq=False: two of one type are equal if all their fields are, arrays by their values.

    A pickle holds the fields, but no cached properties.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same type and equal fields."""
        if type(other) is not type(self):
            return NotImplemented
        # `array_equal` compares fields of other types, too: it turns them into arrays
        return all(map(np.array_equal, _values_of(self), _values_of(other)))

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), _values_of(self)

    __hash__: Any = None  # arrays have no hash


def _values_of(value: Any) -> tuple[Any, ...]:
    """Return the values of all fields of a dataclass."""
    return tuple(getattr(value, field.name) for field in fields(value))
