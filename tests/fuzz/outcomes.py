"""Draw configurations, take each through the public entry points, and write down what comes out.

    python -m tests.fuzz.outcomes FILE [--n N] [--seed S] [--skip K]
    python -m tests.fuzz.outcomes FILE --compare OTHER

A change that is meant to change no behaviour gives what the code before it gave. Write a file with each of two
checkouts (this program imports nothing but `sknet`, so that `PYTHONPATH=CHECKOUT python PATH/outcomes.py` runs it with
either), and compare them: each difference is shown as one of bits, within rounding, or as a real one.
"""

import argparse
import contextlib
import copy
import hashlib
import io
import json
import pickle
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.model_selection import KFold, TimeSeriesSplit

import sknet
from sknet import stream

ROUNDING = 1e-5
"""Relative differences of sums that two orders of float32 additions may make in a short training."""

ADDRESS = r"0x[0-9a-fA-F]+"
SPLITTERS = [KFold(3, shuffle=True, random_state=0), TimeSeriesSplit(3)]


def pick(draw, *values):
    return values[draw.integers(len(values))]


# --- what is learnt from ----------------------------------------------------------------------------------------------


def draw_table(draw, n):
    """Numbers, numbers with gaps, a sparse matrix, or a frame with categories, dates and texts."""
    X = draw.normal(size=(n, 4))
    kind = pick(draw, "numbers", "numbers", "gaps", "float32", "sparse", "frame", "frame", "frame")
    if kind == "gaps":
        X[draw.random(X.shape) < 0.1] = np.nan
    if kind == "float32":
        X = X.astype(np.float32)
    if kind == "sparse":
        return sp.csr_array(np.where(draw.random(X.shape) < 0.5, X, 0.0))
    if kind != "frame":
        return X
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["town"] = pd.Categorical.from_codes(draw.integers(0, pick(draw, 3, 30), n), [f"town {i}" for i in range(30)])
    if draw.random() < 0.5:
        frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 400, n), unit="D")
    if draw.random() < 0.3:
        words = np.array(["red", "green", "blue", "old", "new", "large", "small", "round", "good", "bad", "fast"])
        frame["note"] = [" ".join(draw.choice(words, 6)) + f" {i}" for i in range(n)]
    return frame


def draw_target(draw, X, is_classifier):
    """Labels or numbers that depend on the first column, one or several, with gaps perhaps."""
    first = (
        X.iloc[:, 0].to_numpy()
        if isinstance(X, pd.DataFrame)
        else X[:, [0]].toarray()[:, 0]
        if sp.issparse(X)
        else X[:, 0]
    )
    signal = np.nan_to_num(first.astype(float)) + 0.3 * draw.normal(size=len(first))
    if is_classifier:
        kind = pick(draw, "two", "text", "three", "multilabel", "outputs", "two")
        three = np.digitize(signal, [-0.5, 0.5])
        return {
            "two": (signal > 0).astype(int),
            "text": np.where(signal > 0, "yes", "no"),
            "three": three,
            "multilabel": np.column_stack([signal > 0, draw.random(len(signal)) < 0.4]).astype(int),
            "outputs": np.column_stack([three, (signal > 0).astype(int)]),
        }[kind]
    kind = pick(draw, "one", "one", "two", "gaps")
    if kind == "one":
        return np.abs(signal) + 0.1
    y = np.abs(np.column_stack([signal, signal + draw.normal(size=len(signal))])) + 0.1
    if kind == "gaps":
        y[draw.random(len(y)) < 0.2, 1] = np.nan
    return y


def draw_parameters(draw, is_classifier):
    """Parameters that are quick, each of the others with some probability."""
    parameters = dict(hidden_layer_sizes=pick(draw, 4, [5, 3]), max_iter=int(draw.integers(2, 9)))
    parameters["random_state"] = pick(draw, 0, 1, "generator")
    choices = {
        "solver": ("adam", "adam", "sgd", "rmsprop", "lbfgs"),
        "learning_rate": ("constant", "adaptive", "cosine"),
        "early_stopping": (True, True, False, False, "folds", "folds"),
        "validation_fraction": (0.2, 0.3, *SPLITTERS),
        "scoring": ("accuracy" if is_classifier else "r2", "accuracy" if is_classifier else "r2", own_score),
        "n_members": (1, 1, 2, 3),
        "n_iter_no_change": (1, 2),
        "tol": (0.0, 0.5),
        "averaging": (0.9, 0.0),
        "dropout": (0.0, 0.2),
        "dtype": ("float32", "float64"),
        "warm_start": (True,),
        "category_encoding": ("target", "both"),
        "numeric_encoding": ("raw", "piecewise_linear"),
        "input_scaling": (None, "standard"),
        "max_norm": (2.0,),
        "l1_ratio": (0.5,),
        "init": ("lecun_normal", "orthogonal"),
        "verbose": (True, 2),
        "batch_size": (50, "auto"),
    }
    if is_classifier:
        choices |= {
            "class_weight": ("balanced",),
            "temperature_scaling": (True, False),
            "label_smoothing": (0.1,),
            "loss": ("squared_error",),
        }
    else:
        choices |= {"loss": ("absolute_error", "huber", "quantile", "poisson", "gamma"), "target_scaling": (None,)}
    rare = {"init", "input_scaling", "max_norm", "l1_ratio", "loss", "temperature_scaling", "tol", "scoring"}
    for name, values in choices.items():
        if draw.random() < (0.12 if name in rare else 0.25):
            parameters[name] = pick(draw, *values)
    return parameters


def own_score(estimator, X, y, sample_weight=None):
    return -float(np.mean(np.abs(estimator.predict(X).reshape(len(y), -1)[:, 0] != np.reshape(y, (len(y), -1))[:, 0])))


def rows_of(values, rows):
    return values.iloc[rows] if isinstance(values, pd.DataFrame) else values[rows]


# --- what is done -----------------------------------------------------------------------------------------------------


class Stopper:
    """A callback that raises a KeyboardInterrupt, or asks to stop, after some epochs."""

    def __init__(self, after, interrupts):
        self.left, self.interrupts = after, interrupts

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            self.left -= 1
            if self.left == 0 and self.interrupts:
                raise KeyboardInterrupt
        return self.left == 0


class Walk:
    """One estimator with its data, and what can be done with it; each step returns the estimator that it leaves."""

    def __init__(self, draw, folder):
        self.draw, self.file = draw, Path(folder) / "file.safetensors"
        self.is_classifier = bool(draw.integers(2))
        n = pick(draw, 80, 200, 450, 700)
        self.X = draw_table(draw, n)
        self.y = draw_target(draw, self.X, self.is_classifier)
        if draw.random() < 0.2:
            self.y = rows_of(pd.DataFrame(self.y), slice(None)) if self.y.ndim == 2 else pd.Series(self.y)
        self.data = {}
        if draw.random() < 0.3:
            self.data["sample_weight"] = draw.integers(0 if draw.random() < 0.5 else 1, 4, n).astype(float)
        if draw.random() < 0.15:
            self.data["groups"] = draw.integers(0, 20, n)
        if draw.random() < 0.15:
            rows = np.arange(n) % 5 == 0
            self.data |= {"X_val": rows_of(self.X, np.flatnonzero(rows)), "y_val": self.targets(np.flatnonzero(rows))}
        self.parameters = draw_parameters(draw, self.is_classifier)
        self.steps = [pick(draw, "fit", "fit", "fit", "fit", "partial_fit", "prepare", "checkpoint", "stream", "stop")]
        later = (
            "fit",
            "fit_others",
            "partial_fit",
            "partial_fit",
            "part",
            "save",
            "pickle",
            "backpropagate",
            "weights",
        )
        self.steps += [pick(draw, *later) for _ in range(draw.integers(0, 3))]
        if self.steps[0] == "checkpoint":
            self.steps.insert(1, "resume")

    def targets(self, rows):
        return self.y.iloc[rows] if hasattr(self.y, "iloc") else self.y[rows]

    def new(self):
        kind = sknet.SigmoidMLPClassifier if self.is_classifier else sknet.SigmoidMLPRegressor
        seed = self.parameters["random_state"]
        return kind(**self.parameters | {"random_state": np.random.RandomState(3) if seed == "generator" else seed})

    def part_of_data(self, rows):
        weight = self.data.get("sample_weight")
        return (rows_of(self.X, rows), self.targets(rows)), {} if weight is None else {"sample_weight": weight[rows]}

    def fit(self, net):
        return net.fit(self.X, self.y, **self.data)

    def fit_others(self, net):
        (X, y), weight = self.part_of_data(np.arange(self.X.shape[0] * 3 // 4))
        return net.set_params(max_iter=3, warm_start=True).fit(X, y, **weight)

    def partial_fit(self, net):
        weight = {name: self.data[name] for name in ("sample_weight",) if name in self.data}
        return net.partial_fit(self.X, self.y, **weight)

    def part(self, net):
        (X, y), weight = self.part_of_data(np.arange(self.X.shape[0] // 2))
        return net.set_params(solver=pick(self.draw, net.solver, "adam")).partial_fit(X, y, **weight)

    def prepare(self, net):
        (X, y), weight = self.part_of_data(np.arange(self.X.shape[0]))
        return stream.prepare(net, X, y, weight.get("sample_weight"))

    def stream(self, net):
        halves = np.array_split(np.arange(self.X.shape[0]), 2)
        weight = self.data.get("sample_weight")
        chunks = [
            (rows_of(self.X, rows), self.targets(rows), *(() if weight is None else (weight[rows],))) for rows in halves
        ]
        return stream.fit(net, lambda: iter(chunks))

    def stop(self, net):
        net.set_callbacks(Stopper(int(self.draw.integers(1, 12)), bool(self.draw.integers(2))))
        try:
            return self.fit(net)
        finally:
            net.set_callbacks()

    def checkpoint(self, net):
        net.set_callbacks(
            sknet.Checkpoint(self.file, every=int(self.draw.integers(1, 3))),
            Stopper(int(self.draw.integers(1, 12)), True),
        )
        try:
            return self.fit(net)
        finally:
            net.set_callbacks()

    def resume(self, net):
        return self.new().resume(self.file, self.X, self.y, **self.data)

    def save(self, net):
        sknet.save(net, self.file)
        return sknet.load(self.file, custom={"own_score": own_score, **{type(s).__name__: s for s in SPLITTERS}})

    def pickle(self, net):
        return pickle.loads(pickle.dumps(net))

    def weights(self, net):
        net.coefs_ = [0.9 * W for W in net.coefs_]
        return net

    def backpropagate(self, net):
        loss, coefs, intercepts = net.backpropagate(self.X, self.y)
        net.found = [np.array(loss), *coefs, *intercepts]
        return net


# --- what comes out ---------------------------------------------------------------------------------------------------

ATTRIBUTES = (
    "coefs_", "intercepts_", "n_iter_", "t_", "loss_curve_", "loss_", "best_loss_", "validation_scores_",
    "best_validation_score_", "best_epoch_", "temperature_", "history_", "resolved_params_", "oof_prediction_",
    "feature_importances_", "inputs_", "network_feature_names_", "out_activation_", "n_features_in_", "found",
)  # fmt: skip
METHODS = ("predict", "predict_proba", "decision_function", "predict_interval", "predict_set", "transform")


def digest(value):
    """Return a short description of a value: bits, and of numbers a few sums by which rounding shows."""
    if isinstance(value, pd.DataFrame):
        value = value.drop(columns="seconds", errors="ignore")
        return {str(name): digest(column.to_numpy()) for name, column in value.items()}
    if isinstance(value, dict):
        return {str(name): digest(item) for name, item in value.items()}
    if isinstance(value, list | tuple) and any(isinstance(item, np.ndarray) for item in value):
        return [digest(item) for item in value]
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        return re.sub(ADDRESS, "", repr(value.tolist() if isinstance(value, np.ndarray) else value))
    flat = np.nan_to_num(array.astype(float).ravel(), posinf=1e300, neginf=-1e300)
    sums = [float(flat.sum()), float(np.abs(flat).sum()), float(flat @ np.cos(np.arange(flat.size)))]
    bits = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
    return {"bits": bits, "type": f"{array.dtype} {array.shape}", "sums": sums}


def outcome_of(net, X):
    """Return what an estimator knows and predicts."""
    found = {}
    for name in ATTRIBUTES:
        with contextlib.suppress(AttributeError):
            found[name] = digest(getattr(net, name))
    for name in METHODS:
        try:
            found[name] = digest(getattr(net, name)(X))
        except (AttributeError, ValueError, TypeError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    if isinstance(net.random_state, np.random.RandomState):
        found["generator"] = digest(copy.deepcopy(net.random_state).random(3))
    return found


def without_times(text):
    return re.sub(r"\d[\d.]* (s|min)\b|(?<=file )\S+|/\S+safetensors", "", text)


def walk(seed, number):
    """Return what one configuration gives, step by step."""
    with tempfile.TemporaryDirectory() as folder:
        way = Walk(np.random.default_rng([seed, number]), folder)
        net, told = way.new(), [repr(way.parameters), type(way.X).__name__, str(way.X.shape), sorted(way.data)]
        found = [{"configuration": re.sub(ADDRESS, "", " ".join(map(str, told)))}]
        for name in way.steps:
            printed = io.StringIO()
            with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
                warnings.simplefilter("always")
                try:
                    net, error = getattr(way, name)(net), None
                except (Exception, KeyboardInterrupt) as raised:
                    error = f"{type(raised).__name__}: {without_times(str(raised))}"
            said = sorted(f"{warning.category.__name__}: {warning.message}" for warning in caught)
            step = {"step": name, "error": error, "warnings": said, "printed": without_times(printed.getvalue())}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(step | (outcome_of(net, way.X) if net.__sklearn_is_fitted__() else {}))
            if not net.__sklearn_is_fitted__() and name != "checkpoint":
                break
        return found


# --- two files --------------------------------------------------------------------------------------------------------


def differences(one, other, path=""):
    """Yield (path, kind, what it is) for all that differs between two outcomes: of bits, or really."""
    if isinstance(one, dict) and isinstance(other, dict) and "bits" in one and "bits" in other:
        if one["bits"] != other["bits"]:
            close = one["type"] == other["type"] and np.allclose(one["sums"], other["sums"], ROUNDING, ROUNDING)
            yield path, "rounding" if close else "DIFFERENT", f"{one['sums']} != {other['sums']}"
    elif isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from differences(one.get(key), other.get(key), f"{path} {key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path} {i}")
    elif one != other:
        yield path, "DIFFERENT", f"{str(one)[:300]} != {str(other)[:300]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--compare", type=Path)
    options = parser.parse_args()
    if options.compare is None:
        found = {str(i): walk(options.seed, i) for i in range(options.skip, options.skip + options.n)}
        options.file.write_text(json.dumps(found, indent=1), encoding="utf-8")
        steps = [step for steps in found.values() for step in steps[1:]]
        print(f"{len(found)} configurations, {len(steps)} steps, {sum(bool(s['error']) for s in steps)} refused")
        return
    one, other = (json.loads(path.read_text(encoding="utf-8")) for path in (options.file, options.compare))
    common = sorted(one.keys() & other.keys(), key=int)
    all_found = {number: list(differences(one[number], other[number])) for number in common}
    for number in common:
        for path, kind, what in all_found[number]:
            print(f"{number}{path}: {kind}: {what}")
    print(f"{len(common)} configurations compared, {sum(map(bool, all_found.values()))} differ")


if __name__ == "__main__":
    main()
