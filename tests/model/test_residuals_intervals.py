"""Prediction intervals from the residuals of held-out rows: coverage, weights and shapes."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from sknet import Interval, Loss
from sknet._model.heads import RegressionHead
from sknet._model.residuals import (
    MAX_RESIDUAL_QUANTILES,
    Atoms,
    Residuals,
    ScaledResiduals,
    has_interval,
    intervals_around,
    learn_regression_residuals,
    learn_residual_scale,
    shrunk_nonnegative_slope,
    unit_scale,
)
from sknet._model.settings import TargetSettings


def head_for(values, loss="squared_error", **options):
    return RegressionHead.learn_and_read(values, TargetSettings(loss, options))[0]


def scaled_residuals_of(values, predictions, weight=None, **how):
    """The residuals of these targets, learnt from predictions of all rows."""
    columns = values.reshape(len(values), -1)
    return learn_regression_residuals(head_for(values, **how), predictions, columns, weight, columns)


def scale_of(middle, residuals):
    return learn_residual_scale(middle, residuals, None, n_bins=min(len(residuals) // 30, 10))


def unscaled(k, low=-np.inf, high=np.inf):
    return ScaledResiduals(Residuals(np.ones((1, k)), 9.0), unit_scale(k), np.full(k, low), np.full(k, high))


def test_few_residuals_are_all_kept_in_order():
    rng = np.random.default_rng(0)
    values = rng.normal(size=19)
    scaled = scaled_residuals_of(values, np.zeros(19))
    assert_array_equal(scaled.of_all.quantiles[:, 0], np.sort(np.abs(values)))
    assert scaled.of_all.effective_size == 19
    # ceil(coverage * (n + 1)) of n rows, which is what makes the coverage hold for a new one
    for coverage, place in (0.9, 18), (0.95, 19), (0.5, 10), (0.01, 1):
        assert scaled.of_all.conformal_quantile(coverage) == np.sort(np.abs(values))[place - 1]
    assert scaled.of_all.conformal_quantile(0.951) is None


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
def test_too_few_rows_have_no_quantile(coverage):
    least = round(1 / (1 - coverage) - 1)
    quantiles = np.ones((1, 1))
    assert Residuals(quantiles, least).conformal_quantile(coverage) == 1.0
    assert Residuals(quantiles, least - 1 or 0.5).conformal_quantile(coverage) is None


def test_a_new_residual_has_quantiles_between_the_known_ones_only():
    residuals = Residuals(np.arange(1.0, 10.0)[:, np.newaxis], 9.0)
    assert_allclose(residuals.quantiles_of_new_residual(np.array([0.1, 0.25, 0.9])), [1.0, 2.5, 9.0])
    assert residuals.quantiles_of_new_residual(np.array([0.09, 0.5])) is None
    assert residuals.quantiles_of_new_residual(np.array([0.5, 0.91])) is None


def test_many_residuals_become_quantiles():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(20_000, 2)) * [1.0, 10.0]
    scaled = scaled_residuals_of(values, np.zeros((20_000, 2)))
    assert scaled.of_all.quantiles.shape == (MAX_RESIDUAL_QUANTILES, 2)
    largest = scaled.of_all.conformal_quantile(0.9) * scaled.scale.scale_at(np.zeros((1, 2)))
    assert_allclose(largest[0], np.quantile(np.abs(values), 0.9, axis=0), rtol=0.05)


def test_a_row_of_weight_two_is_two_rows():
    rng = np.random.default_rng(0)
    values, weight = rng.normal(size=400), np.repeat([1.0, 2.0], 200)
    weighted = scaled_residuals_of(values, np.zeros(400), weight)
    repeated = scaled_residuals_of(np.repeat(values, weight.astype(int)), np.zeros(600))
    for_zero = [
        scaled.of_all.conformal_quantile(0.9) * scaled.scale.scale_at(np.zeros((1, 1)))
        for scaled in (weighted, repeated)
    ]
    assert_allclose(*for_zero, rtol=0.1)
    assert weighted.of_all.effective_size == pytest.approx(600**2 / 1000)
    scaled = scaled_residuals_of(values, np.zeros(400), 1e200 * weight)
    assert_allclose(scaled.of_all.quantiles, weighted.of_all.quantiles)
    assert scaled.of_all.effective_size == weighted.of_all.effective_size


def test_coverage_holds_on_average_over_calibration_sets():
    """This is the guarantee of split conformal prediction."""
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(2000):
        values = rng.standard_t(3, size=20)
        most = scaled_residuals_of(values[:19], np.zeros(19)).of_all.conformal_quantile(0.9)
        inside.append(abs(values[19]) <= most[0])
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


def test_intervals_have_the_type_of_predictions():
    flat, wide = head_for(np.ones(5)), head_for(np.ones((5, 2)))
    P = np.arange(10.0).reshape(5, 2).astype(np.float32)
    found = intervals_around(wide, unscaled(2), np.array([1.0, 2.0]), P)
    assert found.shape == (5, 2, 2)
    assert found.dtype == np.float32
    assert_array_equal(found[0], [[-1.0, 1.0], [-1.0, 3.0]])
    assert_array_equal(intervals_around(flat, unscaled(1), np.array([1.0]), P[:, 0])[1], [1.0, 3.0])


def test_intervals_are_clipped_to_the_range_of_targets():
    predicted = np.array([0.5, 3.0])
    any_number = head_for(np.ones(5))
    ends = intervals_around(any_number, unscaled(1, low=0.0), np.array([1.0]), predicted)
    assert_array_equal(ends, [[0.0, 1.5], [2.0, 4.0]])
    below = intervals_around(any_number, unscaled(1, high=0.0), np.array([1.0]), -predicted)
    assert_array_equal(below, -ends[:, ::-1])


@pytest.mark.parametrize(("values", "loss", "limits"), [
    ([-1.0, 2.0], "squared_error", (-np.inf, np.inf)), ([0.0, 2.0], "squared_error", (0.0, np.inf)),
    ([-1.0, 0.0], "squared_error", (-np.inf, 0.0)), ([0.0, 2.0], "poisson", (0.0, np.inf)),
    ([-1.0, 2.0], Loss("own", None, None, targets=Interval(-3, 5)), (-3.0, 5.0)),
])  # fmt: skip
def test_the_limits_of_targets_come_from_the_loss_and_the_training_targets(values, loss, limits):
    scaled = scaled_residuals_of(np.array(values), np.zeros(2), loss=loss)
    assert (scaled.low.tolist(), scaled.high.tolist()) == ([limits[0]], [limits[1]])


def test_moved_levels_that_cross_meet_in_the_middle():
    values = np.linspace(-1.0, 1.0, 39)
    options = {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}
    wide = np.tile([-5.0, 0.0, 5.0], (39, 1))
    scaled = scaled_residuals_of(values, wide, **options)
    assert (scaled.of_all.quantiles < 0.0).all()  # all inside
    head = head_for(values, **options)
    assert_allclose(intervals_around(head, scaled, scaled.conformal_quantile(0.5), wide[:1]), [[-0.5, 0.5]], atol=0.06)
    assert_allclose(intervals_around(head, scaled, np.array([-3.0]), np.array([[1.0, 1.5, 2.0]])), [[1.5, 1.5]])


def test_intervals_are_nested_even_if_moved_levels_cross():
    rng = np.random.default_rng(0)
    values = np.linspace(-1.0, 1.0, 39)
    options = {"loss": "quantile", "quantile": [0.1, 0.9]}
    head, scaled = head_for(values, **options), scaled_residuals_of(values, np.tile([-5.0, 5.0], (39, 1)), **options)
    predictions = np.sort(rng.normal(size=(2000, 2)), axis=1)
    narrow, wide = (intervals_around(head, scaled, np.array([by]), predictions) for by in (-7.3, -6.1))
    assert (wide[:, 0] <= narrow[:, 0]).all()
    assert (narrow[:, 1] <= wide[:, 1]).all()


# --- targets that many rows share -------------------------------------------------------------------------------------

LEVELS = {"loss": "quantile", "quantile": [0.05, 0.5, 0.95]}


def test_atoms_are_the_values_of_many_rows():
    values = np.array([0.0] * 60 + [1.0] * 30 + [4.0] + [5.0] * 8 + [9.0])
    atoms = Atoms.find(values, None)
    assert atoms.values.tolist() == [0.0, 1.0, 5.0]
    assert atoms.low.tolist() == [-np.inf, 0.5, 4.5]
    assert atoms.high.tolist() == [0.5, 2.5, 7.0]
    assert atoms == Atoms.find(*np.unique(values, return_counts=True))  # weights are repeated rows
    ends = np.array([-1.0, 0.4, 0.6, 3.0, 4.6, 8.0, 11.0])
    assert atoms.nearest_to(ends).tolist() == [0.0, 0.0, 1.0, 3.0, 5.0, 8.0, 11.0]
    assert Atoms.find(np.arange(100.0), None) is None
    assert Atoms.find(np.arange(10.0), None) is None  # each has a tenth of the rows


def test_an_end_that_is_nearest_to_an_atom_is_moved_to_it_outwards():
    values = np.array([0.0] * 60 + [1.0] * 30 + [2.0] * 10)
    scaled = scaled_residuals_of(values, np.tile([0.0, 0.0, 2.0], (100, 1)), **LEVELS)
    predictions = np.array([[0.1, 0.2, 1.4], [0.6, 0.7, 0.8], [-0.1, 1.0, 2.3]])
    found = intervals_around(head_for(values, **LEVELS), scaled, np.array([-0.01]), predictions)
    assert_allclose(found, [[0.0, 1.39], [0.61, 1.0], [0.0, 2.29]])


@pytest.mark.parametrize("mean_log", [-3.0, 0.0])
def test_noise_around_an_atom_leaves_it_inside(mean_log):
    """The lower level of the model differs from 0 by as little as training allows, on either side."""
    rng = np.random.default_rng(0)
    values = rng.poisson(np.exp(mean_log), 500).astype(float)
    upper = np.quantile(values, 0.95)
    learnt, new = (np.tile([lower, lower, upper], (500, 1)) for lower in (1e-3, 3e-3))
    scaled = scaled_residuals_of(values, learnt, **LEVELS)
    lower, upper = intervals_around(head_for(values, **LEVELS), scaled, scaled.conformal_quantile(0.9), new).T
    assert np.mean((lower <= values) & (values <= upper)) >= 0.9


def test_a_single_quantile_has_no_interval():
    for options in {"quantile": [0.5]}, {"quantile": 0.3}, {}:
        head = head_for(np.ones(5), "quantile", **options)
        assert not has_interval(head)
        assert learn_regression_residuals(head, np.ones(5), np.ones((5, 1)), None, np.ones((5, 1))) is None
    assert has_interval(replace(head, settings=TargetSettings("huber")))


def test_intervals_are_wider_where_residuals_are_larger():
    rng = np.random.default_rng(0)
    n = 600
    predictions = np.sort(rng.uniform(1.0, 10.0, size=n))
    values = predictions * (1.0 + 0.1 * rng.normal(size=n))  # residuals grow with the prediction
    scaled = scaled_residuals_of(values, predictions)
    ends = intervals_around(head_for(values), scaled, scaled.conformal_quantile(0.9), predictions)
    inside = (ends[:, 0] <= values) & (values <= ends[:, 1])
    assert [part.mean() for part in np.array_split(inside, 3)] == pytest.approx([0.9] * 3, abs=0.05)
    width = ends[:, 1] - ends[:, 0]
    assert width[-1] / width[0] == pytest.approx(10.0, rel=0.5)


def test_the_scale_is_the_mean_absolute_residual_of_a_bin():
    middle, residuals = np.arange(90.0)[:, np.newaxis], np.repeat([1.0, 2.0, 3.0], 30)[:, np.newaxis]
    scale = scale_of(middle, residuals)
    assert_allclose(scale.knots[:, 0], [0.0, 14.5, 44.5, 74.5, 89.0])
    assert_allclose(scale.scales[1:-1, 0], [(30 * e + 3 * 2.0) / 33 for e in (1.0, 2.0, 3.0)])
    # linear between the knots; constant below them, where residuals do not grow, and beyond the largest prediction
    _, first, second, _, last = scale.scales[:, 0]
    found = scale.scale_at(np.array([[-9.0], [29.5], [89.0], [1e9]]))
    assert_allclose(found[:, 0], [first, (first + second) / 2, last, last])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_beyond_the_outer_bins_the_scale_follows_the_trend(sign):
    distance = np.linspace(0.0, 30.0, 600)
    scale = scale_of(sign * distance[:, np.newaxis], (2.0 + distance)[:, np.newaxis])
    found = scale.scale_at(sign * np.array([[28.5], [30.0], [1e9]]))[:, 0]
    assert found[1] - found[0] == pytest.approx(1.5, rel=0.01)
    assert found[2] == found[1]
    # where residuals fall, no interval is narrower than in the outer bin
    falling = scale_of(sign * distance[:, np.newaxis], (32.0 - distance)[:, np.newaxis])
    outer = falling.scales[:, 0] if sign < 0 else falling.scales[::-1, 0]
    assert outer[0] == outer[1]


def test_the_trend_at_each_end_is_learnt_from_the_half_of_the_rows_beside_it():
    """Residuals are alike in the outer thirds, so only rows between a third and a half show that they grow."""
    residuals = np.repeat([2.0, 1.0, 1.0, 2.0], [200, 100, 100, 200])[:, np.newaxis]
    scales = scale_of(np.linspace(-1.0, 1.0, 600)[:, np.newaxis], residuals).scales[:, 0]
    assert scales[0] > 1.01 * scales[1]
    assert_allclose(scales[::-1], scales)


def test_distant_rows_are_covered_if_noise_is_proportional():
    draw = np.random.default_rng(0)
    predictions = np.exp(1.1 * draw.normal(size=(750, 1)))
    residuals = 0.7 * predictions * draw.normal(size=predictions.shape)
    scale = scale_of(predictions, residuals)
    largest = Residuals(np.sort(np.abs(residuals) / scale.scale_at(predictions), axis=0), 750.0).conformal_quantile(0.9)
    new = np.exp(1.1 * draw.normal(size=(6000, 1)))
    inside = np.abs(0.7 * new * draw.normal(size=new.shape)) <= largest * scale.scale_at(new)
    assert inside.mean() == pytest.approx(0.9, abs=0.02)
    inside = inside[np.argsort(new[:, 0])]
    assert inside[4000:].mean() >= 0.85
    assert inside[5700:].mean() >= 0.8


def test_a_residual_is_not_divided_by_its_own_scale():
    """Otherwise, the largest residuals would make their own scale large, and intervals would be too narrow."""
    for n, tolerance in ((300, 0.006), (60, 0.02)):  # three standard errors; of 60 rows, a part of them has no bins
        covered = []
        for seed in range(60):
            draws = np.random.default_rng(seed)
            values, predictions = 0.1 * draws.normal(size=n), draws.normal(size=n)
            scaled = scaled_residuals_of(values + predictions, predictions)
            ends = intervals_around(head_for(values), scaled, scaled.conformal_quantile(0.9), predictions)
            half = (ends[:, 1] - ends[:, 0]) / 2.0
            covered.append(np.mean(2.0 * norm.cdf(half / 0.1) - 1.0))  # of new rows with the same predictions
        assert np.mean(covered) == pytest.approx(0.9, abs=tolerance)


def test_constant_noise_makes_no_trend():
    for seed in range(20):
        predictions, residuals = np.random.default_rng(seed).normal(size=(2, 300, 1))
        scales = scale_of(predictions, residuals).scales[:, 0]
        assert scales.max() <= 1.5 * scales.mean()


def test_a_single_distant_row_makes_no_trend():
    predictions, residuals = np.random.default_rng(0).normal(size=(2, 300, 1))
    predictions[0], residuals[0] = 1000.0, 20.0
    scale = scale_of(predictions, residuals)
    inner, outer, far = scale.scale_at(np.array([[0.0], [3.0], [1000.0]]))[:, 0]
    assert outer == pytest.approx(inner, rel=0.3)
    assert far <= 20.0
    # it alone makes the line
    assert shrunk_nonnegative_slope(np.r_[np.zeros(50), 1.0], np.r_[residuals[:50, 0], 1.0], np.ones(51)) == 0.0


@pytest.mark.parametrize("x", [np.zeros(9), np.full(9, np.inf), np.full(9, np.nan)], ids=["equal", "inf", "nan"])
def test_the_slope_of_degenerate_values_is_zero(x):
    assert shrunk_nonnegative_slope(x, np.arange(9.0), np.ones(9)) == 0.0
    assert shrunk_nonnegative_slope(np.arange(9.0), x, np.ones(9)) == 0.0


@pytest.mark.parametrize("error", [0.0, np.inf])
def test_residuals_of_zero_or_infinity_have_a_constant_scale(error):
    rng = np.random.default_rng(0)
    residuals = np.zeros((60, 1))
    residuals[0] = error
    assert_array_equal(scale_of(rng.normal(size=(60, 1)), residuals).scales, np.ones((4, 1)))
    assert_array_equal(scale_of(residuals[:59], residuals[:59]).scales, np.ones((1, 1)))


def test_residuals_of_many_rows_are_learnt_from_a_sample():
    """The held-out rows of a narrow table may be many, and sorting their residuals would exceed its memory."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=2**20)
    head = head_for(values)
    tracemalloc.start()
    residuals = learn_regression_residuals(head, np.zeros(len(values)), values[:, None], None, values[:, None])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * values.nbytes
    half_width = residuals.conformal_quantile(0.9) * residuals.scale.scale_at(np.zeros((1, 1)))
    assert_allclose(half_width, [[norm.ppf(0.95)]], rtol=0.01)
