"""L-BFGS on full batches, by SciPy's bounded limited-memory BFGS (Byrd et al. 1995).

Conventions
-----------
theta : (p,), weights first
x : (p,) float64; with an L1 penalty (p + n_weights,) = (positive parts of the weights, biases, negative parts).
    |w| = w+ + w- is smooth if both parts have a lower bound of 0 (Andrew & Gao 2007)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan, sqrt
from time import perf_counter
from typing import ClassVar

import numpy as np
from scipy.optimize import Bounds, OptimizeResult, minimize

from sknet._training.solver import (
    NO_OBSERVER,
    DivergedError,
    EndReason,
    Epoch,
    Evaluation,
    Observer,
    Problem,
    Solver,
    State,
    TrainingEnd,
)
from sknet._training.whole_epochs import LastWholeEpoch
from sknet._typing import Array

_REASONS = {0: EndReason.CONVERGED, 1: EndReason.MAX_ITER, 2: EndReason.LINE_SEARCH}
"""The reason by SciPy's `status`; 1 is the limit of iterations or of evaluations."""

N_SCIPY_ARRAYS = 38
"""How many float64 arrays as long as x SciPy holds: ten past steps with their changes of the gradient, five for its
work, and copies of x and of the gradient."""


@dataclass(frozen=True, kw_only=True)
class LBFGS(Solver):
    """A quasi-Newton solver of one network on the full batch; an iteration counts as an epoch.

    Its state has no moments, because SciPy keeps the past steps.
    """

    uses_batches: ClassVar[bool] = False

    n_evaluations: int  # how often the objective is computed at most
    tol: float  # training ends when no derivative is larger

    def bytes_per_parameter(self, itemsize: int, *, keeps_best: bool, has_l1: bool) -> int:
        """Count theta, its snapshot, the point that is tried and its gradient, the best epoch, and SciPy's arrays."""
        n_of_scipy = (2 if has_l1 else 1) * N_SCIPY_ARRAYS  # a penalty splits each weight into two parts
        return (4 + 2 * keeps_best) * itemsize + n_of_scipy * 8

    def train(
        self,
        problems: Sequence[Problem],
        states: Sequence[State],
        observer: Observer = NO_OBSERVER,
        n_threads: int = 1,
        evaluation: Evaluation | None = None,
    ) -> TrainingEnd:
        """Minimise a single problem; see `Solver.train`.

        An iteration calls `observer.epoch_began`, `problem.objective` for each point that it tries, the evaluation and
        `observer.epoch_ended`.
        """
        (problem,), (state,) = problems, states
        minimization = _Minimization(problem, self, state, observer, evaluation)
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                scipy_result = minimization.minimize()
        except KeyboardInterrupt:
            if not minimization.last_whole_epoch.restore():
                raise
            return TrainingEnd(EndReason.INTERRUPTED, state.epoch)
        if minimization.reason is not None:  # `record_iteration` has stopped SciPy
            return TrainingEnd(minimization.reason, state.epoch)
        return TrainingEnd(_REASONS[scipy_result.status], state.epoch, str(scipy_result.message))


class _SignedParts:
    """The change of variables that makes an L1 penalty smooth. Without a penalty, it changes nothing."""

    def __init__(self, n_weights: int, l1: float, bounds: tuple[Array, Array] | None) -> None:
        self.n_split = n_weights if l1 else 0  # the first entries of theta, which are split into two parts
        self.l1 = l1
        self.weight_bounds = bounds

    def split(self, theta: Array) -> Array:
        """Return x: theta with its weights split into two parts."""
        x = theta.astype(np.float64)
        n = self.n_split
        return np.concatenate([np.maximum(x[:n], 0.0), x[n:], np.maximum(-x[:n], 0.0)])

    def merge_into(self, x: Array, theta: Array) -> None:
        """Overwrite theta: each weight is the difference of its two parts in x."""
        theta[:] = x[: theta.size]
        theta[: self.n_split] -= x[theta.size :]

    def penalty(self, x: Array) -> float:
        """Return the L1 penalty: l1 times the sum of both parts, which are not negative."""
        n = self.n_split
        return self.l1 * float(x[:n].sum() + x[x.size - n :].sum())

    def gradient(self, by_theta: Array) -> Array:
        """Return dJ/dx with the L1 penalty: w = w+ - w-, so dJ/dw+ = dJ/dw + l1 and dJ/dw- = -dJ/dw + l1."""
        g = by_theta.astype(np.float64)
        n = self.n_split
        return np.concatenate([g[:n] + self.l1, g[n:], self.l1 - g[:n]])

    def bounds_of_x(self, size: int) -> Bounds | None:
        """Return the bounds on x: those on the weights, 0 or infinite, and 0 for the parts that an L1 penalty needs."""
        n = self.n_split
        if not n and self.weight_bounds is None:  # SciPy makes a tuple for each bound, even if it is infinite
            return None
        lower = np.full(size, -np.inf)
        upper = np.full(size, np.inf)
        if self.weight_bounds is not None:
            n_weights = len(self.weight_bounds[0])
            lower[:n_weights], upper[:n_weights] = self.weight_bounds
        upper[size - n :] = np.maximum(-lower[:n], 0.0)  # w = w+ - w-, so w- <= -lower
        lower[:n] = lower[size - n :] = 0.0
        return Bounds(lower, upper)


class _Minimization:
    """A call of SciPy's solver, with its callbacks: the objective, and the end of an iteration."""

    def __init__(
        self, problem: Problem, solver: LBFGS, state: State, observer: Observer, evaluation: Evaluation | None
    ) -> None:
        self.problem = problem
        self.solver = solver
        self.state = state
        self.observer = observer
        self.evaluation = evaluation
        self.last_whole_epoch = LastWholeEpoch([state], evaluation)
        self.variables = _SignedParts(problem.n_weights, problem.proximal.l1, problem.proximal.bounds)
        self.reason: EndReason | None = None
        # SciPy may reject points that it tries, so state.theta changes only at the end of an iteration
        self._theta = state.theta.copy()
        self._gradient = np.empty_like(state.theta)
        self._gradient_norm = 0.0
        self._iteration_begun = False
        self._started = 0.0  # when the iteration began

    def minimize(self) -> OptimizeResult:
        """Call SciPy's solver and overwrite theta with its result."""
        solver = self.solver
        state = self.state
        epochs_before = self.state.epoch
        x = self.variables.split(state.theta)
        options = {
            "maxiter": solver.n_epochs - state.epoch,
            "maxfun": solver.n_evaluations,
            "gtol": solver.tol,
            # the relative decrease at which SciPy stops: for tol=1e-4 its default, 1e7 epsilon; less for a lower tol
            "ftol": np.finfo(float).eps * np.clip(1e11 * solver.tol, 64.0, 1e7),
        }
        scipy_result = minimize(
            self.objective, x, jac=True, method="L-BFGS-B", bounds=self.variables.bounds_of_x(x.size),
            callback=self.record_iteration, options=options,  # type: ignore[call-overload, unused-ignore]
        )  # fmt: skip
        self.variables.merge_into(scipy_result.x, state.theta)
        if state.epoch == epochs_before:  # without an iteration, the history still gets one loss
            state.history.append(Epoch(loss=float(scipy_result.fun), gradient_norm=self._gradient_norm))
        if not np.isfinite(state.theta).all() or not isfinite(scipy_result.fun):
            raise DivergedError(max(state.epoch, 1), nan)
        return scipy_result

    def objective(self, x: Array) -> tuple[float, Array]:
        """Return the objective and its gradient at x. The first call of an iteration marks its beginning."""
        if not self._iteration_begun:
            self.observer.epoch_began()
            self._iteration_begun = True
            self._started = perf_counter()
        self.variables.merge_into(x, self._theta)
        # with all samples in the batch, the gradient is whole, and it is in `_gradient`
        value, _ = self.problem.objective(self._theta, slice(0, self.problem.n_samples), self._gradient)
        if not isfinite(value) and self.state.step == 0:  # if a later one is not, the line search shortens its step
            raise DivergedError(1, nan)  # L-BFGS has no learning rate
        self.state.step += 1
        self._gradient_norm = sqrt(float(np.dot(self._gradient, self._gradient)))
        return value + self.variables.penalty(x), self.variables.gradient(self._gradient)

    def record_iteration(self, intermediate_result: OptimizeResult) -> None:  # SciPy requires this argument's name
        """Record an iteration; raise StopIteration to stop SciPy."""
        state = self.state
        self.variables.merge_into(intermediate_result.x, state.theta)
        seconds = perf_counter() - self._started
        record = Epoch(float(intermediate_result.fun), gradient_norm=self._gradient_norm, seconds=seconds)
        state.record_epoch(self.problem.n_samples, record)
        self.solver.end_epoch([state], self.evaluation)
        self.reason = self.solver.reason_to_end(state)
        self.last_whole_epoch.move_here()
        if self.observer.epoch_ended():
            self.reason = self.reason or EndReason.CALLBACK
        if self.reason is not None:
            raise StopIteration
        self._iteration_begun = False
