"""What an estimator says about itself is true: held-out rows do not change the model that is evaluated on them.

Exactly, where a single epoch is all there is to choose; and on average, where y is noise.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, TimeSeriesSplit

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators import inside

N = 200
WORDS = np.array(["red", "blue", "green", "old", "new", "large", "small", "fast", "slow", "heavy", "light", "oak"])
quiet = pytest.mark.filterwarnings("ignore:Column", "ignore::sklearn.exceptions.ConvergenceWarning")


def table(n, rng):
    """A column of each kind: numbers, some of them missing, short and long categories, dates and text."""
    return pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.exponential(size=n)),
            "short": rng.choice(["a", "b", "c"], n),
            "long": rng.choice([f"l{i}" for i in range(25)], n),
            "longer": rng.choice([f"m{i}" for i in range(60)], n),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 700, n)), unit="D"),
            "text": [" ".join(rng.choice(WORDS, 5)) for _ in range(n)],
        }
    )


rng = np.random.default_rng(0)
X = table(N, rng)
TASKS = [(SigmoidMLPClassifier, rng.choice(["a", "b", "c"], N)), (SigmoidMLPRegressor, rng.normal(size=N))]
ENCODINGS = [
    {},
    {"category_encoding": "target", "numeric_encoding": "steps"},
    {"max_categories": 10, "numeric_encoding": "piecewise_linear"},
]
ONE_EPOCH = dict(hidden_layer_sizes=4, max_iter=1, random_state=0, text_components=3, n_members=1)


def changed(rows, y):
    """The table with other values in some rows, and y with their targets in another order."""
    other, targets = X.copy(), y.copy()
    other.loc[rows, "number"] += 100.0
    other.loc[rows, "gaps"] = np.nan
    other.loc[rows, ["short", "long", "longer"]] = "never seen"
    other.loc[rows, "day"] += pd.Timedelta(days=5000)
    other.loc[rows, "text"] = "words of no other row"
    targets[rows] = y[rows[::-1]]
    return other, targets


@quiet
@pytest.mark.parametrize(("kind", "y"), TASKS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_held_out_rows_do_not_change_what_is_learnt(kind, y, encoding):
    seen = []
    net = kind(
        early_stopping=True, scoring=lambda _, rows, __: seen.append(rows.index) or 0.5, **ONE_EPOCH, **encoding
    ).fit(X, y)
    other, targets = changed(seen[0].to_numpy(), y)
    if kind is SigmoidMLPClassifier:
        targets = y  # the labels decide which rows are held out
    again = kind(early_stopping=True, scoring=net.scoring, **ONE_EPOCH, **encoding).fit(other, targets)
    assert seen[0].equals(seen[-1])
    assert len(seen[0]) == 30
    pd.testing.assert_frame_equal(again.inputs_, net.inputs_)
    for W, before in zip(again.coefs_, net.coefs_, strict=True):  # but for the temperature that the rows choose
        np.testing.assert_allclose(W / np.linalg.norm(W), before / np.linalg.norm(before), rtol=1e-5, atol=1e-6)


@quiet
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_targets_of_a_fold_do_not_change_its_predictions(encoding):
    """In another order, they have the same mean and scale, which all folds share."""
    settings = ONE_EPOCH | encoding | dict(early_stopping="folds")
    y = TASKS[1][1]
    folds = inside.run_of(SigmoidMLPRegressor(**settings), X, y).fold_phase
    rows = folds.held_out_indices[: N // 4]  # of the first fold
    _, targets = changed(rows, y)
    before = SigmoidMLPRegressor(**settings).fit(X, y).oof_prediction_[rows]
    after = SigmoidMLPRegressor(**settings).fit(X, targets).oof_prediction_[rows]
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


def test_targets_of_a_fold_do_not_change_its_steps():
    rng = np.random.default_rng(0)
    X = np.exp(rng.normal(size=(400, 1)))
    y = (X[:, 0] > 1.6) + 0.1 * rng.normal(size=400)
    net = SigmoidMLPRegressor(**ONE_EPOCH, numeric_encoding="steps", early_stopping="folds")
    folds = inside.run_of(net, X, y).fold_phase
    rows, targets = folds.held_out_indices[:100], y.copy()
    targets[rows] = y[rows[::-1]]
    changed_folds = inside.run_of(net, X, targets).fold_phase
    (before,), (after,) = (phase.encoding.encoder.columns for phase in (folds, changed_folds))
    assert before.steps
    assert after == before
    others = np.setdiff1d(np.arange(400), rows)
    targets[others] = y[others[::-1]]
    assert not inside.run_of(net, X, targets).fold_phase.encoding.encoder.columns[0].steps  # these decide


@pytest.mark.parametrize("encoding", ["one_hot", "both"])
def test_networks_of_folds_have_the_inputs_of_the_published_one(encoding):
    """Levels that are rare in a fold are frequent enough in the table."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"c{j}": rng.choice([f"l{i}" for i in range(25)], 300) for j in range(3)})
    net = SigmoidMLPRegressor(**ONE_EPOCH, category_encoding=encoding, max_categories=20, early_stopping="folds")
    y = rng.normal(size=300)
    folds = inside.run_of(net, table, y).fold_phase
    assert folds.encoding.encoder.feature_names == list(net.fit(table, y).network_feature_names_)


@quiet
@pytest.mark.parametrize(("kind", "y"), TASKS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rows_that_a_split_does_not_train_on_do_not_change_its_predictions(kind, y, encoding):
    """Neither by their targets nor by their values: what comes later is not known."""
    settings = ONE_EPOCH | encoding | dict(early_stopping="folds", validation_fraction=TimeSeriesSplit(2))
    if kind is SigmoidMLPClassifier:  # later rows choose the temperature, too
        settings |= dict(temperature_scaling=False)
    (_, held_out), (_, later) = TimeSeriesSplit(2).split(X)
    before = kind(**settings).fit(X, y).oof_prediction_[held_out]
    after = kind(**settings).fit(*changed(later, y)).oof_prediction_[held_out]
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)


# --- y is noise ------------------------------------------------------------------------------------------------------

EVALUATIONS = {
    "folds": (dict(early_stopping="folds"), lambda n: {}),
    "groups": (dict(early_stopping="folds"), lambda n: dict(groups=np.arange(n) // 3)),
    "splitter": (dict(early_stopping="folds", validation_fraction=KFold(4)), lambda n: {}),
    "held out": (dict(early_stopping=True), lambda n: {}),
}


@quiet
@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_an_estimator_of_noise_finds_no_effect_and_keeps_its_coverage(kind, evaluation):
    """Columns of 25 categories, in which a network finds an effect by chance: held-out rows must not have seen it."""
    settings, arguments = EVALUATIONS[evaluation]
    n, n_new, is_classifier = 240, 1000, kind is SigmoidMLPClassifier
    correlations, ratios, covered = [], [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        categories = np.array([f"l{i:02d}" for i in range(25)])
        table = pd.DataFrame({f"c{j}": categories[rng.integers(0, 25, n + n_new)] for j in range(12)})
        y = rng.integers(0, 2, n + n_new) if is_classifier else rng.normal(size=n + n_new)
        net = kind(hidden_layer_sizes=8, max_iter=40, random_state=seed, **settings)
        net.fit(table[:n], y[:n], **arguments(n))
        new, y_new = table[n:], y[n:]
        if is_classifier:
            predicted = net.predict_proba(new)[:, 1]
            covered.append(net.predict_set(new, coverage=0.9)[np.arange(n_new), y_new].mean())
        else:
            predicted = net.predict(new)
            low, high = net.predict_interval(new, coverage=0.9).T
            covered.append(np.mean((low <= y_new) & (y_new <= high)))
        if settings["early_stopping"] == "folds":
            out_of_fold = net.oof_prediction_[:, 1] if is_classifier else net.oof_prediction_
            correlations.append(np.cov(out_of_fold, y[:n])[0, 1] / y[:n].std() / max(out_of_fold.std(), 1e-3))
            ratios.append(np.mean((out_of_fold - y[:n]) ** 2) / np.mean((predicted - y_new) ** 2))
    # each bound is some three standard errors of the mean of four draws away from what holds
    assert np.mean(covered) > 0.86
    if correlations:
        assert np.mean(correlations) < 0.1
        assert np.mean(ratios) > 0.9
