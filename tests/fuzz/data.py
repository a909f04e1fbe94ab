"""Give estimators tables, targets, weights and validation rows that are none, and see what they say.

    python -m tests.fuzz.data [--n N] [--seed S]

A fault is put at a random place of data that are otherwise good, in `fit`, `partial_fit`, `predict` or `score`, on an
estimator that is fresh or fitted. It must be refused with a ValueError or TypeError that names the argument or the
column, says what it got and what would do; and the estimator must be as it was.
"""

import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.inside import publish
from tests.fuzz.judge import read_options, refused, tell

N = 30
QUICK = dict(hidden_layer_sizes=2, max_iter=1, random_state=0, early_stopping=False)
KINDS = (SigmoidMLPClassifier, SigmoidMLPRegressor)


def pick(draw, values):
    return values[draw.integers(len(values))]


def good(draw, kind):
    X = draw.normal(size=(N, 3))
    return X, (X[:, 0] > np.median(X[:, 0])).astype(int) if kind is SigmoidMLPClassifier else X[:, 0].copy()


# --- faults: each returns what to pass, and the names of which a message must have one --------------------------------

NOT_FINITE = (np.inf, -np.inf)


def infinity_in_array(draw, X):
    X, j = X.astype(pick(draw, [np.float32, np.float64, object])), draw.integers(3)
    X[draw.integers(N), j] = pick(draw, NOT_FINITE)
    return X, [f"x{j}", f"column {j}", "X"]


def infinity_in_frame(draw, X):
    frame, name = pd.DataFrame(X, columns=["a", "b", "c"]), pick(draw, ["a", "b", "c"])
    frame.at[draw.integers(N), name] = pick(draw, NOT_FINITE)
    return frame, [name]


def thing_in_frame(draw, X):
    frame, name = pd.DataFrame(X, columns=["a", "b", "c"]).astype(object), pick(draw, ["a", "b", "c"])
    frame.at[draw.integers(N), name] = pick(draw, [1j, {}, object()])
    return frame, [name]


def text_in_array(draw, X):
    X, j = X.astype(object), draw.integers(3)
    X[draw.integers(N), j] = pick(draw, ["x", "", "1,5", "nan?"])
    return X, [f"x{j}", f"column {j}", "X"]


def thing_in_array(draw, X):
    X, j = X.astype(object), draw.integers(3)
    X[draw.integers(N), j] = pick(draw, [1j, {}, object(), [1], print])
    return X, [f"x{j}", f"column {j}", "X"]


def not_finite_in_sparse(draw, X):
    X = sp.csr_array(X)
    X.data[draw.integers(X.nnz)] = pick(draw, [np.nan, np.inf, -np.inf])
    return pick(draw, [X, X.tocsc(), X.tocoo()]), ["X", "x0", "x1", "x2"]


def no_table(draw, X):
    bad = [
        None, 3, "table", b"", {}, set(), object(), [], [[]], X[0], X[None], np.float64(1), X[:0], X[:, :0], 1j * X,
        X.astype("S"), X[:, 0], [[1, 2], [3]], range(N), print, X.astype("U"),
        pd.DataFrame(), pd.Series(X[:, 0]), np.array("x"), sp.csr_array((N, 0)), np.empty((0, 3)), X.tolist()[0],
    ]  # fmt: skip
    return pick(draw, bad), ["X"]


def other_rows(draw, X):
    return X[: draw.integers(1, N)], ["X has"]


OF_X = [
    infinity_in_array, infinity_in_frame, thing_in_frame, text_in_array, thing_in_array, not_finite_in_sparse, no_table,
    other_rows,
]  # fmt: skip


def not_finite_target(draw, y):
    y = y.astype(pick(draw, [float, object]))
    y[draw.integers(N)] = pick(draw, [np.nan, np.inf, -np.inf])
    return y, ["y"]


def thing_in_target(draw, y):
    y = y.astype(object)
    y[draw.integers(N)] = pick(draw, [1j, {}, object(), [1], (1, 2), None, pd.NaT])
    return y, ["y"]


def no_target(draw, y):
    bad = [
        None, 3, "y", {}, object(), [], y[:0], y[: N // 2], y[:, None][:, :0], y.reshape(-1, 1, 1), 1j * y,
        np.array("x"), np.repeat(y, 2), [[1, 2], [3]], print, np.array(1.0), list(y)[:-1], pd.Series(dtype=float),
    ]  # fmt: skip
    return pick(draw, bad), ["y"]


OF_Y = [not_finite_target, thing_in_target, no_target]


def bad_weight(draw, y):
    weight = np.ones(N)
    at = draw.integers(N)
    negative, missing, infinite = (weight.copy() for _ in range(3))
    negative[at], missing[at], infinite[at] = -draw.random() - 1e-9, np.nan, np.inf
    bad = [
        negative, missing, infinite, weight * 0.0, weight[: at + 1][:-1], np.ones(N + 1), np.ones((N, 2)), "balanced",
        weight * 1j, ["a"] * N, {}, object(), np.full(N, None), np.array("x"), [[1], [1, 2]], -weight,
        weight.astype("M8[s]"),
    ]  # fmt: skip
    return pick(draw, bad), ["sample_weight"]


def bad_validation(draw, X, y):
    """A validation set that is none, as arguments of `fit`; and the names."""
    known = {"X_val": X[:10].copy(), "y_val": y[:10].copy()}
    way = draw.integers(10)
    if way == 0:
        del known["y_val"]
    elif way == 1:
        del known["X_val"]
    elif way == 2:
        known["X_val"] = known["X_val"][: draw.integers(0, 10)]
    elif way == 3:
        known["X_val"] = known["X_val"][:, : draw.integers(0, 3)]
    elif way == 4:
        known["X_val"][draw.integers(10), draw.integers(3)] = pick(draw, NOT_FINITE)
    elif way == 5:
        known["y_val"] = not_finite_target(draw, np.resize(known["y_val"], N))[0][:10].astype(float)
        known["y_val"][0] = np.nan
    elif way == 6:
        known["X_val"] = no_table(draw, X)[0]
        known["X_val"] = "table" if known["X_val"] is None else known["X_val"]
    elif way == 7:
        known["sample_weight_val"] = [-np.ones(10), np.ones(9), np.full(10, np.nan), np.zeros(10), "x"][
            draw.integers(5)
        ]
    elif way == 8:
        known["X_val"] = pick(draw, [infinity_in_frame, thing_in_frame])(draw, X)[0][:10]
        known["X_val"].iloc[0, 0] = np.inf
    else:
        known["y_val"] = ["never seen"] * 10
    return known, ["X_val", "y_val", "sample_weight_val"]


# --- one attack ------------------------------------------------------------------------------------------------------


def case(draw, kind, fitted):
    """An estimator, a call on it, the names, and what is tried."""
    X, y = good(draw, kind)
    net = kind(**QUICK)
    if draw.random() < 0.5:
        publish(net, fitted[kind])
    way = pick(draw, ["fit", "partial_fit", "predict", "score"])
    if way in ("predict", "score"):
        publish(net, fitted[kind])
    if way == "predict":
        make = pick(draw, OF_X[:-1])
        bad, names = make(draw, X)
        return net, lambda: net.predict(bad), names, f"predict, {make.__name__}", bad
    part = pick(draw, ["X", "y", "weight", "validation"] if way == "fit" else ["X", "y", "weight"])
    call = getattr(net, way)
    if part == "X":
        make = pick(draw, OF_X)
        bad, names = make(draw, X)
        return net, lambda: call(bad, y), names, f"{way}, {make.__name__}", bad
    if part == "y":
        make = pick(draw, OF_Y)
        bad, names = make(draw, y)
        return net, lambda: call(X, bad), names, f"{way}, {make.__name__}", bad
    if part == "weight":
        bad, names = bad_weight(draw, y)
        return net, lambda: call(X, y, sample_weight=bad), names, f"{way}, weight", bad
    bad, names = bad_validation(draw, X, y)
    net.set_params(early_stopping=True)
    return net, lambda: call(X, y, **bad), names, "validation", bad


def attack(n, seed):
    """Try n bad tables, targets and weights; return a line for each outcome that is not as it should be."""
    draw, faults = np.random.default_rng(seed), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = {kind: kind(**QUICK).fit(*good(draw, kind)) for kind in KINDS}
        for _ in range(n):
            net, call, names, what, bad = case(draw, pick(draw, KINDS), fitted)
            wrong = refused(net, call, names)
            if wrong:
                faults.append(f"{type(net).__name__}, {what} ({' '.join(repr(bad)[:80].split())}): {wrong}")
    return faults


if __name__ == "__main__":
    options = read_options(__doc__, 5000)
    tell(options.n, attack(options.n, options.seed), "bad data")
