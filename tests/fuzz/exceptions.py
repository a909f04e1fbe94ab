"""Let what users write fail, at random points of a fit, and see whether the estimator is as it was.

    python -m tests.fuzz.exceptions [--n N] [--seed S]

Losses, activations, optimizers, schedules, initialisers, scorers, splitters and callbacks raise at one of their calls,
or memory runs out at a random line of the package. The error must come through, and the estimator be as it was: fresh,
or fitted. After the last of a fit's lines, and in a callback's `teardown`, it may also be whole.
"""

import warnings

import numpy as np
from sklearn.model_selection import ShuffleSplit

from sknet import Activation, Loss, Optimizer, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.fuzz.judge import bits, read_options, tell
from tests.fuzz.tracing import Line

ERRORS = (
    ValueError, TypeError, KeyError, MemoryError, RecursionError, ZeroDivisionError, OSError, AttributeError,
    StopIteration, AssertionError, SystemExit, GeneratorExit,
)  # fmt: skip
N = 24
X = np.random.default_rng(0).normal(size=(N, 2))
NUMBER, LABEL = X[:, 0], (X[:, 0] > 0).astype(int)
QUICK = dict(hidden_layer_sizes=2, max_iter=2, batch_size=12, random_state=0, validation_fraction=0.45)


class Failing:
    """Counts the calls of what it wraps, and raises at the n-th."""

    def __init__(self):
        self.at, self.n_calls, self.error = None, 0, None

    def __reduce__(self):
        return Failing, ()  # pickled without its counts, which are no part of an estimator

    def wrap(self, function):
        return Wrapped(self, function)

    def count(self):
        self.n_calls += 1
        if self.n_calls == self.at:
            raise self.error("from a user's code")


class Wrapped:
    """A function that fails."""

    def __init__(self, failing, function):
        self.failing, self.function = failing, function

    def __call__(self, *args):
        self.failing.count()
        return self.function(*args)


class Descent(Optimizer):
    """An optimizer that fails."""

    def __init__(self, failing):
        self.failing = failing

    def update(self, gradient, moments, step):
        self.failing.count()
        return 1.0


class Hooks:
    """A callback that fails."""

    def __init__(self, failing):
        self.failing = failing

    def setup(self, estimator, context):
        self.failing.count()

    def teardown(self, estimator, context):
        self.failing.count()

    def on_fit_task_begin(self, estimator, context):
        self.failing.count()

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.failing.count()


class Splits(ShuffleSplit):
    failing: Failing

    def split(self, X, y=None, groups=None):
        self.failing.count()
        for train, test in super().split(X, y, groups):
            self.failing.count()
            yield train, test


def tanh(z):
    np.tanh(z, out=z)


def tanh_backward(a, delta):
    delta *= 1.0 - a * a


def squared(raw, target):
    return 0.5 * ((raw - target) ** 2).mean(axis=1)


def squared_gradient(raw, target):
    return (raw - target) / raw.shape[1]


def constant(net, X, y):
    return 0.5


def initial(fan_in, fan_out, rng):
    return rng.normal(size=(fan_in, fan_out))


def pieces(failing, way):
    """What of a user's own may fail in `fit`, or in `partial_fit`, as parameters."""
    found = {
        "activation": dict(activation=Activation("own", failing.wrap(tanh), failing.wrap(tanh_backward))),
        "loss": dict(loss=Loss("own", failing.wrap(squared), failing.wrap(squared_gradient))),
        "optimizer": dict(solver=Descent(failing)),
        "schedule": dict(learning_rate=failing.wrap(float)),
        "init": dict(init=failing.wrap(initial)),
    }
    if way == "fit":
        found["scorer"] = dict(scoring=failing.wrap(constant), early_stopping=True)
        splits = Splits(1, test_size=0.45, random_state=0)
        splits.failing = failing
        found["splitter"] = dict(validation_fraction=splits, early_stopping=True)
        found["callback"] = {}
    return found


def estimator(kind, y, parameters, fitted, failing):
    net = kind(**QUICK | parameters)
    if fitted:
        net.fit(X + 1.0, y)
    failing.at, failing.n_calls = None, 0
    return net


def case(draw, n_calls):
    """Let one piece fail in one call; return what is wrong with the outcome, or None."""
    kind, y = [(SigmoidMLPClassifier, LABEL), (SigmoidMLPRegressor, NUMBER)][draw.integers(2)]
    way, fitted, failing = ["fit", "partial_fit"][draw.integers(2)], bool(draw.integers(2)), Failing()
    known = pieces(failing, way) | {"memory": {}}
    name = list(known)[draw.integers(len(known))]
    if fitted and way == "partial_fit" and name == "init":
        name = "memory"  # weights are there
    if name == "callback" and not hasattr(kind, "set_callbacks"):
        name = "memory"
    what = name, way, kind, fitted

    def fresh():
        net = estimator(kind, y, known[name], fitted, failing)
        return net.set_callbacks(Hooks(failing)) if name == "callback" else net

    if what not in n_calls:
        net, line = fresh(), Line()
        with line.tracing():
            getattr(net, way)(X, y)
        n_calls[what] = line.n_lines if name == "memory" else failing.n_calls
    net, at = fresh(), int(draw.integers(1, n_calls[what] + 1))
    before = bits(net)
    failing.at, failing.error = at, ERRORS[draw.integers(len(ERRORS))]
    try:
        if name == "memory":
            with Line(at, MemoryError).tracing():
                getattr(net, way)(X, y)
        else:
            getattr(net, way)(X, y)
    except BaseException:
        # after the assignment that publishes, which scikit-learn's teardown of callbacks follows
        published = (name == "memory" and n_calls[what] - at < 60) or (name == "callback" and at == n_calls[what])
        if bits(net) != before and not (published and net.predict(X).shape == y.shape):
            return f"{way} of {kind.__name__}, {name} fails at call {at} of {n_calls[what]}: the estimator was changed"
        return None
    return f"{way} of {kind.__name__}, {name}, {failing.error.__name__} at {at} of {n_calls[what]}: nothing was raised"


def attack(n, seed):
    """Let n calls fail; return a line for each whose outcome is not as it should be."""
    draw, n_calls, faults = np.random.default_rng(seed), {}, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(n):
            wrong = case(draw, n_calls)
            if wrong:
                faults.append(wrong)
    return faults


if __name__ == "__main__":
    options = read_options(__doc__, 2000)
    tell(options.n, attack(options.n, options.seed), "exceptions in users' code")
