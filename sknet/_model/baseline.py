"""Whether networks are no better than the best constant prediction.

Conventions
-----------
n rows trained on; m held out; l raw outputs; k target columns, equal to l except with quantile levels.

target : (n, k)     the target matrix
raw : (n, l)        raw outputs; or (m, l) for held-out rows, by networks that were not trained on them
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from sknet._model.epoch_choice import MIN_STEPS_TO_CHOOSE, Selection
from sknet._model.held_out import HeldOutOutputs
from sknet._model.network_setup import NetworkSetup
from sknet._network.losses import Loss, mean_loss
from sknet._network.temperature import at_temperature
from sknet._tables.raw_table import take_optional
from sknet._tables.sampling import exceeds_sample_size, sample_rows
from sknet._tables.statistics import mean_and_deviation
from sknet._training.solver import State
from sknet._typing import Array
from sknet._vectors import blocks_of_batch


class ComparisonWithConstant(NamedTuple):
    """How a fit compares with the best constant prediction."""

    is_no_better: bool
    n_collapsed: int = 0  # published networks that are no better, if the fit is worse for it than those of folds
    on_held_out_rows: bool = False  # whether `is_no_better` compares the loss of held-out rows


def compare_with_constant(
    networks: Sequence[tuple[NetworkSetup, State]],
    held_out_outputs: HeldOutOutputs | None,
    *,
    selection: Selection | None,
    n_rows: int,
    max_epochs: int,
    stopped_by_user: bool,
) -> ComparisonWithConstant:
    """Compare a fit's loss with that of the best constant prediction for the training rows.

    The loss is computed on the held-out rows, for all networks together. Without held-out rows, it is computed for each
    network on the training rows, and must be lower by more than a fraction 1 / n: one parameter lowers a training loss
    by about that much even if there is nothing to learn. After folds, which have made the outputs for held-out rows,
    published networks are compared like this, too: one of many layers may collapse by the chance of its first weights.
    This counts if together they predict the held-out rows no better than the folds did, although they have seen them,
    and if the folds have learnt more than chance.

    Parameters
    ----------
    networks : sequence of (NetworkSetup, State)
        The trained networks.

    held_out_outputs : HeldOutOutputs or None
    selection : Selection or None
        The choice of the folds, if their networks have made `held_out_outputs`.

    n_rows : int
        The number n of training rows; equal rows may have been merged since.

    max_epochs : int
        The user's limit; folds may have chosen fewer epochs.

    stopped_by_user : bool
        Whether an interrupt or a callback ended training.

    Returns
    -------
    ComparisonWithConstant
        Nothing is found if training was too short to tell.
    """
    # After few steps every network is worse than a constant. This is no fault if training was merely cut short, but it
    # is one if held-out rows or a plateau ended training.
    are_cut_short = any(
        (stopped_by_user or state.epoch >= max_epochs) and state.step < MIN_STEPS_TO_CHOOSE for _, state in networks
    )
    if are_cut_short or not networks:
        return ComparisonWithConstant(False)
    if held_out_outputs is None:
        return ComparisonWithConstant(_n_no_better_in_training(networks, n_rows) > 0)
    is_no_better = _constant_wins_on_held_out_rows(held_out_outputs, networks[0][0])
    if is_no_better or selection is None:
        return ComparisonWithConstant(is_no_better, on_held_out_rows=True)
    # two parameters, the epoch and the temperature, have been chosen by these rows
    if _constant_wins_on_held_out_rows(held_out_outputs, networks[0][0], least_gain=2.0 / len(held_out_outputs.raw)):
        return ComparisonWithConstant(False)
    n_collapsed = _n_no_better_in_training(networks, n_rows)
    if n_collapsed and not _have_lower_loss_than_folds(networks, held_out_outputs, selection):
        return ComparisonWithConstant(False, n_collapsed)
    return ComparisonWithConstant(False)


def _have_lower_loss_than_folds(
    networks: Sequence[tuple[NetworkSetup, State]], held_out_outputs: HeldOutOutputs, selection: Selection
) -> bool:
    """Whether the published networks together predict the rows that folds held out better than the folds did."""
    raw = np.zeros(held_out_outputs.raw.shape)
    for mixing_weight, (setup, state) in zip(selection.mixing_weights, networks, strict=True):
        raw += mixing_weight * setup.raw_training_outputs(state)[selection.held_out_indices]
    head = networks[0][0].encoding.head
    raw = at_temperature(raw, 1.0 / selection.temperature, head.center_of_temperature)
    target = head.targets(held_out_outputs.y, np.dtype(np.float64))
    published, of_folds = (
        _mean_loss_in_blocks(head.loss, raw_outputs, target, held_out_outputs.weight)
        for raw_outputs in (raw, held_out_outputs.raw)
    )
    return published < of_folds


def _constant_wins_on_held_out_rows(
    held_out_outputs: HeldOutOutputs, setup: NetworkSetup, least_gain: float = 0.0
) -> bool:
    """Whether the loss on held-out rows is not lower by this fraction than that of a constant for the training rows."""
    constant = _constant_for_training_rows(setup)
    if constant is None:
        return False
    head = setup.encoding.head
    target = head.targets(held_out_outputs.y, np.dtype(np.float64))
    of_constant = _loss_of_constant(head.loss, constant, target, held_out_outputs.weight)
    limit = of_constant - least_gain * abs(of_constant)  # a user's loss may be negative
    return _mean_loss_in_blocks(head.loss, held_out_outputs.raw, target, held_out_outputs.weight) >= limit


def _n_no_better_in_training(networks: Sequence[tuple[NetworkSetup, State]], n_rows: int) -> int:
    """Return for how many networks the constant wins on the training rows, which are the same for all."""
    first = networks[0][0]
    constant = _constant_for_training_rows(first)
    if constant is None:
        return 0
    rows = first.train_rows
    loss = first.encoding.head.loss
    of_constant = _loss_of_constant(loss, constant, *first.objective.target_sample)
    limit = of_constant - abs(of_constant) / n_rows
    return sum(
        # the loss of the last epoch is known already; dropout and penalty only make it higher
        state.history[-1].loss >= limit
        and _mean_loss_in_blocks(loss, setup.raw_training_outputs(state), rows.target, rows.relative_weight) >= limit
        for setup, state in networks
    )


def _constant_for_training_rows(setup: NetworkSetup) -> Array | None:
    """Return the constant raw output with the least training loss, (l,); None if all targets are equal."""
    target, weight = setup.objective.target_sample
    if (target == target[0]).all():
        return None  # a constant prediction is then right
    return best_constant(setup.encoding.head.loss, target, weight)


def best_constant(loss: Loss, target: Array, weight: Array | None) -> Array:
    """Return the constant raw output of least loss, (l,).

    It is the loss's `start`, if there is one. Otherwise it is found numerically, starting at the targets' means, from a
    sample of many rows: its loss is higher by a fraction of about 1 / 200,000.
    """
    if loss.start is not None:
        return loss.start(target, weight)
    if exceeds_sample_size(len(target)):
        rows = sample_rows(len(target), 0)
        target, weight = target[rows], take_optional(weight, rows)
    target = target.astype(np.float64)
    means = np.array([mean_and_deviation(column, weight)[0] for column in target.T])  # missing targets are ignored
    share = np.full(len(target), 1.0) if weight is None else weight.astype(np.float64)
    share /= share.sum()

    def loss_and_gradient(raw: Array) -> tuple[float, Array]:
        gradient = loss.gradient(np.tile(raw, (len(target), 1)), target)
        return _loss_of_constant(loss, raw, target, weight), share @ gradient

    with np.errstate(all="ignore"):  # a user's loss may not be defined for every raw output
        result = minimize(loss_and_gradient, means, jac=True, method="L-BFGS-B")
    return result.x if result.fun <= _loss_of_constant(loss, means, target, weight) else means


ROWS_COMPARED_AT_ONCE = 2**16
"""Number of rows whose loss is computed at a time: arrays as long as a table of few columns would exceed its size."""


def _loss_of_constant(loss: Loss, raw: Array, target: Array, weight: Array | None) -> float:
    """Return the mean loss if all rows have the raw output `raw`, (l,)."""
    return _mean_loss_in_blocks(loss, np.broadcast_to(raw, (len(target), len(raw))), target, weight)


def _mean_loss_in_blocks(loss: Loss, raw: Array, target: Array, weight: Array | None) -> float:
    """Return `mean_loss` in float64; an infinite loss gives no warning."""
    total_loss = total_weight = 0.0
    for block in blocks_of_batch(slice(0, len(target)), ROWS_COMPARED_AT_ONCE):
        w = None if weight is None else weight[block].astype(np.float64)
        n = len(target[block]) if w is None else w.sum()
        with np.errstate(all="ignore"):
            block_raw, block_target = raw[block].astype(np.float64), target[block].astype(np.float64)
            total_loss += n * mean_loss(loss, block_raw, block_target, w)
        total_weight += n
    return total_loss / total_weight
