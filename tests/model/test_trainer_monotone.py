"""Networks that cannot be monotone are refused by what is in the way."""

from dataclasses import replace

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.network.pieces import LOSSES

X = np.random.default_rng(0).normal(size=(60, 3))
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
def test_what_is_in_the_way_is_named(message):
    kind, parameters, y = REFUSED[message]
    with pytest.raises(ValueError, match=f"monotonic_cst .*{message.strip()}"):
        kind(**CONSTRAINED | parameters).fit(X, y)
    kind(**CONSTRAINED | parameters | {"monotonic_cst": [0, 0, 0]}).fit(X, y)
