"""The epoch loop of first-order solvers, for one network or for several side by side.

Conventions
-----------
p parameters of the network; d inputs.

theta, moments, average : (p,), weights first; with input gains (p + d,), see `gains.py`
gradient : an array like theta
batch : slice or (b,) array of int     which of the n training samples
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite, nan, sqrt
from time import perf_counter
from typing import ClassVar, Self

import numpy as np

from sknet._training.gains import InputGains, join_theta, steps_to_full_pull
from sknet._training.optimizers import Optimizer, Schedule, ScheduleInput, adaptive
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
    ThetaAndMoments,
    TrainingEnd,
)
from sknet._training.sparse_steps import LateAverages, blocks_to_move
from sknet._training.whole_epochs import LastWholeEpoch
from sknet._typing import Array, Batch, SparseGradient
from sknet._vectors import add_multiple

MIN_ADAPTIVE_RATE = 1e-6
"""At this rate, the schedule `adaptive` ends training at the next plateau, as in scikit-learn."""

MAX_OBJECTIVE_GROWTH = 1e30
"""If the objective grows by this factor within an epoch, training has diverged."""


@dataclass(frozen=True)
class MiniBatchSolver(Solver):
    """A first-order solver: one step per mini-batch, at the learning rate of a schedule."""

    uses_batches: ClassVar[bool] = True

    optimizer: Optimizer
    schedule: Schedule
    rate: float
    batch_size: int
    schedule_epochs: float  # the length of the schedule
    shuffle: bool = True
    weight_decay: float = 0.0
    clip_norm: float | None = None
    gain_rate: float = 0.0  # learning rate of input gains, as a multiple of the weights'; 0 for no gains
    pull_strength: float = 0.0  # how strongly gains are pulled down, so that inputs that carry nothing fade
    averaging: float = 0.0  # decay of theta's moving average; 0 for no average

    @property
    def learns_gains(self) -> bool:
        """Whether input gains are learnt, which needs whole gradients."""
        return self.gain_rate > 0.0

    def samples_per_step(self, n_samples: int) -> int:
        """Return the number of samples of a batch."""
        return min(self.batch_size, n_samples)

    def bytes_per_parameter(self, itemsize: int, *, keeps_best: bool, has_l1: bool) -> int:
        """Count the gradient, the state and its snapshot, and the averaged theta of the best and of the last epoch."""
        n_of_state = 1 + self.optimizer.n_moments + (self.averaging > 0.0)
        return (1 + 2 * n_of_state + 2 * keeps_best) * itemsize

    def initial_state(self, theta: Array, rng: np.random.Generator, n_inputs: int = 0) -> State:
        """Return a state with moments of 0, gains of 1 and an average, if there is one, that equals theta."""
        if self.learns_gains:
            theta = join_theta(theta, np.zeros(n_inputs, theta.dtype))
        moments = tuple(np.zeros((self.optimizer.n_moments, theta.size), theta.dtype))
        return State(theta, moments, rng, average=theta.copy() if self.averaging > 0.0 else None)

    def train(
        self,
        problems: Sequence[Problem],
        states: Sequence[State],
        observer: Observer = NO_OBSERVER,
        n_threads: int = 1,
        evaluation: Evaluation | None = None,
    ) -> TrainingEnd:
        """Minimise the problems in rounds of one epoch each; see `Solver.train`.

        Within a round, networks are independent, so no result depends on the number of threads.
        """
        loops = [
            (SparseLoop if problem.has_sparse_gradients else MiniBatchLoop)(self, problem, state)
            for problem, state in zip(problems, states, strict=True)
        ]
        first = states[0]
        callback_asked = False
        reason = self.reason_to_end(first)
        last_whole_epoch = LastWholeEpoch(states, evaluation)
        try:
            with ThreadPoolExecutor(n_threads) if n_threads > 1 else nullcontext() as executor:
                while reason is None:
                    observer.epoch_began()
                    train_round(loops, executor)
                    self.end_epoch(states, evaluation)
                    last_whole_epoch.move_here()
                    callback_asked = observer.epoch_ended()
                    reason = self.reason_to_end(first) or (EndReason.CALLBACK if callback_asked else None)
        except KeyboardInterrupt:
            if not last_whole_epoch.restore():
                raise
            reason = self.reason_to_end(first) or EndReason.INTERRUPTED
        return TrainingEnd(reason, first.epoch, callback_asked=callback_asked)

    def end_epoch(self, states: Sequence[State], evaluation: Evaluation | None) -> None:
        """Do what `Solver.end_epoch` does; if patience is over, the schedule `adaptive` lowers the rate instead."""
        super().end_epoch(states, evaluation)
        if self.schedule is not adaptive:
            return
        for state in states:
            rate = self.rate * adaptive(ScheduleInput(n_plateaus=state.n_plateaus))
            if self.patience.is_over(state.n_no_improvement) and rate > MIN_ADAPTIVE_RATE:
                state.n_plateaus += 1
                state.n_no_improvement = 0

    def with_epochs(self, n_epochs: int, stretch: float, pull_factor: float) -> Self:
        """Return the solver for another number of epochs, after which the schedule is at the same point."""
        schedule_epochs = self.schedule_epochs * stretch
        strength = self.pull_strength * pull_factor
        return replace(self, n_epochs=n_epochs, schedule_epochs=schedule_epochs, pull_strength=strength)


class MiniBatchLoop:
    """The epochs of one network. `SparseLoop` overrides what differs for sparse gradients."""

    def __init__(self, solver: MiniBatchSolver, problem: Problem, state: State) -> None:
        self.solver = solver
        self.problem = problem
        self.state = state
        # the same array for all epochs, so that an objective can stay bound to theta and to its gradient
        self._gradient = np.zeros_like(state.theta)
        l1 = problem.proximal.l1
        self._optimizer = solver.optimizer.with_l1(l1) if l1 else solver.optimizer
        self._gradient_of_parameters = self._gradient
        self._gains: InputGains | None = None
        if problem.gained_inputs is not None:
            inputs = problem.gained_inputs
            self._gradient_of_parameters = self._gradient[: -inputs.n]
            full_pull = steps_to_full_pull(problem.n_samples)
            self._gains = InputGains(self._optimizer, solver.gain_rate, inputs, state.theta, self._gradient, full_pull)

    def train_epoch(self) -> None:
        """Train one epoch, and overwrite the state with the state at its end."""
        started = perf_counter()
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            objective, rate, norm = self._train_batches()
        record = Epoch(objective, learning_rate=rate, gradient_norm=norm, seconds=perf_counter() - started)
        self.state.record_epoch(self.problem.n_samples, record)

    # --- one epoch -------------------------------------------------------------------------------------------------

    def _train_batches(self) -> tuple[float, float, float]:
        """Take a step for each batch of an epoch; return the mean objective, and the last rate and gradient norm."""
        solver = self.solver
        problem = self.problem
        state = self.state
        n = problem.n_samples
        size = solver.batch_size
        clip_norm = solver.clip_norm
        n_batches = -(-n // size)  # rounded up: the last batch may be smaller
        rng = state.rng if problem.is_random else None
        total = 0.0
        rate = 0.0
        norm = 0.0
        first_objective = 0.0
        for i, batch in enumerate(problem.batches(size, state.rng if solver.shuffle else None)):
            objective = self._overwrite_gradient(batch, rng)
            rate = solver.rate * solver.schedule(self._progress(i / n_batches))
            first_objective = abs(objective) if i == 0 else first_objective
            # check before the weights move; `not ... <=` also holds for NaN
            if not (isfinite(objective) and abs(objective) <= MAX_OBJECTIVE_GROWTH * (1.0 + first_objective)):
                raise DivergedError(state.epoch + 1, rate)
            if clip_norm is not None or i == n_batches - 1:  # the history has the norm of the last step
                parts = self._gradient_parts()
                norm = sqrt(sum([float(np.dot(part, part)) for part in parts]))
                if clip_norm is not None and norm > clip_norm:
                    for part in parts:
                        part *= clip_norm / norm
            self._step(rate, objective)
            total += objective * min(size, n - i * size)
        total += self._end_steps()
        # once per epoch is enough, because a theta that is not finite stays so
        if not np.isfinite(state.theta).all():
            raise DivergedError(state.epoch + 1, rate)
        return total / n, rate, norm

    def _progress(self, epoch_fraction: float) -> ScheduleInput:
        """Return the input of the schedule, given which fraction of this epoch's steps is done."""
        state = self.state
        fraction = (state.epoch + epoch_fraction) / self.solver.schedule_epochs
        # at most 1, because continued training may exceed the planned number of epochs
        return ScheduleInput(min(fraction, 1.0), state.n_samples_seen, state.n_plateaus)

    # --- what sparse gradients override ------------------------------------------------------------------------------

    def _overwrite_gradient(self, batch: Batch, rng: np.random.Generator | None) -> float:
        """Overwrite the gradient with that of a batch; return the objective."""
        value, _ = self.problem.objective(self.state.theta, batch, self._gradient, rng)
        return value

    def _gradient_parts(self) -> list[Array]:
        """Return the arrays, each 1-d, of the gradient of the parameters, without that of gains."""
        return [self._gradient_of_parameters]

    def _move_state(self, rate: float, decay: float, objective: float) -> None:
        """Move theta, its moments and its average, which decays by `decay`; `objective` is that of the batch."""
        self._move(self.state, self._gradient, rate, self.problem.n_weights, decay, objective)

    def _end_steps(self) -> float:
        """Do what is left after the last step of an epoch; return the penalties that objectives have left out."""
        return 0.0

    # --- one step --------------------------------------------------------------------------------------------------

    def _step(self, rate: float, objective: float) -> None:
        """Move theta, its moments and its average by a step; then apply the proximal terms.

        `objective` is that of the batch, as is the gradient.
        """
        problem = self.problem
        state = self.state
        state.step += 1
        # the average decays faster at first, so that it forgets the first weights
        decay = min(self.solver.averaging, (1.0 + state.step) / (10.0 + state.step))
        self._move_state(rate, decay, objective)
        step_lengths = self._steady_step_lengths(rate) if problem.proximal.l1 else 0.0
        problem.proximal.apply(state.theta, state.average, problem.n_weights, step_lengths)

    def _steady_step_lengths(self, rate: float) -> float | Array:
        """Return the length of a step along a constant gradient of 1, for all weights or for each."""
        lengths = rate * self._optimizer.steady_direction(self.state.moments, self.state.step)
        if self._gains is not None:
            lengths = np.array(np.broadcast_to(lengths, self.state.theta.shape), self.state.theta.dtype)
            self._gains.stretch_step_lengths(lengths)
        return lengths[: self.problem.n_weights] if isinstance(lengths, np.ndarray) else lengths

    def _move(
        self, moved: ThetaAndMoments, gradient: Array, rate: float, n_weights: int, decay: float, objective: float = nan
    ) -> None:
        """Decay the weights (Loshchilov & Hutter 2019, arXiv:1711.05101), then move theta by -rate * direction.

        The first `n_weights` entries of what is moved, and of its gradient, are weights. A moving average of theta
        (Polyak & Juditsky 1992), if one is kept, decays by `decay`. Overwrites the gradient. `objective` is for gains,
        which sparse steps do not have.
        """
        theta, moments, average = moved.theta, moved.moments, moved.average
        step = self.state.step
        if self._gains is None:  # `update` overwrites the gradient
            scale = -rate * self._optimizer.update(gradient, moments, step)
        else:
            scale = -rate * self._gains.update(gradient, moments, step, objective)
        if self.solver.weight_decay:
            theta[:n_weights] *= 1.0 - rate * self.solver.weight_decay
        # one pass over theta applies both the rate and the optimizer's scalar factor
        add_multiple(theta, scale, gradient)
        if self._gains is not None:
            self._gains.multiply_weights(scale)
        if average is not None:
            average *= decay
            add_multiple(average, 1.0 - decay, theta)


# --- sparse gradients ------------------------------------------------------------------------------------------------


class SparseLoop(MiniBatchLoop):
    """The epochs of one network whose gradients may be sparse. It learns no gains."""

    def __init__(self, solver: MiniBatchSolver, problem: Problem, state: State) -> None:
        super().__init__(solver, problem, state)
        self._sparse: SparseGradient | None = None  # the gradient of the batch; None if it is whole
        self._late_averages = LateAverages()
        self._n_without_penalty = 0  # rows of this epoch whose values leave out the penalty

    def _overwrite_gradient(self, batch: Batch, rng: np.random.Generator | None) -> float:
        value, gradient = self.problem.objective(self.state.theta, batch, self._gradient, rng)
        self._sparse = None
        if isinstance(gradient, SparseGradient):
            self._sparse = gradient
            self._n_without_penalty += gradient.n_rows
        return value

    def _gradient_parts(self) -> list[Array]:
        if self._sparse is None:
            return super()._gradient_parts()
        out, start, stop, _, values, _ = self._sparse
        return [out[:start], values.reshape(-1), out[stop:]]

    def _move_state(self, rate: float, decay: float, objective: float) -> None:
        if self._sparse is None:
            self._late_averages.update_all()
            super()._move_state(rate, decay, objective)
            self._late_averages.count_step(decay)
            return
        self._move_touched(self._sparse, rate, decay)
        if self.problem.proximal.change_every_weight:
            self._late_averages.update_all()

    def _move_touched(self, gradient: SparseGradient, rate: float, decay: float) -> None:
        """Move theta, its moments and its average: of the first layer's weights, only the rows that a batch touches."""
        state = self.state
        late = self._late_averages
        out, start, stop, row_indices, values, _ = gradient
        h = values.shape[1]
        # later weights; then biases, which do not decay
        self._move(state.map(lambda vector: vector[:start]), out[:start], rate, start, decay)
        self._move(state.map(lambda vector: vector[stop:]), out[stop:], rate, 0, decay)
        matrices = state.map(lambda vector: vector[start:stop].reshape(-1, h))  # (d, h)
        if matrices.average is not None:
            late.begin(matrices.theta, matrices.average)
        for block in blocks_to_move(slice(0, len(row_indices)), h):
            rows = row_indices[block]
            # copies, because NumPy cannot work in place on rows that are selected by index
            touched = matrices.map(partial(np.take, indices=rows, axis=0))
            if touched.average is not None:
                touched.average = late.up_to_date(touched.theta, touched.average, rows)
            self._move(touched.map(np.ravel), values[block].ravel(), rate, touched.theta.size, decay)
            for matrix, moved in zip(matrices.arrays, touched.arrays, strict=True):
                matrix[rows] = moved
        late.count_step(decay, row_indices)

    def _end_steps(self) -> float:
        self._late_averages.update_all()
        self._late_averages = LateAverages()
        n = self._n_without_penalty
        self._n_without_penalty = 0
        # one pass over all weights per epoch
        return n * self.problem.penalty(self.state.theta[: self.problem.n_weights]) if n else 0.0


# --- several networks side by side ------------------------------------------------------------------------------------


def train_round(loops: list[MiniBatchLoop], executor: ThreadPoolExecutor | None) -> None:
    """Train an epoch of each loop; with an executor, return or raise only after all threads have finished."""
    if executor is None:
        for loop in loops:
            loop.train_epoch()
        return
    futures: list[Future[None]] = []
    try:
        futures += [executor.submit(loop.train_epoch) for loop in loops]
        wait(futures)
    except KeyboardInterrupt:  # it is raised in this thread only; the other threads finish their epochs
        wait(futures)
        raise
    for future in futures:
        future.result()  # raises the error of the loop, if any
