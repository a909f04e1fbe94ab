"""What watches a fit of several members is told of them as of one run."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import SigmoidMLPRegressor
from sknet._estimators.ensembles import _begin
from sknet._estimators.read_data import Given
from sknet._estimators.team import WatchedTeam
from sknet._model.members import train_members

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))


def test_its_figures_are_the_means_of_theirs():
    net = SigmoidMLPRegressor(4, n_members=2, max_iter=3, random_state=0)
    team = _begin(net, Given(X, X[:, 0]), None)
    states = [begun.first_state() for begun in team.members]
    assert WatchedTeam(team, states).summary.history == []
    train_members([begun.run for begun in team.members], states, in_threads=False)
    shown = WatchedTeam(team, states).summary
    assert shown.epoch == 3 and shown.history[-1].loss == np.mean([state.history[-1].loss for state in states])
    fitted = WatchedTeam(team, states).fitted_at(shown)
    assert len(fitted.members) == 2 and fitted.out_of_fold is None
    assert_array_equal(fitted.model.networks[1].coefs[0], team.members[1].run.trained(states[1]).network.coefs[0])


def test_members_have_no_checkpoint_to_belong_to():
    with pytest.raises(NotImplementedError):
        WatchedTeam(None, ()).origin()
