"""A few epochs with and without bins tell which encoding of numbers suits a table."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.facts import AUTO_COMPARED_ROWS
from sknet._model import encodings, folds
from sknet._model.encodings import ENCODINGS, EPOCHS, GAIN
from sknet._training.minibatch import MiniBatch
from sknet._training.result import DivergedError, StopReason

rng = np.random.default_rng(0)
N = 1_900
X = rng.normal(size=(N, 30))
HUMP = np.abs(X[:, 0]) + 0.1 * rng.normal(size=N)  # what bins follow
PLANE = X @ rng.normal(size=30) + 0.1 * rng.normal(size=N)  # what needs none
QUICK = dict(hidden_layer_sizes=8, max_iter=EPOCHS, random_state=0)


def fit(kind, y, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return kind(**QUICK | parameters).fit(X, y)


@pytest.mark.parametrize(("y", "expected"), [(HUMP, "piecewise_linear"), (PLANE, "raw")])
def test_bins_are_chosen_if_they_lower_the_loss_of_the_first_epochs(y, expected):
    raw, binned = [
        fit(SigmoidMLPRegressor, y, numeric_encoding=one).history_["validation_loss"].min() for one in ENCODINGS
    ]
    assert (binned < raw * (1.0 - GAIN["regression"])) == (expected == "piecewise_linear")
    chosen = fit(SigmoidMLPRegressor, y)
    assert chosen.resolved_params_["numeric_encoding"] == expected
    same = fit(SigmoidMLPRegressor, y, numeric_encoding=expected)
    assert_array_equal(chosen.predict(X), same.predict(X))


@pytest.mark.parametrize(("y", "expected"), [(HUMP > 0.7, "piecewise_linear"), (PLANE > 1.0, "raw")])
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"n_members": 3}])
def test_for_classifiers_too_with_folds_held_out_rows_and_members(y, expected, parameters):
    chosen = fit(SigmoidMLPClassifier, y, **parameters)
    assert chosen.resolved_params_["numeric_encoding"] == expected
    assert ("bin" in set(chosen.inputs_["kind"])) == (expected != "raw")
    again = fit(SigmoidMLPClassifier, y, **chosen.resolved_params_)
    assert_array_equal(chosen.predict_proba(X), again.predict_proba(X))


def test_what_is_held_out_decides(monkeypatch):
    """The first of the folds, a share of the rows, or rows of one's own."""
    sizes = []
    monkeypatch.setattr(
        encodings, "least_loss", lambda settings, head, training, held_out, *_: sizes.append(len(held_out.y)) or 0.0
    )
    fit(SigmoidMLPClassifier, HUMP > 0.7)
    fit(SigmoidMLPRegressor, HUMP)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        SigmoidMLPRegressor(**QUICK).fit(X, HUMP, X_val=X[:77], y_val=HUMP[:77])
    assert sizes == [N // 4] * 2 + [round(0.15 * N)] * 2 + [77] * 2


@pytest.mark.parametrize(
    ("parameters", "by_rows"),
    [({"early_stopping": False}, "piecewise_linear"), ({"max_iter": EPOCHS - 1}, "piecewise_linear"),
     ({"solver": "lbfgs", "early_stopping": True}, "piecewise_linear"), ({"input_scaling": None}, "raw"),
     ({"learning_rate": "constant"}, "raw")],
)  # fmt: skip
def test_where_nothing_can_be_compared_the_number_of_rows_decides(parameters, by_rows, monkeypatch):
    monkeypatch.setattr(encodings, "least_loss", None)
    assert fit(SigmoidMLPRegressor, PLANE, **parameters).resolved_params_["numeric_encoding"] == by_rows
    assert AUTO_COMPARED_ROWS["regression"] == 1_500 < 0.85 * N


def test_few_rows_and_increments_compare_nothing(monkeypatch):
    monkeypatch.setattr(encodings, "least_loss", None)
    few = AUTO_COMPARED_ROWS["classification"] - 1
    net = SigmoidMLPClassifier(**QUICK).fit(X[:few], PLANE[:few] > 1.0)
    assert net.resolved_params_["numeric_encoding"] == "raw"
    net = SigmoidMLPRegressor(**QUICK).partial_fit(X, PLANE)
    assert net.resolved_params_["numeric_encoding"] == "piecewise_linear"


@pytest.mark.parametrize(
    ("kind", "raw", "binned", "expected"),
    [(SigmoidMLPClassifier, 1.0, 0.97, 1), (SigmoidMLPClassifier, 1.0, 0.99, 0), (SigmoidMLPClassifier, 0.0, 0.0, 0),
     (SigmoidMLPRegressor, 1.0, 1.04, 1), (SigmoidMLPRegressor, 1.0, 1.06, 0), (SigmoidMLPRegressor, -1.0, -0.96, 1),
     (SigmoidMLPRegressor, -1.0, -0.94, 0), (SigmoidMLPRegressor, np.inf, 5.0, 1),
     (SigmoidMLPRegressor, np.inf, np.inf, 0), (SigmoidMLPRegressor, 1.0, np.inf, 0)],
)  # fmt: skip
def test_a_difference_that_may_be_chance_is_none(kind, raw, binned, expected, monkeypatch):
    losses = iter([raw, binned])
    monkeypatch.setattr(encodings, "least_loss", lambda *given: next(losses))
    y = PLANE if kind is SigmoidMLPRegressor else PLANE > 1.0
    assert fit(kind, y).resolved_params_["numeric_encoding"] == ENCODINGS[expected]


def test_an_encoding_that_diverges_loses(monkeypatch):
    one = folds.train_epoch

    def train(run, state):
        if run.settings.table.numeric_encoding == "piecewise_linear":
            raise DivergedError(1, 1.0)
        one(run, state)

    monkeypatch.setattr(encodings, "train_epoch", train)
    assert fit(SigmoidMLPRegressor, HUMP).resolved_params_["numeric_encoding"] == "raw"


@pytest.mark.parametrize("y", [HUMP, HUMP > 0.7], ids=["held out", "folds"])
def test_an_interrupt_while_encodings_are_compared_leaves_the_estimator_as_it_was(y, monkeypatch):
    """As training does where one comes after an epoch: it returns what it has."""
    one = MiniBatch.train

    def train(solver, problem, state, observer=None):
        return replace(one(solver, problem, state, observer), reason=StopReason.INTERRUPTED)

    monkeypatch.setattr(MiniBatch, "train", train)
    net = (SigmoidMLPRegressor if y.dtype.kind == "f" else SigmoidMLPClassifier)(**QUICK)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert not hasattr(net, "coefs_")
