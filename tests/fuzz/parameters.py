"""Give estimators parameters that are none, and see what they say.

    python -m tests.fuzz.parameters [--n N] [--seed S]

Each is tried in `fit`, `partial_fit`, `resume` or `backpropagate`, on an estimator that is fresh or fitted. It must be
refused with a ValueError or TypeError that names the parameter, says what it got and what would do; and the estimator
must be as it was.
"""

import tempfile
import warnings
from decimal import Decimal
from pathlib import Path

import numpy as np

from sknet import Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.inside import publish
from tests.fuzz.judge import read_options, refused, tell

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
KINDS = {SigmoidMLPClassifier: (X[:, 0] > 0).astype(int), SigmoidMLPRegressor: X[:, 0]}
QUICK = dict(hidden_layer_sizes=2, max_iter=1, random_state=0, early_stopping=False)


class Thing:
    """An object that is nothing that an estimator knows."""


NO_NUMBERS = [
    "x", "", b"1", None, [], [1], (2,), {}, {"a": 1}, {1}, 1j, object(), Thing, Thing(), print, np.array(3),
    np.array([1]), np.array("a"), Decimal("0.5"), True, False, np.True_, float("nan"), np.float32("nan"), "0.1",
    "None", range(3),
]  # fmt: skip
NEGATIVE = [-1, -0.5, -1e-300, -float("inf"), np.float32(-1), np.int8(-3)]
INFINITE = [float("inf"), np.float64("inf")]
HUGE = [10**30, 10**400, 2**64]
NO_COUNTS = [*NO_NUMBERS, *NEGATIVE, *INFINITE, 0, 0.0, 1.5, 2.0, np.float64(3), 10**400]
NO_BOOLS = ["x", "True", None, [], {}, 2, -1, 0.5, object(), Thing(), 1j, np.array([True]), float("nan")]
NO_NAMES = ["x", "Sigmoid ", "", b"adam", 3, -1.0, [], {}, object(), Thing(), 1j, True, float("nan"), np.array(1)]
NO_SIZES = [
    0, -1, 1.5, "3", "x", None, {}, {3}, object(), 1j, [0], [-2], [2, 0], [1.5], ["a"], [None], [[2]], [True],
    np.array([[1]]), np.array(3), np.array([1.5]), float("nan"), 10**20, [10**9, 10**9], [float("inf")], print,
]  # fmt: skip


def without(values, *types):
    return [value for value in values if not isinstance(value, types)]


def not_none(values):
    return [value for value in values if value is not None]


RATES = [*NO_NUMBERS, *NEGATIVE, *INFINITE, 1, 1.0, 1.5, *HUGE]
FROM_ZERO = [*NO_NUMBERS, *NEGATIVE, *HUGE[1:2]]
POSITIVE = [*FROM_ZERO, 0, 0.0]
BAD = {
    "hidden_layer_sizes": NO_SIZES,
    "depth": NO_COUNTS,
    "activation": [*NO_NAMES, ["sigmoid", "x"], [None], ["sigmoid"] * 3, Thing],
    "loss": [*NO_NAMES, None, "mse", ["squared_error"]],
    "learning_rate_init": POSITIVE,
    "max_iter": NO_COUNTS,
    "batch_size": [*NO_COUNTS, "all"],
    "solver": [*NO_NAMES, None, "adamw"],
    "learning_rate": [*without(NO_NAMES, int, float), None, 0.01, 3, "exponential"],
    "random_state": ["x", -1, 1.5, [], {}, object(), 2**64, -(10**9), 1j, b"1"],
    "verbose": ["x", None, [], {}, -1, 0.5, object(), 1j],
    "early_stopping": NO_BOOLS,
    "validation_fraction": [*NO_NUMBERS, *NEGATIVE, *INFINITE, 0, 0.0, 1, 1.0, 1.5, *HUGE],
    "scoring": [*without(NO_NAMES, type(print)), None, "acc", ["loss"]],
    "n_iter_no_change": [*NO_NUMBERS, *NEGATIVE, 0, 1.5, *HUGE[1:2]],
    "tol": FROM_ZERO,
    "categorical_features": ["x", 3, -1, 1.5, object(), {0}, [7], [-9], ["no such"], [1.5], [None], [[0]], [True], 1j],
    "text_features": ["x", 3, -1, 1.5, object(), {0}, [7], [-9], ["no such"], [1.5], [None], [[0]], [True], 1j],
    "max_categories": not_none(NO_COUNTS),
    "text_components": NO_COUNTS,
    "category_encoding": [*NO_NAMES, None, "ordinal"],
    "numeric_encoding": [*NO_NAMES, None, "bins"],
    "n_bins": [*NO_COUNTS, 1],
    "input_gains": NO_BOOLS,
    "input_scaling": [*NO_NAMES, "minmax"],
    "monotonic_cst": ["x", 3, -1.0, object(), {0}, [1], [2] * 3, [None] * 3, [[0] * 3], {"no such": 1}, {0: 1}, 1j],
    "interaction_cst": [
        *NO_NAMES[:6],
        object(),
        1j,
        {0},
        {(0, 1)},
        [0],
        ["x"],
        [["x"]],
        [[3]],
        [[-1]],
        [[0.0]],
        [[None]],
    ],
    "alpha": FROM_ZERO,
    "l1_ratio": [*NO_NUMBERS, *NEGATIVE, *INFINITE, 1.001, 2, *HUGE],
    "weight_decay": FROM_ZERO,
    "dropout": [*without(RATES, list, tuple, np.ndarray, range), [1.0], [-0.1], ["a"], [None], [0.1, 0.2]],
    "max_norm": not_none(POSITIVE),
    "clip_norm": not_none(POSITIVE),
    "averaging": RATES,
    "init": [*without(NO_NAMES, type), None, (), (1,), ([], []), ([1], [2], [3]), "xavier", (None, None)],
    "warm_start": NO_BOOLS,
    "shuffle": NO_BOOLS,
    "dtype": [*NO_NAMES, None, "float16", np.float32],
    "beta_1": RATES,
    "beta_2": RATES,
    "epsilon": POSITIVE,
    "momentum": [*NO_NUMBERS, *NEGATIVE, *INFINITE, 1.001, 2, *HUGE],
    "nesterovs_momentum": NO_BOOLS,
    "power_t": FROM_ZERO,
    "max_fun": NO_COUNTS,
}
OF_CLASSIFIER = {
    "class_weight": ["x", 3, -1.0, [{}] * 2, {0: -1.0}, {0: float("nan")}, {7: 1.0}, {0: "a"}, {0: None}, object(), 1j],
    "label_smoothing": RATES,
    "temperature_scaling": NO_BOOLS,
}
OF_REGRESSOR = {
    "quantile": [*without(NO_NUMBERS, list, tuple, dict), *NEGATIVE, *INFINITE, 0, 1, 1.5, 0.5, [0.5, 0.1], [], [0.0]],
    "huber_delta": [*POSITIVE, 1.0],
    "tweedie_power": [*POSITIVE, 1.0, 2.0, 1.5],
    "target_scaling": [*NO_NAMES, "robust"],
}


def shown(value):
    return f"{type(value).__name__} {str(value)[:40]}"


def attack(n, seed):
    """Try n bad parameters; return a line for each outcome that is not as it should be."""
    draw, faults = np.random.default_rng(seed), []
    cases = [
        (kind, name, value)
        for kind, own in ((SigmoidMLPClassifier, OF_CLASSIFIER), (SigmoidMLPRegressor, OF_REGRESSOR))
        for name, values in (BAD | own).items()
        for value in values
    ]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = {kind: Path(folder) / kind.__name__ for kind in KINDS}
        ways = ["fit", "partial_fit", "backpropagate"]
        if hasattr(SigmoidMLPClassifier, "set_callbacks"):
            ways.append("resume")
            for kind, y in KINDS.items():
                kind(**QUICK).set_callbacks(Checkpoint(paths[kind])).fit(X, y)
        fitted = {kind: kind(**QUICK).fit(X, y) for kind, y in KINDS.items()}
        for k in range(n):
            kind, name, value = cases[k % len(cases)] if n >= len(cases) else cases[draw.integers(len(cases))]
            way, was_fitted = ways[draw.integers(len(ways))], draw.random() < 0.5
            net = kind(**QUICK)
            if was_fitted or way == "backpropagate":
                publish(net, fitted[kind])  # frozen, and nothing may change it: `refused` compares its bytes
            net.set_params(**{name: value})
            arguments = (paths[kind], X, KINDS[kind]) if way == "resume" else (X, KINDS[kind])
            wrong = refused(net, lambda: getattr(net, way)(*arguments), [name])  # noqa: B023
            if wrong:
                faults.append(f"{way} of {kind.__name__}, {name}={shown(value)}: {wrong}")
    return faults


if __name__ == "__main__":
    options = read_options(__doc__, 5000)
    tell(options.n, attack(options.n, options.seed), "bad parameters")
