"""Values in error messages are cut short where they are long."""

from sknet._tables.read import short_list, short_repr


def test_long_values_are_cut_short():
    assert short_repr("x" * 100) == "'" + "x" * 59 + "…"
    assert short_repr(3) == "3"


def test_long_lists_are_cut_short():
    assert short_list([1, 2]) == "[1, 2]"
    assert short_list(range(50), 2) == "[0, 1, … (50 in all)]"
