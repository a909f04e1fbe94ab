"""Press Ctrl-C at every line of a fit and at random instants, and see whether the estimator is whole.

    python -m tests.fuzz.interrupts [--n N] [--seed S]

It must be as it was before, with the interrupt raised, or fitted with all epochs that had ended, bit for bit what so
many epochs give. N instants are drawn, half of them lines of the package, half of them times of a real signal.
"""

import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.threads import TURNS
from tests.fuzz.judge import bits, read_options, tell

PACKAGE = str(Path(sknet.__file__).parent)
N = 24
X = np.random.default_rng(0).normal(size=(N, 2))
NUMBER, LABEL = X[:, 0], (X[:, 0] > 0).astype(int)
# Without averages, and at a rate that does not depend on max_iter, k epochs are the first k of more epochs.
PLAIN = dict(hidden_layer_sizes=2, batch_size=12, learning_rate="constant", random_state=0, max_iter=4, tol=0.0)
KINDS = {
    "classifier": (SigmoidMLPClassifier(**PLAIN, early_stopping=False), LABEL),
    "regressor": (SigmoidMLPRegressor(**PLAIN, early_stopping=True, validation_fraction=0.45), NUMBER),
    "lbfgs": (SigmoidMLPRegressor(**PLAIN | dict(solver="lbfgs"), early_stopping=False), NUMBER),
}
EPOCH_ENDS = sknet._training.state.Snapshot.take.__code__
"""After this function has run, an epoch counts as finished."""


class Line:
    """A trace function that presses Ctrl-C at the n-th line of the package; it counts lines and finished epochs."""

    def __init__(self, at=None):
        self.at, self.n_lines, self.n_epochs = at, 0, -1  # the first copy is of the state before all epochs

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        if event == "line":
            self.n_lines += 1
            if self.n_lines == self.at:
                raise KeyboardInterrupt
        elif event == "return" and frame.f_code is EPOCH_ENDS:
            self.n_epochs += self.at is None or self.n_lines < self.at
        return self

    def during(self, call):
        before = sys.gettrace()
        sys.settrace(self)
        try:
            call()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(before)
            TURNS.forked()  # unlike a signal, a trace function may come at the end of a `with`, before its lock is open
        return False


def by_signal(call, seconds):
    """Make a call, and interrupt it by a real signal after so many seconds; return whether the signal came through."""
    done = threading.Event()

    def press():
        if not done.wait(seconds):
            os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Thread(target=press)
    try:
        presser.start()
        call()
        done.set()
        presser.join()
    except KeyboardInterrupt:
        presser.join()
        return True
    return False


def weights(net):
    return np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])


class Scenario:
    """A call on an estimator, what it is before and what so many epochs make of it."""

    def __init__(self, kind, way):
        self.net, self.y = KINDS[kind]
        self.way, self.kind = way, kind
        self.before = bits(self.fresh())
        self.outcomes = {}
        for k in range(1, 2 if way == "partial_fit" else 1 + self.net.max_iter):
            one = self.fresh(max_iter=k)
            self.call(one)
            self.outcomes[one.n_iter_] = weights(one)
        counter = Line()
        counter.during(lambda: self.call(self.fresh()))
        self.n_lines = counter.n_lines
        started = perf_counter()
        self.call(self.fresh())
        self.seconds = perf_counter() - started

    def fresh(self, **changed):
        one = type(self.net)(**self.net.get_params() | changed)
        if self.way == "partial_fit":
            return one.partial_fit(X, self.y)
        return one.fit(X + 1.0, self.y) if self.way == "refit" else one

    def call(self, net):
        getattr(net, "fit" if self.way == "refit" else self.way)(X, self.y)

    def wrong(self, net, raised, n_epochs):
        """What is wrong with an estimator after an interrupt; None if nothing is."""
        if bits(net)[1] == self.before[1]:
            if not raised:
                return "nothing was done, and nothing said"
            return f"{n_epochs} finished epochs are lost" if n_epochs > 0 and self.way != "partial_fit" else None
        if net.n_iter_ not in self.outcomes or not np.array_equal(weights(net), self.outcomes[net.n_iter_]):
            return f"its weights are not those of {net.n_iter_} epochs"
        if net.n_iter_ < n_epochs:
            return f"{n_epochs - net.n_iter_} finished epochs are lost"
        return None if len(net.history_) >= net.n_iter_ and net.predict(X).shape == (N,) else "its history is torn"


def attack(n, seed):
    """Interrupt n calls; return a line for each outcome that is not as it should be."""
    draw, faults = np.random.default_rng(seed), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ways = [(kind, way) for kind in KINDS for way in ("fit", "refit", "partial_fit")]
        scenarios = [Scenario(kind, way) for kind, way in ways if (kind, way) != ("lbfgs", "partial_fit")]
        for k in range(n):
            scenario = scenarios[draw.integers(len(scenarios))]
            net = scenario.fresh()
            if k % 2:
                at = scenario.seconds * draw.uniform(0.0, 1.2)
                raised, n_epochs = by_signal(lambda: scenario.call(net), at), 0  # noqa: B023
            else:
                line = Line(int(draw.integers(1, scenario.n_lines + 1)))
                raised = line.during(lambda: scenario.call(net))  # noqa: B023
                at, n_epochs = line.at, line.n_epochs
            wrong = scenario.wrong(net, raised, n_epochs)
            if wrong:
                what = f"signal after {at:.4f} s" if k % 2 else f"line {at} of {scenario.n_lines}"
                faults.append(f"{scenario.kind}, {scenario.way}, {what}: {wrong}")
    return faults


if __name__ == "__main__":
    options = read_options(__doc__, 2000)
    tell(options.n, attack(options.n, options.seed), "interrupts")
