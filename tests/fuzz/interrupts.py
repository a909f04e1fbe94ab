"""Press Ctrl-C at every line of a fit and at random instants, and see whether the estimator is whole.

    python -m tests.fuzz.interrupts [--n N] [--seed S] [--step K] [--only WORDS]

It must be as it was before, with the interrupt raised, or fitted with all epochs that had ended, bit for bit what so
many epochs give; several members have the same number. N instants are drawn, half of them lines of the package, half of
them times of a real signal. With `--step`, every K-th line of every call is tried instead, from the S-th on.
"""

import os
import signal
import tempfile
import threading
import warnings
from time import perf_counter

import numpy as np

from sknet import Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.inside import fitted_of
from tests.fuzz.judge import bits, read_options, tell
from tests.fuzz.tracing import Line
from tests.model.examples import folds_end_code
from tests.training.problems import epoch_end_code

N = 24
X = np.random.default_rng(0).normal(size=(N, 2))
NUMBER, LABEL = X[:, 0], (X[:, 0] > 0).astype(int)
# Without averages, and at a rate that does not depend on max_iter, k epochs are the first k of more epochs.
PLAIN = dict(hidden_layer_sizes=2, batch_size=12, learning_rate="constant", random_state=0, max_iter=4, tol=0.0)
PLAIN |= dict(n_members=1, dtype="float64")


def steady(fraction):
    """Return the factor of a schedule that has an end, as folds need, and stays the same."""
    return 1.0


STEADY = PLAIN | dict(learning_rate=steady, averaging=0.0, weight_decay=0.0)
# without gains: with them, inputs fade in folds only, and the network to compare with is trained without folds
BY_FOLDS = STEADY | dict(early_stopping="folds", input_gains=False)
MEMBERS = STEADY | dict(early_stopping=False, n_members=2)
VALIDATED = PLAIN | dict(early_stopping=True, validation_fraction=0.45)
KINDS = {
    "classifier": (SigmoidMLPClassifier(**PLAIN, early_stopping=False), LABEL),
    "classifier, held out": (SigmoidMLPClassifier(**VALIDATED), LABEL),
    # without a temperature, which folds choose too
    "classifier, folds": (SigmoidMLPClassifier(**BY_FOLDS, dropout=0.0, temperature_scaling=False), LABEL),
    "classifier, members": (SigmoidMLPClassifier(**MEMBERS, dropout=0.0), LABEL),
    "classifier, lbfgs": (SigmoidMLPClassifier(**PLAIN | dict(solver="lbfgs"), early_stopping=False), LABEL),
    "regressor": (SigmoidMLPRegressor(**VALIDATED), NUMBER),
    "regressor, folds": (SigmoidMLPRegressor(**BY_FOLDS), NUMBER),
    "regressor, members": (SigmoidMLPRegressor(**MEMBERS), NUMBER),
    "regressor, lbfgs": (SigmoidMLPRegressor(**PLAIN | dict(solver="lbfgs"), early_stopping=False), NUMBER),
}
WARNS_OF = np.geterr()
WAYS = ("fit", "refit", "warm start", "partial_fit", "resume")
EPOCH_ENDS = epoch_end_code()
"""After this function has run, an epoch of its networks counts as finished."""
FOLDS_END = folds_end_code()
"""What has run before this function ends, was no training of the network that is learnt."""


def possible(kind, way):
    """Whether there is such a call at all."""
    if way == "resume":
        return hasattr(SigmoidMLPClassifier, "set_callbacks") and "lbfgs" not in kind and "members" not in kind
    return (way, kind.split(", ")[-1]) not in (("partial_fit", "lbfgs"), ("warm start", "folds"))


class Watch(Line):
    """Presses Ctrl-C at the n-th line of the package; it counts lines and finished epochs."""

    def __init__(self, at=None):
        super().__init__(at)
        self.taken, self.folds_done = {}, False

    def returned(self, frame):
        """Note an epoch, or that folds have ended."""
        if self.at is not None and self.n_lines >= self.at:
            return
        if frame.f_code is EPOCH_ENDS:
            for state in frame.f_locals["self"].states:  # kept, so that no other state gets its identity
                # the first time is before the first epoch
                self.taken[id(state)] = state, self.taken.get(id(state), (state, -1))[1] + 1
        elif frame.f_code is FOLDS_END:
            self.folds_done = True
            self.taken.clear()

    def n_epochs(self, n_networks, by_folds):
        """Epochs that all networks have finished."""
        if by_folds and not self.folds_done:
            return 0
        runs = [n_epochs for _, n_epochs in self.taken.values()]
        return min(runs) if len(runs) >= n_networks else 0


def by_signal(call, seconds):
    """Make a call, and interrupt it by a real signal after some seconds; return whether the signal came through."""
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


def weights_of_each(net):
    """Return the epochs and the weights of each network that has been trained: of members all but their joint bias."""
    epochs = fitted_of(net).member_epochs
    if not epochs:
        return [(net.n_iter_, np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_]))]
    parts = [[np.split(net.coefs_[0], len(epochs), axis=1)[i], np.split(net.intercepts_[0], len(epochs))[i],
              np.split(net.coefs_[1], len(epochs))[i]] for i in range(len(epochs))]  # fmt: skip
    return [(len(n), np.concatenate([part.ravel() for part in own])) for n, own in zip(epochs, parts, strict=True)]


def is_of_a_fold(net):
    """Whether training has ended while folds were choosing the epoch."""
    epochs = fitted_of(net).fold_epochs
    return bool(epochs) and net.n_iter_ == len(epochs) and net.loss_ == epochs[-1].loss


class Scenario:
    """A call on an estimator, what it is before and what a number of epochs makes of it."""

    def __init__(self, kind, way, path):
        self.net, self.y = KINDS[kind]
        self.way, self.kind, self.path = way, kind, path
        self.by_folds = self.net.early_stopping == "folds"
        if way == "resume":
            self.fresh(max_iter=2).set_callbacks(Checkpoint(path)).fit(X, self.y)
        self.before = bits(self.fresh())
        self.outcomes = {}  # (which network, its epochs): its weights
        for k in range(1, 2 if way == "partial_fit" else 1 + self.net.max_iter):
            if way != "resume" or k >= 2:
                one = self.fresh(max_iter=k)
                self.call(one.set_params(early_stopping=False) if self.by_folds and way != "resume" else one)
                self.outcomes |= {(i, n): found for i, (n, found) in enumerate(weights_of_each(one))}
        counter = Watch()
        counter.during(lambda: self.call(self.fresh()))
        self.n_lines = counter.n_lines
        started = perf_counter()
        self.call(self.fresh())
        self.seconds = perf_counter() - started

    def fresh(self, **changed):
        one = type(self.net)(**self.net.get_params() | {"warm_start": self.way == "warm start"})
        if self.way == "partial_fit":
            one.partial_fit(X, self.y)
        elif self.way in ("refit", "warm start"):
            one.fit(X + 1.0, self.y)
        return one.set_params(**changed)

    def call(self, net):
        if self.way == "resume":
            net.resume(self.path, X, self.y)
        elif self.way == "partial_fit":
            net.partial_fit(X, self.y)
        else:
            net.fit(X, self.y)

    def wrong(self, net, raised, n_epochs):
        """What is wrong with an estimator, or with what NumPy warns of, after an interrupt; None if nothing is."""
        if np.geterr() != WARNS_OF:
            np.seterr(**WARNS_OF)
            return "np.errstate is left behind"
        if bits(net)[1] == self.before[1]:
            if not raised:
                return "nothing was done, and nothing said"
            return f"{n_epochs} finished epochs are lost" if n_epochs > 0 and self.way != "partial_fit" else None
        if self.by_folds and is_of_a_fold(net):  # whose weights no other call has
            return None if net.predict(X).shape == (N,) else "the network of a fold is torn"
        for i, (n, found) in enumerate(weights_of_each(net)):
            if (i, n) not in self.outcomes or not np.array_equal(found, self.outcomes[i, n]):
                return f"its weights are not those of {n} epochs"
            if n < n_epochs:
                return f"{n_epochs - n} finished epochs are lost"
        return None if len(net.history_) >= net.n_iter_ and net.predict(X).shape == (N,) else "its history is torn"

    def interrupted(self, line):
        """Interrupt a call at a line; return what is wrong with the outcome."""
        net, tracer = self.fresh(), Watch(line)
        raised = tracer.during(lambda: self.call(net))
        wrong = self.wrong(net, raised, tracer.n_epochs(self.net.n_members, self.by_folds))
        return wrong and f"{self.kind}, {self.way}, line {line} of {self.n_lines}: {wrong}"

    def signalled(self, seconds):
        """Interrupt a call by a signal after some seconds; return what is wrong with the outcome."""
        net = self.fresh()
        wrong = self.wrong(net, by_signal(lambda: self.call(net), seconds), 0)
        return wrong and f"{self.kind}, {self.way}, signal after {seconds:.4f} s: {wrong}"


def scenarios(folder, only=""):
    """Every call of every kind of estimator whose names hold these words."""
    pairs = [(kind, way) for kind in KINDS for way in WAYS if possible(kind, way) and only in f"{kind}, {way}"]
    return [Scenario(kind, way, f"{folder}/{place}") for place, (kind, way) in enumerate(pairs)]


def attack(n, seed, only=""):
    """Interrupt n calls; return a line for each outcome that is not as it should be."""
    draw, faults = np.random.default_rng(seed), []
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        known = scenarios(folder, only)
        for k in range(n):
            one = known[draw.integers(len(known))]
            if k % 2:
                faults.append(one.signalled(one.seconds * draw.uniform(0.0, 1.2)))
            else:
                faults.append(one.interrupted(int(draw.integers(1, one.n_lines + 1))))
    return [fault for fault in faults if fault]


def sweep(step, first, only=""):
    """Interrupt every call at each of its lines, `step` apart; return their number and the faults."""
    n, faults = 0, []
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        for one in scenarios(folder, only):
            lines = range(1 + first % step, one.n_lines + 1, step)
            faults += [fault for fault in map(one.interrupted, lines) if fault]
            n += len(lines)
    return n, faults


if __name__ == "__main__":
    options = read_options(__doc__, 2000, step=int, only=str)
    if options.step:
        tell(*sweep(options.step, options.seed, options.only or ""), "interrupts, line by line")
    else:
        tell(options.n, attack(options.n, options.seed, options.only or ""), "interrupts")
