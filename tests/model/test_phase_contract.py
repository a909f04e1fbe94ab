"""The contract of both phases of a fit, wherever training ends."""

import gc
import weakref

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier
from tests.estimators import inside

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = X[:, 0] > 0
N_EPOCHS = 3


class Counter:
    """An observer that counts, and stops training after a number of epochs."""

    def __init__(self, stop_after):
        self.n_begun = self.n_ended = 0
        self.stop_after = stop_after

    def epoch_began(self):
        self.n_begun += 1

    def epoch_ended(self):
        self.n_ended += 1
        return self.n_ended >= self.stop_after


def run_of(**parameters):
    return inside.run_of(SigmoidMLPClassifier(4, max_iter=N_EPOCHS, random_state=0, **parameters), X, Y)


ENDS = {"among folds": ("folds", 2), "after folds": ("folds", 99), "no folds": (False, 99), "held-out rows": (True, 99)}
N_HELD_OUT = {"after folds": 90, "held-out rows": 14}  # of 90 rows, each held out by a fold, or a part of them


@pytest.fixture(scope="module", params=[1, 2], ids=["one network", "two networks"])
def n_members(request):
    return request.param


@pytest.fixture(scope="module", params=ENDS)
def end(request):
    return request.param


@pytest.fixture(scope="module")
def trained(end, n_members):
    """A run that has trained, its last phase, its result, and an observer."""
    early_stopping, stop_after = ENDS[end]
    run, counter = run_of(early_stopping=early_stopping, n_members=n_members), Counter(stop_after)
    assert not run.phase.has_finished_epoch
    assert run.phase.best_epoch == (0 if early_stopping else None)
    result = run.select_and_train(counter)
    return run, run.phase, result, counter


def test_the_current_phase_has_trained(trained, end):
    run, phase, result, _ = trained
    assert phase.has_finished_epoch
    assert (run.train_phase is None) is (end == "among folds") is (result.reason.name == "CALLBACK")


def test_all_counts_of_epochs_agree(trained):
    _, phase, result, counter = trained
    assert phase.epochs_done == phase.n_iter == max(map(len, phase.epoch_histories)) == result.epochs_done
    assert counter.n_begun == counter.n_ended >= phase.n_iter


def test_networks_are_joined_and_only_published_networks_have_states(trained, n_members):
    run, phase, _, _ = trained
    network, _ = phase.join()
    assert network.coefs[0].shape[1] == 4 * n_members
    is_among_folds = run.train_phase is None
    assert len(run.published_networks) == len(run.progress.states) == (0 if is_among_folds else n_members)
    if run.train_phase is not None:
        assert (phase.state_to_keep() is None) is (n_members > 1)


def test_progress_frees_the_networks_of_finished_folds(trained, end, n_members):
    progress = trained[0].progress.folds
    assert (progress is None) is (end in ("no folds", "held-out rows"))
    if end == "among folds":
        assert len(progress.states) == 4 * n_members
    elif progress is not None:  # once they are done, no network of theirs
        assert progress.states == []
        assert all(1 <= chosen.epoch <= len(progress.epochs) for chosen in progress.choices)


def test_nothing_holds_the_networks_of_folds_once_others_train():
    run = run_of(early_stopping="folds")
    state_of_folds = weakref.ref(run.fold_phase.networks[0][1])
    run.select_and_train(Counter(99))
    gc.collect()
    assert state_of_folds() is None


def test_only_published_networks_keep_the_weights_of_the_best_epoch(trained, end):
    _, phase, _, _ = trained
    assert {state.best.epoch > 0 for _, state in phase.networks} == {end == "held-out rows"}


def test_an_outcome_has_the_outputs_for_held_out_rows(trained, end):
    _, phase, _, _ = trained
    _, held_out = phase.join()
    assert (held_out is not None) is (end in N_HELD_OUT)
    if held_out is not None:
        assert held_out.raw.shape == held_out.y.shape == (N_HELD_OUT[end], 1)
        assert held_out.weight is None
        assert np.isfinite(held_out.raw).all()


def test_only_outputs_of_other_networks_differ_by_chance_from_those_published(trained, end):
    _, phase, _, _ = trained
    _, held_out = phase.join()
    if held_out is not None:
        assert (held_out.variance_of_means > 0.0) is (end == "after folds")
