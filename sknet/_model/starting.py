"""Initial weights that are not drawn: given by the user, or taken from an earlier run.

Conventions
-----------
theta : (p,)       all parameters, in the compute dtype
published weights  the estimator's `coefs_` and `intercepts_`, in the output dtype
"""

from dataclasses import replace

import numpy as np

from sknet._model.model import Network
from sknet._network.chain import Layout
from sknet._training.solver import State
from sknet._typing import Array, DType


def check_initial_weights(layout: Layout, init: tuple[object, ...]) -> tuple[list[Array], list[Array]]:
    """Check the user's initial weights and biases; return them in float64."""
    if len(init) != 2:
        raise ValueError(f"init is a tuple of {len(init)}; it must be (coefs, intercepts).")
    coefs, intercepts = _float_arrays(init[0]), _float_arrays(init[1])
    shapes = [W.shape for W in coefs], [b.shape for b in intercepts]
    expected = layout.shapes, [(size,) for size in layout.sizes[1:]]
    if shapes != expected:
        raise ValueError(
            f"init gives weights of shapes {shapes[0]} and biases {shapes[1]}; this network has {expected}."
        )
    if not all(np.isfinite(array).all() for array in (*coefs, *intercepts)):
        raise ValueError("init gives weights that are not finite numbers.")
    return coefs, intercepts


def _float_arrays(arrays: object) -> list[Array]:
    """Return a user's list of arrays in float64."""
    try:
        return [np.asarray(array, dtype=float) for array in arrays]  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise ValueError(f"init must be two lists of arrays, (coefs, intercepts); one is not: {error}.") from error


def refuse_other_weights(layout: Layout, network: Network, init: object) -> None:
    """Raise if the weights to continue from, or the weights in `init`, have other shapes than the layout."""
    shapes = [W.shape for W in network.coefs]
    if shapes != layout.shapes:
        raise ValueError(
            f"hidden_layer_sizes={layout.sizes[1:-1]} asks for weights of shapes {layout.shapes}, but training goes on "
            f"from {shapes}: keep the layers, or start anew: call fit with warm_start=False."
        )
    if isinstance(init, tuple):  # it has no effect any more, but is still checked
        check_initial_weights(layout, init)


def gains_of(theta: Array, n_parameters: int) -> Array:
    """Return a view of the input gains at the end of theta; empty if there are none."""
    return theta[n_parameters if theta.size >= n_parameters else 0 :]


def state_to_keep(state: State, n_parameters: int, output_dtype: DType, *, from_published: bool) -> State:
    """Return the part of a state that is kept in addition to the published weights and the history.

    With `from_published`, training continues from the published weights. If rows were held out, these are the weights
    of the best epoch, at its temperature.
    """
    # The average is published if there is one, else theta. Of a published theta, only the gains are kept.
    exact = np.can_cast(state.theta.dtype, output_dtype)  # whether publishing loses no digits
    published = from_published or (exact and state.average is None)
    theta = gains_of(state.theta, n_parameters).copy() if published else state.theta
    average = None if exact or from_published else state.average
    return replace(state, theta=theta, average=average, best=None, history=[])


def state_with_new_gains(state: State, n_parameters: int) -> State:
    """Return a copy of a kept state with input gains of 1 and moments of 0 for them."""
    state = state.copy()
    gains_of(state.theta, n_parameters)[:] = 0.0
    for moment in state.moments:
        moment[n_parameters:] = 0.0
    return state


def state_to_continue_from(
    kept: State, fresh: State, n_parameters: int, output_dtype: DType, *, keep_moments: bool = True
) -> State:
    """Return a copy of a kept state to continue from, with the published weights, which may have been set by hand.

    `fresh` is the state of a new run from the published weights. `keep_moments` is False after a change of the solver.
    """
    state, published = kept.copy(), fresh.theta[:n_parameters]
    if not keep_moments or len(state.moments) != len(fresh.moments):
        return replace(fresh, epoch=state.epoch, n_samples_seen=state.n_samples_seen, rng=state.rng)
    gains = gains_of(state.theta, n_parameters)
    weights = state.theta[: state.theta.size - gains.size]
    if fresh.average is not None:  # the published weights are the average, and theta is separate
        average = None if state.average is None else state.average[:n_parameters]
        average = _most_precise_weights(average, published, output_dtype)
        state.average = np.concatenate([average, gains])
        weights = weights if weights.size else published
    else:
        weights, state.average = _most_precise_weights(weights, published, output_dtype), None
    state.theta = np.concatenate([weights, gains])
    return state


def _most_precise_weights(kept: Array | None, published: Array, dtype: DType) -> Array:
    """Return the kept weights if they round to the published weights, else a copy of the published weights.

    The kept weights have more digits. They do not round to the published weights if the user has set `coefs_` by hand.
    """
    same = kept is not None and np.array_equal(kept.astype(dtype), published.astype(dtype))
    return kept if same and kept is not None else published.copy()
