"""The epoch loop: batches, steps and what happens between epochs.

Input gains are a positive factor for each input, learnt beside the first layer's weights and contained in them: the
weights of input j are W_j = exp(g_j) V_j. By the chain rule,

    dJ/dg_j = <dJ/dW_j, W_j>      dJ/dV_j = exp(g_j) dJ/dW_j

and a step dV_j moves W_j by exp(g_j) dV_j. So theta holds W at every moment, and V is never computed. As in the scaling
layer of Holzmüller et al. (2024), arXiv:2407.04491, the gains learn faster than the weights: networks soon find out
which inputs matter.

Conventions
-----------
p parameters of the network; d inputs; h units of the first layer.

theta, average : (p,), weights first; with input gains (p + d,), the last d of them g
gradient : an array like theta, or a SparseGradient
vectors : [theta, moments ..., average if there is one]     the state's own
batch : slice or (b,) array of int     which of the n training samples
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter
from typing import ClassVar, NamedTuple, Self

import numpy as np

from sknet._training import loop as gradients
from sknet._training.loop import train_in_rounds
from sknet._training.optimizers import Optimizer, Schedule, ScheduleInput, adaptive
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
from sknet._typing import Array, Batch, Gradient, SparseGradient
from sknet._vectors import add_multiple

MIN_ADAPTIVE_RATE = 1e-6
"""The schedule `adaptive` lowers the rate no further: the next plateau ends training, as in scikit-learn."""

MAX_OBJECTIVE_GROWTH = 1e30
"""An objective that grows by this factor within an epoch is on its way to infinity."""

SMALLEST_BEST_SCORE = 1e-300
"""A best score of 0 counts as this one where `tol` is a part of it: another 0 is then no improvement."""


@dataclass(frozen=True)
class MiniBatchSolver(Solver):
    """A first-order solver: one step per mini-batch, at the rate that a schedule gives; trained in `rounds`."""

    is_first_order: ClassVar[bool] = True
    needs_all_rows: ClassVar[bool] = False

    optimizer: Optimizer
    schedule: Schedule
    rate: float
    batch_size: int
    shuffle: bool = True
    weight_decay: float = 0.0
    clip_norm: float | None = None
    averaging: float = 0.0  # decay of theta's moving average; 0 for none
    schedule_epochs: float | None = None  # epochs that the schedule is spread over, where not `n_epochs`
    relative_tol: bool = False  # whether `tol` is a part of the best score
    gain_rate: float = 0.0  # of input gains, as a multiple of `rate`; 0 for no gains

    @property
    def learns_gains(self) -> bool:
        """Whether it learns input gains, for which it needs whole gradients."""
        return self.gain_rate > 0.0

    def samples_per_step(self, n_samples: int) -> int:
        """Return a batch's size."""
        return min(self.batch_size, n_samples)

    def init(self, theta: Array, rng: np.random.Generator, n_inputs: int = 0) -> State:
        """Return a state with moments of 0 and gains of 1, whose average, where one is kept, starts at theta."""
        if self.learns_gains:
            theta = np.concatenate([theta, np.zeros(n_inputs, theta.dtype)])
        moments = tuple(np.zeros((self.optimizer.n_moments, theta.size), theta.dtype))
        return State(theta, moments, rng, average=theta.copy() if self.averaging > 0.0 else None)

    def train(
        self,
        problems: Sequence[Problem],
        states: Sequence[State],
        observer: EpochObserver | None = None,
        n_threads: int = 1,
    ) -> list[TrainingEnd]:
        """Minimise each problem from its state, an epoch of each at a time; see `Solver.train`."""
        loops = [MiniBatchLoop(self, problem, state) for problem, state in zip(problems, states, strict=True)]
        return train_in_rounds(loops, n_threads, observer)

    def with_epochs(self, n_epochs: int, share: float) -> Self:
        """Return the solver for another number of epochs, in which the schedule goes as far."""
        return replace(self, n_epochs=n_epochs, schedule_epochs=(self.schedule_epochs or self.n_epochs) * share)

    def with_l1(self, l1: float) -> Self:
        """Return the solver for a problem whose proximal step has an L1 penalty of this strength."""
        return replace(self, optimizer=self.optimizer.with_l1(l1))

    def average_decay(self, step: int) -> float:
        """Return the part of the average that a step leaves."""
        return min(self.averaging, (1.0 + step) / (10.0 + step))


class InputGains(NamedTuple):
    """The input gains of a network, as views of theta and of its gradient, which each step overwrites."""

    W: Array  # (d, h), the first layer's weights
    G: Array  # (d, h), their gradient
    g: Array  # (d,)
    dg: Array  # (d,), the gradient of g


class MiniBatchLoop:
    """The epochs of one network: each trains its state, which can be put back to the end of its last whole one."""

    def __init__(self, solver: MiniBatchSolver, problem: Problem, state: State) -> None:
        self.solver, self.problem, self.state = solver, problem, state
        self._epochs_before = state.epoch
        # the same arrays for all epochs: an objective may stay bound to theta and to `_out`, its gradient
        self._vectors, self._out = state.vectors_like_theta, np.zeros_like(state.theta)
        self._n_parameters = state.theta.size
        self._gains: InputGains | None = None
        if solver.learns_gains:
            self._n_parameters -= problem.n_inputs
            self._gains = InputGains(
                W=problem.rows_of_inputs(state.theta),
                G=problem.rows_of_inputs(self._out),
                g=state.theta[self._n_parameters :],
                dg=self._out[self._n_parameters :],
            )
        self._snapshot = Snapshot(state)
        self._reason = solver.reason_not_to_resume(problem, state)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or there is a reason to stop before."""
        return self._reason is not None or self.state.epoch >= self.solver.n_epochs

    @property
    def has_new_epoch(self) -> bool:
        """Whether this loop has trained a whole epoch, or has none left to train."""
        return self.is_over or self.state.epoch > self._epochs_before

    def train_epoch(self) -> None:
        """Train one epoch and record it. Sets: the state, in place."""
        solver, problem, state = self.solver, self.problem, self.state
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            started = perf_counter()
            loss, rate, norm = self._steps()
            state.epoch += 1
            state.n_samples_seen += problem.n_samples
            tol = solver.tol
            if solver.relative_tol and isfinite(state.best_score):
                tol *= max(abs(state.best_score), SMALLEST_BEST_SCORE)
            validation_loss, score = state.evaluate_epoch(problem.evaluate, loss, tol)
            state.history.append(
                Epoch(
                    loss=loss,
                    validation_loss=validation_loss,
                    validation_score=score,
                    learning_rate=rate,
                    gradient_norm=norm,
                    seconds=perf_counter() - started,
                )
            )
            self._reason = self._stop_or_lower_rate()
            self._snapshot.take(state)

    def restore(self) -> None:
        """Put the state back to the end of its last whole epoch."""
        self._snapshot.restore(self.state)

    def result(self, stopped_by: StopReason | None) -> TrainingEnd:
        """Return how training has ended, given what has stopped it from outside, if anything."""
        # what stopped all loops from outside stopped this one only if it was not over by itself
        why = self._reason or (None if self.is_over else stopped_by) or self.solver.end_reason
        return TrainingEnd(why, self.state.epoch, scores_undefined=self.state.scores_undefined)

    # --- one epoch -------------------------------------------------------------------------------------------------

    def _stop_or_lower_rate(self) -> StopReason | None:
        """Return why training is to stop here, if it is; on a plateau, `adaptive` first lowers the rate."""
        solver, state = self.solver, self.state
        reason = solver.reason_to_stop_early(self.problem, state)
        if reason is None or solver.schedule is not adaptive:
            return reason
        if solver.rate * adaptive(self._progress(0.0)) <= MIN_ADAPTIVE_RATE:
            return reason
        state.n_plateaus += 1
        state.n_no_improvement = 0
        return None

    def _steps(self) -> tuple[float, float, float]:
        """Take one step for every batch; return the mean loss, the last rate and the last gradient's norm."""
        solver, problem, state = self.solver, self.problem, self.state
        n, size, clip_norm = problem.n_samples, solver.batch_size, solver.clip_norm
        n_batches = -(-n // size)  # rounded up: the last batch may be smaller
        rng = state.rng if problem.is_random else None  # None: nothing is drawn
        total, n_without_penalty, rate, norm, first_value = 0.0, 0, 0.0, 0.0, 0.0
        untouched = None if state.average is None else gradients.UntouchedRows(state.theta, state.average)
        for i, batch in enumerate(self._batches()):
            value, gradient = problem.objective(state.theta, batch, self._out, rng)
            rate = solver.rate * solver.schedule(self._progress(i / n_batches))
            first_value = abs(value) if i == 0 else first_value
            # at every step, before the weights move: `not ... <=` is true of NaN too
            if not (isfinite(value) and abs(value) <= MAX_OBJECTIVE_GROWTH * (1.0 + first_value)):
                raise DivergedError(state.epoch + 1, rate)
            if clip_norm is not None or i == n_batches - 1:  # the history records the last step's
                norm = gradients.norm(gradient, self._n_parameters)
            if clip_norm is not None and norm > clip_norm:
                gradients.multiply(gradient, clip_norm / norm)
            if untouched is not None:
                untouched.before_step(gradient)
            self._step(gradient, rate)
            if untouched is not None:
                untouched.after_step(gradient, solver.average_decay(state.step))
            n_rows = min(size, n - i * size)
            total += value * n_rows
            n_without_penalty += n_rows if isinstance(gradient, SparseGradient) else 0
        if untouched is not None:
            untouched.catch_up_all()
        # Once per epoch is enough: a theta that is not finite stays so, and the values are checked at every step.
        if not np.isfinite(state.theta).all():
            raise DivergedError(state.epoch + 1, rate)
        if n_without_penalty:  # one pass over all weights adds it for the epoch
            total += n_without_penalty * problem.penalty(state.theta)
        return total / n, rate, norm

    def _progress(self, epoch_fraction: float) -> ScheduleInput:
        """Return how far training has come, given which fraction of this epoch's steps is done."""
        state = self.state
        fraction = (state.epoch + epoch_fraction) / (self.solver.schedule_epochs or self.solver.n_epochs)
        # at most 1: training that is continued may take more epochs than were planned
        return ScheduleInput(min(fraction, 1.0), state.n_samples_seen, state.n_plateaus)

    def _batches(self) -> Iterator[Batch]:
        """Yield the batches of one epoch; a full batch needs no shuffling."""
        problem, rng, n, size = self.problem, self.state.rng, self.problem.n_samples, self.solver.batch_size
        if problem.batches is not None:
            yield from problem.batches(size, rng if self.solver.shuffle else None)
            return
        order = rng.permutation(n) if self.solver.shuffle and size < n else None
        for i in range(0, n, size):
            yield slice(i, min(i + size, n)) if order is None else order[i : i + size]

    # --- one step --------------------------------------------------------------------------------------------------

    def _step(self, gradient: Gradient, rate: float) -> None:
        """Move theta and its average (of a sparse gradient, what it touches); then apply L1, norm limits and bounds."""
        problem, state = self.problem, self.state
        state.step += 1
        for part, part_gradient, n_weights in gradients.parts_to_move(gradient, self._vectors, problem.n_weights):
            self._move(part, part_gradient, rate, n_weights)
        if problem.proximal_step is not None:
            problem.proximal_step(state.theta, self._steady_steps(rate))
            if state.average is not None:
                state.average[state.theta == 0.0] = 0.0  # the zeros of an L1 penalty are real ones
                # norms only: the average still contains the first weights, whose norms were not limited
                problem.proximal_step(state.average, 0.0)
        if problem.bounds is not None:
            for vector in (state.theta, state.average):  # the average has followed theta before those steps
                if vector is not None:
                    w = vector[: problem.n_weights]
                    np.maximum(w, problem.bounds[0], out=w)  # a fifth of the time that np.clip takes
                    np.minimum(w, problem.bounds[1], out=w)

    def _steady_steps(self, rate: float) -> float | Array:
        """Return how far a step along a constant gradient of 1 takes each parameter: an L1 penalty takes it as far."""
        theta, moments, step = self.state.theta, self.state.moments, self.state.step
        steps = rate * self.solver.optimizer.steady_direction(moments, step)
        if self._gains is None:
            return steps
        steps = np.array(np.broadcast_to(steps, theta.shape), theta.dtype)
        # the gradient by V_j is exp(g_j) times that by W_j, and a step of W_j exp(g_j) times that of V_j
        W_steps = self.problem.rows_of_inputs(steps)
        W_steps *= np.exp(2.0 * self._gains.g)[:, np.newaxis]
        return steps

    def _move(self, vectors: Sequence[Array], gradient: Array, rate: float, n_weights: int) -> None:
        """Decay the weights (Loshchilov & Hutter 2019, arXiv:1711.05101), then move theta by -rate * direction.

        A moving average (Polyak & Juditsky 1992), where there is one, follows
        theta. It spans few steps at first, so that it soon forgets the first
        weights.
        """
        solver, step, gains = self.solver, self.state.step, self._gains
        theta, moments = vectors[0], vectors[1 : 1 + solver.optimizer.n_moments]  # in this order
        if gains is not None:  # the gradient is whole, and its moments are those of V and g
            W, G, g, dg = gains
            gain = np.exp(g)[:, np.newaxis]  # exp(g_j)              (d, 1)
            np.vecdot(G, W, out=dg)  # dJ/dg_j = <dJ/dW_j, W_j>      (d,)
            G *= gain  #               dJ/dV_j = exp(g_j) dJ/dW_j    (d, h)
        scale = -rate * solver.optimizer.update(gradient, moments, step)  # the gradient now holds the direction
        if solver.weight_decay:
            theta[:n_weights] *= 1.0 - rate * solver.weight_decay
        if gains is not None:
            G *= gain  #               a step of W_j is exp(g_j) times that of V_j
            dg *= solver.gain_rate
        # the optimizer returns its scalar factor instead of applying it: one pass over theta applies it and the rate
        add_multiple(theta, scale, gradient)
        if gains is not None:
            dg *= scale  #             now the change of g
            W *= np.exp(dg)[:, np.newaxis]
        if solver.averaging:
            average, decay = vectors[-1], solver.average_decay(step)
            average *= decay
            add_multiple(average, 1.0 - decay, theta)
