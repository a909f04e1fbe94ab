"""Warnings point at the user's line."""

import warnings

import pytest
from sklearn.utils.parallel import Parallel, delayed

from sknet._estimators.sklearn_api import warn, warn_once_a_line


def mind_the_gap():
    warn_once_a_line("mind the gap", UserWarning)


def messages(function, action="default"):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        function()
    return [str(one.message) for one in caught]


def test_a_warning_points_at_the_line_that_called_the_package():
    with pytest.warns(UserWarning, match="mind") as caught:
        warn("mind the gap", UserWarning)
    assert caught[0].filename == __file__


def test_a_line_is_told_once_in_each_block_that_catches_warnings():
    for _ in range(2):
        assert messages(lambda: [mind_the_gap() for _ in range(3)]) == ["mind the gap"]


def test_filters_that_are_set_later_hold():
    def twice():
        mind_the_gap()
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="mind the gap"):
            mind_the_gap()

    assert messages(twice) == ["mind the gap"]
    assert messages(lambda: [mind_the_gap() for _ in range(3)], "always") == ["mind the gap"] * 3


def test_a_line_is_told_once_in_all_folds_of_scikit_learn():
    def in_folds(function):
        Parallel(n_jobs=1)(delayed(function)() for _ in range(3))

    assert messages(lambda: in_folds(mind_the_gap)) == ["mind the gap"]
    assert messages(lambda: in_folds(lambda: in_folds(mind_the_gap))) == ["mind the gap"]
