"""What messages show of values."""

from sknet._tables.messages import short_list, short_repr


def test_long_values_are_cut_short():
    assert short_repr("x" * 100) == "'" + "x" * 59 + "…"
    assert short_repr(3) == "3"


def test_long_lists_are_cut_short():
    assert short_list([1, 2]) == "[1, 2]"
    assert short_list(range(50)) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (50 in all)]"
