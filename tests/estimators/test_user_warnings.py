"""Warnings point at the user's line."""

import pytest

from sknet._estimators.user_warnings import warn


def test_a_warning_points_at_the_line_that_called_the_package():
    with pytest.warns(UserWarning, match="mind") as caught:
        warn("mind the gap", UserWarning)
    assert caught[0].filename == __file__
