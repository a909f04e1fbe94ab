"""The plan of a fit: its seeds, the rows that are held out, what "auto" becomes, the sample it is learnt from."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import KFold, TimeSeriesSplit

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.planning import Call
from tests.estimators.data import NUMBER, QUICK, X, quiet
from tests.estimators.results import weights
from tests.tables.limits import sample_rows


def test_the_first_of_several_networks_has_the_seeds_of_one_alone():
    assert Call(None, (3, 4, 5)).member_seeds(1) == [(3, 5)]
    four, two = Call(None, (3, 4, 5)).member_seeds(4), Call(None, (3, 9, 5)).member_seeds(2)
    assert four[:2] == two
    assert four[0] == (3, 5)
    assert len({seed for pair in four for seed in pair}) == 8


def test_a_random_state_instance_moves_on_and_none_is_numpys_own():
    def fit(state):
        return weights(SigmoidMLPRegressor(**QUICK | {"random_state": state}).fit(X, NUMBER))

    state = np.random.RandomState(3)
    first, second = fit(state), fit(state)
    assert (first != second).any()
    assert_array_equal(first, fit(np.random.RandomState(3)))
    assert_array_equal(first, fit(3))
    kept = np.random.get_state()
    np.random.seed(5)
    one, two = fit(None), fit(None)
    np.random.seed(5)
    assert_array_equal(one, fit(None))
    assert (one != two).any()
    np.random.set_state(kept)


def test_fits_that_overlap_draw_different_seeds_from_one_generator():
    """The scorer of the first fit fits the second one: a generator that both share has moved on by then."""
    state, seeds = np.random.RandomState(3), []
    inner = SigmoidMLPRegressor(**QUICK | {"random_state": state, "batch_size": 9})

    def scorer(net, X, y):
        seeds.append([net._fitted.seeds, inner.fit(X, y)._fitted.seeds])
        return 1.0

    outer = SigmoidMLPRegressor(
        **QUICK | {"random_state": state, "early_stopping": True}, validation_fraction=0.3, scoring=scorer
    )
    outer.fit(X, NUMBER)
    assert seeds[0][0] != seeds[0][1]


def test_a_fit_that_fails_does_not_take_back_what_another_has_drawn():
    state, drawn = np.random.RandomState(3), []

    def scorer(net, X, y):
        drawn.append(state.randint(10**6))
        raise RuntimeError("no")

    net = SigmoidMLPRegressor(
        **QUICK | {"random_state": state, "early_stopping": True}, validation_fraction=0.3, scoring=scorer
    )
    with pytest.raises(RuntimeError, match="no"):
        net.fit(X, NUMBER)
    assert state.randint(10**6) not in drawn


@quiet
def test_parameters_set_to_what_was_resolved_are_unchanged():
    net = SigmoidMLPRegressor(**QUICK | {"warm_start": True, "dtype": "auto"}).fit(X, NUMBER)
    net.set_params(**net.resolved_params_).fit(X, NUMBER).partial_fit(X, NUMBER)
    mask = np.zeros(X.shape[1], dtype=bool)
    net = SigmoidMLPRegressor(**QUICK, warm_start=True, categorical_features=mask).fit(X, NUMBER)
    net.set_params(categorical_features=mask.copy()).fit(X, NUMBER)


def test_a_warm_start_holds_out_the_same_rows():
    """Labels that only say which rows are held out: what training has seen of them would show."""
    rng = np.random.default_rng(1)
    wide = rng.normal(size=(200, 400))
    noise = rng.integers(0, 2, 200)
    net = SigmoidMLPClassifier(16, max_iter=20, early_stopping=True, warm_start=True, random_state=0, dropout=0.0)
    for _ in range(3):
        net.fit(wide, noise)
    assert net.score(wide, noise) < 0.97  # of 30 held-out rows about half are wrong still


@quiet
def test_early_stopping_without_enough_rows_warns_once():
    with pytest.warns(RuntimeWarning, match="validation_fraction=0.1 of 20 rows") as told:
        net = SigmoidMLPRegressor(**QUICK | {"early_stopping": True, "validation_fraction": 0.1}).fit(
            X[:20], NUMBER[:20]
        )
    assert len(told) == 1
    assert net.resolved_params_["early_stopping"] is False


@quiet
def test_a_splitter_that_holds_few_rows_out_is_not_used():
    net = SigmoidMLPRegressor(**QUICK | {"early_stopping": "folds", "batch_size": 5}, validation_fraction=KFold(3))
    with pytest.warns(RuntimeWarning, match=r"validation_fraction=KFold\(.* of 9 rows leaves fewer than 10 rows"):
        net.fit(X[:9], NUMBER[:9])
    assert net.resolved_params_["early_stopping"] is False


@quiet
def test_rows_in_the_order_of_time_are_told_unless_a_splitter_keeps_that_order():
    """Warnings are errors."""
    rng = np.random.default_rng(5)
    dated = pd.DataFrame({"date": pd.date_range("2026-01-01", periods=240, freq="h"), "x": rng.normal(size=240)})
    y = np.linspace(0, 5, 240) + dated["x"].to_numpy() + rng.normal(size=240)
    net = SigmoidMLPRegressor(**QUICK | {"early_stopping": "folds"})
    with pytest.warns(UserWarning, match="near in time"):
        net.fit(dated, y)
    net.set_params(validation_fraction=TimeSeriesSplit(3)).fit(dated, y)
    assert net.resolved_params_["early_stopping"] == "folds"


def test_columns_of_a_large_table_are_learnt_from_a_sample():
    """All but one value are far from that one, which is hardly ever in a sample of a tenth of the rows."""
    rng = np.random.default_rng(1)
    table = rng.normal(size=(2000, 1))
    table[0] = 1e9
    parameters = QUICK | {"input_scaling": "standard", "max_iter": 1}
    whole = SigmoidMLPRegressor(**parameters).fit(table, np.arange(2000.0))
    with sample_rows(200):
        sampled = SigmoidMLPRegressor(**parameters).fit(table, np.arange(2000.0))
    spread = [np.ptp(net.activations(table[1:])[0]) for net in (whole, sampled)]
    assert spread[0] < 1e-3
    assert spread[1] > 1.0
