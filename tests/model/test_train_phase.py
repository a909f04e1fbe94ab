"""How long the published networks train, and the mean of their epochs. See also test_phase_contract.py."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier
from sknet._model import train_phase
from sknet._model.train_phase import TrainPhase, mean_history
from tests.estimators.inside import run_of
from tests.training.problems import NO_OBSERVER, ended, epoch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))


def test_networks_train_as_many_epochs_as_folds_chose():
    net = SigmoidMLPClassifier(4, max_iter=3, random_state=0, early_stopping="folds", n_members=2)
    run = run_of(net, X, X[:, 0] > 0)
    run.select_and_train(NO_OBSERVER, in_threads=False)
    assert run.phase.last_epoch_report.n_epochs == run.selection.chosen_epoch == run.phase.n_iter
    assert len(run.folds.epoch_histories[0]) == run.folds.n_iter <= 3


def test_mean_history_averages_over_the_networks_that_trained_the_epoch():
    def of(value, seconds):
        return epoch(value, -value, validation_loss=value, learning_rate=value, gradient_norm=value, seconds=seconds)

    each = [[of(1.0, 1.0), of(2.0, 1.0)], [of(3.0, 2.0)]]
    assert mean_history(each) == [of(2.0, 3.0), of(2.0, 1.0)]
    assert mean_history([each[0]]) == each[0]
    assert mean_history([]) == mean_history([[], []]) == []


BY_PRIORITY = ["INTERRUPTED", "MAX_ITER", "CALLBACK", "SCORE_PLATEAU"]


@pytest.mark.parametrize(("first", "second"), [*combinations(BY_PRIORITY, 2)])
def test_the_reason_that_says_most_is_reported_if_networks_end_for_different_ones(monkeypatch, first, second):
    """An interrupt, then a limit that cut training short, then a callback; a plateau is how training should end."""
    phase = TrainPhase([], [SimpleNamespace(epoch=n) for n in (2, 5)], None, None)
    for names in ((first, second), (second, first)):
        ends = [ended(name) for name in names]
        monkeypatch.setattr(train_phase, "train_side_by_side", lambda *args, ends=ends, **more: ends)
        end = phase.train(NO_OBSERVER, in_threads=False)
        assert (end.reason.name, end.epochs_done) == (first, 5)
