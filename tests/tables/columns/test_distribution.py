"""Columns in parts: their quantiles, distances and bins are those of the whole, however the rows are cut."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknet._tables.columns import ColumnSettings, distribution
from sknet._tables.columns.distribution import InParts, Question, statistics_of_file
from sknet._tables.columns.moments import Moments, moments_of
from sknet._tables.columns.number import Block
from sknet._tables.columns.quantile import LEVELS
from sknet._tables.encoding import number_columns

SETTINGS = [
    ColumnSettings("robust", numeric_encoding="piecewise_linear"),
    ColumnSettings("standard", numeric_encoding="piecewise_linear", n_bins=3),
    ColumnSettings("quantile", numeric_encoding="piecewise_linear"),
    ColumnSettings(None),
]


def table(n, rng):
    """Columns of all sorts: smooth, skewed, whole numbers, mostly zero, constant, with values missing, empty."""
    V = rng.normal(size=(7, n)) * np.array([[1], [1e200], [3], [1], [0], [1e-30], [1]])
    V[1] = np.exp(rng.normal(size=n))
    V[2] = np.round(V[2])
    V[3, rng.random(n) < 0.8] = 0.0
    V[5, rng.random(n) < 0.5] = np.nan
    V[6] = np.nan
    return V


def in_parts(V, weight, cuts):
    rounds = []
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, V.shape[1]], strict=True)]
    weights = [None if weight is None else weight[rows] for rows in pieces]

    def ask(questions):
        rounds.append(len(questions))
        found = []
        for question in questions:
            answers = [question.answer(V[question.column, r], w) for r, w in zip(pieces, weights, strict=True)]
            whole = answers[0]
            for answer in answers[1:]:
                whole = whole.merged(answer)
            found.append(whole)
        return found

    def moments():
        parts = [moments_of(V[:, rows], w) for rows, w in zip(pieces, weights, strict=True)]
        whole = parts[0]
        for part in parts[1:]:
            whole = Moments.merged(whole, part)
        return whole

    return InParts(ask, len(V), moments), rounds


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        if hasattr(one, "center"):  # sums in another order
            assert one.center == pytest.approx(other.center, rel=1e-12, abs=1e-14)
            assert one.scale == pytest.approx(other.scale, rel=1e-12)
        elif hasattr(one, "edges"):
            assert one.edges == other.edges and one.fill == pytest.approx(other.fill, rel=1e-12, abs=1e-14)
            assert_same([one.number], [other.number])
        else:
            assert one == other


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: str(s.input_scaling))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cuts", [[], [1], [500, 500, 700, 1300]])
def test_parts_give_the_columns_of_the_whole(settings, weighted, cuts, monkeypatch):
    monkeypatch.setattr(distribution, "LISTED", 40)
    monkeypatch.setattr(distribution, "LISTED_AGAIN", 640)
    rng = np.random.default_rng(0)
    V, weight = table(2000, rng), rng.integers(1, 4, 2000) * 0.5 if weighted else None
    missing = np.isnan(V).any(axis=1)
    statistics, rounds = in_parts(V, weight, cuts)
    assert_same(number_columns(statistics, missing, settings), number_columns(Block(V, weight), missing, settings))
    assert len(rounds) < 20


@given(st.lists(st.tuples(st.integers(-9, 9) | st.floats(-1e9, 1e9), st.integers(1, 3)), min_size=1), st.data())
def test_any_sample_in_any_parts_has_its_own_quantiles(sample, data):
    values, weight = (np.array(part, dtype=float) for part in zip(*sample, strict=True))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sample)), max_size=3)))
    listed = data.draw(st.sampled_from([2, 3, 10]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distribution, "LISTED", listed)
        patch.setattr(distribution, "LISTED_AGAIN", listed)
        statistics, _ = in_parts(values[np.newaxis], weight, cuts)
        np.testing.assert_array_equal(statistics.quantiles(LEVELS), Block(values[np.newaxis], weight).quantiles(LEVELS))


def test_quartiles_of_many_values_take_three_questions():
    V = np.sort(np.random.default_rng(0).normal(size=(1, 200_000)))
    statistics, rounds = in_parts(V, None, [50_000, 100_000, 150_000])
    np.testing.assert_array_equal(statistics.quantiles(LEVELS[::64]), Block(V, None).quantiles(LEVELS[::64]))
    assert rounds == [1, 1, 1]


def test_of_many_columns_little_is_kept_of_each():
    V = np.random.default_rng(0).normal(size=(100, 20_000))
    statistics, rounds = in_parts(V, None, [5_000, 9_000])
    settings = ColumnSettings("robust", numeric_encoding="piecewise_linear")
    missing = np.zeros(100, dtype=bool)
    assert_same(number_columns(statistics, missing, settings), number_columns(Block(V, None), missing, settings))
    assert max(len(known.knots) for known in statistics._known.values()) < distribution.LISTED / 2
    assert len(rounds) <= 8


def test_a_question_about_values_is_not_answered_by_counts():
    knots = np.array([0.0, 1.0])
    ask = lambda questions: [Question(0, knots=knots).answer(np.array([0.5, 1.0]), None) for _ in questions]  # noqa: E731
    with pytest.raises(TypeError, match="counts"):
        InParts(ask, 1, lambda: None).quantiles(np.array([0.5]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: str(s.input_scaling))
def test_a_table_in_a_file_is_learnt_piece_by_piece(tmp_path, settings, dtype, monkeypatch):
    monkeypatch.setattr(distribution, "PART_VALUES", 300)
    rng = np.random.default_rng(0)
    V = np.clip(table(200, rng), -1e6, 1e6).astype(dtype)
    np.save(tmp_path / "X.npy", V.T)
    X, heights = np.load(tmp_path / "X.npy", mmap_mode="r"), []
    monkeypatch.setattr(distribution, "moments_of", lambda V, w: heights.append(V.shape[1]) or moments_of(V, w))
    positions, weight = np.array([0, 2, 3, 5]), rng.integers(1, 3, 200) * 1.0
    missing = np.isnan(V[positions]).any(axis=1)
    learn = partial(number_columns, missing=missing, settings=settings)
    assert_same(learn(statistics_of_file(X, positions, weight)), learn(Block(V[positions], weight)))
    assert all(height <= 300 // 7 for height in heights)
