"""Several networks train side by side, with one observer."""

import pytest
from numpy.testing import assert_array_equal

from sknet._model.network_setup import make_network_setup, train_side_by_side
from tests.estimators.data import NUMBER, X
from tests.model.examples import encoded_with, make_settings
from tests.training.problems import NO_OBSERVER, lbfgs, mini_batch

PAIR = [(1, 2), (3, 4)]


def runs_and_states(seeds=PAIR, solver=None):
    settings = make_settings(solver=solver or mini_batch(batch_size=20, averaging=0.9))
    runs = [make_network_setup(settings, *encoded_with(settings, X, NUMBER)[:2]) for _ in seeds]
    return runs, [run.first_state(seed) for run, seed in zip(runs, seeds, strict=True)]


class Observer:
    def __init__(self, stop_after=None):
        self.calls, self.stop_after = [], stop_after

    def epoch_began(self):
        self.calls.append("begin")

    def epoch_ended(self):
        self.calls.append("end")
        return self.calls.count("end") == self.stop_after


def test_networks_side_by_side_equal_networks_trained_alone():
    runs, together = runs_and_states()
    _, alone = runs_and_states()
    result = train_side_by_side(runs, together, NO_OBSERVER, None)
    for run, state in zip(runs, alone, strict=True):
        train_side_by_side([run], [state], NO_OBSERVER, None)
    assert result.reason.name == "MAX_ITER"
    for one, other in zip(together, alone, strict=True):
        assert_array_equal(one.averaged_theta, other.averaged_theta)


@pytest.mark.parametrize(("seeds", "solver"), [(PAIR, mini_batch()), (PAIR[:1], lbfgs())], ids=["batches", "lbfgs"])
def test_an_observer_stops_all_networks(seeds, solver):
    runs, states = runs_and_states(seeds, solver)
    observer = Observer(stop_after=3)
    assert train_side_by_side(runs, states, observer, None).reason.name == "CALLBACK"
    assert {state.epoch for state in states} == {3}
    assert observer.calls == ["begin", "end"] * 3
