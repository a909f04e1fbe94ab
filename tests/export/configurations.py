"""Random fitted estimators: kinds of columns, losses, activations, outputs, layers, types; and tables to predict.

python tests/export/configurations.py [count]     compares all formats that are installed, and prints the worst
"""

import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._network.activations import ACTIVATIONS

N = 160
SEEDS = range(200)


@dataclass(frozen=True)
class Configuration:
    estimator: object
    X: object  # a table to predict, with missing values and unseen levels where it may have them
    what: str

    @property
    def dtype(self):
        """The shorter type among those of the arithmetic and of the predictions."""
        return min(self.estimator.resolved_params_["dtype"], self.estimator.coefs_[0].dtype.name)

    def outputs(self):
        """Raw-most predictions, as a list of arrays."""
        return outputs_of(self.estimator, self.X)


def outputs_of(estimator, X):
    found = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)
    return found if isinstance(found, list) else [found]


# --- tables ----------------------------------------------------------------------------------------------------------


def _numbers(rng, dtype, missing=True):
    scale, offset = 10.0 ** rng.integers(-3, 4, 4), rng.normal(size=4) * rng.choice([0.0, 10.0])
    X = rng.normal(size=(N, 4)) * scale + offset * scale
    X[:, 3] = np.round(X[:, 3] / scale[3])
    X[:3, 0] *= 1e3  # outliers
    if missing and rng.random() < 0.5:
        X[rng.random((N, 4)) < 0.1] = np.nan
    return X.astype(dtype)


def _frame(rng):
    number, other = _numbers(rng, np.float64)[:, :2].T
    levels = [f"level {k}" for k in range(rng.integers(2, 30))]
    frame = pd.DataFrame(
        {
            "amount": number,
            "share": other.astype(np.float32),
            "count": rng.integers(0, 9, N),
            "town": rng.choice(levels, N),
            "pair": rng.choice(["a", "b"], N),
            "grade": pd.Categorical(rng.choice([1, 2, 3], N)),
            "flag": rng.random(N) < 0.3,
        }
    )
    if rng.random() < 0.5:
        frame.loc[rng.random(N) < 0.1, "town"] = None
    return frame[list(rng.permutation(frame.columns)[: rng.integers(2, 8)])]


def _coded(rng):
    X = _numbers(rng, np.float64)
    X[:, 1] = rng.choice([1.0, 2.5, 7.0], N)
    return X


TABLES = {
    "float32": lambda rng: _numbers(rng, np.float32),
    "float64": lambda rng: _numbers(rng, np.float64),
    "integers": lambda rng: rng.integers(-5, 50, (N, 3)),
    "sparse": lambda rng: sp.random(N, 12, 0.2, format="csr", random_state=int(rng.integers(99))),
    "frame": _frame,
    "codes": _coded,
}


def _to_predict(rng, X):
    """New rows, with levels that training has not seen."""
    if not hasattr(X, "columns"):
        return X[rng.permutation(N)[:60]]
    X = X.sample(60, random_state=int(rng.integers(99))).reset_index(drop=True)
    for name in X.columns.intersection(["town", "pair"]):
        X.loc[rng.random(60) < 0.1, name] = "somewhere new"
        X.loc[rng.random(60) < 0.1, name] = None
    return X


# --- targets ---------------------------------------------------------------------------------------------------------

LABELS = {
    "binary": lambda rng: rng.integers(0, 2, N),
    "text": lambda rng: rng.choice(["yes", "no", "perhaps"], N),
    "multiclass": lambda rng: rng.integers(3, 8, N),
    "bool": lambda rng: rng.random(N) < 0.5,
    "multilabel": lambda rng: rng.integers(0, 2, (N, 3)),
    "multioutput": lambda rng: np.c_[rng.integers(0, 2, N), rng.integers(4, 7, N)],
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


def _parameters(rng):
    sizes = tuple(int(size) for size in rng.integers(1, 24, rng.integers(0, 4)))
    names = sorted(set(ACTIVATIONS) - {"logistic"})
    one = str(rng.choice(names))
    activation = [str(name) for name in rng.choice(names, len(sizes))] if rng.random() < 0.4 else one
    return {
        "hidden_layer_sizes": sizes,
        "activation": activation,
        "dtype": str(rng.choice(["float32", "float64"])),
        "input_scaling": [None, "standard", "robust"][rng.integers(3)],
        "solver": str(rng.choice(["adam", "sgd", "lbfgs"])),
        "learning_rate_init": 0.003,
        "max_iter": 3,
        "random_state": int(rng.integers(99)),
    }


def configuration(seed):
    """Return the fitted estimator with this number, the same each time."""
    rng = np.random.default_rng(seed)
    table = str(rng.choice(list(TABLES)))
    X, parameters = TABLES[table](rng), _parameters(rng)
    if table == "codes":
        parameters["categorical_features"] = [1]
    if rng.random() < 0.5:
        target = str(rng.choice(list(LABELS)))
        loss = str(rng.choice(["log_loss", "squared_error"]))
        estimator, y = SigmoidMLPClassifier(loss=loss, **parameters), LABELS[target](rng)
    else:
        target = loss = str(rng.choice(list(NUMBERS)))
        flat = loss == "levels" or rng.random() < 0.6
        y = np.exp(rng.normal(size=N if flat else (N, 2)))
        estimator = SigmoidMLPRegressor(**{"loss": loss} | NUMBERS[loss] | parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            estimator.fit(X, y)
        except ValueError:  # raw numbers of thousands may be too much for a loss
            estimator.set_params(input_scaling="robust", solver="adam").fit(X, y)
    return Configuration(estimator, _to_predict(rng, X), f"{seed}: {table}, {target}, {loss}, {parameters}")


# --- comparing -------------------------------------------------------------------------------------------------------


def distance(found, expected):
    """The largest difference, relative to the largest value; the shapes must be those of the estimator's."""
    assert [np.shape(part) for part in found] == [part.shape for part in expected]
    pairs = zip(found, expected, strict=True)
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)) for a, b in pairs)


def through_a_file(case):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        sknet.save(case.estimator, path)
        again = sknet.load(path)
    assert all(map(np.array_equal, outputs_of(again, case.X), case.outputs()))
    assert again.get_params() == case.estimator.get_params()
    assert again.resolved_params_ == case.estimator.resolved_params_
    pd.testing.assert_frame_equal(again.history_, case.estimator.history_)
    return 0.0


def feeds_of(session, X):
    """A table as onnxruntime takes it: the empty string for a missing text."""
    if sp.issparse(X):
        X = X.toarray()
    if not hasattr(X, "columns"):
        return {session.get_inputs()[0].name: X}
    types = {"tensor(double)": np.float64, "tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": bool}
    feeds = {}
    for feed in session.get_inputs():
        column = X[feed.name]
        if feed.type == "tensor(string)":
            values = column.astype(object).where(column.notna(), "").astype(str).to_numpy(object)
        else:
            values = column.to_numpy(types[feed.type])
        feeds[feed.name] = values.reshape(-1, 1)
    return feeds


def through_onnx(case):
    import onnxruntime

    from sknet.export import to_onnx

    dense = case.X.toarray() if sp.issparse(case.X) else case.X
    session = onnxruntime.InferenceSession(to_onnx(case.estimator, dense).SerializeToString())
    found = session.run(None, feeds_of(session, case.X))
    if hasattr(case.estimator, "predict_proba"):
        label, *found = found
        agree = label == case.estimator.predict(case.X)
        assert np.mean(agree) > 0.95, "labels"
    expected = case.outputs()
    return distance([part.reshape(other.shape) for part, other in zip(found, expected, strict=True)], expected)


def through_torch(case):
    import torch

    from sknet.export import from_torch, to_torch

    module = to_torch(case.estimator)
    with torch.no_grad():
        found = module(*module.read(case.X.toarray() if sp.issparse(case.X) else case.X))
    found = [part.numpy() for part in (found if isinstance(found, list) else [found])]
    again = from_torch(module.network, like=case.estimator)
    assert all(map(np.array_equal, outputs_of(again, case.X), case.outputs()))
    return distance(found, case.outputs())


def through_sklearn(case):
    from sknet.export import to_sklearn

    pipeline = to_sklearn(case.estimator)
    X = case.X.toarray() if sp.issparse(case.X) else case.X
    X = X if hasattr(X, "columns") else X.astype(np.float64)  # scikit-learn computes in the type of the table
    found = outputs_of(pipeline, X)
    if hasattr(case.estimator, "predict_proba"):
        assert np.mean(pipeline.predict(X) == case.estimator.predict(case.X)) > 0.95
    return distance(found, case.outputs())


FORMATS = {
    "file": (through_a_file, {"float32": 0.0, "float64": 0.0}),
    "onnx": (through_onnx, {"float32": 1e-5, "float64": 1e-5}),
    "torch": (through_torch, {"float32": 1e-5, "float64": 1e-5}),
    "scikit-learn": (through_sklearn, {"float32": 1e-5, "float64": 1e-12}),
}
"""How an estimator goes through each format, and by how much predictions may differ, by the type of the arithmetic."""


def main(count):
    from sknet.export import ExportError

    warnings.simplefilter("ignore")
    worst = {(name, dtype): (0.0, "") for name in FORMATS for dtype in ("float32", "float64")}
    refused = Counter()
    for seed in range(count):
        case = configuration(seed)
        dtype = case.dtype
        for name, (through, limits) in FORMATS.items():
            try:
                difference = through(case)
            except ExportError as error:
                refused[name, str(error)[:70]] += 1
                continue
            worst[name, dtype] = max(worst[name, dtype], (difference, case.what))
            if not difference <= limits[dtype]:
                print("TOO FAR", name, difference, case.what)
    for key, (difference, what) in worst.items():
        print(*key, f"{difference:.2g}", what[:150])
    for key, times in refused.most_common():
        print("refused", times, *key)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else len(SEEDS))
