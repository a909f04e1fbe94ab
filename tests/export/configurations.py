"""Random fitted estimators: kinds of columns, losses, activations, outputs, layers, types; and tables to predict."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.choices import names_of

N = 160
RANDOM = 200
SEEDS = range(RANDOM + 8)
"""The last ones are those of estimators with all parameters at their defaults, but the epochs."""


@dataclass(frozen=True)
class Configuration:
    estimator: object
    X: object  # a table to predict, with missing values and unknown categories where it may have them
    what: str

    @property
    def dtype(self):
        """The shorter type among those of the arithmetic and of the predictions."""
        return min(self.estimator.resolved_params_["dtype"], self.outputs()[0].dtype.name)

    def outputs(self):
        """Raw-most predictions, as a list of arrays."""
        return outputs_of(self.estimator, self.X)


def outputs_of(estimator, X):
    found = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)
    return found if isinstance(found, list) else [found]


# --- tables ----------------------------------------------------------------------------------------------------------


def _numbers(rng, n, dtype, missing=True):
    scale, offset = 10.0 ** rng.integers(-3, 4, 4), rng.normal(size=4) * rng.choice([0.0, 10.0])
    X = rng.normal(size=(n, 4)) * scale + offset * scale
    X[:, 3] = np.round(X[:, 3] / scale[3])
    X[:3, 0] *= 1e3  # outliers
    X[rng.random(n) < 0.4, 2] = 0.0  # a value that many rows share
    if missing and rng.random() < 0.5:
        X[rng.random((n, 4)) < 0.1] = np.nan
    return X.astype(dtype)


def _frame(rng, n):
    """Columns that hold no dates."""
    number, other, zeros = _numbers(rng, n, np.float64)[:, :3].T
    frame = pd.DataFrame(
        {
            "amount": number,
            "share": other.astype(np.float32),
            "zeros": zeros,
            "count": rng.integers(0, 9, n),
            "town": rng.choice([f"level {k}" for k in range(rng.integers(2, 30))], n),
            "village": rng.choice([f"place {k}" for k in range(150)], n),
            "pair": rng.choice(["a", "b"], n),
            "grade": pd.Categorical(rng.choice([1, 2, 3], n)),
            "flag": rng.random(n) < 0.3,
            "code": rng.integers(100, 140, n),
            "half": rng.integers(0, 40, n) / 2,
            "key": [f"row {k}" for k in rng.permutation(n)],
        }
    )
    for name in frame.columns[rng.random(len(frame.columns)) < 0.5]:
        if frame[name].dtype.kind not in "ib":
            frame.loc[rng.random(n) < 0.1, name] = None
    return frame


def _dates(rng, n):
    """Dates with and without time zone, days, spans of time."""
    since = pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 90 * 365 * 86_400_000, n), unit="ms")
    zone = str(rng.choice(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]))
    frame = pd.DataFrame(
        {
            "when": since,
            "there": since.tz_localize("UTC").tz_convert(zone),
            "day": since.normalize().as_unit("s"),
            "wait": pd.to_timedelta(rng.integers(0, 10**9, n), unit="ms"),
        }
    )
    for name in frame.columns[rng.random(4) < 0.5]:
        frame.loc[rng.random(n) < 0.1, name] = pd.NaT
    return frame


def _some(rng, frame, least):
    return frame[list(rng.permutation(frame.columns)[: rng.integers(least, len(frame.columns) + 1)])]


def _coded(rng, n):
    X = _numbers(rng, n, np.float64)
    X[:, 1] = rng.choice([1.0, 2.5, 7.0], n)
    return X


TABLES = {
    "float32": lambda rng, n: _numbers(rng, n, np.float32),
    "float64": lambda rng, n: _numbers(rng, n, np.float64),
    "integers": lambda rng, n: rng.integers(-5, 50, (n, 3)),
    "sparse": lambda rng, n: sp.random(n, 12, 0.2, format="csr", random_state=int(rng.integers(99))),
    "frame": lambda rng, n: _some(rng, _frame(rng, n), 3),
    "names": lambda rng, n: _some(rng, _frame(rng, n), 6),
    "dates": lambda rng, n: _some(rng, pd.concat([_frame(rng, n).iloc[:, :8], _dates(rng, n)], axis=1), 4),
    "codes": _coded,
}
BENT = ["robust", "quantile"]
"""Scalings that bend what lies far from all that training has seen."""

CODES = ["flag", "code", "half"]
"""Columns of numbers that may be told to be categories."""


def _to_predict(rng, X, bends):
    """New rows, with categories that training has not seen and missing values where it had none."""
    n = X.shape[0]
    if not hasattr(X, "columns"):
        return X[rng.permutation(n)[:60]]
    X = X.sample(60, random_state=int(rng.integers(99))).reset_index(drop=True)
    for name in X.columns.intersection(["town", "village", "pair", "key"]):
        X.loc[rng.random(60) < 0.1, name] = "somewhere new"
    for name in X.columns.intersection(["code", "half"]):
        X.loc[rng.random(60) < 0.1, name] = 99
    for name in X.columns:
        if X[name].dtype.kind not in "ib":
            X.loc[rng.random(60) < 0.1, name] = None
    for name in X.columns.intersection(["amount", "zeros"] if bends else []):
        X.loc[5:8, name] = [-1e9, 1e9, 0.0, 1e-9]  # beyond all that training has seen
    return X


# --- targets ---------------------------------------------------------------------------------------------------------

LABELS = {
    "binary": lambda rng, n: rng.integers(0, 2, n),
    "text": lambda rng, n: rng.choice(["yes", "no", "perhaps"], n),
    "multiclass": lambda rng, n: rng.integers(3, 8, n),
    "bool": lambda rng, n: rng.random(n) < 0.5,
    "multilabel": lambda rng, n: rng.integers(0, 2, (n, 3)),
    "multioutput": lambda rng, n: np.c_[rng.integers(0, 2, n), rng.integers(4, 7, n)],
}
NUMBERS = {
    "squared_error": {},
    "absolute_error": {},
    "huber": {"huber_delta": 0.7},
    "quantile": {"quantile": 0.8},
    "poisson": {},
    "gamma": {},
    "levels": {"loss": "quantile", "quantile": (0.1, 0.25, 0.5, 0.75, 0.9)},
}


def _parameters(rng, table):
    sizes = tuple(int(size) for size in rng.integers(1, 24, rng.integers(0, 4)))
    names = [name for name in names_of("activation") if name != "logistic"]
    one = str(rng.choice(names))
    activation = [str(name) for name in rng.choice(names, len(sizes))] if rng.random() < 0.3 else one
    scalings = [None, "standard", "robust"] if table == "sparse" else [None, "standard", "robust", "quantile"]
    return {
        "hidden_layer_sizes": sizes,
        "activation": activation,
        "dtype": str(rng.choice(["float32", "float64"])),
        "input_scaling": scalings[rng.integers(len(scalings))],
        "numeric_encoding": "raw" if table == "sparse" else str(rng.choice(["raw", "piecewise_linear"])),
        "n_bins": int(rng.choice([3, 16])),
        "category_encoding": str(rng.choice(["one_hot", "target", "both"])),
        "max_categories": [None, 1, 3, 100][rng.integers(4)],
        "solver": str(rng.choice(["adam", "sgd", "lbfgs"])),
        "learning_rate_init": 0.003,
        "max_iter": 3,
        "random_state": int(rng.integers(99)),
    }


def _target(rng, n):
    """Return an estimator, and a target for it."""
    if rng.random() < 0.5:
        target = str(rng.choice(list(LABELS)))
        loss = str(rng.choice(["log_loss", "squared_error"]))
        return SigmoidMLPClassifier(loss=loss), LABELS[target](rng, n), f"{target}, {loss}"
    loss = str(rng.choice(list(NUMBERS)))
    flat = loss == "levels" or rng.random() < 0.6
    y = np.exp(rng.normal(size=n if flat else (n, 2)))
    return SigmoidMLPRegressor(**{"loss": loss} | NUMBERS[loss]), y, f"{loss}, {y.shape[1:]}"


def configuration(seed):
    """Return the fitted estimator with this number, the same each time."""
    rng = np.random.default_rng(seed)
    table, n = str(rng.choice(list(TABLES))), N
    if seed < RANDOM:
        parameters = _parameters(rng, table)
    else:
        table, n, parameters = ["dates", "names"][seed % 2], [2_000, 8_000][seed // 2 % 2], {"max_iter": 2}
    X, (estimator, y, what) = TABLES[table](rng, n), _target(rng, n)
    is_for_members = (
        table != "sparse" and parameters.get("solver") != "lbfgs" and parameters.get("input_scaling", "") is not None
    )
    parameters["n_members"] = 2 if seed % 5 == 0 and is_for_members else 1
    if table == "codes":
        parameters["categorical_features"] = [1]
    if table == "names":
        parameters["categorical_features"] = ["from_dtype", *X.columns.intersection(CODES)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Columns? .* left out|.*identifier|temperature_=.* is the limit")
        try:
            estimator.set_params(**parameters).fit(X, y)
        except ValueError:  # raw numbers of thousands may be too much for a loss
            estimator.set_params(input_scaling="robust", solver="adam", clip_norm=1.0).fit(X, y)
    return Configuration(
        estimator, _to_predict(rng, X, estimator.input_scaling in BENT), f"{seed}: {table}, {n}, {what}, {parameters}"
    )
