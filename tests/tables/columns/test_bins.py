"""Bins beside a number: where their edges are, what weights decide, and what each value becomes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sknet._tables.column import ColumnSettings
from sknet._tables.numbers import BinnedColumn, NumberColumn, bin_edges
from sknet._tables.statistics import SortedColumns

from sknet import SigmoidMLPClassifier
from sknet._tables.encoding import learn_encoder

NUMBERS = st.lists(
    st.tuples(st.integers(-5, 5) | st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), st.integers(1, 4)), min_size=1
)


def edges_of(values, n_bins=4, weight=None):
    return bin_edges(SortedColumns.of(np.asarray(values, dtype=float)[np.newaxis], weight), n_bins)[0]


def learn(values):
    X = np.asarray(values, dtype=float)[:, np.newaxis]
    return learn_encoder(X, ColumnSettings(numeric_encoding="piecewise_linear", n_bins=4)).columns[0]


def write(column, values):
    out = np.zeros((len(values), column.n_inputs))
    column.write(np.asarray(values, dtype=float), out, "c")
    return out


def test_edges_are_quantiles():
    assert edges_of(np.arange(101)) == pytest.approx([0, 25, 50, 75, 100], abs=1)


def test_few_values_are_all_edges():
    assert edges_of([3, 1, 2, 2, 2]).tolist() == [1, 2, 3]


def test_a_repeated_value_is_one_edge_and_the_others_share_the_rest():
    edges = edges_of([0] * 90 + list(range(1, 11)), n_bins=8)
    assert edges[0] == 0 and edges[1] == 1 and edges[-1] == 10 and len(edges) == 9
    amid = edges_of([*np.linspace(1, 2, 50), *[5] * 60, *np.linspace(7, 9, 50)], n_bins=6)
    assert 5 in amid and len(amid) == 7 and amid[0] == 1 and amid[-1] == 9


def test_missing_values_count_nowhere():
    assert edges_of([np.nan, 3, 1, np.nan, 2]).tolist() == [1, 2, 3]
    assert learn([np.nan] * 3) == NumberColumn(0.0, 0.0, True, True, True)


@given(NUMBERS, st.integers(2, 9))
def test_edges_increase_and_are_as_many_as_asked_for_at_most(sample, n_bins):
    values = np.array([value for value, _ in sample])
    edges = edges_of(values, n_bins)
    assert (np.diff(edges) > 0).all() and 1 <= len(edges) <= n_bins + 1 and np.isin(edges, values).all()


@given(NUMBERS, st.integers(2, 9))
def test_weights_are_repetitions(sample, n_bins):
    values, weight = (np.array(part, dtype=float) for part in zip(*sample, strict=True))
    repeated = np.repeat(values, weight.astype(int))
    np.testing.assert_array_equal(edges_of(values, n_bins, weight), edges_of(repeated, n_bins))


def test_a_bin_is_0_below_1_above_and_linear_between():
    column = BinnedColumn(NumberColumn(0.0, 1.0), (0.0, 1.0, 3.0), 0.0)
    assert column.suffixes == ("_bin1", "_bin2", "") and (column.n_bins, column.n_inputs) == (2, 3)
    assert write(column, [-1, 0.5, 1, 2, 9])[:, :2].tolist() == [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1]]


def test_a_missing_value_stands_for_the_centre():
    column = learn([1, 2, 3, 4, np.nan])
    assert column.suffixes[3:] == ("", "_missing")
    found = write(column, [np.nan, 2.0])
    assert (found[0, :3] == found[1, :3]).all() and found[:, 3:].tolist() == [[0, 1], [0, 0]]


def test_a_column_of_two_values_has_no_bins():
    assert isinstance(learn([0, 1, 1, 0]), NumberColumn)


@pytest.mark.parametrize("magnitude", [1e-300, 1e9, 1e300])
def test_magnitude_does_not_matter(magnitude):
    x = np.arange(1.0, 10.0)
    np.testing.assert_allclose(write(learn(x * magnitude), x * magnitude), write(learn(x), x), atol=1e-6)


def test_a_bin_whose_width_no_float_holds_is_0_below_it_and_1_above_it():
    values = np.array([-1.7e308, -1.2e308, 1.2e308, 1.6e308, 1.7e308])
    column = BinnedColumn(NumberColumn(0.0, 1e-308, True), (-1.7e308, -1.2e308, 1.2e308, 1.7e308), 0.0)
    bins = write(column, values)[:, :3]
    assert np.allclose(bins, [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0.8], [1, 1, 1]], rtol=1e-15)
    _, factor = column.bins
    assert factor[1] == pytest.approx(0.5 / 1.2e308, rel=1e-6) and np.isfinite(column.slopes(values, "c")).all()


def test_a_classifier_learns_from_bins_of_huge_numbers():
    rng = np.random.default_rng(0)
    X = rng.uniform(1.0, 1.7, (300, 1)) * np.where(rng.random((300, 1)) < 0.5, -1.0, 1.0) * 1e308
    net = SigmoidMLPClassifier(numeric_encoding="piecewise_linear", n_members=1, random_state=0).fit(X, X[:, 0] > 0)
    assert net.score(X, X[:, 0] > 0) == 1.0
