"""L-BFGS: the same objective, full batch, through SciPy's bounded limited-memory BFGS (Byrd et al. 1995).

Conventions
-----------
theta : (p,), weights first
x : (p,) float64, or (p + n_weights,) = (positive parts of the weights, biases, negative parts) where there is an L1
    penalty: |w| = w+ + w- is smooth where both are bounded below by 0 (Andrew & Gao 2007 name this split)
"""

from dataclasses import dataclass
from math import isfinite, nan, sqrt
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, OptimizeResult, minimize

from sknet._training.minibatch import Observer, Problem
from sknet._training.result import DivergedError, Epoch, Result, StopReason
from sknet._training.state import Snapshot, State
from sknet._training.stopping import Patience, judged

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LBFGSPlan:
    """How long to go on."""

    n_iterations: int  # those already done included
    n_evaluations: int
    tol: float  # on the largest component of the gradient
    patience: Patience  # on the validation score
    l1: float = 0.0


class _Split:
    """The change of variables that makes an L1 penalty smooth; the identity where there is none."""

    def __init__(self, n_weights: int, l1: float) -> None:
        self.n_weights, self.l1 = n_weights, l1

    def encode(self, theta: Array) -> Array:
        x = theta.astype(np.float64)
        if not self.l1:
            return x
        w = x[: self.n_weights]
        return np.concatenate([np.maximum(w, 0.0), x[self.n_weights :], np.maximum(-w, 0.0)])

    def decode(self, x: Array, theta: Array) -> None:
        p = theta.size
        theta[:] = x[:p]
        if self.l1:
            theta[: self.n_weights] -= x[p:]

    def penalty(self, x: Array) -> float:
        n = self.n_weights
        return self.l1 * float(x[:n].sum() + x[x.size - n :].sum()) if self.l1 else 0.0

    def gradient(self, by_theta: Array) -> Array:
        g = by_theta.astype(np.float64)
        if not self.l1:
            return g
        n = self.n_weights
        return np.concatenate([g[:n] + self.l1, g[n:], self.l1 - g[:n]])

    def bounds(self, size: int) -> Bounds | None:
        if not self.l1:
            return None
        lower = np.zeros(size)
        lower[self.n_weights : size - self.n_weights] = -np.inf
        return Bounds(lower, np.inf)


class _Run:
    """What SciPy calls back: the objective, and the end of every iteration."""

    def __init__(self, problem: Problem, plan: LBFGSPlan, state: State, observer: Observer | None) -> None:
        self.problem, self.plan, self.state, self.observer = problem, plan, state, observer
        self.snapshot = Snapshot(state)
        self.split = _Split(problem.n_weights, plan.l1)
        self.reason: StopReason | None = None
        self._theta, self._gradient = state.theta.copy(), np.empty_like(state.theta)
        self.gradient_norm, self._started = 0.0, perf_counter()
        self._begun = False

    def objective(self, x: Array) -> tuple[float, Array]:
        """Return the objective and its gradient at x; an iteration begins where it is first asked for."""
        if not self._begun:
            self.begin()
        self.split.decode(x, self._theta)
        value, _ = self.problem.objective(self._theta, slice(0, self.problem.n_samples), self._gradient)
        if not isfinite(value) and self.state.step == 0:
            raise DivergedError(1, nan)
        self.state.step += 1
        self.gradient_norm = sqrt(float(np.dot(self._gradient, self._gradient)))
        return value + self.split.penalty(x), self.split.gradient(self._gradient)

    def begin(self) -> None:
        """Tell the observer that an iteration begins."""
        if self.observer is not None:
            self.observer.begin(self.state)
        self._begun, self._started = True, perf_counter()

    def iteration(self, intermediate_result: OptimizeResult) -> None:
        """Record an iteration; StopIteration stops SciPy."""
        state, monitor = self.state, self.problem.monitor
        self.split.decode(intermediate_result.x, state.theta)
        state.epoch += 1
        state.seen += self.problem.n_samples
        validation_loss, score = (nan, nan) if monitor is None else judged(monitor, state)
        seconds = perf_counter() - self._started
        loss = float(intermediate_result.fun)
        state.history.append(Epoch(loss, validation_loss, score, nan, self.gradient_norm, seconds))
        self._judge(score)
        self.snapshot.take(state)
        if self.reason is not None:
            raise StopIteration
        self._begun = False

    def _judge(self, score: float) -> None:
        """Set self.reason if training is to stop here."""
        if self.problem.monitor is not None and self.plan.patience.observe(self.state, score):
            self.reason = StopReason.SCORE_PLATEAU
        if self.observer is not None and self.observer.end(self.state):
            self.reason = self.reason or StopReason.CALLBACK


def train(problem: Problem, plan: LBFGSPlan, state: State, observer: Observer | None = None) -> Result:
    """Minimise a problem by L-BFGS; iterations take the place of epochs.

    Order of calls and what a Ctrl-C does are those of `minibatch.train`.

    Sets: theta, the history and what was best in `state`, in place.
    """
    start = state.epoch
    run = _Run(problem, plan, state, observer)
    x = run.split.encode(state.theta)
    options: dict[str, Any] = {"maxiter": plan.n_iterations - start, "maxfun": plan.n_evaluations}
    options |= {"gtol": plan.tol, "ftol": _ftol(plan.tol)}
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found: Any = minimize(
                run.objective, x, jac=True, method="L-BFGS-B", bounds=run.split.bounds(x.size),
                callback=run.iteration, options=options,  # type: ignore[call-overload, unused-ignore]
            )  # fmt: skip
    except KeyboardInterrupt:
        run.snapshot.restore(state)
        if state.epoch == start:
            raise
        return Result(StopReason.INTERRUPTED, state.epoch - start)
    run.split.decode(found.x, state.theta)
    if state.epoch == start:  # no iteration was needed: the curves still have a value
        state.history.append(Epoch(float(found.fun), nan, nan, nan, run.gradient_norm, 0.0))
    if not np.isfinite(state.theta).all() or not isfinite(found.fun):
        raise DivergedError(max(state.epoch, 1), nan)
    return Result(run.reason or _REASONS[found.status], state.epoch - start, str(found.message))


def _ftol(tol: float) -> float:
    """Return the relative decrease at which to stop: SciPy's 1e7 epsilon, less where `tol` asks for a finer optimum."""
    return float(np.finfo(float).eps * np.clip(1e11 * tol, 64.0, 1e7))


_REASONS = {0: StopReason.CONVERGED, 1: StopReason.MAX_ITER, 2: StopReason.LINE_SEARCH}
