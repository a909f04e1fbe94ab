"""Make the golden files of a version of the format: models, and what they predict of which tables.

python tests/storage/golden/make.py     writes the files of version 1 that are not there; a later version adds its own
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

HERE = Path(__file__).parent
HOW = dict(hidden_layer_sizes=(5, 3), max_iter=4, random_state=0)


def tables():
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(120, 3)), 3)
    X[4, 1] = np.nan
    frame = pd.DataFrame({"number": X[:, 1], "town": rng.choice(["Rome", "Oslo", "Lima"], 120), "sex": ["f", "m"] * 60})
    frame.loc[7, "town"] = None
    return X, frame, rng


def with_dates(frame):
    since = pd.Timestamp("2020", tz="Europe/Berlin") + pd.to_timedelta(np.arange(120) ** 2 * 6007, unit="s")
    mixed = frame.assign(when=since, key=[f"row {k}" for k in range(120)])
    mixed.loc[3:5, ["when", "key"]] = None
    return mixed


def models():
    """Every kind of column, target, loss and state there is."""
    X, frame, rng = tables()
    label, number = rng.choice(["p", "q", "r"], 120), np.round(np.exp(X[:, 0]), 3)
    coded = np.c_[label == "p", label == "q"].astype(int)
    yield "frame", SigmoidMLPClassifier(**HOW, activation=["tanh", "mish"]).fit(frame, label), frame
    yield "binary", SigmoidMLPClassifier(**HOW, class_weight={0: 1.0, 1: 2.0}).partial_fit(X, coded[:, 0]), X
    yield "multilabel", SigmoidMLPClassifier(**HOW, loss="squared_error").fit(X, coded), X
    several = np.c_[coded[:, 0], coded.sum(axis=1) + coded[:, 1]]
    yield "multioutput", SigmoidMLPClassifier(**HOW).fit(X.astype(np.float32), several), X.astype(np.float32)
    yield "regressor", SigmoidMLPRegressor(**HOW, input_scaling="standard").fit(X, np.c_[number, -number]), X
    yield "levels", SigmoidMLPRegressor(**HOW, loss="quantile", quantile=(0.1, 0.5, 0.9)).fit(X, number), X
    yield "poisson", SigmoidMLPRegressor(**HOW, loss="poisson").fit(X, number), X
    yield "huber", SigmoidMLPRegressor(**HOW, loss="huber", huber_delta=0.5, solver="lbfgs").fit(frame, number), frame
    mixed = with_dates(frame)
    columns = dict(numeric_encoding="piecewise_linear", n_bins=3, max_categories=2, category_encoding="both")
    yield "columns", SigmoidMLPRegressor(**HOW, **columns).fit(mixed, number), mixed
    scores = dict(input_scaling="quantile", category_encoding="target")
    yield "scores", SigmoidMLPClassifier(**HOW, **scores).fit(mixed, label), mixed


def outputs(estimator, X):
    found = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)
    return [part.tolist() for part in (found if isinstance(found, list) else [found])]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    expected = json.loads((HERE / "1.json").read_text()) if (HERE / "1.json").exists() else {}
    for name, estimator, X in models():
        if name in expected:
            continue
        sknet.save(estimator, HERE / f"1-{name}.safetensors")
        expected[name] = outputs(estimator, X.iloc[:9] if hasattr(X, "iloc") else X[:9])
    (HERE / "1.json").write_text(json.dumps(expected))
