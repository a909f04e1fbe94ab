"""Members of one encoder and one head: rows encoded once, folds of their own, raw outputs averaged."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.members import mean_by_row, train_members
from sknet._training.lbfgs import LBFGS

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3))
LABEL = np.digitize(X[:, 0] + 0.3 * rng.normal(size=90), [-0.5, 0.5])
QUICK = dict(hidden_layer_sizes=4, max_iter=5, random_state=0, n_members=3)


def test_what_members_say_is_put_where_the_rows_are():
    folds = [(None, np.array([0, 3])), (None, np.array([3, 1]))]
    found = mean_by_row([np.array([1.0, 2.0]), np.array([4.0, 5.0])], folds, 5)
    assert_array_equal(found, [1.0, 5.0, np.nan, 3.0, np.nan])
    wide = mean_by_row([np.ones((2, 2), np.float32), 3.0 * np.ones((2, 2), np.float32)], folds, 4)
    assert wide.dtype == np.float32 and wide.shape == (4, 2)
    assert_array_equal(wide[3], [2.0, 2.0])


def test_raw_outputs_are_averaged():
    net = SigmoidMLPClassifier(**QUICK).fit(X, LABEL)
    each = [member.decision_function(X) for member in net.members_]
    assert_allclose(net.decision_function(X), np.mean(each, axis=0), rtol=1e-12)
    many = rng.normal(size=(3000, 3))  # in pieces, in threads
    assert_allclose(net.predict_proba(many)[-5:], net.predict_proba(many[-5:]), rtol=1e-12)


def test_gradients_go_back_through_all():
    net = SigmoidMLPRegressor(**QUICK).fit(X, X[:, 0] ** 2)
    each = [member.input_gradients(X) for member in net.members_]
    assert_allclose(net.input_gradients(X), np.mean(each, axis=0), rtol=1e-9, atol=1e-12)
    label = SigmoidMLPClassifier(**QUICK).fit(X, LABEL)
    moved = [label.predict_proba(X + np.array([step, 0, 0])) for step in (1e-5, -1e-5)]
    assert_allclose(label.input_gradients(X)[:, :, 0], (moved[0] - moved[1]) / 2e-5, rtol=1e-4, atol=1e-7)


def test_encoder_and_target_scale_are_shared():
    net = SigmoidMLPRegressor(**QUICK).fit(X, 100.0 * X[:, 0])
    encoders = {id(part.model.encoder) for part in net._fitted.parts}
    heads = {id(part.model.head) for part in net._fitted.parts}
    assert len(encoders) == len(heads) == 1
    assert_allclose(net._fitted.model.head.numbers.scaler.mean, 100.0 * X[:, 0].mean())


def test_no_mean_of_the_target_contains_what_a_member_is_validated_on():
    """Levels that say nothing: with its own target in a row's encoding, the members would seem to know it."""
    new = np.random.default_rng(1)
    frame = pd.DataFrame({"level": pd.Categorical(new.integers(0, 60, 240).astype(str))})
    y = new.normal(size=240)
    net = SigmoidMLPRegressor(**QUICK, category_encoding="target").fit(frame, y)
    assert np.corrcoef(net.oof_prediction_, y)[0, 1] < 0.2


@pytest.mark.parametrize("encoding", ["target", "both"])
def test_scorers_see_no_target_of_what_a_member_is_validated_on(encoding):
    """Levels that say nothing, again: an epoch is rated by the predictions that are out of its fold."""
    new, seen = np.random.default_rng(1), []
    frame, y = pd.DataFrame({"level": new.integers(0, 200, 600).astype(str)}), new.normal(size=600)

    def rate(net, table, own):
        seen.append(table)
        return r2_score(own, net.predict(table))

    how = QUICK | dict(category_encoding=encoding, max_categories=10, validation_fraction=KFold(3))
    net = SigmoidMLPRegressor(**how, scoring=rate).fit(frame, y)
    for member, (_, held_out) in zip(net.members_, KFold(3).split(y), strict=True):
        own = r2_score(y[held_out], net.oof_prediction_[held_out])
        assert member.best_validation_score_ == pytest.approx(own, rel=1e-9) and own < 0.05
    assert net.best_validation_score_ == pytest.approx(r2_score(y, net.oof_prediction_), rel=1e-9)
    assert all(list(table.columns) == ["level"] for table in seen)  # the scorer may look at the rows


@pytest.mark.parametrize("kind", ["array", "file"])
def test_rows_in_a_file_are_encoded_batch_by_batch(kind, tmp_path):
    np.save(tmp_path / "X.npy", X)
    table = X if kind == "array" else np.load(tmp_path / "X.npy", mmap_mode="r")
    net = SigmoidMLPClassifier(**QUICK).fit(table, LABEL)
    expected = SigmoidMLPClassifier(**QUICK).fit(X, LABEL)
    assert_allclose(net.oof_prediction_, expected.oof_prediction_, rtol=1e-10)
    assert_allclose(net.predict_proba(X), expected.predict_proba(X), rtol=1e-10)


def test_members_have_a_first_order_solver():
    with pytest.raises(TypeError, match="members are trained by a first-order solver"):
        train_members([SimpleNamespace(solver=LBFGS(3, 10, 0.0))], [None], in_threads=False)
