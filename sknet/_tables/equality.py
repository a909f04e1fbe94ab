"""Equality of dataclasses that hold arrays: `==` of their tuples would raise."""

from dataclasses import fields
from typing import Any

import numpy as np


class EqualByFields:
    """Base of dataclasses with eq=False: two of one type are equal if all their fields are, arrays by their values."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        # `array_equal` also compares what is no array: a tuple becomes one, a dataclass one that holds this object
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    __hash__: Any = None  # arrays have no hash
