"""Steps: found where the target jumps, and not in noise."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknet._tables.numbers import BinnedColumn, NumberColumn
from sknet._tables.steps import MAX_LEAVES, StepFinder, with_learnt_steps, with_steps
from tests.tables.examples import encoder_of, inputs_of, suffixes

rng = np.random.default_rng(0)
N = 2000
VALUE, OTHER = np.exp(1.2 * rng.normal(size=N)), rng.normal(size=N)  # skewed: a bin is wide where the limit lies
NOISE = rng.random(N)
ABOVE = (np.where(VALUE > 2.3, 0.93, 0.05) > NOISE).astype(float)
BINS = {"numeric_encoding": "piecewise_linear", "n_bins": 12}


def learn_with_steps(X, target, weight=None):
    """Learn the encoder of a table, with steps where the target jumps."""
    targets = np.asarray(target, dtype=float).reshape(len(target), -1)
    return with_learnt_steps(encoder_of(X, **BINS, weight=weight), X, targets, weight)


def steps_of(X, target, weight=None):
    return [getattr(column, "steps", ()) for column in learn_with_steps(X, target, weight).columns]


def test_a_limit_becomes_a_bin_between_the_two_values_beside_it():
    X = np.stack([OTHER, VALUE], axis=1)
    steps = steps_of(X, ABOVE)[1]
    low, high = min(steps, key=lambda step: abs(step[0] - 2.3))
    assert low in VALUE
    assert high == VALUE[low < VALUE].min()
    assert np.mean((VALUE > 2.3) != (low < VALUE)) < 0.01
    encoder = learn_with_steps(X, ABOVE)
    position = encoder.inputs_of_column(1)[encoder.columns[1].all_edges.index(low)]
    np.testing.assert_array_equal(encoder.encode(X, np.float64)[:, position], low < VALUE)


def test_ranges_of_a_code_become_steps():
    rng = np.random.default_rng(1)
    code = rng.integers(0, 100, N).astype(float)
    inside = ((code >= 17) & (code < 23)) | ((code >= 58) & (code < 71))
    (steps,) = steps_of(code[:, np.newaxis], (np.where(inside, 0.95, 0.05) > NOISE).astype(float))
    assert {(16, 17), (22, 23), (57, 58), (70, 71)} <= set(steps)
    assert len(steps) < MAX_LEAVES


def test_several_classes_may_jump():
    labels = np.digitize(VALUE, [0.4, 2.3])
    assert steps_of(VALUE[:, np.newaxis], np.eye(3)[labels])[0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [60, 1000])
def test_noise_has_no_steps(n, seed):
    draw = np.random.default_rng(seed)
    assert not any(steps_of(draw.normal(size=(n, 5)), draw.random(n) < 0.4))


def test_a_smooth_curve_has_no_steps():
    probability = 1 / (1 + np.exp(-2 * OTHER - OTHER**2))
    assert not any(steps_of(np.stack([OTHER, VALUE], axis=1), probability > NOISE))


def test_nothing_jumps_where_every_target_is_the_same():
    assert not any(steps_of(VALUE[:, np.newaxis], np.ones(N)))


def test_rows_of_next_to_no_weight_show_no_jump():
    weight = np.where(OTHER < 1.0, 1e-6, 1.0)
    noise = np.where(weight == 1.0, NOISE < 0.5, ABOVE)
    assert any(steps_of(VALUE[:, np.newaxis], noise))
    assert not any(steps_of(VALUE[:, np.newaxis], noise, weight))


def test_a_weight_has_no_unit():
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 4, N).astype(float)
    steps, same = (steps_of(VALUE[:, np.newaxis], ABOVE, weight * unit) for unit in (1.0, 1e-9))
    assert steps == same
    assert any(steps)


@pytest.mark.parametrize("magnitude", [1e-300, 1e9, 1e300])
def test_steps_are_found_at_any_magnitude(magnitude):
    (expected,), (steps,) = (steps_of(VALUE[:, np.newaxis] * factor, ABOVE) for factor in (1.0, magnitude))
    np.testing.assert_allclose(np.array(steps) / magnitude, expected)


def test_missing_values_are_encoded_as_the_centre_between_steps():
    rng = np.random.default_rng(1)
    gaps = np.where(rng.random(N) < 0.2, np.nan, VALUE)
    encoder = learn_with_steps(gaps[:, np.newaxis], ABOVE)
    assert encoder.columns[0].steps
    missing, centre = encoder.encode(np.array([[np.nan], [encoder.columns[0].number.centre]]), np.float64)
    np.testing.assert_array_equal(missing[: encoder.n_bins], centre[: encoder.n_bins])


def test_columns_without_bins_stay_as_they_are():
    frame = pd.DataFrame({"level": np.where(NOISE < 0.5, "a", "b"), "two": NOISE < 0.5, "value": VALUE})
    without, encoder = encoder_of(frame, **BINS), learn_with_steps(frame, ABOVE)
    assert encoder.columns[:2] == without.columns[:2]
    assert encoder.columns[2].steps
    assert learn_with_steps(frame[["level"]], ABOVE).columns == without.columns[:1]


def step_finder(values, target):
    """What looks for steps of a column with a single bin."""
    column = BinnedColumn(NumberColumn(0.0, 1.0), (0.0, 1.0))
    return StepFinder([column], values[:, np.newaxis], target[:, np.newaxis].astype(float), np.ones(len(values)))


def steps_in(values, target):
    """The steps of all rows, without a test of their gain."""
    stepped = step_finder(values, target).find()
    return stepped[0].steps if stepped else ()


def test_a_tree_has_at_most_sixteen_leaves():
    level = np.repeat(np.arange(40), 50)
    assert len(steps_in(np.arange(2000) / 2000, level % 2)) == 15
    assert len(steps_in(np.arange(500) / 500, level[:500] % 2)) == 9


def test_a_step_has_five_rows_on_either_side():
    values = np.arange(100.0)
    assert (94.0, 95.0) in steps_in(values, values >= 95)
    assert (4.0, 5.0) in steps_in(values, values < 5)
    assert (95.0, 96.0) not in steps_in(values, values >= 96)
    assert (3.0, 4.0) not in steps_in(values, values < 4)


@pytest.mark.parametrize(
    ("n", "jump", "seed", "is_clear"),
    [(4000, 0.66, 0, False),  # it reduces the error by 2.8%
     (4000, 0.75, 0, True),  # by 3.5%
     (160, 1.1, 1, False),  # the mean gain is 1.9 standard errors
     (200, 1.1, 1, True)],  # 2.3 standard errors
)  # fmt: skip
def test_steps_must_gain_three_percent_and_two_standard_errors(n, jump, seed, is_clear):
    rng = np.random.default_rng(seed)
    values = rng.random(n)
    target = jump * (values > 0.5) + rng.normal(size=n)
    assert step_finder(values, target).reduces_error() is is_clear


def test_thirty_rows_halve_the_coefficients_that_evaluate_steps():
    """The penalty is that of 30 rows: so errors of targets of -1 and 1 are 1/2."""
    values = np.arange(60) % 2.0
    finder = step_finder(values, 2.0 * values - 1.0)
    errors = finder._squared_errors({0: finder.columns[0]}, np.arange(60) < 30)
    assert_allclose(errors, np.full(30, 0.25))


# --- a column with steps ---------------------------------------------------------------------------------------------

COLUMN = BinnedColumn(NumberColumn(0.0, 1.0), (0.0, 1.0, 3.0))


def test_steps_are_more_edges_and_bins_still_lie_side_by_side():
    column = with_steps(COLUMN, {(2.0, 2.5), (0.5, 1.0)})
    assert column.all_edges == (0.0, 0.5, 1.0, 2.0, 2.5, 3.0)
    assert column.n_bins == 5
    assert column.n_inputs == len(suffixes(column)) == len(column.input_descriptions) == 6
    out = inputs_of(column, [0.25, 2.0, 2.5])
    assert out[:, :5].tolist() == [[0.5, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]
    assert column.slopes(np.array([2.25]), "c")[0].tolist() == [0, 0, 0, 2, 0, 1]


def test_steps_that_are_bins_or_too_narrow_or_too_wide_are_dropped():
    assert with_steps(COLUMN, {(0.0, 1.0), (1.0, 3.0), (0.0, 5e-324), (-1.7e308, 1.7e308)}) == COLUMN


def test_bins_of_a_column_with_steps_are_full_one_after_the_other():
    """On this, tables rely that are kept in few bytes."""
    column = learn_with_steps(VALUE[:, np.newaxis], ABOVE).columns[0]
    out = inputs_of(column, VALUE)
    assert all((out[:, i] == 1.0).all() or not out[out[:, i] < 1.0, j].any() for i, j in pairwise(range(column.n_bins)))
