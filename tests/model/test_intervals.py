"""Intervals from the errors of held-out rows: their level, their weights, their shapes."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet._model.heads import learn_regression_head
from sknet._model.intervals import MAX_QUANTILES, Residuals, has_interval, intervals_around, learn_regression_residuals
from sknet._model.settings import ObjectiveSettings

rng = np.random.default_rng(0)


def head_for(values, loss="squared_error", **options):
    return learn_regression_head(values, ObjectiveSettings(loss, options))[0]


def errors_of(values, predictions, weight=None, **how):
    return learn_regression_residuals(head_for(values, **how), predictions, values.reshape(len(values), -1), weight)


def test_all_errors_of_few_rows_are_kept_in_order():
    values = rng.normal(size=19)
    errors = errors_of(values, np.zeros(19))
    assert_array_equal(errors.quantiles[:, 0], np.sort(np.abs(values)))
    assert errors.effective_size == 19
    # ceil(coverage * (n + 1)) of n rows, which is what makes the coverage hold for a new one
    for coverage, place in (0.9, 18), (0.95, 19), (0.5, 10), (0.01, 1):
        assert errors.quantile(coverage) == np.sort(np.abs(values))[place - 1]
    assert errors.quantile(0.951) is None


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_one_less_than_so_many_rows_says_nothing(coverage):
    least = round(1 / (1 - coverage) - 1)
    quantiles = np.ones((1, 1))
    assert Residuals(quantiles, least).quantile(coverage) == 1.0
    assert Residuals(quantiles, least - 1 or 0.5).quantile(coverage) is None


def test_many_errors_are_kept_as_quantiles():
    values = rng.normal(size=(20_000, 2)) * [1.0, 10.0]
    errors = errors_of(values, np.zeros((20_000, 2)))
    assert errors.quantiles.shape == (MAX_QUANTILES, 2)
    assert_allclose(errors.quantile(0.9), np.quantile(np.abs(values), 0.9, axis=0), rtol=0.02)
    assert_array_equal(errors.quantiles[-1], np.abs(values).max(axis=0))


def test_a_row_of_weight_two_is_two_rows():
    values, weight = rng.normal(size=400), np.repeat([1.0, 2.0], 200)
    weighted = errors_of(values, np.zeros(400), weight)
    repeated = errors_of(np.repeat(values, weight.astype(int)), np.zeros(600))
    assert_allclose(weighted.quantile(0.9), repeated.quantile(0.9), rtol=0.02)
    assert weighted.effective_size == pytest.approx(600**2 / 1000)
    scaled = errors_of(values, np.zeros(400), 1e200 * weight)
    assert_array_equal(scaled.quantiles, weighted.quantiles)
    assert scaled.effective_size == weighted.effective_size


def test_coverage_holds_for_new_rows_on_the_average():
    """Over many small calibration sets: the guarantee itself."""
    inside = []
    for _ in range(2000):
        values = rng.standard_t(3, size=20)
        most = errors_of(values[:19], np.zeros(19)).quantile(0.9)
        inside.append(abs(values[19]) <= most[0])
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


def test_shapes_and_types_are_those_of_predictions():
    flat, wide = head_for(np.ones(5)), head_for(np.ones((5, 2)))
    P = np.arange(10.0).reshape(5, 2).astype(np.float32)
    found = intervals_around(wide, P, np.array([1.0, 2.0]))
    assert found.shape == (5, 2, 2) and found.dtype == np.float32
    assert_array_equal(found[0], [[-1.0, 1.0], [-1.0, 3.0]])
    assert_array_equal(intervals_around(flat, P[:, 0], np.array([1.0]))[1], [1.0, 3.0])


def test_ends_lie_where_targets_may():
    counts = head_for(np.ones(5), "poisson")
    assert_array_equal(intervals_around(counts, np.array([0.5, 3.0]), np.array([1.0])), [[0.0, 1.5], [2.0, 4.0]])


def test_outer_levels_are_moved_together_and_meet_in_their_middle():
    values = np.linspace(-1.0, 1.0, 39)
    options = {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}
    wide = np.tile([-5.0, 0.0, 5.0], (39, 1))
    errors = errors_of(values, wide, **options)
    assert (errors.quantiles < 0.0).all()  # all inside
    head = head_for(values, **options)
    assert_allclose(intervals_around(head, wide[:1], errors.quantile(0.5)), [[-0.5, 0.5]], atol=0.06)
    assert_allclose(intervals_around(head, np.array([[1.0, 1.5, 2.0]]), np.array([-3.0])), [[1.5, 1.5]])


def test_around_a_single_level_there_is_none():
    for options in {"quantile": [0.5]}, {"quantile": 0.3}, {}:
        head = head_for(np.ones(5), "quantile", **options)
        assert not has_interval(head)
        assert learn_regression_residuals(head, np.ones(5), np.ones((5, 1)), None) is None
    assert has_interval(replace(head, settings=ObjectiveSettings("huber")))
