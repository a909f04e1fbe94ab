"""States that are kept after a call, and states that continue from them.

`partial_fit` and an interrupted fit keep a state beside the published weights, which the user may set by hand.

Conventions
-----------
theta : (p,)       all parameters, in the compute dtype; with input gains (p + d,), see `gains.py`
published weights  see `publish` in `_estimators/fitted.py`; in the output dtype
"""

from dataclasses import replace

import numpy as np

from sknet._training.gains import join_theta, split_theta
from sknet._training.solver import BestEpoch, State
from sknet._typing import Array, DType


def pruned_state(state: State, n_parameters: int, output_dtype: DType, *, from_published: bool) -> State:
    """Return the part of a state that is kept in addition to the published weights and the history.

    With `from_published`, training continues from the published weights. If rows were held out, these are the weights
    of the best epoch, at its temperature.
    """
    # The average is published if there is one, else theta. If theta is published, only its gains are kept here.
    exact = np.can_cast(state.theta.dtype, output_dtype)  # whether publishing loses no digits
    published = from_published or (exact and state.average is None)
    _, log_gains = split_theta(state.theta, n_parameters)
    theta = log_gains.copy() if published else state.theta
    average = None if exact or from_published else state.average
    return replace(state, theta=theta, average=average, best=BestEpoch(), history=[])


def state_with_new_gains(state: State, n_parameters: int) -> State:
    """Return a copy of a kept state with input gains of 1 and moments of 0 for them."""
    state = state.copy()
    for array in (state.theta, *state.moments):
        _, of_gains = split_theta(array, n_parameters)
        of_gains[:] = 0.0
    return state


def state_with_published_weights(
    kept_state: State, fresh_state: State, n_parameters: int, output_dtype: DType, *, keep_moments: bool = True
) -> State:
    """Return a copy of a kept state to continue from, with the published weights, which may have been set by hand.

    `fresh_state` is the state of a new run from the published weights. `keep_moments` is False after a change of the
    solver.
    """
    state = kept_state.copy()
    published, _ = split_theta(fresh_state.theta, n_parameters)
    if not keep_moments or len(state.moments) != len(fresh_state.moments):
        return replace(fresh_state, epoch=state.epoch, n_samples_seen=state.n_samples_seen, rng=state.rng)
    weights, log_gains = split_theta(state.theta, n_parameters)
    if fresh_state.average is not None:  # the published weights are the average, and theta is separate
        average = None if state.average is None else split_theta(state.average, n_parameters)[0]
        average = _most_precise_weights(average, published, output_dtype)
        state.average = join_theta(average, log_gains)
        weights = weights if weights.size else published
    else:
        weights = _most_precise_weights(weights, published, output_dtype)
        state.average = None
    state.theta = join_theta(weights, log_gains)
    return state


def _most_precise_weights(kept_weights: Array | None, published: Array, dtype: DType) -> Array:
    """Return the kept weights if they round to the published weights, else a copy of the published weights.

    The kept weights have more digits. They do not round to the published weights if the user has set `coefs_` by hand.
    """
    if kept_weights is not None and np.array_equal(kept_weights.astype(dtype), published.astype(dtype)):
        return kept_weights
    return published.copy()
