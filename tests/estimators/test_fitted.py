"""What a fitted network does: its layers, its gradient."""

import pickle
from copy import deepcopy

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.exceptions import NotFittedError

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, load, save, stream

rng = np.random.default_rng(0)
WIDE = rng.normal(size=(50, 3))
LABEL = np.digitize(WIDE[:, 0], [-0.5, 0.5])
QUICK = dict(
    n_members=1,
    hidden_layer_sizes=(5, 4), max_iter=3, early_stopping=False, random_state=0, batch_size=25, learning_rate="cosine",
)  # fmt: skip


def test_activations_lead_from_the_scaled_input_to_the_prediction():
    net = SigmoidMLPClassifier(**QUICK, activation=["tanh", "sigmoid"]).fit(WIDE, LABEL)
    layers = net.activations(WIDE)
    assert [layer.shape for layer in layers] == [(50, 3), (50, 5), (50, 4), (50, 3)]
    assert len(layers) == net.n_layers_
    assert np.abs(layers[0]).max() < 3.0
    first, second = (layers[k] @ net.coefs_[k] + net.intercepts_[k] for k in (0, 1))
    assert_allclose(layers[1], np.tanh(first), atol=1e-12)
    assert_allclose(layers[2], expit(second), atol=1e-12)
    assert_allclose(layers[3], net.predict_proba(WIDE), atol=1e-12)


def test_many_rows_are_predicted_block_by_block():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    many = np.random.default_rng(1).normal(size=(3500, 3))
    P = net.predict_proba(many)
    for rows in (slice(start, start + 600) for start in range(0, 3500, 500)):
        assert_allclose(P[rows], net.predict_proba(many[rows]), rtol=1e-12)
        for whole, block in zip(net.activations(many), net.activations(many[rows]), strict=True):
            assert_allclose(whole[rows], block, rtol=1e-12)


def test_predicting_and_inspecting_change_no_attribute():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    before = {name: repr(value) for name, value in vars(net).items()}
    net.predict_proba(WIDE)
    net.activations(WIDE)
    net.backpropagate(WIDE, LABEL)
    _ = net.history_, net.network_feature_names_
    assert {name: repr(value) for name, value in vars(net).items()} == before


def test_backpropagate_leaves_its_answer_to_the_caller():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    _, first, _ = net.backpropagate(WIDE, LABEL)
    kept = [part.copy() for part in first]
    net.backpropagate(WIDE[:10], LABEL[:10])
    for part, expected in zip(first, kept, strict=True):
        assert_array_equal(part, expected)
        assert not any(np.shares_memory(part, W) for W in net.coefs_)


def test_weights_may_be_changed_by_hand():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    net.coefs_ = [np.zeros_like(W) for W in net.coefs_]
    net.intercepts_ = [np.zeros_like(b) for b in net.intercepts_]
    assert_allclose(net.predict_proba(WIDE), 1 / 3, rtol=1e-12)
    for name in ("coefs_", "intercepts_"):
        for other in getattr(net, name)[:1], ["a", "b"], [[1.0], [[2.0], [3.0, 4.0]]], 3.0, None:
            with pytest.raises(ValueError, match=rf"{name} must hold arrays of the shapes \[\("):
                setattr(net, name, other)


def test_weights_set_in_another_memory_order_predict_the_same():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 150))
    net = SigmoidMLPRegressor((12, 7), max_iter=3, random_state=0, dtype="float64").fit(X, X[:, 0])
    expected = net.predict(X)
    net.coefs_ = [np.asfortranarray(W) for W in net.coefs_]
    assert all(W.flags.c_contiguous for W in net.coefs_)
    assert_array_equal(net.predict(X), expected)


def test_weights_set_by_hand_are_copies_of_any_sequences_of_numbers():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE.astype(np.float32), LABEL)
    predicted, weights = net.predict_proba(WIDE), [W.tolist() for W in net.coefs_]
    net.coefs_ = weights
    net.intercepts_ = tuple(b.tolist() for b in net.intercepts_)
    assert_array_equal(net.predict_proba(WIDE), predicted)
    assert {array.dtype for array in net.coefs_ + net.intercepts_} == {np.dtype(np.float32)}
    mine = [np.array(W) for W in net.coefs_]
    net.coefs_ = mine
    mine[0][:] = 0.0  # it stays the user's own array: writable, and no longer the network's
    assert_array_equal(net.predict_proba(WIDE), predicted)


def as_fitted(net, tmp_path):
    return net


def from_a_pickle(net, tmp_path):
    return pickle.loads(pickle.dumps(net))


def memory_mapped(net, tmp_path):
    joblib.dump(net, tmp_path / "net.joblib")
    return joblib.load(tmp_path / "net.joblib", mmap_mode="c")  # whose pages a process may write to


def from_a_file(net, tmp_path):
    save(net, tmp_path / "net.safetensors")
    return load(tmp_path / "net.safetensors")


@pytest.mark.parametrize(
    "found_by", [as_fitted, from_a_pickle, memory_mapped, from_a_file, lambda net, _: deepcopy(net)]
)
@pytest.mark.parametrize("parameters", [{}, {"n_members": 2, "hidden_layer_sizes": (4, 3)}, {"hidden_layer_sizes": ()}])
def test_weights_are_read_only_however_an_estimator_was_come_by(found_by, parameters, tmp_path):
    """So intervals and importances are those of the weights that predict: signs cannot be flipped behind their back."""
    net = found_by(SigmoidMLPRegressor(**STOPPING | parameters).fit(WIDE, WIDE[:, 0]), tmp_path)
    for go_on in (
        lambda: net.predict_interval(WIDE, coverage=0.5),
        lambda: net.partial_fit(WIDE, WIDE[:, 0]),
        lambda: net.set_params(warm_start=True, early_stopping=False).fit(WIDE, WIDE[:, 0]),
    ):
        go_on()
        for arrays in net.coefs_, net.intercepts_:
            with pytest.raises(ValueError, match="read-only"):
                arrays[-1][:] *= -1.0
            with pytest.raises(TypeError, match="does not support item assignment"):
                arrays[-1] = -arrays[-1]


# --- the epoch that was kept


STOPPING = QUICK | {"early_stopping": True, "max_iter": 9, "validation_fraction": 0.3, "learning_rate_init": 0.3}


@pytest.mark.parametrize("scoring", ["loss", "r2"])
def test_the_best_epoch_is_the_one_whose_weights_were_kept(scoring):
    noisy, steady = np.random.default_rng(0).normal(size=50), lambda done: 1.0
    given = STOPPING | {"scoring": scoring, "learning_rate": steady, "n_iter_no_change": 3}
    net = SigmoidMLPRegressor(**given).fit(WIDE, noisy)
    assert net.best_epoch_ == 1 + np.argmax(net.validation_scores_) < net.n_iter_
    shorter = SigmoidMLPRegressor(**given | {"max_iter": net.best_epoch_}).fit(WIDE, noisy)
    assert shorter.best_epoch_ == shorter.n_iter_
    for kept, last in zip(net.coefs_, shorter.coefs_, strict=True):
        assert_array_equal(kept, last)


def test_without_held_out_rows_the_last_epoch_is_kept_and_a_warm_start_counts_on():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    assert (net.best_epoch_, net.temperature_) == (3, 1.0)
    net.set_params(warm_start=True, early_stopping=True, validation_fraction=0.3, max_iter=2)
    with pytest.warns(RuntimeWarning, match="this is a warm start"):
        net.fit(WIDE, LABEL)
    assert len(net.history_) == 5
    assert net.best_epoch_ == 3 + 1 + np.argmax(net.validation_scores_[-2:])
    net.partial_fit(WIDE, LABEL)
    assert (net.best_epoch_, net.temperature_) == (6, 1.0)


def test_a_file_keeps_the_temperature_and_the_best_epoch(tmp_path):
    net = SigmoidMLPClassifier(**STOPPING).fit(WIDE, LABEL)
    save(net, tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    assert net.temperature_ != 1.0
    assert (again.temperature_, again.best_epoch_) == (net.temperature_, net.best_epoch_)


# --- importances of the columns


TABLE = pd.DataFrame({"colour": np.where(WIDE[:, 0] > 0.0, "red", "blue"), "number": WIDE[:, 1], "other": WIDE[:, 2]})


@pytest.mark.parametrize("parameters", [{}, {"n_members": 2}, {"hidden_layer_sizes": ()}, {"early_stopping": "folds"}])
def test_importances_are_shares_of_the_tables_columns(parameters):
    net = SigmoidMLPClassifier(**QUICK | {"max_iter": 40} | parameters).fit(TABLE, LABEL > 0, WIDE[:, 1] > -2.0)
    found = net.feature_importances_
    assert found.shape == (3,)
    assert (found >= 0.0).all()
    assert found.sum() == pytest.approx(1.0)
    assert found.argmax() == 0


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "dropped"])
def test_pickles_and_files_keep_importances_while_there_are_any(kept, tmp_path):
    net = SigmoidMLPRegressor(**QUICK).fit(TABLE, WIDE[:, 0])
    before = net.feature_importances_
    if not kept:
        net.coefs_ = net.coefs_
    save(net, tmp_path / "net.safetensors")
    for again in pickle.loads(pickle.dumps(net)), load(tmp_path / "net.safetensors"):
        if kept:
            assert_array_equal(again.feature_importances_, before)
        else:
            assert not hasattr(again, "feature_importances_")


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.partial_fit(TABLE, WIDE[:, 0]),
        lambda net: setattr(net, "coefs_", net.coefs_),
        lambda net: setattr(net, "intercepts_", net.intercepts_),
    ],
    ids=["partial_fit", "weights set by hand", "biases set by hand"],
)
def test_a_changed_network_has_no_importances(change):
    net = SigmoidMLPRegressor(**QUICK).fit(TABLE, WIDE[:, 0])
    change(net)
    with pytest.raises(AttributeError, match="fit computes it, and partial_fit.*explain"):
        net.feature_importances_  # noqa: B018


@pytest.mark.parametrize("name", ["coefs_", "feature_importances_", "resolved_params_"])
def test_an_attribute_that_is_read_before_fit_is_answered_with_fit(name):
    net = SigmoidMLPRegressor()
    assert not hasattr(net, name)
    with pytest.raises(NotFittedError, match=r"^This SigmoidMLPRegressor .* Call 'fit'"):
        getattr(net, name)


def test_importances_are_those_of_the_same_rows_in_parts(tmp_path):
    """Of a stream, whose rows are drawn by their numbers, too."""
    local = SigmoidMLPRegressor(**QUICK | {"max_iter": 30}).fit(TABLE, WIDE[:, 0])
    streamed = SigmoidMLPRegressor(**QUICK | {"max_iter": 30})
    stream.fit(streamed, lambda: iter([TABLE.assign(y=WIDE[:, 0])[i : i + 20] for i in (0, 20, 40)]), target="y")
    assert_allclose(streamed.feature_importances_, local.feature_importances_, atol=0.05)
