"""The epoch loop: batches, steps and what happens between epochs.

Conventions
-----------
theta, gradient : (p,), weights first
batch : slice or (b,) array of int     which of the n training samples
rows : array of int, or None           where given, the batch touches only these rows of one block of the weights, and
                                       the gradient holds them packed at that block's start
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite, nan, sqrt
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sknet._training.optimizers import Optimizer
from sknet._training.result import DivergedError, Epoch, Result, StopReason
from sknet._training.schedules import Progress, Schedule, adaptive
from sknet._training.state import Snapshot, State
from sknet._training.stopping import Patience, judged

Array = npt.NDArray[Any]
Batch = slice | npt.NDArray[np.intp]


class Block(NamedTuple):
    """A matrix among the parameters: theta[start:stop], of `height` rows; before it lie weights, after it biases."""

    start: int
    stop: int
    height: int

    def of(self, vector: Array) -> Array:
        """Return the matrix as a view of theta or of a vector as long."""
        return vector[self.start : self.stop].reshape(self.height, -1)


NO_BLOCK = Block(0, 0, 0)


class Objective(Protocol):
    """A function to minimise, batch by batch."""

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Array | None]:
        """Set `out` to the gradient; return the value and the touched rows."""


@dataclass(frozen=True)
class Problem:
    """What is to be minimised, as training sees it."""

    objective: Objective
    n_samples: int
    n_weights: int  # theta[:n_weights] decays
    block: Block = NO_BLOCK  # whose rows `rows` means
    penalty: Callable[[Array], float] = lambda theta: 0.0  # what the values of batches with rows leave out
    random: bool = False  # whether the objective draws random numbers (dropout)
    project: Callable[[Array, float | Array], None] | None = None  # (theta, rate in the optimizer's metric)
    monitor: Callable[[Array], tuple[float, float, Array]] | None = (
        None  # theta -> validation loss, score, theta judged
    )


@dataclass(frozen=True)
class Plan:
    """How it is to be minimised."""

    optimizer: Optimizer
    schedule: Schedule
    rate: float
    batch_size: int
    n_epochs: int
    patience: Patience
    shuffle: bool = True
    weight_decay: float = 0.0
    clip_norm: float | None = None
    averaging: float = 0.0  # decay of theta's moving average; 0 for none
    horizon: int | None = None  # epochs that the schedule is made for, where not `n_epochs`
    open_ended: bool = True  # whether the schedule has no end of its own, so that to run out of epochs is to fail


class Observer(Protocol):
    """Who is told of epochs."""

    def begin(self, state: State) -> None:
        """Hear that an epoch begins."""

    def end(self, state: State) -> bool:
        """Hear that an epoch has ended; a true answer stops training."""


MIN_ADAPTIVE_RATE = 1e-6

EXPLODED = 1e30
"""An objective that grows so many times within an epoch is on its way to infinity."""

CACHED = 2**15
"""So many of a sparse step's parameters are moved at once: the dozen passes over them then find them in the cache."""


def train(problem: Problem, plan: Plan, state: State, observer: Observer | None = None) -> Result:
    """Minimise a problem until the plan ends, patience runs out, or somebody asks to stop.

    Order of calls, for each epoch: `observer.begin`, one step a batch,
    `problem.monitor`, the plan's patience, `observer.end`.

    Sets: everything in `state`, in place. A Ctrl-C after the first whole
    epoch ends training with the state of the last whole one; before it, the
    state is put back and KeyboardInterrupt is raised.

    Raises
    ------
    DivergedError
        If the objective or theta is not finite.
    """
    start, gradient, snapshot = state.epoch, np.empty_like(state.theta), Snapshot(state)
    reason = None
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            while reason is None and state.epoch < plan.n_epochs:
                reason = _whole_epoch(problem, plan, state, gradient, observer)
                snapshot.take(state)
    except KeyboardInterrupt:
        snapshot.restore(state)
        if state.epoch == start:
            raise
        reason = StopReason.INTERRUPTED
    return Result(reason or _end_of_plan(plan), state.epoch - start)


def _end_of_plan(plan: Plan) -> StopReason:
    """Return how a plan ends that nothing cut short: to finish a schedule is normal, to run out of epochs is not."""
    return StopReason.MAX_ITER if plan.open_ended else StopReason.FINISHED


def spent(problem: Problem, plan: Plan, state: State) -> StopReason | None:
    """Return why a run that is taken up again has nothing left to do; None if it has."""
    if state.stale <= plan.patience.n_epochs:
        return None
    return StopReason.LOSS_PLATEAU if problem.monitor is None else StopReason.SCORE_PLATEAU


def _whole_epoch(
    problem: Problem, plan: Plan, state: State, gradient: Array, observer: Observer | None
) -> StopReason | None:
    """Train one epoch and record it; return a reason to stop, if there is one."""
    if observer is not None:
        observer.begin(state)
    started = perf_counter()
    loss, rate, norm = _steps(problem, plan, state, gradient)
    state.epoch += 1
    state.seen += problem.n_samples
    validation_loss, score = (nan, nan) if problem.monitor is None else judged(problem.monitor, state)
    state.history.append(Epoch(loss, validation_loss, score, rate, norm, perf_counter() - started))
    reason = _judge(problem, plan, state, loss, score)
    if observer is not None and observer.end(state):
        return reason or StopReason.CALLBACK
    return reason


def _judge(problem: Problem, plan: Plan, state: State, loss: float, score: float) -> StopReason | None:
    """Set what the state remembers of improvements; return a reason to stop, if there is one."""
    if not plan.patience.observe(state, -loss if problem.monitor is None else score):
        return None
    if plan.schedule is adaptive and plan.rate * adaptive(_progress(plan, state, 0.0)) > MIN_ADAPTIVE_RATE:
        state.plateaus += 1
        state.stale = 0
        return None
    return spent(problem, plan, state)


def _steps(problem: Problem, plan: Plan, state: State, gradient: Array) -> tuple[float, float, float]:
    """Take one step for every batch; return the mean loss, the last rate and the last gradient's norm."""
    n = problem.n_samples
    n_batches = -(-n // plan.batch_size)
    rng = state.rng if problem.random else None
    total, n_without, rate, norm, first = 0.0, 0, 0.0, 0.0, 0.0
    for i, batch in enumerate(_batches(plan, n, state.rng)):
        value, rows = problem.objective(state.theta, batch, gradient, rng)
        rate = plan.rate * plan.schedule(_progress(plan, state, i / n_batches))
        first = abs(value) if i == 0 else first
        if not (isfinite(value) and abs(value) <= EXPLODED * (1.0 + first)):
            raise DivergedError(state.epoch + 1, rate)
        if plan.clip_norm is not None or i == n_batches - 1:
            norm = _gradient_norm(problem, gradient, rows)
        if plan.clip_norm is not None and norm > plan.clip_norm:
            gradient *= plan.clip_norm / norm
        state.step += 1
        _step(problem, plan, state, gradient, rows, rate)
        size = min(plan.batch_size, n - i * plan.batch_size)
        total += value * size
        n_without += 0 if rows is None else size
    if not np.isfinite(state.theta).all():
        raise DivergedError(state.epoch + 1, rate)
    if n_without:
        total += n_without * problem.penalty(state.theta)
    return total / n, rate, norm


def _progress(plan: Plan, state: State, of_epoch: float) -> Progress:
    fraction = (state.epoch + of_epoch) / (plan.horizon or plan.n_epochs)
    return Progress(min(fraction, 1.0), state.seen, state.plateaus)


def _batches(plan: Plan, n: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Yield the batches of one epoch; a full batch needs no shuffling."""
    size = plan.batch_size
    if not plan.shuffle or size >= n:
        yield from (slice(i, min(i + size, n)) for i in range(0, n, size))
    else:
        order = rng.permutation(n)
        yield from (order[i : i + size] for i in range(0, n, size))


def _gradient_norm(problem: Problem, gradient: Array, rows: Array | None) -> float:
    """Return the Euclidean norm of the gradient, of its valid part where only some rows are touched."""
    if rows is None:
        return sqrt(float(np.dot(gradient, gradient)))
    block = problem.block
    parts = gradient[: block.start], block.of(gradient)[: len(rows)].ravel(), gradient[block.stop :]
    return sqrt(sum(float(np.dot(part, part)) for part in parts))


def _step(problem: Problem, plan: Plan, state: State, gradient: Array, rows: Array | None, rate: float) -> None:
    """Move theta and its average, or of the block only the touched rows."""
    if rows is None:
        _move(plan, state.step, state.vectors, gradient, rate, problem.n_weights)
    else:
        block = problem.block
        for part, n_weights in (slice(block.start), block.start), (slice(block.stop, None), 0):
            _move(plan, state.step, [vector[part] for vector in state.vectors], gradient[part], rate, n_weights)
        _move_rows(block, plan, state, gradient, rows, rate)
    if problem.project is not None:
        problem.project(state.theta, rate * plan.optimizer.reach(state.moments, state.step))
        if state.average is not None:
            state.average[state.theta == 0.0] = 0.0  # the zeros of an L1 penalty are real ones


def _move_rows(block: Block, plan: Plan, state: State, gradient: Array, rows: Array, rate: float) -> None:
    """Move the touched rows of the block."""
    matrices, packed = [block.of(vector) for vector in state.vectors], block.of(gradient)
    n_rows = max(1, CACHED // packed.shape[1])
    for i in range(0, len(rows), n_rows):
        some = rows[i : i + n_rows]
        picked = [matrix.take(some, axis=0) for matrix in matrices]
        _move(plan, state.step, picked, packed[i : i + len(some)], rate, len(some))
        for matrix, part in zip(matrices, picked, strict=True):
            matrix[some] = part


def _move(plan: Plan, step: int, vectors: list[Array], gradient: Array, rate: float, n_weights: int) -> None:
    """Decay the weights (Loshchilov & Hutter 2019, arXiv:1711.05101), then move theta by -rate * direction.

    Where there is a moving average (Polyak & Juditsky 1992), it follows theta;
    at first it is the mean of few, so that it soon forgets where theta began.
    """
    theta, moments = vectors[0], vectors[1 : 1 + plan.optimizer.n_moments]
    if plan.weight_decay:
        theta[:n_weights] *= 1.0 - rate * plan.weight_decay
    gradient *= rate * plan.optimizer.update(gradient, moments, step)
    theta -= gradient
    if plan.averaging:
        average = vectors[-1]
        np.subtract(theta, average, out=gradient)
        gradient *= 1.0 - min(plan.averaging, (1.0 + step) / (10.0 + step))
        average += gradient
