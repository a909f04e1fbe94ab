"""Few configurations in which every pair of values meets, instead of the product of all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product

import pytest


def pairs_of(configuration: Mapping[str, object]) -> set[frozenset[tuple[str, str]]]:
    """Every two values that meet in a configuration."""
    named = [(name, repr(value)) for name, value in configuration.items()]
    return {frozenset(pair) for pair in combinations(named, 2)}


def covering(
    factors: Mapping[str, Sequence[object]], goes_together: Callable[..., bool] = lambda **_: True
) -> Iterator[dict[str, object]]:
    """Yield configurations until every pair of values that goes together has met, the one with most new pairs first."""
    candidates = [dict(zip(factors, values, strict=True)) for values in product(*factors.values())]
    candidates = [candidate for candidate in candidates if goes_together(**candidate)]
    found = [(candidate, pairs_of(candidate)) for candidate in candidates]
    missing = set().union(*(pairs for _, pairs in found))
    while missing:
        chosen, pairs = max(found, key=lambda one: len(one[1] & missing))
        missing -= pairs
        yield chosen


def over_pairs(**factors: Sequence[object]) -> pytest.MarkDecorator:
    """Parametrise a test by these arguments: every two values of them meet in one of its cases."""
    cases = [pytest.param(*case.values(), id="-".join(map(label, case.values()))) for case in covering(factors)]
    return pytest.mark.parametrize(list(factors), cases)


def label(value: object) -> str:
    """What a value is called in the name of a test."""
    return getattr(value, "__name__", str(value))
