"""The sets of a network's inputs; weights to start from that join them are refused."""

import numpy as np
import pytest

from sknet import SigmoidMLPRegressor
from tests.estimators.inside import run_of

X = np.random.default_rng(0).normal(size=(60, 3))
NUMBER = X[:, 0] - X[:, 1] * X[:, 2]
PARAMETERS = {
    "interaction_cst": [[1, 2]],
    "hidden_layer_sizes": (5, 4),
    "max_iter": 2,
    "early_stopping": False,
    "random_state": 0,
}


def sets_of(**parameters):
    run = run_of(SigmoidMLPRegressor(**PARAMETERS | parameters), X, NUMBER)
    return [trainer.sets for trainer in run.phase.trainers]


def test_each_member_has_the_sets_of_the_inputs_that_it_sees():
    numbers = [[False, True], [True, False], [True, False]]
    raw, with_bins = sets_of(n_members=2)
    np.testing.assert_array_equal(raw.has_input, numbers)
    np.testing.assert_array_equal(with_bins.has_input[-3:], numbers)
    assert len(with_bins.has_input) > 3 and (with_bins.has_input.sum(axis=1) == 1).all()


@pytest.mark.parametrize("parameters", [{"interaction_cst": None}, {"hidden_layer_sizes": ()}])
def test_without_sets_or_hidden_layers_there_is_one_set(parameters):
    for sets in sets_of(**parameters):
        assert sets.n_sets == 1 and sets.has_input.all()


def test_weights_to_start_from_have_the_zeros():
    net = SigmoidMLPRegressor(**PARAMETERS, numeric_encoding="raw", n_members=1).fit(X, NUMBER)
    coefs, intercepts = [W.copy() for W in net.coefs_], net.intercepts_
    again = SigmoidMLPRegressor(**PARAMETERS, init=(coefs, intercepts)).fit(X, NUMBER)
    assert all(((W == 0.0) == (V == 0.0)).all() for W, V in zip(coefs, again.coefs_, strict=True))
    coefs[1][0, -1] = coefs[1][1, -1] = 1.0
    with pytest.raises(ValueError, match="init gives 2 weights of layer 1 that interaction_cst needs to be 0.*2 sets"):
        SigmoidMLPRegressor(**PARAMETERS, init=(coefs, intercepts)).fit(X, NUMBER)
