"""Constraints on weights: sets of inputs that may interact, and errors for networks that cannot be monotone."""

from dataclasses import replace

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.network_setup import make_network_setup
from tests.model.examples import encoded_with, make_settings
from tests.network.pieces import LOSSES, network_of
from tests.tables.examples import column_settings

X = np.random.default_rng(0).normal(size=(60, 3))
PRODUCT = X[:, 0] - X[:, 1] * X[:, 2]
APART = {
    "interaction_cst": [[1, 2]],
    "hidden_layer_sizes": (5, 4),
    "max_iter": 2,
    "early_stopping": False,
    "random_state": 0,
}


def sets_of(numeric_encoding, *, interaction_cst=((1, 2),), hidden_sizes=(5, 4), sees_bins=True):
    settings = make_settings(
        table=column_settings(numeric_encoding=numeric_encoding),
        interaction_cst=interaction_cst,
        hidden_sizes=hidden_sizes,
        activations=network_of(3, *hidden_sizes, 1).activations,
        dropout=(0.0,) * len(hidden_sizes),
    )
    return make_network_setup(settings, *encoded_with(settings, X, PRODUCT)[:2], sees_bins=sees_bins).constraints.sets


def test_each_network_has_the_sets_of_its_inputs():
    numbers = [[False, True], [True, False], [True, False]]
    raw, with_bins = (sets_of("piecewise_linear", sees_bins=sees_bins) for sees_bins in (False, True))
    np.testing.assert_array_equal(raw.has_input, numbers)
    np.testing.assert_array_equal(with_bins.has_input[-3:], numbers)
    assert len(with_bins.has_input) > 3
    assert (with_bins.has_input.sum(axis=1) == 1).all()


@pytest.mark.parametrize("parameters", [{"interaction_cst": None}, {"hidden_sizes": ()}])
def test_without_constraint_or_hidden_layers_nothing_is_kept_apart(parameters):
    assert sets_of("raw", **parameters) is None


def test_init_with_weights_between_sets_raises():
    net = SigmoidMLPRegressor(**APART, numeric_encoding="raw", n_members=1).fit(X, PRODUCT)
    coefs, intercepts = [W.copy() for W in net.coefs_], net.intercepts_
    again = SigmoidMLPRegressor(**APART, init=(coefs, intercepts)).fit(X, PRODUCT)
    assert all(((W == 0.0) == (V == 0.0)).all() for W, V in zip(coefs, again.coefs_, strict=True))
    coefs[1][0, -1] = coefs[1][1, -1] = 1.0
    with pytest.raises(ValueError, match="init gives 2 weights of layer 1 that interaction_cst needs to be 0.*2 sets"):
        SigmoidMLPRegressor(**APART, init=(coefs, intercepts)).fit(X, PRODUCT)


# --- monotone networks -----------------------------------------------------------------------------------------------

NUMBER = X[:, 0] - X[:, 1]
LABEL = NUMBER > 0
CONSTRAINED = {"monotonic_cst": [1, 0, 0], "max_iter": 2, "hidden_layer_sizes": 4, "early_stopping": False}


def minus(raw):
    np.negative(raw, out=raw)


FALLING = replace(LOSSES["squared_error"].loss, name="upside down", link=minus)

REFUSED = {
    "one output, and this target makes 3": (SigmoidMLPClassifier, {}, np.arange(60) % 3),
    "one output, and this target makes 2": (SigmoidMLPRegressor, {}, np.column_stack([NUMBER, NUMBER])),
    "one output, and this target makes 2 ": (SigmoidMLPRegressor, {"loss": "quantile", "quantile": [0.1, 0.9]}, NUMBER),
    "activation='silu', which falls": (SigmoidMLPRegressor, {"activation": "silu"}, NUMBER),
    "activation='gelu', which falls": (SigmoidMLPClassifier, {"activation": ["gelu"]}, LABEL),
    "loss='upside down', whose link falls": (SigmoidMLPRegressor, {"loss": FALLING}, NUMBER),
    "init=\\(coefs, intercepts\\)": (
        SigmoidMLPRegressor,
        {"init": ([np.ones((3, 4)), np.ones((4, 1))], [np.ones(4), np.ones(1)])},
        NUMBER,
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_the_error_names_what_cannot_be_monotone(message):
    kind, parameters, y = REFUSED[message]
    with pytest.raises(ValueError, match=f"monotonic_cst .*{message.strip()}"):
        kind(**CONSTRAINED | parameters).fit(X, y)
    kind(**CONSTRAINED | parameters | {"monotonic_cst": [0, 0, 0]}).fit(X, y)
