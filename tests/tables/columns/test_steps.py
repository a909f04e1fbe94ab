"""Steps among the bins: found where the target jumps, and nowhere in noise or where it bends."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sknet._tables.column import ColumnSettings
from sknet._tables.numbers import MAX_LEAVES, BinnedColumn, NumberColumn, with_steps

from sknet._tables.encoding import learn_encoder

N = 2000
rng = np.random.default_rng(0)
VALUE, OTHER = np.exp(1.2 * rng.normal(size=N)), rng.normal(size=N)  # skewed: a bin is wide where the limit lies
NOISE = rng.random(N)
ABOVE = (np.where(VALUE > 2.3, 0.93, 0.05) > NOISE).astype(float)
BINS = ColumnSettings(numeric_encoding="piecewise_linear", n_bins=12)


def learn(X, target, weight=None):
    """Learn the encoder of a table, with steps where the target jumps."""
    targets = np.asarray(target, dtype=float).reshape(len(target), -1)
    return learn_encoder(X, replace(BINS, weight=weight)).with_steps(X, targets, weight)


def steps_of(X, target, weight=None):
    return [getattr(column, "steps", ()) for column in learn(X, target, weight).columns]


def test_a_limit_becomes_a_bin_between_the_two_values_beside_it():
    X = np.stack([OTHER, VALUE], axis=1)
    steps = steps_of(X, ABOVE)[1]
    low, high = min(steps, key=lambda step: abs(step[0] - 2.3))
    assert low in VALUE and high == VALUE[low < VALUE].min()
    assert np.mean((VALUE > 2.3) != (low < VALUE)) < 0.01
    encoder = learn(X, ABOVE)
    position = encoder.input_positions(1)[encoder.columns[1].all_edges.index(low)]
    np.testing.assert_array_equal(encoder.encode(X, np.float64)[:, position], low < VALUE)


def test_ranges_of_a_code_become_steps():
    code = rng.integers(0, 100, N).astype(float)
    inside = ((code >= 17) & (code < 23)) | ((code >= 58) & (code < 71))
    (steps,) = steps_of(code[:, np.newaxis], (np.where(inside, 0.95, 0.05) > NOISE).astype(float))
    assert {(16, 17), (22, 23), (57, 58), (70, 71)} <= set(steps) and len(steps) < MAX_LEAVES


def test_several_classes_may_jump():
    labels = np.digitize(VALUE, [0.4, 2.3])
    assert steps_of(VALUE[:, np.newaxis], np.eye(3)[labels])[0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [60, 1000])
def test_noise_has_no_steps(n, seed):
    draw = np.random.default_rng(seed)
    assert not any(steps_of(draw.normal(size=(n, 5)), draw.random(n) < 0.4))


def test_what_bends_without_a_jump_has_no_steps():
    probability = 1 / (1 + np.exp(-2 * OTHER - OTHER**2))
    assert not any(steps_of(np.stack([OTHER, VALUE], axis=1), probability > NOISE))


def test_nothing_jumps_where_every_target_is_the_same():
    assert not any(steps_of(VALUE[:, np.newaxis], np.ones(N)))


def test_rows_of_next_to_no_weight_show_no_jump():
    weight = np.where(OTHER < 1.0, 1e-6, 1.0)
    noise = np.where(weight == 1.0, NOISE < 0.5, ABOVE)
    assert any(steps_of(VALUE[:, np.newaxis], noise)) and not any(steps_of(VALUE[:, np.newaxis], noise, weight))


def test_a_weight_has_no_unit():
    weight = rng.integers(1, 4, N).astype(float)
    found, same = (steps_of(VALUE[:, np.newaxis], ABOVE, weight * unit) for unit in (1.0, 1e-9))
    assert found == same and any(found)


@pytest.mark.parametrize("magnitude", [1e-300, 1e9, 1e300])
def test_magnitude_does_not_matter(magnitude):
    (expected,), (found,) = (steps_of(VALUE[:, np.newaxis] * factor, ABOVE) for factor in (1.0, magnitude))
    np.testing.assert_allclose(np.array(found) / magnitude, expected)


def test_missing_values_stand_where_the_centre_is():
    gaps = np.where(rng.random(N) < 0.2, np.nan, VALUE)
    encoder = learn(gaps[:, np.newaxis], ABOVE)
    assert encoder.columns[0].steps
    missing, centre = encoder.encode(np.array([[np.nan], [encoder.columns[0].fill]]), np.float64)
    np.testing.assert_array_equal(missing[: encoder.n_bins], centre[: encoder.n_bins])


def test_columns_without_bins_stay_as_they_are():
    frame = pd.DataFrame({"level": np.where(NOISE < 0.5, "a", "b"), "two": NOISE < 0.5, "value": VALUE})
    without, encoder = learn_encoder(frame, BINS), learn(frame, ABOVE)
    assert encoder.columns[:2] == without.columns[:2] and encoder.columns[2].steps
    assert learn(frame[["level"]], ABOVE).columns == without.columns[:1]


# --- a column with steps ---------------------------------------------------------------------------------------------

COLUMN = BinnedColumn(NumberColumn(0.0, 1.0), (0.0, 1.0, 3.0), 0.0)


def test_steps_are_more_edges_and_bins_still_lie_side_by_side():
    column = with_steps(COLUMN, {(2.0, 2.5), (0.5, 1.0)})
    assert column.all_edges == (0.0, 0.5, 1.0, 2.0, 2.5, 3.0)
    assert column.n_bins == 5 and column.n_inputs == len(column.suffixes) == len(column.input_formulas) == 6
    out = np.zeros((3, column.n_inputs))
    column.write(np.array([0.25, 2.0, 2.5]), out, "c")
    assert out[:, :5].tolist() == [[0.5, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]]
    assert column.slopes(np.array([2.25]), "c")[0].tolist() == [0, 0, 0, 2, 0, 1]


def test_a_step_that_is_a_bin_already_or_too_narrow_or_too_wide_is_none():
    assert with_steps(COLUMN, {(0.0, 1.0), (1.0, 3.0), (0.0, 5e-324), (-1.7e308, 1.7e308)}) == COLUMN


def test_bins_of_a_column_with_steps_are_full_one_after_the_other():
    """On this, tables rely that are kept in few bytes."""
    column = learn(VALUE[:, np.newaxis], ABOVE).columns[0]
    out = np.zeros((N, column.n_inputs))
    column.write(VALUE, out, "c")
    assert all((out[:, i] == 1.0).all() or not out[out[:, i] < 1.0, j].any() for i, j in pairwise(range(column.n_bins)))
