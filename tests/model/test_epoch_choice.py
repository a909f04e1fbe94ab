"""Folds choose the epoch and the temperature with the least loss on the held-out rows."""

from dataclasses import replace
from itertools import pairwise
from math import ceil, inf, nan

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.metrics import log_loss

from sknet import SigmoidMLPClassifier
from sknet._model import epoch_choice
from sknet._model.encoding_learner import EncodingLearner
from sknet._model.epoch_choice import (
    MIN_STEPS_TO_CHOOSE,
    FoldsProgress,
    Selection,
    Split,
    draw_cross_fit_sets,
    draw_folds,
    make_fold_phase,
)
from sknet._model.held_out import HeldOutEvaluator, Holdout, MixedOutputs, mix_outputs
from sknet._model.network_setup import make_network_setup, train_side_by_side
from sknet._model.rules_by_rows import MEDIUM_TABLE_ROWS, SMALL_TABLE_ROWS, fold_counts
from tests.model.examples import LABELS, NUMBERS, encoded_with, make_settings, survey_of
from tests.model.limits import blas_threads, thread_product
from tests.network.pieces import best_temperature, temperature_penalty
from tests.tables.examples import column_settings
from tests.training.problems import NO_OBSERVER, OPTIMIZERS, Interrupting, Script, best_epoch, bits, epoch, mini_batch

rng = np.random.default_rng(0)
N = 90
X = rng.normal(size=(N, 3))
LABEL = (X[:, 0] + rng.normal(size=N) > 0.0).astype(int)
WEIGHT = rng.integers(1, 4, N).astype(float)
SOLVER = dict(batch_size=3, n_epochs=8, rate=0.05, averaging=0.99, n_iter_no_change=10)
SOLVER |= dict(gain_rate=3.0, pull_strength=1.5)
SEEDS = [(4, 6), (14, 16)]


def prepared(weight=None, y=LABEL, target=LABELS, *, numeric_encoding="steps", n_members=2, tol=1e-3, **solver):
    """Encoded rows, the rows, and the learner of a fold's encoding; every second member sees bins, if there are any."""
    settings = make_settings(
        table=column_settings(numeric_encoding=numeric_encoding),
        dropout=(0.2,),
        solver=mini_batch(OPTIMIZERS["adam"], schedule_ends=True, tol=tol, **SOLVER | solver),
        temperature_scaling=target is LABELS,
        members_see_bins=tuple(i % 2 == 1 and numeric_encoding != "raw" for i in range(n_members)),
    )
    encoding, rows, table = encoded_with(settings, X, y, weight, **target)
    sample = table.sample(0)
    return rows, table, EncodingLearner(settings, encoding.head, sample, survey_of(sample.X), np.dtype(float), seed=0)


def fold_networks(*prepared, groups=None):
    return make_fold_phase(*prepared, draw_folds(N, LABEL, groups, 5), SEEDS)


def choice_of(folds):
    """What folds choose after their training."""
    folds.train(NO_OBSERVER)
    return folds.choose()


class ScriptedEvaluator(HeldOutEvaluator):
    """Reads the inverse temperature, the loss and the criterion of each epoch from a list."""

    def __init__(self, rows, settings, epochs):
        super().__init__(rows, settings)
        self.epochs = iter(epochs)

    def mix(self, raw_by_bins, mixing_weight=None, inverse_temperature=None):
        inverse_temperature, loss, criterion = next(self.epochs)
        return MixedOutputs(0.5, inverse_temperature, raw_by_bins[0], loss, criterion)

    def choose_mixture(self, raw_by_bins):
        return MixedOutputs(0.5, 1.0, mix_outputs(raw_by_bins, 0.5), 0.0, 0.0)


def scripted_folds(epochs, **parameters):
    """Folds whose held-out rows have these figures after each epoch; cross-fit sets are evaluated as ever."""
    rows, table, learner = prepared(**parameters)
    folds = fold_networks(rows, table, learner)
    folds.evaluators[0] = ScriptedEvaluator(rows.take(folds.held_out_indices), learner.settings, epochs)
    return folds


def with_losses(losses):
    """Epochs with these losses, and neither a temperature nor its penalty."""
    return [(1.0, loss, loss) for loss in losses]


# --- how many folds --------------------------------------------------------------------------------------------------


def test_a_group_is_held_out_as_a_whole():
    groups = np.arange(N) // 3
    folds = fold_networks(*prepared(), groups=groups)
    assert_array_equal(np.sort(folds.held_out_indices), np.arange(N))
    n_held_out = [N - setup.problem.n_samples for setup in folds.setups[::2]]  # two members
    at = np.cumsum([0, *n_held_out])
    parts = [set(groups[folds.held_out_indices[i:j]]) for i, j in pairwise(at)]
    assert sum(map(len, parts)) == len(set(groups)) == 30


@pytest.mark.parametrize(
    ("parameters", "shares_columns", "is_encoded_again"),
    [({"numeric_encoding": "piecewise_linear"}, True, False), ({"numeric_encoding": "piecewise_linear"}, False, True),
     ({"numeric_encoding": "steps"}, True, False)],
    ids=["shared columns", "columns of their own", "steps where nothing jumps"],
)  # fmt: skip
def test_the_table_is_encoded_again_only_for_folds_with_an_encoding_of_their_own(
    parameters, shares_columns, is_encoded_again
):
    rows, table, learner = prepared(**parameters)
    encoding = learner.learn_for_fold(table, rows.encoding, np.arange(N // 2), shares_columns=shares_columns)
    assert (encoding is not None) == is_encoded_again


# --- what they choose ------------------------------------------------------------------------------------------------


def outputs_after(n_epochs, rows, settings, splits):
    """Raw outputs for the held-out rows: the means of members that were trained for so many epochs without them."""
    settings, outputs = replace(settings, solver=replace(settings.solver, n_epochs=n_epochs)), []
    for split in splits:
        train, held_out = rows.take(split.train_indices), rows.take(split.held_out_indices)
        members = []
        for seeds, sees_bins in zip(SEEDS, settings.members_see_bins, strict=True):
            setup = make_network_setup(settings, rows.encoding, train, held_out, sees_bins=sees_bins)
            state = setup.first_state(seeds)
            train_side_by_side([setup], [state], NO_OBSERVER, None)
            members.append(setup.raw_held_out_outputs(state.theta_to_publish))
        outputs.append(np.mean(members, axis=0))
    return np.concatenate(outputs)


class ChoiceByHand:
    """What held-out rows choose, from their raw outputs after each epoch."""

    def __init__(self, outputs, loss, label, weight, first_epoch):
        self.outputs, self.loss, self.label, self.weight = outputs, loss, label, weight
        self.first_epoch = first_epoch  # counted from 1, as all epochs here

    def temperature(self, epoch, judges):
        """The temperature T at which the weighted log loss of ``raw / T``, and its penalty, are least."""
        target, weight = self.label[judges, np.newaxis].astype(float), self.weight[judges]
        return best_temperature(self.loss, self.outputs[epoch - 1][judges], target, weight, weight.sum())

    def penalised_loss(self, epoch, judges):
        """The weighted log loss of ``sigmoid(raw / T)``, plus the penalty of T: T is the best for all held-out rows."""
        temperature, weight = self.temperature(epoch, slice(None)), self.weight[judges]
        p = 1.0 / (1.0 + np.exp(-self.outputs[epoch - 1][judges, 0] / temperature))
        return log_loss(self.label[judges], p, sample_weight=weight) + temperature_penalty(temperature, weight.sum())

    def of(self, judges):
        """The last epoch with the least loss, and the temperature that these rows choose then."""
        losses = {i: self.penalised_loss(i, judges) for i in range(self.first_epoch, len(self.outputs) + 1)}
        best = max(i for i, loss in losses.items() if loss == min(losses.values()))
        return best, self.temperature(best, judges)


@pytest.mark.parametrize(
    ("rules", "weight"),
    [(fold_counts(N), WEIGHT), (fold_counts(SMALL_TABLE_ROWS), None), (fold_counts(MEDIUM_TABLE_ROWS), WEIGHT)],
    ids=["few rows, weighted", "some rows", "many rows, weighted"],
)
def test_the_joint_loss_of_the_held_out_rows_chooses_the_epoch(rules, weight):
    """The losses are computed again by networks that train one epoch, two epochs and so on without each fold."""
    rows, table, learner = prepared(weight, numeric_encoding="raw")
    fold = np.random.default_rng(5).permutation(N) % rules.n_folds
    splits = [Split(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(rules.n_held_out)]
    folds = make_fold_phase(rows, table, learner, Holdout(fold_splits=splits), SEEDS)
    chosen = choice_of(folds)

    held_out = np.concatenate([split.held_out_indices for split in splits])
    n_steps = ceil(min(len(split.train_indices) for split in splits) / SOLVER["batch_size"])  # of an epoch
    outputs = [outputs_after(n_epochs, rows, learner.settings, splits) for n_epochs in range(1, 9)]
    choice = ChoiceByHand(
        outputs,
        rows.encoding.head.loss,
        LABEL[held_out],
        (np.ones(N) if weight is None else weight)[held_out],
        first_epoch=ceil(MIN_STEPS_TO_CHOOSE / n_steps),
    )
    best, temperature = choice.of(np.arange(len(held_out)))
    assert chosen.chosen_epoch == best
    assert folds.n_iter == 8
    assert chosen.temperature == pytest.approx(temperature, rel=1e-4)
    assert_array_equal(chosen.held_out_indices, held_out)
    for cross_fit_set in draw_cross_fit_sets(splits, None):  # by the choice of the other sets
        epoch, temperature = choice.of(np.setdiff1d(np.arange(len(held_out)), cross_fit_set))
        np.testing.assert_allclose(
            chosen.held_out_outputs.raw[cross_fit_set], outputs[epoch - 1][cross_fit_set] / temperature, rtol=1e-4
        )


def test_cross_fit_sets_share_no_rows_and_no_groups():
    """Sets are folds, or halves of a single fold. A row belongs to the first split that holds it out."""
    splits = [Split(np.arange(3, 9), np.arange(3)), Split(np.arange(2), np.array([4, 2, 3]))]
    assert [cross_fit_set.tolist() for cross_fit_set in draw_cross_fit_sets(splits, None)] == [[0, 1, 2], [3, 5]]
    groups = np.arange(N) // 5
    halves = draw_cross_fit_sets([Split(np.arange(30), np.arange(30, N))], groups)
    assert sorted(map(len, halves)) == [30, 30]
    assert not set(groups[30 + halves[0]]) & set(groups[30 + halves[1]])
    # a single group: it chooses for itself
    alone = draw_cross_fit_sets([Split(np.arange(85), np.arange(85, N))], groups)
    assert [cross_fit_set.tolist() for cross_fit_set in alone] == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize(("criterion", "expected"), [(0.999, 4), (1.001, 3)])
def test_the_criterion_chooses_the_epoch_and_not_the_loss(criterion, expected):
    """The last epoch is chosen if its loss plus the penalty on its temperature is at most 1, as before."""
    epochs = [*with_losses([1.0] * 3), (np.exp(1.2), 0.5, criterion)]
    folds = scripted_folds(epochs, n_epochs=4, batch_size=2, numeric_encoding="raw")
    assert choice_of(folds).chosen_epoch == expected


@pytest.mark.parametrize(("inverse_temperature", "expected"), [(0.19, 1), (0.21, 3)])
def test_an_early_epoch_is_chosen_only_if_its_networks_are_overconfident(inverse_temperature, expected):
    """The first epoch has the least loss, but ends before `MIN_STEPS_TO_CHOOSE`."""
    epochs = [(inverse_temperature, 0.1, 0.1), *with_losses([1.0, 0.9])]
    folds = scripted_folds(epochs, batch_size=N, n_epochs=80, n_iter_no_change=1, numeric_encoding="raw")
    assert choice_of(folds).chosen_epoch == expected < folds.first_epoch


def test_the_last_epoch_is_chosen_if_patience_ends_too_early_to_choose():
    folds = scripted_folds(
        with_losses([1.0] * 3), batch_size=N, n_epochs=80, n_iter_no_change=1, numeric_encoding="raw"
    )
    loss = folds.evaluators[0].rows.encoding.head.loss
    chosen = choice_of(folds)
    assert chosen.chosen_epoch == 3 < folds.first_epoch
    (raw,), target = folds.raw_by_bins(), LABEL[folds.held_out_indices, np.newaxis].astype(float)
    for cross_fit_set in draw_cross_fit_sets(draw_folds(N, LABEL, None, 5).fold_splits, None):
        judges = np.setdiff1d(np.arange(N), cross_fit_set)
        temperature = best_temperature(loss, raw[judges], target[judges], None, len(judges))
        np.testing.assert_allclose(
            chosen.held_out_outputs.raw[cross_fit_set], raw[cross_fit_set] / temperature, rtol=1e-4
        )


def of_one_epoch(*, target, without_bins, with_bins, n_members=2):
    """The choice of folds whose networks have these outputs for the held-out rows, and the outputs."""
    rows, table, learner = prepared(y=target, target=NUMBERS, n_epochs=1, n_members=n_members)
    folds = make_fold_phase(rows, table, learner, draw_folds(N, None, None, 5), [(i, i) for i in range(n_members)])
    outputs = without_bins[folds.held_out_indices, np.newaxis], with_bins[folds.held_out_indices, np.newaxis]
    raw_by_bins = np.array([rows.encoding.head.targets(raw, np.dtype(float)) for raw in outputs])
    folds.raw_by_bins = lambda: raw_by_bins
    return choice_of(folds), raw_by_bins


def test_worse_networks_get_a_smaller_mixing_weight():
    """With independent residuals of variances 1 and 4, weights of 4/5 and 1/5 are best; the prior draws them to 1/2."""
    rng = np.random.default_rng(1)
    target, residuals = rng.normal(size=N) * 5.0, rng.normal(size=(2, N))
    residuals = np.linalg.qr(residuals.T)[0].T * np.sqrt(N) * [[1.0], [2.0]]  # not correlated at all
    chosen, (first, second) = of_one_epoch(
        target=target, without_bins=target + residuals[0], with_bins=target + residuals[1]
    )
    assert 0.7 <= chosen.mixing_weights[0] <= 0.8
    assert sum(chosen.mixing_weights) == pytest.approx(1.0)
    weight_of_rows = (chosen.held_out_outputs.raw - second) / (first - second)
    # each cross-fit set is mixed by the weight that the other sets choose
    np.testing.assert_allclose(weight_of_rows, chosen.mixing_weights[0], atol=0.1 + 1e-9)
    chosen, _ = of_one_epoch(target=target, without_bins=target + 50.0 * residuals[0], with_bins=target, n_members=3)
    np.testing.assert_allclose(chosen.mixing_weights, [0.0, 1.0, 0.0], atol=1e-12)  # the second sees bins


@pytest.mark.parametrize("n_members", [2, 3])
def test_equal_networks_get_equal_mixing_weights(n_members):
    rng = np.random.default_rng(1)
    target = rng.normal(size=N)
    networks = dict(target=target, without_bins=target + 1.0, with_bins=target + 1.0, n_members=n_members)
    chosen, _ = of_one_epoch(**networks)
    np.testing.assert_allclose(chosen.mixing_weights, 1.0 / n_members, atol=0.05)  # shares are multiples of 1/10


def test_a_regression_loss_has_no_temperature():
    chosen = choice_of(fold_networks(*prepared(y=X[:, 0], target=NUMBERS)))
    assert chosen.temperature == 1.0
    assert chosen.held_out_outputs.raw.shape == (N, 1)


# --- for how long they wait ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patience", "n_in_vain", "lower"), [(1, 1, 0.0), (3, 3, 2.0), (20, 20, 0.0), (np.inf, 35, 2.0)]
)
def test_folds_end_after_patience_epochs_without_improvement(patience, n_in_vain, lower):
    """The loss must fall by more than the fraction `tol`. Losses may be negative, such as those of a density."""
    losses = np.array([1.0, 0.9, 0.89, 0.85, *[0.9, 0.86] * 20]) - lower
    folds = scripted_folds(with_losses(losses), n_epochs=40, n_iter_no_change=patience, tol=0.02)
    assert choice_of(folds).chosen_epoch == 4
    assert folds.n_iter == 4 + n_in_vain + 1


def test_a_loss_that_stays_zero_does_not_improve():
    folds = scripted_folds(with_losses([0.0] * 40), n_epochs=40, n_iter_no_change=2)
    folds.train(NO_OBSERVER)
    assert folds.n_iter == 4


@pytest.mark.parametrize(("batch_size", "max_iter", "first"), [(3, 8, 4), (N, 80, 75), (N, 9, 9)])
def test_no_epoch_before_the_75th_step_is_chosen(batch_size, max_iter, first):
    early, late = 0.9 ** np.arange(first - 1), 2.0 * 1.1 ** np.arange(max_iter)  # an early one would be the best one
    parameters = {"batch_size": batch_size, "n_epochs": max_iter, "n_iter_no_change": np.inf}
    folds = scripted_folds(with_losses([*early, *late]), numeric_encoding="raw", **parameters)
    assert choice_of(folds).chosen_epoch == first


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([nan, 2.0, 1.5, nan, 1.7], 6), ([2.0, nan, 1.5, 1.7, nan], 6), ([nan, nan, inf, nan, nan], 6), ([nan] * 5, 8)],
    ids=["the first is NaN", "a later one is NaN", "infinity is a number", "all are NaN"],
)
def test_an_epoch_whose_loss_is_nan_is_chosen_only_if_no_epoch_has_a_number(losses, expected):
    """If nothing is known, the last epoch is chosen, as with held-out rows."""
    folds = scripted_folds(with_losses([1.0, 1.0, 1.0, *losses]), numeric_encoding="raw")  # epoch 4 is the first
    assert choice_of(folds).chosen_epoch == expected


def test_the_split_with_the_fewest_steps_sets_the_first_epoch():
    splits = [Split(np.arange(60), np.arange(60, N)), Split(np.arange(6), np.arange(6, 60))]
    folds = Holdout(fold_splits=splits, folds_share_columns=False)
    networks = make_fold_phase(*prepared(n_epochs=80), folds, SEEDS)
    assert networks.first_epoch == 38  # of two steps


def test_a_fit_ends_long_before_max_iter():
    net = SigmoidMLPClassifier(4, batch_size=3, max_iter=500, n_iter_no_change=3, n_members=2, random_state=0)
    net.set_params(learning_rate_init=0.05, learning_rate=lambda _: 1.0, dropout=0.2).fit(X, LABEL)
    assert net.n_iter_ <= len(net.validation_scores_) < 100


@pytest.mark.parametrize(("n_rows", "n_train", "n_epochs"), [(300, 225, 5), (400, 300, 5), (128, 96, 5), (20, 15, 7)])
def test_the_chosen_steps_become_epochs_of_all_rows(n_rows, n_train, n_epochs):
    """225 rows are seven batches of 32 and one row. Counting eight steps would give six epochs of 300 rows."""
    solver = mini_batch(batch_size=32, n_epochs=50)
    selection = Selection(7, n_train, 1.0, (1.0,), np.arange(0), None)
    assert selection.solver_for(solver, n_rows).n_epochs == n_epochs


def test_a_step_pulls_gains_by_the_mean_of_the_folds_pull_and_that_of_all_rows():
    solver = mini_batch(batch_size=32, n_epochs=50, pull_strength=1.5)
    strength = Selection(7, 225, 1.0, (1.0,), np.arange(0), None).solver_for(solver, 300).pull_strength
    assert strength / 300 == pytest.approx(np.sqrt(1.5 / 225 * 1.5 / 300))
    ended_by_max_iter = Selection(50, 225, 1.0, (1.0,), np.arange(0), None)
    assert ended_by_max_iter.solver_for(solver, 300).pull_strength == 1.5


def test_an_interrupt_while_an_epoch_is_evaluated_undoes_all_of_it(monkeypatch):
    """Ctrl-C comes when the temperature of epoch 6 is known and the epoch has been chosen."""
    stopped, interrupted = (fold_networks(*prepared()) for _ in range(2))
    stopped.train(Script(stop_at=5))
    monkeypatch.setattr(epoch_choice, "mean_history", Interrupting(epoch_choice.mean_history, 6))
    assert interrupted.train(NO_OBSERVER).reason.name == "INTERRUPTED"
    assert interrupted.n_iter == 5
    assert interrupted.join()[0].temperature == stopped.join()[0].temperature
    assert bits(interrupted.progress) == bits(stopped.progress)


# --- the same again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [1, 2])
def test_equal_seeds_choose_the_same_epoch(n_threads):
    with thread_product(0), blas_threads(2):
        networks = fold_networks(*prepared(n_epochs=3))
        first = choice_of(networks)
    with thread_product(0), blas_threads(n_threads):
        same_networks = fold_networks(*prepared(n_epochs=3))
        again = choice_of(same_networks)
    assert (first.chosen_epoch, first.temperature) == (again.chosen_epoch, again.temperature)
    assert_array_equal(first.held_out_outputs.raw, again.held_out_outputs.raw)
    for one, other in zip(*networks.epoch_histories, *same_networks.epoch_histories, strict=True):
        assert replace(one, seconds=0.0) == replace(other, seconds=0.0)


@pytest.mark.parametrize(
    "raw",
    [np.zeros((1, N, 1), np.uint32), np.zeros((1, N, 1), np.float32), np.zeros((1, N, 2))],
    ids=["type", "precision", "shape"],
)
def test_progress_with_outputs_of_another_type_or_shape_raises(raw):
    """A crafted checkpoint may hold such outputs."""
    outputs, first = np.zeros((1, N, 1)), FoldsProgress([], [best_epoch()])
    FoldsProgress([], [best_epoch(1, outputs)], [epoch(1.0, 0.5)]).check_can_continue_from(first, outputs)
    with pytest.raises(ValueError, match="the outputs that its folds have chosen do not match the held-out rows"):
        FoldsProgress([], [best_epoch(1, raw)], [epoch(1.0, 0.5)]).check_can_continue_from(first, outputs)
