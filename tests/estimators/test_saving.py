"""Estimators in files: all that was fitted comes back, whatever it is, and nothing else gets in."""

import copy
import json
import os
import pickle
import subprocess
import sys
from collections import OrderedDict, defaultdict

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

import sknet
from sknet import Activation, Loss, ModelFileError, Optimizer, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import saving
from tests.storage.forged import forge, write
from tests.storage.write_versions import VERSIONS
from tests.training.problems import best_epoch

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3))
LABEL, NUMBER = rng.choice(["p", "q", "r"], 100), X[:, 0] - X[:, 1]
QUICK = dict(hidden_layer_sizes=3, max_iter=3, random_state=0, learning_rate="cosine")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def again(estimator, path, custom=None):
    sknet.save(estimator, path)
    return sknet.load(path, custom)


def assert_refused(net, change, path, message=r"model\.safetensors is not a whole file written by sknet\.save: "):
    """A file of what a change leaves of the fitted values is refused."""
    net._fitted = change(net._fitted)
    with pytest.raises(ModelFileError, match=message):
        again(net, path)


def test_all_that_was_fitted_comes_back(path):
    net = SigmoidMLPClassifier(**QUICK).fit(pd.DataFrame(X, columns=list("abc")), LABEL)
    saved = again(net, str(path))
    assert type(saved) is SigmoidMLPClassifier
    assert saved.get_params() == net.get_params()
    for name in ("resolved_params_", "loss_curve_", "validation_scores_", "n_iter_", "t_", "n_features_in_"):
        assert getattr(saved, name) == getattr(net, name)
    for name in ("classes_", "feature_names_in_", "network_feature_names_"):
        assert getattr(saved, name).dtype == getattr(net, name).dtype
        assert (getattr(saved, name) == getattr(net, name)).all()
    pd.testing.assert_frame_equal(saved.history_, net.history_)
    assert all(map(np.array_equal, saved.coefs_ + saved.intercepts_, net.coefs_ + net.intercepts_))


def test_a_loaded_estimator_trains_further_as_the_saved_one(path):
    net = SigmoidMLPRegressor(**QUICK).partial_fit(X, NUMBER).partial_fit(X, NUMBER)
    saved = again(net, path)
    for one in (net, saved):
        one.partial_fit(X, NUMBER)
    assert all(map(np.array_equal, saved.coefs_, net.coefs_))
    net = SigmoidMLPRegressor(**QUICK, warm_start=True).fit(X, NUMBER)
    t = net.t_
    assert again(net, path).fit(X, NUMBER).t_ == t + t // 2  # of two networks, then of the one that they became


def test_weights_set_by_hand_are_saved(path):
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    net.coefs_ = [W * 2 for W in net.coefs_]
    assert (again(net, path).predict(X) == net.predict(X)).all()


MIXED = pd.DataFrame(
    {
        "number": np.where(rng.random(100) < 0.1, np.nan, X[:, 0]),
        "city": pd.Categorical(rng.choice(["Rome", "Oslo", None], 100)),
        "often": rng.choice([f"level {k}" for k in range(30)], 100),
        "when": pd.Timestamp("2026-01-01", tz="Europe/Rome") + pd.to_timedelta(rng.integers(0, 10**7, 100), unit="s"),
        "for": pd.to_timedelta(rng.integers(0, 10**5, 100), unit="s"),
        "flag": rng.random(100) < 0.5,
        "key": [f"row {k}" for k in range(100)],
        "note": [" ".join(words) for words in rng.choice(["a", "flat", "über", "quiet", "trees"], (100, 5))],
    }
)


@pytest.mark.parametrize("way", [
    {}, dict(n_members=2, early_stopping="folds"), dict(early_stopping="folds"),
    dict(n_members=3, early_stopping=True, hidden_layer_sizes=(4, 3)), dict(n_members=2, early_stopping=False),
    dict(numeric_encoding="piecewise_linear", input_scaling="quantile"), dict(category_encoding="target"),
    dict(category_encoding="both", max_categories=5), dict(numeric_encoding="raw", input_scaling="standard"),
], ids=str)  # fmt: skip
@pytest.mark.parametrize(("kind", "y"), [(SigmoidMLPClassifier, LABEL), (SigmoidMLPRegressor, NUMBER)])
@pytest.mark.filterwarnings("ignore")  # identifiers, and runs too short to converge
def test_members_folds_and_every_kind_of_column_come_back(kind, y, way, path):
    net = kind(**QUICK | way).fit(MIXED, y)
    saved = again(net, path)
    np.testing.assert_array_equal(saved.predict(MIXED), net.predict(MIXED))
    pd.testing.assert_frame_equal(saved.history_, net.history_)
    assert saved.loss_curve_ == net.loss_curve_
    assert saved.n_iter_ == net.n_iter_
    for name in ("oof_prediction_", "validation_scores_", "best_validation_score_"):
        assert hasattr(saved, name) == hasattr(net, name)
        np.testing.assert_array_equal(getattr(saved, name, None), getattr(net, name, None))
    if net._fitted.residuals is not None:
        method = "predict_interval" if kind is SigmoidMLPRegressor else "predict_set"
        np.testing.assert_array_equal(getattr(saved, method)(MIXED), getattr(net, method)(MIXED))
        if kind is SigmoidMLPRegressor:
            np.testing.assert_array_equal(saved.predict_quantiles(MIXED, 0.3), net.predict_quantiles(MIXED, 0.3))
    assert pickle.dumps(saved.partial_fit(MIXED, y).coefs_) == pickle.dumps(net.partial_fit(MIXED, y).coefs_)


@pytest.mark.filterwarnings("ignore:y has a single class")
@pytest.mark.parametrize("labels", [
    rng.integers(0, 2, 100), rng.random(100) < 0.5, LABEL, LABEL.astype(object), rng.choice([1.0, 2.0], 100),
    rng.integers(0, 2, (100, 3)), np.c_[rng.integers(0, 2, 100), rng.integers(0, 3, 100)], np.zeros(100),
    np.array(list(zip(LABEL, rng.integers(0, 2, 100), strict=True)), dtype=object),
], ids=lambda y: f"{y.dtype} {y.shape} {y.ravel()[0]}")  # fmt: skip
def test_labels_of_every_kind(path, labels):
    net = SigmoidMLPClassifier(**QUICK).fit(X, labels)
    saved = again(net, path)
    assert saved.predict(X).dtype == net.predict(X).dtype
    assert (saved.predict(X) == net.predict(X)).all()


# --- what a user brings ----------------------------------------------------------------------------------------------


class Steps(Optimizer):
    def update(self, gradient, moments, step):
        return 1.0


def rate(fraction):
    return 1.0 - fraction


SOFTSIGN = Activation(
    "softsign", lambda z: np.divide(z, 1 + abs(z), out=z), lambda a, d: np.multiply(d, (1 - abs(a)) ** 2, out=d)
)
LOG_COSH = Loss("log_cosh", lambda r, t: np.log(np.cosh(r - t)).mean(axis=1), lambda r, t: np.tanh(r - t) / r.shape[1])


def test_pieces_of_ones_own_are_named_and_passed_again(path):
    net = SigmoidMLPRegressor(
        **QUICK | {"learning_rate": rate},
        activation=SOFTSIGN,
        loss=LOG_COSH,
        solver=Steps(),
        validation_fraction=KFold(4),
    ).fit(X, NUMBER)
    sknet.save(net, path)
    with pytest.raises(ModelFileError, match="KFold, Steps, log_cosh, rate, softsign"):
        sknet.load(path)
    pieces = {"softsign": SOFTSIGN, "log_cosh": LOG_COSH, "Steps": net.solver, "rate": rate, "KFold": KFold(4)}
    saved = sknet.load(path, pieces)
    assert saved.loss is LOG_COSH
    assert (saved.predict(X) == net.predict(X)).all()
    with pytest.raises(ModelFileError, match="has the wrong type int"):
        sknet.load(path, pieces | {"log_cosh": 3})


def test_arrays_and_generators_among_the_parameters(path):
    first = SigmoidMLPRegressor(**QUICK, n_members=1).fit(X, NUMBER)
    init, source = (first.coefs_, first.intercepts_), np.random.RandomState(3)
    net = SigmoidMLPRegressor(**QUICK | {"random_state": source, "init": init}, n_iter_no_change=np.inf).fit(X, NUMBER)
    saved = again(net, path)
    assert all(map(np.array_equal, saved.init[0], init[0]))
    assert saved.n_iter_no_change == np.inf
    assert saved.random_state.randint(10**6) == source.randint(10**6)


@pytest.mark.parametrize("parameters", [
    dict(hidden_layer_sizes=pd.Series([4, 3])), dict(hidden_layer_sizes=range(3, 5)),
    dict(monotonic_cst=OrderedDict(a=1)), dict(monotonic_cst=defaultdict(int, a=1)),
    dict(dropout=pd.Series([0.1])), dict(interaction_cst=[{"a", "c"}, frozenset("b")]),
], ids=["series", "range", "ordered dict", "default dict", "series of floats", "sets"])  # fmt: skip
def test_containers_of_every_type_among_the_parameters(path, parameters):
    table = pd.DataFrame(X, columns=list("abc"))
    net = SigmoidMLPRegressor(**QUICK | parameters).fit(table, NUMBER)
    saved = again(net, path)
    np.testing.assert_array_equal(saved.predict(table), net.predict(table))
    assert saved.fit(table, NUMBER).loss_curve_ == net.loss_curve_
    assert again(saved, path).loss_curve_ == net.loss_curve_  # what was read can be saved, too


def test_columns_that_a_frame_names_are_saved(path):
    """`frame.columns[...]` is an index of pandas, which comes back as a list of its names."""
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).round()
    net = SigmoidMLPRegressor(**QUICK, categorical_features=frame.columns[:2]).fit(frame, NUMBER)
    saved = again(net, path)
    assert saved.categorical_features == ["a", "b"]
    assert (saved.predict(frame) == net.predict(frame)).all()
    saved.partial_fit(frame, NUMBER)  # its columns are those of fit


def test_only_fitted_estimators_of_ours_are_saved(path):
    with pytest.raises(NotFittedError):
        sknet.save(SigmoidMLPRegressor(), path)
    with pytest.raises(TypeError, match="not Pipeline: save the fitted network"):
        sknet.save(make_pipeline(SigmoidMLPRegressor(**QUICK)).fit(X, NUMBER), path)
    assert not path.exists()


@pytest.mark.parametrize("path", [0, 1.5, None, b"x", "x\0y"])
def test_what_is_no_path_is_refused(path):
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    for call in (lambda: sknet.save(net, path), lambda: sknet.load(path), lambda: net.resume(path, X, NUMBER)):
        with pytest.raises(TypeError, match="path=.* is no path: give a string"):
            call()


def test_labels_that_no_file_holds_are_refused(path):
    rng = np.random.default_rng(1)
    days = np.array(["2020-01-01", "2020-01-02"], "M8[D]")[rng.integers(0, 2, 100)]
    try:
        net = SigmoidMLPClassifier(**QUICK).fit(X, days)
    except (TypeError, ValueError):
        pytest.skip("dates are no labels")
    with pytest.raises(ValueError, match="cannot be saved"):
        sknet.save(net, path)


WITHOUT = """
import sys
sys.modules["safetensors"] = None
import sknet
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
net = sknet.SigmoidMLPClassifier(hidden_layer_sizes=2, max_iter=2).fit(X, y)
for call in (lambda: sknet.save(net, "there"), lambda: sknet.load("there"), lambda: sknet.Checkpoint("there")):
    try:
        call()
    except ImportError as error:
        print(error)
"""


def test_without_safetensors_the_error_says_what_to_install(tmp_path):
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True, cwd=tmp_path,
                         env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))})  # fmt: skip
    errors = run.stdout.splitlines()
    if not hasattr(SigmoidMLPClassifier, "set_callbacks"):  # where Checkpoint needs scikit-learn 1.9, too
        del errors[2]
    for error, what in zip(errors, ["sknet.save", "reading a file of sknet.save", "sknet.Checkpoint"], strict=False):
        assert error.startswith(f"{what} needs the package safetensors")
        assert error.endswith("pip install safetensors.")
    assert len(errors) >= 2
    assert os.listdir(tmp_path) == []


# --- what a file may not do ------------------------------------------------------------------------------------------


def test_a_file_of_a_later_parameter_says_so(path):
    sknet.save(SigmoidMLPRegressor(**QUICK).fit(X, NUMBER), path)
    rename = lambda value: value["parameters"]["keys"].__setitem__(0, "later")  # noqa: E731
    forge(path, rename, sknet="7.2")
    with pytest.raises(ModelFileError, match=r"written by sknet 7\.2, .* not known here: later\. Update sknet"):
        sknet.load(path)


def test_a_file_of_something_else_is_no_model(path):
    write(path, [1], {}, "sknet.save")
    with pytest.raises(ModelFileError, match="does not hold an estimator"):
        sknet.load(path)


def forget(*names):
    """Make a file one that was written before there were some parameters."""

    def change(value):
        for mapping in (value["parameters"], value["fitted"]["resolved"]):
            kept = [i for i, name in enumerate(mapping["keys"]) if name not in names]
            mapping |= {part: [mapping[part][i] for i in kept] for part in ("keys", "values")}

    return change


@pytest.mark.parametrize("name", ["alpha", "n_members", "hidden_layer_sizes"])
def test_a_file_that_lacks_a_parameter_of_its_version_is_refused(name, path):
    sknet.save(SigmoidMLPRegressor(**QUICK).partial_fit(X, NUMBER), path)
    forge(path, forget(name))
    with pytest.raises(ModelFileError, match=f"lacks parameters: {name}"):
        sknet.load(path)


def test_the_files_of_all_versions_hold_all_that_a_file_may_hold():
    """Otherwise a change to a class might make files unreadable that no test reads."""
    held = set()
    for path in VERSIONS.glob("*/*.safetensors"):
        with safe_open(path, framework="numpy") as file:
            held |= names_in(json.loads(file.metadata()["settings"])["value"])
    assert held >= saving._FILE_CLASSES.keys()


def names_in(plain):
    """The names of the classes of all values."""
    parts = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    own = {plain[key] for key in ("is", "of") if key in plain} if isinstance(plain, dict) else set()
    return own.union(*map(names_in, parts))


# --- beside files ----------------------------------------------------------------------------------------------------


def test_a_pickle_names_the_class_and_nothing_private():
    net = SigmoidMLPClassifier(**QUICK).fit(pd.DataFrame({"a": X[:, 0], "b": LABEL}), LABEL)
    content = pickle.dumps(net)
    assert b"sknet._" not in content
    assert b"SigmoidMLPClassifier" in content
    assert (pickle.loads(content).predict_proba(pd.DataFrame({"a": X[:, 0], "b": LABEL})) ==
            net.predict_proba(pd.DataFrame({"a": X[:, 0], "b": LABEL}))).all()  # fmt: skip


def test_a_memory_mapped_joblib_file(tmp_path):
    joblib = pytest.importorskip("joblib")
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    joblib.dump(net, tmp_path / "net.joblib")
    saved = joblib.load(tmp_path / "net.joblib", mmap_mode="r")
    assert (saved.predict(X) == net.predict(X)).all()


@pytest.mark.export
def test_cloudpickle_takes_pieces_along():
    cloudpickle = pytest.importorskip("cloudpickle")
    local = Activation("local", lambda z: np.tanh(z, out=z), lambda a, d: np.multiply(d, 1 - a * a, out=d))
    net = SigmoidMLPRegressor(**QUICK, activation=local).fit(X, NUMBER)
    assert (cloudpickle.loads(cloudpickle.dumps(net)).predict(X) == net.predict(X)).all()


@pytest.mark.export
@pytest.mark.parametrize("net", [
    SigmoidMLPClassifier(**QUICK).fit(X, LABEL), SigmoidMLPRegressor(**QUICK).fit(X, NUMBER),
], ids=["classifier", "regressor"])  # fmt: skip
def test_what_skops_must_be_told_to_trust(net):
    io = pytest.importorskip("skops.io")
    content = io.dumps(net)
    trusted = io.get_untrusted_types(data=content)
    assert trusted == [f"sknet.{type(net).__name__}"]
    assert (io.loads(content, trusted=trusted).predict(X) == net.predict(X)).all()


# --- parts that do not go together -----------------------------------------------------------------------------------


def replace(value, **changes):
    """A copy with other fields, which no `__post_init__` has checked."""
    copied = copy.copy(value)
    for name, changed in changes.items():
        object.__setattr__(copied, name, changed)
    return copied


def of_other_columns(fitted):
    return replace(fitted, schema=replace(fitted.schema, n=7))


def with_another_head(fitted):
    return replace(fitted, model=SigmoidMLPClassifier(**QUICK).fit(X, LABEL)._fitted.model)


def with_another_layer(fitted):
    network = fitted.model.network
    return replace(fitted, model=replace(fitted.model, network=replace(network, coefs=network.coefs[::-1])))


def with_other_moments(fitted):
    return replace(fitted, state=replace(fitted.state, moments=(np.ones(3), np.ones(3))))


def with_signed_residuals(**changes):
    return lambda fitted: with_residuals(signed=replace(fitted.residuals.signed, **changes))(fitted)


def with_a_scale_of_nothing(fitted):
    scale = fitted.residuals.scale
    return with_residuals(scale=replace(scale, knots=scale.knots[:0], scales=scale.scales[:0]))(fitted)


def with_residuals_of_all(**changes):
    return lambda fitted: with_residuals(of_all=replace(fitted.residuals.of_all, **changes))(fitted)


def with_residuals(**changes):
    return lambda fitted: replace(fitted, residuals=replace(fitted.residuals, **changes))


@pytest.mark.parametrize("change", [
    of_other_columns, with_another_head, with_another_layer, with_residuals_of_all(quantiles=np.zeros((0, 1))),
    with_residuals_of_all(quantiles=np.array([["a"]])), with_residuals_of_all(effective_size=0.0),
    with_residuals(scale=None), with_residuals(low=np.zeros(3)), with_a_scale_of_nothing, with_residuals(signed=None),
    with_signed_residuals(quantiles=np.zeros((0, 1))), with_signed_residuals(quantiles=np.zeros(5)),
    with_signed_residuals(quantiles=np.zeros((5, 2))), with_signed_residuals(quantiles=np.array([["a"]])),
    with_signed_residuals(quantiles=np.array([[np.nan]])), with_signed_residuals(quantiles=np.array([[1.0], [0.0]])),
    with_signed_residuals(effective_size=np.nan), with_signed_residuals(effective_size=np.inf),
    with_signed_residuals(effective_size=0.0),
    lambda fitted: replace(fitted, out_of_fold="none"), lambda fitted: replace(fitted, seeds=(1, 2)),
])  # fmt: skip
def test_parts_that_do_not_go_together_are_refused(path, change):
    net = SigmoidMLPRegressor(**QUICK, early_stopping=True).fit(X, NUMBER)
    assert (again(net, path).predict(X) == net.predict(X)).all()
    assert_refused(net, change, path)


def test_signed_residuals_are_those_of_each_quantile_level(path):
    net = SigmoidMLPRegressor(**QUICK, early_stopping=True, loss="quantile", quantile=(0.2, 0.5, 0.8)).fit(X, NUMBER)
    assert (again(net, path).predict_quantiles(X, 0.3) == net.predict_quantiles(X, 0.3)).all()
    assert_refused(net, with_signed_residuals(quantiles=np.zeros((5, 1))), path)


def with_importances(change):
    return lambda fitted: replace(fitted, importances=change(fitted.importances))


def with_residual_scales(change):
    def changed(fitted):
        scale = fitted.residuals.scale
        return with_residuals(scale=replace(scale, scales=change(scale.scales)))(fitted)

    return changed


def with_encoding(fitted, **changes):
    """The same result with another encoding of its table and targets."""
    model = replace(fitted.model, encoding=replace(fitted.model.encoding, **changes))
    return replace(fitted, model=model)


def with_target_scaler(change):
    def changed(fitted):
        head = fitted.model.head
        target = replace(head.regression_target, scaler=change(head.regression_target.scaler))
        return with_encoding(fitted, head=replace(head, regression_target=target))

    return changed


@pytest.mark.parametrize(("change", "message"), [
    (with_importances(lambda shares: shares * np.nan), "importances holds NaN"),
    (with_importances(lambda shares: -shares), "importances are not one number"),
    (with_importances(lambda shares: shares[:1]), "importances are not one number"),
    (with_residuals_of_all(quantiles=np.full((5, 1), np.nan)), "held-out rows hold NaN"),
    (with_residuals(high=np.full(1, np.nan)), "held-out rows hold NaN"),
    (with_residuals(high=np.zeros(2)), "do not match the targets"),
    (with_residual_scales(lambda scales: scales * np.nan), "not have one positive scale for each knot"),
    (with_residual_scales(lambda scales: -scales), "not have one positive scale for each knot"),
    (with_residual_scales(lambda scales: np.tile(scales, 2)), "not have one positive scale for each knot"),
    (with_target_scaler(lambda scaler: replace(scaler, scale=np.tile(scaler.scale, 2))), "not have one positive scale"),
    (with_target_scaler(lambda scaler: replace(scaler, scale=-scaler.scale)), "not have one positive scale"),
    (with_target_scaler(lambda scaler: replace(scaler, mean=scaler.mean * np.nan)), "one finite mean"),
])  # fmt: skip
def test_numbers_that_cannot_be_are_refused(path, change, message):
    """A row of missing values is predicted all the same."""
    net = SigmoidMLPRegressor(**QUICK, early_stopping=True).fit(X, NUMBER)
    assert_refused(net, change, path, message)


@pytest.mark.parametrize("change", [
    with_residuals(by_class=()), with_residuals(by_class=(1.0, 2.0, 3.0)), with_residuals(of_all=None),
    with_residuals_of_all(quantiles=np.zeros((0, 1))), with_residuals_of_all(quantiles=np.zeros((5, 2))),
])  # fmt: skip
def test_unsuitable_residuals_of_labels_are_refused(path, change):
    net = SigmoidMLPClassifier(**QUICK, early_stopping=True).fit(X, LABEL)
    assert_refused(net, change, path)


def with_state(**changes):
    return lambda fitted: replace(fitted, state=replace(fitted.state, **changes))


def with_network(name, change):
    def changed(fitted):
        model = fitted.model
        arrays = getattr(model.network, name)
        network = replace(model.network, **{name: (change(arrays[0]), *arrays[1:])})
        return replace(fitted, model=replace(model, network=network))

    return changed


N_PARAMETERS = 3 * 3 + 3 + 3 + 1
LENGTHS = rf"float64 and shape \(5,\), not float64 and \({N_PARAMETERS},\)"


@pytest.mark.parametrize(("change", "message"), [
    (with_other_moments, r"fitted.state.moments.0 has dtype float64 and shape \(3,\), not float64 and \(16,\)"),
    (with_state(theta=np.ones(5)), f"fitted.state.theta has dtype {LENGTHS}"),
    (with_state(theta=np.ones(N_PARAMETERS, int)), "fitted.state.theta has dtype int64"),
    (with_state(theta=np.ones((1, 0))), r"fitted.state.theta has dtype float64 and shape \(1, 0\)"),
    (with_state(average=np.ones(5)), f"fitted.state.average has dtype {LENGTHS}"),
    (with_state(best=best_epoch(1, np.ones(5))), f"fitted.state.best.kept has dtype {LENGTHS}"),
    (with_network("coefs", lambda W: W.T[:2]), r"fitted.model.network.coefs.0 has dtype .* \(2, 3\), not .* \(3, 3\)"),
    (with_network("coefs", lambda W: W.astype(int)), "fitted.model.network.coefs.0 has dtype int64"),
    (with_network("intercepts", lambda b: b[np.newaxis]), r"fitted.model.network.intercepts.0 has dtype .* \(1, 3\)"),
    (with_network("intercepts", lambda b: b[:1]), r"fitted.model.network.coefs.0 has .* \(3, 3\), not .* \(3, 1\)"),
    (lambda fitted: replace(fitted, out_of_fold=np.ones((100, 2))), r"fitted.out_of_fold has shape \[\(100, 2\)\]"),
    (lambda fitted: replace(fitted, out_of_fold=[np.ones(9), np.ones(9)]), "fitted.out_of_fold has shape"),
])  # fmt: skip
def test_arrays_of_another_shape_or_type_are_named(path, change, message):
    """Broadcasting hides some of them from a prediction, and training has not begun."""
    parameters = QUICK | {"numeric_encoding": "raw", "averaging": 0.0, "input_gains": False}
    net = SigmoidMLPRegressor(**parameters).partial_fit(X, NUMBER)
    assert again(net, path).partial_fit(X, NUMBER).n_iter_ == 1
    assert_refused(net, change, path, f"its array {message}")


@pytest.mark.parametrize(("change", "message"), [
    (with_other_moments, r"fitted.state.moments.0 has dtype float64 and shape \(3,\), not float64 and \(19,\)"),
    (with_state(theta=np.ones(5)), r"fitted.state.theta has dtype float64 and shape \(5,\), not float64 and \(16,\)"),
    (with_state(theta=np.ones(17)), r"fitted.state.theta has dtype float64 and shape \(17,\), not float64 and \(16,\)"),
])  # fmt: skip
def test_arrays_of_other_gains_are_named(path, change, message):
    net = SigmoidMLPRegressor(**QUICK | {"numeric_encoding": "raw", "averaging": 0.0}).partial_fit(X, NUMBER)
    assert net._fitted.state.theta.size == 3
    assert net._fitted.state.moments[0].size == N_PARAMETERS + 3
    assert_refused(net, change, path, f"its array {message}")


def test_labels_of_two_dimensions_are_refused(path):
    net = SigmoidMLPClassifier(**QUICK).fit(X, np.c_[LABEL, LABEL == "p"])
    head = net._fitted.model.head
    first, second = head.labels.outputs
    labels = replace(head.labels, outputs=(first, replace(second, class_labels=second.class_labels[np.newaxis])))
    net._fitted = with_encoding(net._fitted, head=replace(head, labels=labels))
    with pytest.raises(ModelFileError, match="its arrays of labels do not have one dimension"):
        again(net, path)


HUGE = 10**400


@pytest.mark.parametrize("change", [
    lambda value: value["fitted"]["model"]["encoding"]["encoder"]["columns"][-1].update(factor=HUGE),
    lambda value: value["fitted"]["model"]["network"].update(temperature=-HUGE),
    lambda value: value["fitted"].update(n_samples_seen=HUGE),
    lambda value: value["fitted"].update(n_samples_seen=2**63),
    lambda value: value["parameters"]["values"].__setitem__(0, HUGE),
])  # fmt: skip
def test_an_integer_that_no_float_holds_is_refused(path, change):
    sknet.save(SigmoidMLPRegressor(**QUICK).fit(MIXED[["note"]], NUMBER), path)
    forge(path, change)
    with pytest.raises(ModelFileError, match="an integer of 40[12] digits|n_samples_seen has the wrong type int"):
        sknet.load(path)


def test_parameters_of_the_wrong_type_are_refused(path):
    sknet.save(SigmoidMLPRegressor(**QUICK).fit(X, NUMBER), path)
    forge(path, lambda value: value.update(parameters={"is": "list", "items": [1]}))
    with pytest.raises(ModelFileError, match="SavedEstimator.parameters has the wrong type list"):
        sknet.load(path)


@pytest.mark.parametrize(("name", "value"), [
    ("dtype", 0.5), ("dtype", "int8"), ("n_members", -1), ("max_iter", "many"), ("max_iter", 2**63), ("alpha", [1]),
])  # fmt: skip
def test_resolved_parameters_that_no_fit_resolves_are_refused(name, value, path):
    """Training would continue with them, without another check."""

    def change(saved):
        resolved = saved["fitted"]["resolved"]
        resolved["values"][resolved["keys"].index(name)] = value

    sknet.save(SigmoidMLPRegressor(**QUICK).partial_fit(X, NUMBER), path)
    forge(path, change)
    with pytest.raises(ModelFileError, match=f"{name}|{value}"):
        sknet.load(path)


NOT_FINITE = [
    ({}, "note", "idf"), ({}, "note", "components"), ({}, "note", "centre"), ({}, "note", "factor"),
    (dict(category_encoding="target"), "often", "means"),
    (dict(input_scaling="standard", numeric_encoding="raw"), "number", "centre"),
]  # fmt: skip


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize(("way", "name", "field"), NOT_FINITE, ids=str)
@pytest.mark.filterwarnings("ignore")  # identifiers, and runs too short to converge
def test_numbers_of_columns_that_are_not_finite_are_refused(path, way, name, field, number):
    """A row of missing values does not need them."""
    net = SigmoidMLPRegressor(**QUICK | way).fit(MIXED, NUMBER)
    model = net._fitted.model
    columns = dict(zip(model.encoder.names, model.encoder.columns, strict=True))
    value = getattr(columns[name], field)
    value = np.where(np.arange(value.size).reshape(value.shape) == 1, number, value) if np.ndim(value) else number
    columns[name] = replace(columns[name], **{field: value})
    encoder = replace(model.encoder, columns=tuple(columns.values()))
    net._fitted = with_encoding(net._fitted, encoder=encoder)
    with pytest.raises(ModelFileError, match=f"what was learnt about column '{name}' holds NaN or infinity"):
        again(net, path)


@pytest.mark.parametrize("ending", [".pkl", ".PKL", ".pickle"])
def test_a_name_of_a_pickle_is_told(ending, tmp_path):
    net = SigmoidMLPRegressor(max_iter=1).fit(np.eye(3), np.arange(3.0))
    with pytest.warns(UserWarning, match=f"ends in '{ending}', but sknet.save writes a safetensors file, which only"):
        sknet.save(net, tmp_path / f"net{ending}")
    np.testing.assert_array_equal(sknet.load(tmp_path / f"net{ending}").predict(np.eye(3)), net.predict(np.eye(3)))
    sknet.save(net, tmp_path / "net.pkl.safetensors")


def test_a_piece_of_the_wrong_kind_is_blamed_and_not_the_file(tmp_path):
    loss = sknet.Loss(
        "mine", lambda raw, y: ((raw - y) ** 2).mean(axis=1), lambda raw, y: 2.0 * (raw - y) / raw.shape[1]
    )
    net = SigmoidMLPRegressor(loss=loss, max_iter=2).fit(X, NUMBER)
    sknet.save(net, tmp_path / "net")
    with pytest.raises(ModelFileError, match="cannot be read with these pieces of your own, mine: .* wrong type int"):
        sknet.load(tmp_path / "net", custom={"mine": 3})
