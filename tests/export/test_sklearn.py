"""The same predictions by scikit-learn's own parts, or an error that says what it has not."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from configurations import SEEDS, configuration
from formats import FORMATS

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet.export import ExportError, to_sklearn

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3)) * [1, 10, 100]
NUMBER = np.exp(X[:, 0])
QUICK = dict(hidden_layer_sizes=3, max_iter=3, random_state=0, learning_rate="cosine", dtype="float64")


@pytest.mark.parametrize("seed", [*SEEDS[:40], *(pytest.param(s, marks=pytest.mark.export) for s in SEEDS[40:])])
def test_random_configurations(seed):
    case = configuration(seed)
    through, limits = FORMATS["scikit-learn"]
    try:
        assert through(case) <= limits[case.dtype]
    except ExportError as error:
        assert "scikit-learn" in str(error)


def test_missing_numbers_outliers_and_constants():
    train = X.copy()
    train[rng.random(X.shape) < 0.2] = np.nan
    train[:, 2], train[0, 0] = 7.0, 1e6
    test = np.array([[np.nan, 1.0, np.nan], [1e12, -1e12, 3.0], [0.0, np.nan, 7.0]])
    for scaling in (None, "standard", "robust"):
        net = SigmoidMLPRegressor(**QUICK, input_scaling=scaling, loss="huber")
        if scaling is None:
            train[0, 0] = test[1, 0] = 1.0
        net.fit(train, NUMBER)
        np.testing.assert_allclose(to_sklearn(net).predict(test), net.predict(test), rtol=1e-12)


def test_levels_rare_unseen_and_missing():
    town = rng.choice(["Rome", "Oslo", "Lima"], 30_000)
    town[0] = "Bonn"
    frame = pd.DataFrame({"town": town, "n": rng.choice([1, 2, 10], 30_000), "x": rng.normal(size=30_000)})
    frame.loc[1, "town"] = None
    tables = dict(
        categorical_features=["town", "n"], max_categories=4, category_encoding="one_hot", numeric_encoding="raw"
    )
    net = SigmoidMLPClassifier(**QUICK, **tables)
    net.fit(frame, frame.town == "Rome")
    assert net.network_feature_names_.tolist()[2:4] == ["town_infrequent", "town_missing"]
    test = pd.DataFrame({"town": ["Bonn", "Paris", None, "Oslo"], "n": [1, 10, 3, 2], "x": [0.0, 1.0, 2.0, 3.0]})
    pipeline = to_sklearn(net)
    np.testing.assert_allclose(pipeline.predict_proba(test), net.predict_proba(test), rtol=1e-12)
    assert pipeline.feature_names_in_.tolist() == ["town", "n", "x"] and (pipeline.classes_ == net.classes_).all()


@pytest.mark.parametrize(("net", "y", "message"), [
    (SigmoidMLPRegressor(**QUICK, activation="mish"), NUMBER, "activation='mish' is not known to scikit-learn"),
    (SigmoidMLPRegressor(**QUICK | {"hidden_layer_sizes": (3, 3)}, activation=["tanh", "relu"]), NUMBER,
     "one activation"),
    (SigmoidMLPRegressor(**QUICK, loss="quantile", quantile=(0.1, 0.9)), NUMBER, "no several quantiles"),
    (SigmoidMLPClassifier(**QUICK, loss="squared_error"), np.arange(100) % 3, "no multiclass target of 3 classes"),
    (SigmoidMLPClassifier(**QUICK), np.c_[np.arange(100) % 3, np.arange(100) % 2], "no multioutput target"),
    (SigmoidMLPClassifier(**QUICK), np.zeros(100), "no binary target of 1 classes"),
])  # fmt: skip
def test_what_scikit_learn_has_not(net, y, message):
    with pytest.raises(ExportError, match=message):
        to_sklearn(net.fit(X, y))


def test_only_estimators_of_ours():
    with pytest.raises(TypeError, match="and str is neither"):
        to_sklearn("net")


def test_the_pipeline_needs_no_sknet(tmp_path):
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    (tmp_path / "pipeline").write_bytes(pickle.dumps(to_sklearn(net)))
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, pickle, numpy as np; sys.modules['sknet'] = None\n"
        f"net = pickle.load(open({str(tmp_path / 'pipeline')!r}, 'rb'))\n"
        f"print(*net.predict(np.load({str(tmp_path / 'X.npy')!r}))[:5].tolist())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    np.testing.assert_allclose(list(map(float, run.stdout.split())), net.predict(X)[:5], rtol=1e-12)
