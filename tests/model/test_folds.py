"""Folds choose the epoch and the temperature for which the loss of the rows that they hold out is least."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.facts import Facts
from sknet._estimators.resolve import resolve, target_settings
from sknet._model import folds
from sknet._model.fitting import fit_model
from sknet._model.folds import LEAST_STEPS, Plan, choose_epoch, plan
from sknet._model.heads import learn_label_head, learn_number_head
from sknet._network.temperature import PRIOR_LOG, inverse_temperature
from sknet._tables.rows import Rows
from sknet._tables.splitting import deal

rng = np.random.default_rng(0)
N, F64 = 90, np.dtype(float)
X = rng.normal(size=(N, 3))
LABEL = (X[:, 0] + rng.normal(size=N) > 0.0).astype(int)
WEIGHT = rng.integers(1, 4, N).astype(float)
QUICK = dict(hidden_layer_sizes=4, batch_size=3, max_iter=8, learning_rate_init=0.05, dropout=0.2)


def classification(weight=None, **parameters):
    net = SigmoidMLPClassifier(**QUICK | parameters)
    head, codes = learn_label_head(LABEL, target_settings(net))
    return resolve(net, Facts(N, "folds"))[0], head, Rows(X, codes, weight)


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("planned", [plan(N), plan(500), plan(5_000)], ids=["few", "some", "many"])
def test_the_loss_of_held_out_rows_chooses(planned, weight, monkeypatch):
    """As computed by fits of one epoch, two epochs and so on, each without one fold."""
    monkeypatch.setattr(folds, "plan", lambda *given: planned)
    n_folds, n_held_out, as_good = planned
    settings, head, rows = classification(weight)
    fold = deal(N, LABEL, None, n_folds, 5)
    held_out = fold < n_held_out
    losses, temperatures = [], []
    for n_epochs in range(1, 9):
        raw = np.empty((N, 1))
        for i in range(n_held_out):
            schedule = SameSchedule(settings.solver.schedule, n_epochs / 8)
            part = replace(settings, solver=replace(settings.solver, max_iter=n_epochs, schedule=schedule))
            training = rows.take(np.flatnonzero(fold != i))
            model, _, _ = fit_model(part, head, training, output_dtype=F64, seeds=(4, 6))
            raw[fold == i] = model.outputs(X[fold == i], np.asarray)
        some = None if weight is None else weight[held_out]
        target, total = LABEL[held_out, np.newaxis].astype(float), held_out.sum() if weight is None else some.sum()
        factor = inverse_temperature(head.loss, raw[held_out], target, some, total)
        loss = log_loss(target[:, 0], 1.0 / (1.0 + np.exp(-factor * raw[held_out, 0])), sample_weight=some)
        losses.append(loss + np.log(factor) ** 2 / (2.0 * PRIOR_LOG**2 * total))
        temperatures.append(1.0 / factor)
    least = LEAST_STEPS // 30  # of 30 steps per epoch
    best = max(i for i in range(least, 8) if losses[i] <= as_good * min(losses[least:]))
    choice = choose_epoch(settings, head, rows, (4, 5, 6), F64)
    assert choice.epoch == best + 1
    assert choice.temperature == pytest.approx(temperatures[best], rel=1e-4)


class SameSchedule:
    """The first part of a schedule."""

    def __init__(self, schedule, share):
        self.schedule, self.share = schedule, share

    def __call__(self, progress):
        return self.schedule(progress._replace(fraction=progress.fraction * self.share))


def test_it_waits_for_a_better_epoch():
    settings, head, rows = classification(max_iter=500, learning_rate_init=0.5, n_iter_no_change=3)
    assert choose_epoch(settings, head, rows, (0, 0, 0), F64).epoch < 100


def test_other_losses_have_no_temperature():
    net = SigmoidMLPRegressor(**QUICK)
    head, values = learn_number_head(X[:, 0], target_settings(net))
    settings = resolve(net, Facts(N, "folds"))[0]
    assert choose_epoch(settings, head, Rows(X, values), (0, 0, 0), F64).temperature == 1.0


def test_only_for_solvers_that_go_epoch_by_epoch():
    net = SigmoidMLPRegressor(**QUICK | {"dropout": 0.0}, solver="lbfgs")
    head, values = learn_number_head(X[:, 0], target_settings(net))
    with pytest.raises(TypeError, match="first-order"):
        choose_epoch(resolve(net, Facts(N, "folds"))[0], head, Rows(X, values), (0, 0, 0), F64)


def test_the_numbers_are_the_documented_ones():
    text = " ".join((Path(__file__).parents[2] / "docs" / "defaults.md").read_text(encoding="utf-8").split())
    assert (
        f"no epoch before the {LEAST_STEPS}th step is chosen" in text
        and "whose loss is within 5 % of the least, the last is taken" in text
    )
    assert "from one of four networks that train side by side" in text and plan(499) == Plan(4, 4, 1.05)
    assert plan(500) == plan(4_999) == Plan(4, 2, 1.002) and plan(5_000) == Plan(10, 1, 1.002)


@pytest.mark.parametrize(("groups", "sizes"), [(None, [9]), (np.arange(N) // 3, [24, 24])])
def test_of_groups_more_is_held_out(groups, sizes, monkeypatch):
    """On larger tables: a tenth of the rows is enough, but not the rows of a tenth of the groups."""
    monkeypatch.setattr(folds, "FEW_ROWS", 10)
    monkeypatch.setattr(folds, "MANY_ROWS", 20)
    held_out = []
    one = folds.part_of
    monkeypatch.setattr(folds, "part_of", lambda *given: held_out.append(np.count_nonzero(given[3])) or one(*given))
    settings, head, rows = classification(max_iter=1)
    rows = replace(rows, groups=groups)
    choose_epoch(settings, head, rows, (0, 0, 0), F64)
    assert held_out == sizes and len(folds.first_fold(head, rows, 0)[1]) == sizes[0]


@pytest.mark.parametrize(("patience", "n_in_vain"), [(1, 1), (3, 3), (8, 8), (9, 8), (np.inf, 8)])
@pytest.mark.parametrize("lower", [0.0, 2.0])
def test_it_ends_where_no_epoch_is_better_for_long(patience, n_in_vain, lower, monkeypatch):
    """One that improves the loss by less than the share `tol` is no better one; the fourth is the best here.

    Losses may be negative: a user's own is, if it is a density's.
    """
    values = iter(np.array([1.0, 0.9, 0.89, 0.85, *[0.9, 0.86] * 20]) - lower)
    monkeypatch.setattr(folds, "plan", lambda *given: Plan(4, 4, 1.002))
    monkeypatch.setattr(folds, "mean_at_best_temperature", lambda *given: (1.0, next(values)))
    settings, head, rows = classification(max_iter=40, n_iter_no_change=patience, tol=0.02)
    trained = []
    one = folds.Part.next_epoch
    monkeypatch.setattr(folds.Part, "next_epoch", lambda part: trained.append(part) or one(part))
    assert choose_epoch(settings, head, rows, (0, 0, 0), F64).epoch == 4
    assert len(trained) == 4 * (4 + n_in_vain + 1)


@pytest.mark.parametrize(("surplus", "chosen"), [(-1e-3, 4), (1e-3, 3)])
def test_the_prior_on_the_temperature_counts_as_a_part_of_the_loss(surplus, chosen, monkeypatch):
    """The last epoch is as good as the best of them, 1, if its loss with the prior is at most 1.05."""
    prior = 1.2**2 / (2.0 * 0.6**2 * N)
    found = iter([(1.0, 1.0)] * 3 + [(np.exp(1.2), 1.05 - prior + surplus)])
    monkeypatch.setattr(folds, "mean_at_best_temperature", lambda *given: next(found))
    settings, head, rows = classification(max_iter=4)
    choice = choose_epoch(settings, head, rows, (0, 0, 0), F64)
    assert choice.epoch == chosen and choice.temperature == pytest.approx(np.exp(-1.2) if chosen == 4 else 1.0)


def test_blas_has_the_threads_of_a_batchs_largest_product(monkeypatch):
    asked = []
    monkeypatch.setattr(folds, "suitable_threads", lambda product: asked.append(product) or nullcontext())
    settings, head, rows = classification(max_iter=1)
    choose_epoch(settings, head, rows, (0, 0, 0), F64)
    assert asked == [3 * 3 * 4]  # of 3 rows, and the weights between 3 inputs and 4 units


def test_without_any_loss_all_epochs_are_trained(monkeypatch):
    monkeypatch.setattr(folds, "mean_at_best_temperature", lambda *given: (1.0, np.nan))
    settings, head, rows = classification(max_iter=4)
    assert choose_epoch(settings, head, rows, (0, 0, 0), F64).epoch == 4
