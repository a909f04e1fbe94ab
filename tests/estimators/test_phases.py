"""The phases of a fit: both tell the same things of their networks, and folds choose what the other one does."""

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier
from sknet._estimators.phases import average_epochs
from tests.estimators import inside
from tests.training.problems import epoch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = X[:, 0] > 0
N_EPOCHS = 3


def run_of(**parameters):
    return inside.run_of(SigmoidMLPClassifier(4, max_iter=N_EPOCHS, random_state=0, **parameters), X, Y)


class Counter:
    def __init__(self, stop_after=99):
        self.n_begun = self.n_ended = 0
        self.stop_after = stop_after

    def epoch_began(self):
        self.n_begun += 1

    def epoch_ended(self):
        self.n_ended += 1
        return self.n_ended >= self.stop_after


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("stops", ["among folds", "after folds", "no folds", "held-out rows"])
def test_a_phase_tells_what_its_networks_have_done(stops, n_members):
    early_stopping = {"no folds": False, "held-out rows": True}.get(stops, "folds")
    run = run_of(early_stopping=early_stopping, n_members=n_members)
    first = run.folds or run.training
    assert not first.has_whole_epoch
    counter = Counter(stop_after=2 if stops == "among folds" else 99)
    result = run.select_and_train(counter, in_threads=False)
    phase = run.phase
    assert phase is (run.folds if stops == "among folds" else run.training) and phase.has_whole_epoch
    assert run.is_among_folds is (stops == "among folds") is (result.reason.name == "CALLBACK")
    assert phase.last_epoch.number == phase.n_iter == max(map(len, phase.epochs)) == result.epochs_done
    assert counter.n_begun == counter.n_ended >= phase.n_iter
    assert phase.network().coefs[0].shape[1] == 4 * n_members
    assert len(phase.pairs) == len(phase.states) == (0 if run.is_among_folds else n_members)
    assert (phase.state_to_keep() is None) is (run.is_among_folds or n_members > 1)
    held_out = phase.held_out_outputs(run.plan.rows)
    assert (held_out is None) is (stops in ("among folds", "no folds"))
    if held_out is not None:
        raw, y, weight = held_out
        assert raw.shape == y.shape and weight is None and len(raw) == (90 if early_stopping == "folds" else 14)


def test_networks_train_as_long_as_folds_have_chosen():
    run = run_of(early_stopping="folds", n_members=2)
    run.select_and_train(None, in_threads=False)
    assert run.training.last_epoch.n_epochs == run.training.selection.chosen_epoch == run.training.n_iter
    assert len(run.folds.epochs[0]) == run.folds.n_iter <= N_EPOCHS


def test_figures_of_an_epoch_are_means_over_those_that_have_trained_it():
    def of(value, seconds):
        return epoch(value, -value, validation_loss=value, learning_rate=value, gradient_norm=value, seconds=seconds)

    each = [[of(1.0, 1.0), of(2.0, 1.0)], [of(3.0, 2.0)]]
    assert average_epochs(each) == [of(2.0, 3.0), of(2.0, 1.0)]
    assert average_epochs([each[0]]) == each[0] and average_epochs([]) == average_epochs([[], []]) == []
