"""What all losses have: intervals of targets and means. What all promise: test_loss_contract."""

from dataclasses import replace

import numpy as np
import pytest

from sknet._network.losses import Interval, Loss, weighted_mean
from tests.network.pieces import LEVELS, LOSSES

X = np.random.default_rng(0).normal(size=(7, 3))


@pytest.mark.parametrize(
    ("interval", "words", "inside", "outside"),
    [
        (Interval(), "any numbers", [-1e300, 0, 1e300], [np.nan]),
        (Interval(0), "0 or more", [0, 1e300], [-1e-300, np.nan]),
        (Interval(0, includes_low=False), "above 0", [1e-300], [0, -1]),
        (Interval(0, 1), "between 0 and 1", [0, 0.5, 1], [-0.1, 1.1, np.nan]),
        (Interval(high=2), "2 or less", [-5, 2], [2.1]),
        (Interval(high=2, includes_high=False), "below 2", [-5], [2, 3]),
        (Interval(0, 1.5, False, False), "above 0 and below 1.5", [1], [0, 1.5]),
        (Interval(0, 1.5, True, False), "0 or more and below 1.5", [0, 1], [-1, 1.5]),
        (Interval(0, 1.5, False, True), "above 0 and 1.5 or less", [1, 1.5], [0, 2]),
    ],
)
def test_intervals_have_a_name_and_contain_what_is_inside(interval, words, inside, outside):
    assert str(interval) == words
    assert interval.contains(np.array([inside])).tolist() == [[True] * len(inside)]
    assert interval.contains(np.array([outside])).tolist() == [[False] * len(outside)]


@pytest.mark.parametrize(
    ("name", "words", "takes_scaled_targets"),
    [
        ("log_loss, binary", "between 0 and 1", False),
        ("log_loss, softmax", "between 0 and 1", False),
        ("squared_error on sigmoids", "between 0 and 1", False),
        ("squared_error", "any numbers", True),
        ("absolute_error", "any numbers", True),
        ("huber", "any numbers", True),
        ("poisson", "0 or more", False),
        ("gamma", "above 0", False),
        ("pinball", "any numbers", True),
        ("quantiles", "any numbers", True),
        ("log_loss, two columns", "between 0 and 1", False),
    ],
)
def test_each_loss_names_its_targets_and_their_scaling(name, words, takes_scaled_targets):
    loss = LOSSES[name].loss
    assert (str(loss.targets), loss.takes_scaled_targets) == (words, takes_scaled_targets)
    assert loss.levels == (LEVELS if name == "quantiles" else ())


def test_a_loss_with_a_link_is_not_scaled_unless_it_says_so():
    loss = Loss("own", X.sum, X.sum)
    assert loss.takes_scaled_targets
    assert not replace(loss, scales_targets=False).takes_scaled_targets
    assert not replace(loss, link=np.exp).takes_scaled_targets
    assert replace(loss, link=np.exp, scales_targets=True).takes_scaled_targets


def test_the_mean_is_weighted():
    values = np.array([1.0, 2.0, 6.0])
    assert weighted_mean(values, None) == 3.0
    assert weighted_mean(values, np.array([2.0, 1.0, 1.0])) == 2.5
