"""Folds choose the epoch and the temperature on small tables, and one network is trained on all rows."""

import warnings

import numpy as np
import pandas as pd
import pytest
from held_out import LABEL, LABEL_VAL, NUMBER, TARGETS, WEIGHT, X_VAL, N, X
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, train_test_split

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._training.schedules import Progress, flat_cosine

FOLDS = dict(n_members=1, hidden_layer_sizes=4, max_iter=12, learning_rate_init=0.05, random_state=0)


def test_small_tables_do_not_fail():
    """Seeds for which some seventeen held-out rows, separated by chance, chose one of the first epochs."""
    for load, seeds, most in ((load_iris, (11, 0), 0.06), (load_wine, (19, 19), 0.05)):
        table, labels = load(return_X_y=True)
        for split, seed in enumerate(seeds):
            parts = train_test_split(table, labels, stratify=labels, random_state=split)
            fitted = SigmoidMLPClassifier(random_state=seed).fit(parts[0], parts[2])
            assert fitted.resolved_params_["early_stopping"] == "folds"
            assert 1.0 - fitted.score(parts[1], parts[3]) <= most


@pytest.mark.parametrize("kind", TARGETS)
def test_with_folds_one_network_is_trained_on_all_rows(kind):
    fitted = SigmoidMLPClassifier(**FOLDS).fit(X, TARGETS[kind])
    assert fitted.t_ == N * fitted.n_iter_ and fitted.best_epoch_ == fitted.n_iter_ <= 12
    assert fitted.temperature_ != 1.0
    # the same epochs without folds lead to the same weights, but for the temperature in the last layer
    plain = fitted.resolved_params_ | dict(early_stopping=False, temperature_scaling=False, max_iter=fitted.n_iter_)
    plain["learning_rate"] = lambda fraction: flat_cosine(Progress(fraction * fitted.n_iter_ / 12))
    other = SigmoidMLPClassifier(**plain).fit(X, TARGETS[kind])
    assert_allclose(fitted.coefs_[0], other.coefs_[0], rtol=1e-6)
    assert_allclose(fitted.coefs_[1] * fitted.temperature_, other.coefs_[1], rtol=1e-5)


def test_verbose_says_how_many_epochs_folds_have_chosen(capsys):
    fitted = SigmoidMLPClassifier(**FOLDS, verbose=True).fit(X, LABEL)
    assert f"All {fitted.n_iter_} epochs that folds have chosen are done." in capsys.readouterr().out


def test_what_folds_are_resolved_to_gives_the_same_fit():
    fitted = SigmoidMLPClassifier(**FOLDS).fit(X, LABEL, WEIGHT)
    again = SigmoidMLPClassifier(**fitted.resolved_params_).fit(X, LABEL, WEIGHT)
    assert_array_equal(fitted.predict_proba(X), again.predict_proba(X))
    assert again.resolved_params_ == fitted.resolved_params_


def test_folds_in_regression():
    fitted = SigmoidMLPRegressor(**FOLDS, early_stopping="folds").fit(X, NUMBER)
    assert fitted.t_ == N * fitted.n_iter_ and fitted.temperature_ == 1.0
    assert SigmoidMLPRegressor(**FOLDS).fit(X, NUMBER).resolved_params_["early_stopping"] == "folds"


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
@pytest.mark.parametrize("n_members", [1, 2])
def test_the_folds_epochs_are_told(kind, n_members):
    """Their joint loss is the validation loss of an epoch; what was chosen is the best epoch."""
    fitted = kind(**FOLDS | {"n_members": n_members}).fit(X, LABEL if kind is SigmoidMLPClassifier else NUMBER)
    scores = fitted.validation_scores_
    assert fitted.best_epoch_ == fitted.n_iter_ == len(fitted.loss_curve_) <= len(scores) <= 12
    assert fitted.best_validation_score_ == scores[fitted.n_iter_ - 1]
    assert_array_equal(fitted.history_["validation_score"], scores * n_members)
    assert_array_equal(fitted.history_["validation_loss"], -np.array(scores * n_members))
    assert fitted.history_["loss"].notna().sum() == n_members * fitted.n_iter_
    assert ("member" in fitted.history_) == (n_members > 1)


@pytest.mark.parametrize("n_members", [1, 2])
def test_out_of_fold_predictions(n_members):
    """They are there where folds were asked for, of each row once on a small table, and have the folds' joint loss."""
    folds = FOLDS | {"n_members": n_members, "early_stopping": "folds", "dtype": "float64"}
    fitted = SigmoidMLPClassifier(**folds, label_smoothing=0.0).fit(X, LABEL, WEIGHT)
    p = fitted.oof_prediction_
    assert p.shape == (N, 3) and np.isnan(p[WEIGHT == 0]).all() and np.isfinite(p[WEIGHT > 0]).all()
    losses = -np.log(p[np.arange(N), LABEL])[WEIGHT > 0]
    score = -np.average(losses, weights=WEIGHT[WEIGHT > 0])
    if n_members == 1:
        assert score == pytest.approx(fitted.best_validation_score_, rel=1e-9)
    else:  # the history has the members' equal mean, and then the folds choose shares that are no worse
        assert fitted.best_validation_score_ <= score < 0.9 * fitted.best_validation_score_
    number = SigmoidMLPRegressor(**folds).fit(X, NUMBER)
    assert number.oof_prediction_.shape == (N,) and np.corrcoef(number.oof_prediction_, NUMBER)[0, 1] > 0.5
    for other in (SigmoidMLPClassifier(**FOLDS).fit(X, LABEL), fitted.partial_fit(X, LABEL)):
        with pytest.raises(AttributeError, match="early_stopping='folds' has it"):
            other.oof_prediction_  # noqa: B018


def test_predictions_of_a_fold_do_not_depend_on_its_targets_where_these_encode_a_column():
    """Three rows a level: the means of a fold's training rows must not tell the labels of those that it holds out."""
    frame = pd.DataFrame({"city": [f"c{i % (N // 3)}" for i in range(N)], "number": X[:, 0]})
    group = np.random.default_rng(5).permutation(N) % 4  # one fold each
    label = LABEL > 0
    changed = label.copy()
    changed[group == 0] = label[group == 0][::-1]  # as many of each in all, by which means are scaled
    one_epoch = FOLDS | dict(max_iter=1, temperature_scaling=False, category_encoding="target", early_stopping="folds")
    first, second = (
        SigmoidMLPClassifier(**one_epoch).fit(frame, y, groups=group).oof_prediction_ for y in (label, changed)
    )
    assert_allclose(first[group == 0], second[group == 0], rtol=1e-6)
    assert (np.abs(first - second)[group != 0] > 1e-6).any()


@pytest.mark.parametrize(
    "parameters",
    [{"scoring": "accuracy"}, {"validation_fraction": ShuffleSplit(random_state=0)}, {"warm_start": True},
     {"learning_rate": "constant"}, {"solver": "lbfgs"}],
)  # fmt: skip
def test_folds_or_held_out_rows(parameters):
    """What belongs to held-out rows makes "auto" hold some out, and is refused where folds are asked for."""
    name = next(iter(parameters))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = SigmoidMLPClassifier(**FOLDS | parameters).fit(X, LABEL)
    assert fitted.resolved_params_["early_stopping"] is True and fitted.validation_scores_ is not None
    with pytest.raises(ValueError, match=rf"early_stopping='folds' does not go with {name}="):
        SigmoidMLPClassifier(**FOLDS | parameters, early_stopping="folds").fit(X, LABEL)


def test_own_validation_rows_come_before_folds():
    fitted = SigmoidMLPClassifier(**FOLDS).fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL)
    assert fitted.resolved_params_["early_stopping"] is True and len(fitted.validation_scores_) == fitted.n_iter_


def test_folds_of_a_single_row_are_refused():
    with pytest.raises(ValueError, match="early_stopping='folds' takes two rows of positive weight at least"):
        SigmoidMLPClassifier(**FOLDS, early_stopping="folds").fit(X[:1], LABEL[:1])


def test_folds_that_diverge_name_the_rate():
    net = SigmoidMLPClassifier(**FOLDS | {"learning_rate_init": 1e30, "solver": "sgd", "clip_norm": None})
    with pytest.raises(ValueError, match="learning_rate_init"):
        net.fit(X, LABEL)
    assert not hasattr(net, "coefs_")


class StopsAt:
    """A schedule that presses Ctrl-C at its n-th call."""

    def __init__(self, n_calls):
        self.left = n_calls

    def __call__(self, fraction):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return 1.0


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_an_interrupt_among_the_folds_leaves_the_first_folds_network(kind, n_members):
    y = LABEL if kind is SigmoidMLPClassifier else NUMBER
    net = kind(**FOLDS | {"n_members": n_members, "batch_size": N, "learning_rate": StopsAt(1)})
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert not hasattr(net, "coefs_")
    with pytest.warns(UserWarning, match="interrupted by user.*first fold, trained for 2 epochs"):
        net.set_params(learning_rate=StopsAt(2 * 4 * n_members + 1)).fit(X, y)
    assert net.n_iter_ == len(net.validation_scores_) == 2 and net.coefs_[0].shape[1] == 4 * n_members
    assert net.predict(X).shape == (N,) and not hasattr(net, "oof_prediction_")
    assert net.partial_fit(X, y).n_iter_ == 1


def test_the_loss_at_weights_that_folds_have_helped_to_find():
    """Smoothed labels count, as they did in training."""
    fitted = SigmoidMLPClassifier(**FOLDS).fit(X, LABEL)
    smoothing = fitted.resolved_params_["label_smoothing"]
    loss = fitted.backpropagate(X, LABEL)[0]
    assert smoothing > 0.0
    assert loss == fitted.set_params(label_smoothing=smoothing).backpropagate(X, LABEL)[0]
    assert loss != fitted.set_params(label_smoothing=0.0).backpropagate(X, LABEL)[0]
