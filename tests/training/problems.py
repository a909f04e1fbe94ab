"""Functions to minimise that no network has part in, and short ways to say how."""

from dataclasses import fields, is_dataclass
from functools import partial
from math import inf, nan

import numpy as np

from sknet._training.lbfgs import LBFGS
from sknet._training.loop import MiniBatchSolver
from sknet._training.optimizers import SGD, Adam, Lion, RMSProp, constant, cosine
from sknet._training.patience import Patience
from sknet._training.proximal import ProximalTerms
from sknet._training.solver import NO_OBSERVER, BestEpoch, EndReason, Epoch, Evaluation, Problem, State, TrainingEnd
from sknet._training.whole_epochs import LastWholeEpoch
from sknet._vectors import minibatches

OPTIMIZERS = {
    "sgd": SGD(momentum=0.0),
    "momentum": SGD(momentum=0.9, nesterovs_momentum=False),
    "nesterov": SGD(momentum=0.9, nesterovs_momentum=True),
    "rmsprop": RMSProp(0.9),
    "adam": Adam(),
    "lion": Lion(),
}
SCHEDULES = {"constant": constant, "cosine": cosine}


class LeastSquares:
    """1/2 mean (A theta - b)^2 over a batch's rows; with `noise`, one that draws random numbers as dropout does."""

    def __init__(self, n=12, p=5, seed=0, noise=0.0):
        rng = np.random.default_rng(seed)
        self.A, self.b, self.noise = rng.normal(size=(n, p)), rng.normal(size=n), noise
        self.calls = 0

    def __call__(self, theta, batch, out, rng=None):
        self.calls += 1
        A, b = self.A[batch], self.b[batch]
        error = A @ theta - b
        if rng is not None:
            error = error + self.noise * rng.normal(size=len(b))
        out[:] = A.T @ error / len(b)
        return 0.5 * float(error @ error) / len(b), out

    @property
    def solution(self):
        return np.linalg.lstsq(self.A, self.b)[0]


def quadratic(theta, batch, out, rng=None):
    """1/2 (theta - c)^T D (theta - c) with c = 1, 2, ... and D = diag(1, ..., 1/2)."""
    d, error = np.linspace(1, 0.5, theta.size), theta - np.arange(1.0, theta.size + 1)
    out[:] = d * error
    return 0.5 * float(d @ error**2), out


def rosenbrock(theta, batch, out, rng=None):
    """(1 - x)^2 + 100 (y - x^2)^2, least at (1, 1)."""
    x, y = theta
    out[:] = -2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)
    return float((1 - x) ** 2 + 100 * (y - x * x) ** 2), out


def problem(objective, n=12, p=5, *, l1=0.0, limit_norms=None, bounds=None, **more):
    proximal = ProximalTerms(l1, limit_norms, bounds)
    return Problem(objective, n, p, partial(minibatches, n), proximal=proximal, **more)


def mini_batch(optimizer=OPTIMIZERS["sgd"], tol=0.0, n_iter_no_change=inf, schedule_ends=False, **more):
    settings = {"schedule": constant, "rate": 0.1, "batch_size": 4, "n_epochs": 5} | more
    settings = {"schedule_epochs": settings["n_epochs"]} | settings
    return MiniBatchSolver(optimizer, patience=Patience(tol, n_iter_no_change, schedule_ends), **settings)


def lbfgs(tol=1e-10, n_iter_no_change=inf, **more):
    settings = {"n_epochs": 200, "n_evaluations": 2000}
    return LBFGS(tol=tol, patience=Patience(tol, n_iter_no_change), **settings | more)


def train(solver, problem, state, observer=NO_OBSERVER, evaluate=None):
    """Train a network by either solver; `evaluate` returns a score and a loss, which are recorded."""
    recorded = None if evaluate is None else recording([state], evaluate)
    return solver.train([problem], [state], observer, evaluation=recorded)


class Evaluating(Evaluation):
    """An evaluation by a function that returns the criterion, which records nothing but in the states."""

    def __init__(self, evaluate):
        self.evaluate = evaluate

    def evaluate_epoch(self):
        return self.evaluate()

    def snapshot(self):
        pass

    def restore(self, snapshot):
        pass


def recording(states, evaluate):
    """An evaluation that records a score and a loss, as that of the published networks does."""

    def evaluate_and_record():
        score, loss = evaluate()
        for state in states:
            state.record_evaluation(loss, score)
        return -score

    return Evaluating(evaluate_and_record)


def state_of(theta, solver=None, seed=0):
    return (solver or lbfgs()).initial_state(np.array(theta), np.random.default_rng(seed))


class Script:
    """An evaluation that reads its scores from a list, and an observer that writes down what it is told."""

    def __init__(self, scores=(), stop_at=None):
        self.scores, self.stop_at, self.heard, self.epoch = list(scores), stop_at, [], 0

    def __call__(self):
        self.heard.append("evaluate")
        return self.scores.pop(0), nan

    def epoch_began(self):
        self.heard.append(("began", self.epoch))

    def epoch_ended(self):
        self.epoch += 1
        self.heard.append(("ended", self.epoch))
        return self.epoch == self.stop_at


class Interrupting:
    """Anything that training calls, with a Ctrl-C during its nth call."""

    def __init__(self, function, nth):
        self.function, self.left = function, nth

    def __call__(self, *args):
        self.left -= 1
        if self.left == 0:
            self.half_done(*args)
            raise KeyboardInterrupt
        return self.function(*args)

    @staticmethod
    def half_done(*args):
        """Nothing, unless overwritten: what was done when the interrupt came."""


def bits(value):
    """All that a value holds, as something to compare bit for bit, but for the seconds that epochs took."""
    if is_dataclass(value):
        return {field.name: bits(getattr(value, field.name)) for field in fields(value) if field.name != "seconds"}
    if isinstance(value, list | tuple):
        return [bits(part) for part in value]
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    return (value.dtype, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


def same(a, b):
    """Whether two states are equal bit for bit, but for the seconds that their epochs took."""
    return bits(a) == bits(b)


# --- what training leaves, as if it had been trained -----------------------------------------------------------------

ENDS = list(EndReason.__members__)


def ended(reason, epochs_done=1, **more):
    """How training ended, by the name of the reason."""
    return TrainingEnd(EndReason[reason], epochs_done, **more)


def epoch(loss=1.0, score=1.0, *, validation_loss=1.0, learning_rate=0.1, gradient_norm=1.0, seconds=0.01):
    return Epoch(loss, validation_loss, score, learning_rate, gradient_norm, seconds)


def best_epoch(number=0, kept=None, score=nan):
    """The best epoch so far; by default, there is none yet."""
    return BestEpoch(number, kept, score)


def state_after(n_epochs, p=4, **parts):
    """The state of p parameters with two moments after epochs of the same loss; `parts` are in place of its own."""
    whole = {
        "theta": np.arange(float(p)), "moments": (np.ones(p), np.zeros(p)), "rng": np.random.default_rng(1),
        "step": 2 * n_epochs + 1, "epoch": n_epochs, "history": [epoch()] * n_epochs,
    }  # fmt: skip
    return State(**whole | parts)


def epoch_end_code():
    """The code that has run when an epoch counts as finished; it also runs before the first one."""
    return LastWholeEpoch.move_here.__code__
