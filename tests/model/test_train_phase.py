"""The published networks: how long they train, and which epoch they keep. See also test_phase_contract.py."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier
from sknet._model.network_setup import make_network_setup, train_side_by_side
from sknet._model.phase import mean_history
from sknet._model.train_phase import TrainPhase
from tests.estimators import data
from tests.estimators.inside import run_of
from tests.model.examples import LABELS, NUMBERS, encoded_with, make_settings
from tests.training.problems import NO_OBSERVER, OPTIMIZERS, epoch, mini_batch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))


def test_networks_train_as_many_epochs_as_folds_chose():
    net = SigmoidMLPClassifier(4, max_iter=3, random_state=0, early_stopping="folds", n_members=2)
    run = run_of(net, X, X[:, 0] > 0)
    run.select_and_train(NO_OBSERVER)
    assert run.phase.n_epochs == run.selection.chosen_epoch == run.phase.n_iter
    assert len(run.fold_phase.epoch_histories[0]) == run.fold_phase.n_iter <= 3


def test_mean_history_averages_over_the_networks():
    def of(value, seconds):
        return epoch(value, -value, validation_loss=value, learning_rate=value, gradient_norm=value, seconds=seconds)

    each = [[of(1.0, 1.0), of(2.0, 1.0)], [of(3.0, 2.0), of(4.0, 0.5)]]
    assert mean_history(each) == [of(2.0, 3.0), of(3.0, 1.5)]
    assert mean_history([each[0]]) == each[0]
    assert mean_history([]) == mean_history([[], []]) == []


# --- held-out rows evaluate each epoch of all networks together ------------------------------------------------------


def phase_of(y, target=NUMBERS, *, n_members=1, n_units=4, score=None, held_out=None, weight=None, **solver):
    """A phase whose networks are about to train, and the rows that are held out."""
    settings = make_settings(
        hidden_sizes=(n_units,),
        solver=mini_batch(OPTIMIZERS["adam"], **{"batch_size": 20, "n_epochs": 3, "rate": 0.01} | solver),
        temperature_scaling=target is LABELS,
        members_see_bins=(False,) * n_members,
    )
    encoding, rows, _ = encoded_with(settings, data.X, y, weight, **target)
    held_out = rows.take(np.arange(20)) if held_out is None else held_out(rows)
    setups = [
        make_network_setup(settings, encoding, rows, held_out, sees_bins=bins) for bins in settings.members_see_bins
    ]
    states = [setup.first_state((i, i)) for i, setup in enumerate(setups)]
    return TrainPhase(setups, states, None, score), held_out


@pytest.mark.parametrize("n_members", [1, 2, 3])
def test_the_mean_raw_output_is_evaluated_by_its_weighted_loss(n_members):
    weight = np.linspace(0.1, 2.0, data.N)
    phase, held_out = phase_of(data.NUMBER, n_members=n_members, weight=weight)
    phase.train(NO_OBSERVER)
    states = phase.states
    assert len(states) == n_members
    raw = np.mean([setup.raw_held_out_outputs(state.averaged_theta) for setup, state in phase.networks], axis=0)
    loss = np.average(0.5 * (raw - held_out.target)[:, 0] ** 2, weights=weight[:20])
    for state in states:
        assert state.history[-1].validation_loss == pytest.approx(loss, rel=1e-12)
        assert state.history[-1].validation_score == -state.history[-1].validation_loss


@pytest.mark.parametrize("n_members", [1, 2])
def test_all_networks_keep_the_best_epoch_of_all_together(n_members):

    def noise(rows):
        return replace(rows, y_of_table=np.random.default_rng(4).normal(size=(data.N, 1)))

    how = {"rate": 0.5, "n_epochs": 30, "n_units": 30, "n_members": n_members, "held_out": noise}
    phase, _ = phase_of(data.NUMBER, **how)
    phase.train(NO_OBSERVER)
    scores = [record.validation_score for record in phase.states[0].history]
    assert phase.best_epoch == 1 + np.argmax(scores) < len(scores)
    shorter, _ = phase_of(data.NUMBER, **how)
    for setup, state in shorter.networks:
        settings = replace(setup.settings, solver=replace(setup.solver, n_epochs=phase.best_epoch))
        train_side_by_side([replace(setup, settings=settings)], [state], NO_OBSERVER, None)
    for one, other in zip(phase.states, shorter.states, strict=True):
        assert_array_equal(one.best.kept, other.averaged_theta)


@pytest.mark.parametrize("n_members", [1, 3])
def test_a_scorer_rates_the_joined_network(n_members):
    """At the temperature of the epoch, with the raw outputs that it has."""
    seen = []

    def score(model, raw):
        seen.append((model, raw))
        return float(len(seen))

    phase, _ = phase_of(data.NUMBER > 0, LABELS, n_members=n_members, score=score)
    phase.train(NO_OBSERVER)
    assert [record.validation_score for record in phase.states[0].history] == [1.0, 2.0, 3.0]
    model, raw = seen[-1]
    assert model.network.temperature != 1.0
    assert_allclose(model.convert_raw_outputs(data.X[:20], np.copy), raw, rtol=1e-9)


def test_the_published_networks_have_the_temperature_of_the_best_epoch():
    phase, held_out = phase_of(data.NUMBER > 0, LABELS)
    phase.train(NO_OBSERVER)
    network, outputs = phase.join()
    assert network.temperature != 1.0
    raw = phase.setups[0].raw_held_out_outputs(phase.states[0].best.kept)
    assert_allclose(outputs.raw, raw / network.temperature, rtol=1e-12)
    assert_array_equal(outputs.y, held_out.y)
