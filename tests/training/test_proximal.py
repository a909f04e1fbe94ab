"""What is applied to the weights after each step: soft thresholds, norm limits and bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.optimize import minimize_scalar

from sknet._training.proximal import ProximalTerms, soft_threshold


def halve(theta):
    theta *= 0.5


def applied(terms, theta, average=None, n_weights=2, step_lengths=1.0):
    theta = np.array(theta, float)
    average = None if average is None else np.array(average, float)
    terms.apply(theta, average, n_weights, step_lengths)
    return theta, average


@given(st.floats(-10, 10), st.floats(0, 5))
def test_soft_threshold_solves_the_proximal_problem(x, amount):
    w = np.array([x])
    soft_threshold(w, amount)
    best = minimize_scalar(lambda v: 0.5 * (v - x) ** 2 + amount * abs(v), bounds=(-15, 15), method="bounded")
    assert w[0] == pytest.approx(best.x, abs=1e-3)
    assert (w[0] == 0) == (abs(x) <= amount)


def test_soft_threshold_keeps_the_type():
    w = np.float32([2, -2, 0.1])
    soft_threshold(w, 0.5)
    assert w.dtype == np.float32
    assert w.tolist() == [1.5, -1.5, 0]


def test_without_terms_nothing_changes():
    theta, average = applied(ProximalTerms(), [3.0, 0.0, 1.0], [2.0, 2.0, 2.0])
    assert_array_equal(theta, [3.0, 0.0, 1.0])
    assert_array_equal(average, [2.0, 2.0, 2.0])


def test_l1_moves_the_weights_alone_by_the_lengths_of_their_steps():
    theta, _ = applied(ProximalTerms(l1=0.5), [3.0, -3.0, 3.0], step_lengths=np.array([1.0, 4.0]))
    assert_array_equal(theta, [2.5, -1.0, 3.0])


def test_the_average_of_a_weight_is_0_where_l1_has_made_it_0():
    theta, average = applied(ProximalTerms(l1=2.0), [1.0, 5.0, 1.0], [7.0, 7.0, 7.0])
    assert_array_equal(theta, [0.0, 3.0, 1.0])
    assert_array_equal(average, [0.0, 7.0, 7.0])


def test_norms_are_limited_in_theta_and_in_its_average():
    theta, average = applied(ProximalTerms(limit_norms=halve), [2.0, 4.0, 6.0], [8.0, 8.0, 8.0])
    assert_array_equal(theta, [1.0, 2.0, 3.0])
    assert_array_equal(average, [4.0, 4.0, 4.0])


def test_the_weights_alone_are_kept_within_bounds():
    bounds = np.zeros(2), np.array([np.inf, 1.0])
    theta, average = applied(ProximalTerms(bounds=bounds), [-2.0, 4.0, -6.0], [8.0, 8.0, -8.0])
    assert_array_equal(theta, [0.0, 1.0, -6.0])
    assert_array_equal(average, [8.0, 1.0, -8.0])


@pytest.mark.parametrize(
    ("terms", "change_every_weight"),
    [({}, False), ({"bounds": (np.zeros(2), np.ones(2))}, False), ({"l1": 1.0}, True), ({"limit_norms": halve}, True)],
)
def test_terms_that_change_weights_without_a_gradient_say_so(terms, change_every_weight):
    assert ProximalTerms(**terms).change_every_weight is change_every_weight
