"""Pieces that users write, tried once on a few numbers: what returns other shapes than it should is named at once.

Conventions
-----------
raw, target : (n, k)     see `losses`
z, delta : (n, h)        see `activations`
"""

from collections.abc import Callable, Sequence

import numpy as np

from sknet._network.activations import Activation
from sknet._network.losses import Loss
from sknet._typing import Array

N_ROWS_TRIED = 7
"""Rows that a piece is tried on: a number that no other dimension is likely to have."""


def check_custom_functions(loss: Loss, target: Array, activations: Sequence[Activation]) -> None:
    """Try a loss and activations; those of this package pass."""
    check_loss_results(loss, target)
    for activation in activations:
        check_activation_results(activation)


def check_loss_results(loss: Loss, target: Array) -> None:
    """Raise a ValueError that says what a loss returns, where it is not what it should be, for rows of this target."""
    rows = target[np.arange(N_ROWS_TRIED) % len(target)].copy()
    raw = np.linspace(-0.1, 0.1, N_ROWS_TRIED * (len(loss.levels) or rows.shape[1]), dtype=target.dtype)
    raw = raw.reshape(N_ROWS_TRIED, -1)
    parts = {"value": (N_ROWS_TRIED,), "gradient": raw.shape}
    with np.errstate(all="ignore"):
        if loss.joint is not None:
            _refuse_bad_result(
                f"loss={loss.name!r}: joint(raw, target)[0]", loss.joint(raw.copy(), rows)[0], (N_ROWS_TRIED,)
            )
        for name, shape in parts.items():
            returned = getattr(loss, name)(raw.copy(), rows)
            _refuse_bad_result(f"loss={loss.name!r}: {name}(raw, target)", returned, shape)
        linked = raw.copy()
        _refuse_new_array(f"loss={loss.name!r}: link(raw)", loss.link, (linked,))
        if loss.start is not None:
            _refuse_bad_result(
                f"loss={loss.name!r}: start(target, weight)", loss.start(rows, None), raw.shape[1:], "(k,)"
            )


def _refuse_bad_result(what: str, returned: object, shape: tuple[int, ...], words: str = "") -> None:
    """Raise unless a user's function has returned floats of this shape, and no NaN."""
    words = words or ("(n,), one number per row" if len(shape) == 1 else "(n, k), like raw")
    if not isinstance(returned, np.ndarray) or returned.dtype.kind != "f":
        kind = f"an array of {returned.dtype}" if isinstance(returned, np.ndarray) else f"a {type(returned).__name__}"
        raise ValueError(f"{what} returned {kind}: it must return an array of floats of shape {words}.")
    if returned.shape != shape:
        raise ValueError(
            f"{what} returned the shape {returned.shape} for {N_ROWS_TRIED} rows, not {shape}: it must return {words}."
        )
    if np.isnan(returned).any():
        raise ValueError(f"{what} returned NaN for raw outputs near 0: compare it with `check_gradient`.")


def check_activation_results(activation: Activation) -> None:
    """Raise a ValueError where an activation returns a new array instead of overwriting its argument."""
    name = f"activation={activation.name!r}"
    z = np.linspace(-2.0, 2.0, 3 * N_ROWS_TRIED).reshape(N_ROWS_TRIED, 3)
    kept = z.copy()
    with np.errstate(all="ignore"):
        _refuse_new_array(f"{name}: apply(z)", activation.apply, (z,))
        kept = kept if activation.keeps == "input" else z  # `apply` has overwritten z with the outputs
        _refuse_new_array(f"{name}: backward(kept, delta)", activation.backward, (kept, np.ones_like(z)))


def _refuse_new_array(what: str, function: Callable[..., object], arguments: tuple[Array, ...]) -> None:
    """Call a function; raise where it returns a new array and leaves its last argument as it was."""
    written, before = arguments[-1], arguments[-1].copy()
    returned = function(*arguments)
    if isinstance(returned, np.ndarray) and np.array_equal(written, before) and not np.array_equal(returned, before):
        raise ValueError(
            f"{what} returned a new array: it must overwrite its last argument, as np.tanh(z, out=z) or z *= 2 do."
        )
