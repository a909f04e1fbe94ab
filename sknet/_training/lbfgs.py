"""L-BFGS: the same objective, full batch, through SciPy's bounded limited-memory BFGS (Byrd et al. 1995).

Conventions
-----------
theta : (p,), weights first
x : (p,) float64, or (p + n_weights,) = (positive parts of the weights, biases, negative parts) where there is an L1
    penalty: |w| = w+ + w- is smooth where both are bounded below by 0 (Andrew & Gao 2007 name this split)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan, sqrt
from time import perf_counter
from typing import ClassVar

import numpy as np
from scipy.optimize import Bounds, OptimizeResult, minimize

from sknet._training.solver import (
    DivergedError,
    Epoch,
    EpochObserver,
    Problem,
    Snapshot,
    Solver,
    State,
    StopReason,
    TrainingEnd,
)
from sknet._typing import Array


@dataclass(frozen=True, kw_only=True)
class LBFGS(Solver):
    """A quasi-Newton solver on the full batch, of one network; its iterations take the place of epochs."""

    is_first_order: ClassVar[bool] = False
    needs_all_rows: ClassVar[bool] = True

    n_evaluations: int  # of the objective, at most

    def samples_per_step(self, n_samples: int) -> int:
        """Return the number of all."""
        return n_samples

    def init(self, theta: Array, rng: np.random.Generator, n_inputs: int = 0) -> State:
        """Return a new state; what L-BFGS remembers of past steps is inside SciPy."""
        return State(theta, (), rng)

    def train(
        self,
        problems: Sequence[Problem],
        states: Sequence[State],
        observer: EpochObserver | None = None,
        n_threads: int = 1,
    ) -> list[TrainingEnd]:
        """Minimise the one problem from its state; see `Solver.train`.

        `tol` is also the largest component of the gradient at which training ends.
        Order of calls, for each iteration: `observer.epoch_began`, `problem.objective` for each point that is tried,
        `problem.evaluate`, `observer.epoch_ended`.
        """
        (problem,), (state,) = problems, states
        epochs_before = state.epoch
        minimization = _Minimization(problem, self, state, observer)
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                outcome = minimization.minimize()
        except KeyboardInterrupt:
            minimization.snapshot.restore(state)
            if state.epoch == epochs_before:
                raise
            return [TrainingEnd(StopReason.INTERRUPTED, state.epoch, scores_undefined=state.scores_undefined)]
        # SciPy's own reason, where `record_iteration` has not stopped it
        reason = minimization.reason or _REASONS[outcome.status]
        return [TrainingEnd(reason, state.epoch, str(outcome.message), state.scores_undefined)]

    def reason_to_stop_early(self, problem: Problem, state: State) -> StopReason | None:
        """Return that the validation score has stopped improving, if it has; of the training loss, SciPy judges."""
        return None if problem.evaluate is None else super().reason_to_stop_early(problem, state)


class _SignedParts:
    """The change of variables that makes an L1 penalty smooth: positive and negative parts; none without a penalty."""

    def __init__(self, n_weights: int, l1: float, bounds: tuple[Array, Array] | None) -> None:
        self.n_split = n_weights if l1 else 0  # how many entries of theta, the first ones, are in two parts
        self.l1, self.weight_bounds = l1, bounds

    def encode(self, theta: Array) -> Array:
        """Return x: theta in float64, its weights in two parts where there is an L1 penalty."""
        x, n = theta.astype(np.float64), self.n_split
        return np.concatenate([np.maximum(x[:n], 0.0), x[n:], np.maximum(-x[:n], 0.0)])

    def decode(self, x: Array, theta: Array) -> None:
        """Overwrite theta with that of x."""
        theta[:] = x[: theta.size]
        theta[: self.n_split] -= x[theta.size :]

    def penalty(self, x: Array) -> float:
        """Return the L1 penalty: the sum of both parts of the weights, since none of them is negative."""
        n = self.n_split
        return self.l1 * float(x[:n].sum() + x[x.size - n :].sum())

    def gradient(self, by_theta: Array) -> Array:
        """Return the gradient by x, the L1 penalty's included; w = w+ - w-, so that dJ/dw- = -dJ/dw."""
        g, n = by_theta.astype(np.float64), self.n_split
        return np.concatenate([g[:n] + self.l1, g[n:], self.l1 - g[:n]])

    def bounds(self, size: int) -> Bounds:
        """Return the bounds on x: those of the weights and, with an L1 penalty, 0 below each of their parts."""
        n, lower, upper = self.n_split, np.full(size, -np.inf), np.full(size, np.inf)
        if self.weight_bounds is not None:
            n_weights = len(self.weight_bounds[0])
            lower[:n_weights], upper[:n_weights] = self.weight_bounds
        upper[size - n :] = np.maximum(-lower[:n], 0.0)  # w = w+ - w-: what w may fall to is the most of w-
        lower[:n] = lower[size - n :] = 0.0
        upper[:n] = np.maximum(upper[:n], 0.0)
        return Bounds(lower, upper)


class _Minimization:
    """One call of SciPy's solver, and what it calls back: the objective, and the end of every iteration."""

    def __init__(self, problem: Problem, solver: LBFGS, state: State, observer: EpochObserver | None) -> None:
        self.problem, self.solver, self.state, self.observer = problem, solver, state, observer
        self.snapshot = Snapshot(state)
        self.variables = _SignedParts(problem.n_weights, problem.l1, problem.bounds)
        self.reason: StopReason | None = None
        # SciPy tries points that it may reject: state.theta changes at the end of an iteration only
        self._theta, self._gradient = state.theta.copy(), np.empty_like(state.theta)
        self._gradient_norm, self._iteration_begun = 0.0, False

    def minimize(self) -> OptimizeResult:
        """Call SciPy's solver, and set theta to what it has found."""
        solver, state, epochs_before = self.solver, self.state, self.state.epoch
        x = self.variables.encode(state.theta)
        options = {
            "maxiter": solver.n_epochs - state.epoch,
            "maxfun": solver.n_evaluations,
            "gtol": solver.tol,
            # the relative decrease at which to stop: SciPy's 1e7 epsilon where tol is 1e-4, the usual one, and less
            # where it asks for a finer optimum
            "ftol": np.finfo(float).eps * np.clip(1e11 * solver.tol, 64.0, 1e7),
        }
        outcome = minimize(
            self.objective, x, jac=True, method="L-BFGS-B", bounds=self.variables.bounds(x.size),
            callback=self.record_iteration, options=options,  # type: ignore[call-overload, unused-ignore]
        )  # fmt: skip
        self.variables.decode(outcome.x, state.theta)
        if state.epoch == epochs_before:  # no iteration was needed: the loss curve gets one value all the same
            state.history.append(Epoch(loss=float(outcome.fun), gradient_norm=self._gradient_norm))
        if not np.isfinite(state.theta).all() or not isfinite(outcome.fun):
            raise DivergedError(max(state.epoch, 1), nan)
        return outcome

    def objective(self, x: Array) -> tuple[float, Array]:
        """Return the objective and its gradient at x; an iteration begins where it is first asked for."""
        if not self._iteration_begun:
            if self.observer is not None:
                self.observer.epoch_began()
            self._iteration_begun, self._started = True, perf_counter()
        self.variables.decode(x, self._theta)
        # of all samples: the gradient is whole, and `_gradient` holds it
        value, _ = self.problem.objective(self._theta, slice(0, self.problem.n_samples), self._gradient)
        if not isfinite(value) and self.state.step == 0:  # later ones are overshoots, which the line search shortens
            raise DivergedError(1, nan)  # L-BFGS has no learning rate to name
        self.state.step += 1
        self._gradient_norm = sqrt(float(np.dot(self._gradient, self._gradient)))
        return value + self.variables.penalty(x), self.variables.gradient(self._gradient)

    def record_iteration(self, intermediate_result: OptimizeResult) -> None:  # by this name SciPy knows what to pass
        """Record an iteration; StopIteration stops SciPy."""
        state, loss = self.state, float(intermediate_result.fun)
        self.variables.decode(intermediate_result.x, state.theta)
        state.epoch += 1
        state.n_samples_seen += self.problem.n_samples
        validation_loss, score = state.evaluate_epoch(self.problem.evaluate, loss, self.solver.tol)
        seconds = perf_counter() - self._started
        state.history.append(
            Epoch(
                loss=loss,
                validation_loss=validation_loss,
                validation_score=score,
                gradient_norm=self._gradient_norm,
                seconds=seconds,
            )
        )
        self.reason = self.solver.reason_to_stop_early(self.problem, state)
        if self.observer is not None and self.observer.epoch_ended():
            self.reason = self.reason or StopReason.CALLBACK
        self.snapshot.take(state)
        if self.reason is not None:
            raise StopIteration
        self._iteration_begun = False


_REASONS = {0: StopReason.CONVERGED, 1: StopReason.MAX_ITER, 2: StopReason.LINE_SEARCH}
"""By SciPy's `status`; 1 is said of iterations and of evaluations alike."""
