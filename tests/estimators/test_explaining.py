"""`explain` of prediction_methods.py: its background, what it refuses, warns of and prints."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknet import Activation, SigmoidMLPRegressor
from tests.estimators.data import MIXED, QUICK

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 3))
Y = X[:, 0] + X[:, 1] ** 2 - X[:, 0] * X[:, 2]


def test_what_cannot_be_a_background_is_refused_by_name():
    net = SigmoidMLPRegressor(**QUICK).fit(MIXED, MIXED["number"].to_numpy())
    with pytest.raises(ValueError, match="X has 19 rows, too few to be their own background.*pass background="):
        net.explain(MIXED[:19])
    assert net.explain(MIXED[:20]).values.shape == (20, 3)
    with pytest.raises(ValueError, match="background: The feature names should match"):
        net.explain(MIXED, background=MIXED.drop(columns="flag"))
    with pytest.raises(ValueError, match="background: .*0 sample"):
        net.explain(MIXED, background=MIXED[:0])
    with pytest.raises(ValueError, match="The feature names should match"):
        net.explain(MIXED.drop(columns="flag"), background=MIXED)


def test_verbose_prints_how_far_it_is(capsys):
    net = SigmoidMLPRegressor(**QUICK).fit(X, Y).set_params(verbose=True)
    net.explain(np.tile(X, (10, 1)))
    assert capsys.readouterr().out == "Rows explained: 1,024 of 1,200\nRows explained: 1,200 of 1,200\n"


def test_a_jump_is_warned_of():
    step = Activation("step", lambda z: np.sign(z, out=z), lambda a, delta: np.multiply(delta, 0.0, out=delta))
    net = SigmoidMLPRegressor(activation=step, **QUICK).fit(X, Y)
    with pytest.warns(UserWarning, match=r"contributions to \d+ of 30 rows do not add up.*256 nodes"):
        assert_array_equal(net.explain(X[:30]).values, 0.0)


def test_slopes_that_jump_ask_for_a_larger_background():
    net = SigmoidMLPRegressor(activation="relu", **QUICK | {"hidden_layer_sizes": 64}).fit(X, Y)
    with pytest.warns(UserWarning, match=r"do not add up.*'relu'.*background of more rows.*up to 100"):
        net.explain(X, background=X[:1])
    net.explain(X)  # of 120 rows: no warning


def test_a_row_that_is_its_own_background_adds_up():
    """Its contributions are 0; its output is computed with other rows, and may differ in the last bits."""
    for seed in range(5):
        net = SigmoidMLPRegressor(**QUICK | {"random_state": seed, "hidden_layer_sizes": 64, "dtype": "float32"})
        explanation = net.fit(X, Y).explain(X, background=X[:1])
        assert_array_equal(explanation.values[0], 0.0)


def test_infinity_in_the_background_is_not_said_to_be_in_x():
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    net = SigmoidMLPRegressor(max_iter=1, random_state=0).fit(table, table["a"].to_numpy())
    with pytest.raises(ValueError, match="background: Column 'a' of X contains infinity"):
        net.explain(table, table.assign(a=np.inf))


def test_contributions_that_overflow_raise_and_scaling_helps():
    rng = np.random.default_rng(0)
    y = rng.normal(size=120)
    table = np.column_stack([y, rng.normal(size=120) * 1e38])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some sums of the fit overflow, too, and their sigmoids are 0 or 1
        net = SigmoidMLPRegressor(input_scaling=None, max_iter=2, random_state=0).fit(table, y)
    with pytest.raises(ValueError, match="contributions overflow: fit with input_scaling='robust'"):
        net.explain(table[:30], table)
    explanation = net.set_params(input_scaling="robust").fit(table, y).explain(table[:30], table)
    assert np.isfinite(explanation.values).all()
