"""Folds choose the epoch and the temperature on small tables, and one network is trained on all rows."""

import warnings

import pytest
from held_out import LABEL, LABEL_VAL, NUMBER, TARGETS, WEIGHT, X_VAL, N, X
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ShuffleSplit, train_test_split

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._training.minibatch import MiniBatch
from sknet._training.schedules import Progress, flat_cosine

FOLDS = dict(hidden_layer_sizes=4, max_iter=12, learning_rate_init=0.05, random_state=0)


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
    assert fitted.validation_scores_ is None and fitted.temperature_ != 1.0
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


def test_folds_in_regression_if_they_are_asked_for():
    fitted = SigmoidMLPRegressor(**FOLDS, early_stopping="folds").fit(X, NUMBER)
    assert fitted.t_ == N * fitted.n_iter_ and fitted.temperature_ == 1.0
    assert SigmoidMLPRegressor(**FOLDS).fit(X, NUMBER).resolved_params_["early_stopping"] is True


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


def test_an_interrupt_among_the_folds_changes_nothing(monkeypatch):
    net, n_calls = SigmoidMLPClassifier(**FOLDS), []
    whole = SigmoidMLPClassifier(**FOLDS).fit(X, LABEL)

    def interrupted(self, problem, state, observer=None, train=MiniBatch.train):
        n_calls.append(problem.n_samples)
        if len(n_calls) == 3:
            raise KeyboardInterrupt
        return train(self, problem, state, observer)

    monkeypatch.setattr(MiniBatch, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, LABEL)
    assert not hasattr(net, "coefs_") and max(n_calls) < N
    assert_array_equal(net.fit(X, LABEL).coefs_[0], whole.coefs_[0])


def test_the_loss_at_weights_that_folds_have_helped_to_find():
    """Smoothed labels count, as they did in training."""
    fitted = SigmoidMLPClassifier(**FOLDS).fit(X, LABEL)
    smoothing = fitted.resolved_params_["label_smoothing"]
    loss = fitted.backpropagate(X, LABEL)[0]
    assert smoothing > 0.0
    assert loss == fitted.set_params(label_smoothing=smoothing).backpropagate(X, LABEL)[0]
    assert loss != fitted.set_params(label_smoothing=0.0).backpropagate(X, LABEL)[0]
