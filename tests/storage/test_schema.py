"""What a field may hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Protocol

import numpy as np
import pytest
from sknet._storage.pack import hints_of, is_of_type, make_value

from sknet._typing import Array, DType


class Anything(Protocol):
    """What a protocol asks for shows when the value is used."""


@pytest.mark.parametrize(("value", "hint"), [
    (1, int), (1.0, float), (1, float), (True, bool), ("a", str), (None, str | None), ("a", str | None), (1, object),
    ((1.0, 2.0), tuple[float, ...]), ((), tuple[float, ...]), ((1, "a"), tuple[int, str]), ([1], list[int]),
    ({"a": 1}, Mapping[str, int]), (np.zeros(2), Array), (np.dtype("f4"), DType),
    (Fraction(1, 2), Rational), (1, Anything),
])  # fmt: skip
def test_what_fits(value, hint):
    assert is_of_type(value, hint)


@pytest.mark.parametrize(("value", "hint"), [
    (True, int), (-1, int), (True, float), ("1", float), (1, bool), (1, str | None), ([1.0], tuple[float, ...]),
    (("1", 2.0), tuple[float, ...]), ((1,), tuple[int, str]), ((1,), list[int]),
    ({1: 1}, Mapping[str, int]),
    ([0.0], Array), ("f4", DType), (0.5, Rational),
])  # fmt: skip
def test_what_does_not(value, hint):
    assert not is_of_type(value, hint)


@dataclass(frozen=True)
class Later:
    old: int
    new: str = "default"


def test_a_field_with_a_default_may_be_lacking_and_no_other():
    assert hints_of(Later) == {"old": int, "new": str} and make_value(Later, {"old": 1}) == Later(1)
    for parts in ({"new": "a"}, {"old": 1, "other": 2}):
        with pytest.raises(TypeError):
            make_value(Later, parts)
    with pytest.raises(TypeError, match=r"Later\.old is str"):
        make_value(Later, {"old": "1"})
