"""Checks of an activation or a loss that a user has written.

`check_gradient` compares derivatives with finite differences. `fit` calls each function once on a few rows.

Conventions
-----------
z, delta : (n, h)      see `activations`
raw, target : (n, k)   see `losses`; target is (n, 1) for a loss with k `levels`
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import singledispatch
from typing import Any

import numpy as np

from sknet._network.activations import Activation
from sknet._network.links import DIFFERENCE_STEP, link_differences
from sknet._network.losses import Loss
from sknet._typing import Array, Target

# --- derivatives against finite differences ---------------------------------------------------------------------------

N_CHECKED_ROWS, N_CHECKED_UNITS = 50, 4
"""How many rows, and how many raw outputs, the random points have."""

SINGLE_TOLERANCE = 1e-3
"""The largest error of single precision, relative to the value, or to 1 if the value is smaller."""


def check_gradient(
    piece: Activation | Loss, target: Target = None, *, tolerance: float = 1e-6, random_state: int = 0
) -> float:
    """Compare the derivative of an activation or a loss with finite differences.

    Points are random and in double precision. The check also covers the other rules for
    an activation or a loss: which arrays are overwritten, which shapes are returned,
    and that float32 stays float32. Entries of an activation, and samples of a loss,
    must not affect each other. For a loss, `targets`, `link_backward` and `start` are
    checked as well.

    Parameters
    ----------
    piece : Activation or Loss
        The piece to check.

    target : array-like of shape (n_samples, n_outputs), default=None
        Targets that suit the loss. By default, two positive outputs that add up to 1,
        or only the first for a loss with `levels`.

    tolerance : float, default=1e-6
        Largest allowed error of the derivative. It is relative to the slope, or
        absolute if the slope is below 1.

    random_state : int, default=0
        Seed of the points.

    Returns
    -------
    error : float
        The largest error of the derivative.

    Raises
    ------
    ValueError
        If something is wrong. The message says what, and where.

    Examples
    --------
    >>> import numpy as np
    >>> from sknet import Activation, check_gradient
    >>> def square(z):
    ...     z *= z
    >>> def square_backward(z, delta):
    ...     delta *= 2 * z
    >>> check_gradient(Activation("square", square, square_backward, keeps="input")) < 1e-6
    True
    """
    rng = np.random.default_rng([random_state, N_CHECKED_ROWS])  # differs from a seed that the user may have used
    return _largest_error(piece, target, rng, tolerance)


@singledispatch
def _largest_error(piece: object, target: Target, rng: np.random.Generator, tolerance: float) -> float:
    raise TypeError(f"check_gradient takes an Activation or a Loss, got {type(piece).__name__}.")


# --- an activation ---------------------------------------------------------------------------------------------------


@_largest_error.register
def _largest_error_of_activation(
    activation: Activation, target: Target, rng: np.random.Generator, tolerance: float
) -> float:
    """Return the largest error of `backward`; raise if it exceeds the tolerance, or if another rule is broken."""
    name = f"Activation {activation.name!r}"
    if activation.keeps not in ("output", "input"):
        raise ValueError(f"{name}: keeps={activation.keeps!r} must be 'output' or 'input'.")
    check_activation_works_in_place(name, activation)
    z = rng.normal(scale=2.0, size=(N_CHECKED_ROWS, N_CHECKED_UNITS))  # includes both tails of a sigmoid

    def f(z: Array) -> Array:
        return _call_in_place_finite(f"{name}: apply(z)", activation.apply, z)

    def backward(z: Array, delta: Array, keeps: str = activation.keeps) -> Array:
        return _call_in_place(activation.backward, f(z) if keeps == "output" else z, delta)

    if not np.allclose(f(z[:3, :2]), f(z)[:3, :2], rtol=1e-9, atol=1e-12):
        raise ValueError(f"{name}: apply(z) mixes entries of z: each output must depend on its own sum only.")
    slope = (f(z + DIFFERENCE_STEP) - f(z - DIFFERENCE_STEP)) / (2.0 * DIFFERENCE_STEP)
    delta = rng.uniform(0.5, 2.0, size=z.shape)
    derivative = backward(z, delta) / delta
    what = f"{name}: backward(kept, delta) is not delta times the slope of apply"
    other = "input" if activation.keeps == "output" else "output"
    is_wrong = _relative_errors(derivative, slope).max() > tolerance
    if is_wrong and _relative_errors(backward(z, delta, other) / delta, slope).max() <= tolerance:
        what += f", but would be with keeps={other!r}"
    error = _check_close(what, {"z": z}, "backward / delta", derivative, slope, tolerance)
    z32, delta32 = z.astype(np.float32), delta.astype(np.float32)
    _check_single_precision(f"{name}: apply(z)", f(z32), f(z))
    _check_single_precision(f"{name}: backward(kept, delta)", backward(z32, delta32), slope * delta)
    return error


def _call_in_place(function: Callable[..., object], *arguments: Array) -> Array:
    """Call a function with copies of the arguments; return the last copy, which it overwrites."""
    copies = [argument.copy() for argument in arguments]
    with np.errstate(all="ignore"):
        function(*copies)
    return copies[-1]


def _call_in_place_finite(what: str, function: Callable[..., object], x: Array) -> Array:
    """Call a function that overwrites a copy of x; return the copy, or raise if it is not finite."""
    out = _call_in_place(function, x)
    if not np.isfinite(out).all():
        raise ValueError(f"{what} gives {out[~np.isfinite(out)][0]} at {x[~np.isfinite(out)][0]:.6g}.")
    return out


# --- a loss ----------------------------------------------------------------------------------------------------------


@_largest_error.register
def _largest_error_of_loss(loss: Loss, target: Target, rng: np.random.Generator, tolerance: float) -> float:
    """Return the largest error of `gradient`; raise if it exceeds the tolerance, or if another rule is broken."""
    # the default targets are positive and add up to 1, which suits nearly every loss
    target = rng.dirichlet(np.ones(2), N_CHECKED_ROWS) if target is None else np.array(target, dtype=np.float64)
    target = target.reshape(len(target), -1)[:, : 1 if loss.levels else None]
    name = f"Loss {loss.name!r}"
    n = len(target)
    k = len(loss.levels) or target.shape[1]
    outside = target[~loss.targets.contains(target)]
    if outside.size:
        raise ValueError(
            f"{name}: it takes targets that are {loss.targets}, as its `targets` says, and was given {outside[0]:.6g}: "
            "pass a `target` that suits, or correct the interval."
        )
    check_loss_results(name, loss, target)
    raw = rng.normal(size=(n, k))
    of_value, of_gradient, of_joint = (f"{name}: {part}(raw, target)" for part in ("value", "gradient", "joint"))

    value = _call_unchanged(of_value, loss.value, raw, target)
    if not np.isfinite(value).all():
        i = np.flatnonzero(~np.isfinite(value))[0]
        raise ValueError(f"{of_value} is {value[i]} at raw {raw[i]}, target {target[i]}: pass a `target` that suits.")
    # a few rows must have the same values as among all rows, since batches have any rows
    if not np.allclose(loss.value(raw[:3].copy(), target[:3]), value[:3], rtol=1e-9, atol=1e-12):
        raise ValueError(f"{of_value} mixes samples: each loss must depend on its own row only.")

    slope = np.empty((n, k))
    for j in range(k):  # central differences of raw_j, for all rows at once
        step = DIFFERENCE_STEP * np.eye(k)[j]
        slope[:, j] = (loss.value(raw + step, target) - loss.value(raw - step, target)) / (2.0 * DIFFERENCE_STEP)

    def check_slope(what: str, label: str, gradient: Callable[[Array, Array], Array]) -> float:
        derivative = _call_unchanged(what, gradient, raw, target, may_overwrite_raw=True)
        inputs = {"raw": raw, "target": target}
        return _check_close(f"{what} is not the slope of value", inputs, label, derivative, slope, tolerance)

    error = check_slope(of_gradient, "gradient", loss.gradient)
    joint = loss.joint
    if joint is not None:
        check_slope(f"{of_joint}[1]", "joint", lambda *arguments: joint(*arguments)[1])
        sample = {"sample": np.arange(n)}
        joint_value = joint(raw.copy(), target)[0]
        _check_close(f"{of_joint}[0] is not what value returns", sample, "joint", joint_value, value, tolerance)
    link = loss.inverse_link
    delta = rng.normal(size=(n, k))
    _call_in_place_finite(f"{name}: link(raw)", link.apply, raw)
    backward = link.backward(raw.copy(), delta)
    slope_of_link = link_differences(link.apply, raw, delta)
    what = f"{name}: link_backward(raw, delta) is not the slope of link"
    _check_close(what, {"raw": raw, "delta": delta}, "link_backward", backward, slope_of_link, tolerance)
    if loss.start is not None:
        for weight in (None, np.ones(n)):
            start = _call_unchanged(f"{name}: start(target, weight)", loss.start, target, weight)
            if not np.isfinite(start).all():
                raise ValueError(f"{name}: start(target, weight) is {start}: training cannot start there.")
    raw32, target32 = raw.astype(np.float32), target.astype(np.float32)
    _check_single_precision(of_value, loss.value(raw32.copy(), target32), value)
    _check_single_precision(of_gradient, loss.gradient(raw32, target32), slope)
    return error


def _call_unchanged(
    what: str, function: Callable[..., Array], *arguments: Any, may_overwrite_raw: bool = False
) -> Array:
    """Call a function of a loss with copies of the arguments; raise if it changes them, except for the raw outputs."""
    copies = deepcopy(arguments)
    result = function(*copies)
    pairs = [*zip(copies, arguments, strict=True)][1 if may_overwrite_raw else 0 :]
    if not all(before is None or np.array_equal(after, before, equal_nan=True) for after, before in pairs):
        words = "may overwrite raw, and nothing else" if may_overwrite_raw else "must leave them as they are"
        raise ValueError(f"{what} changes its arguments: it {words}.")
    return result


# --- the report ------------------------------------------------------------------------------------------------------


def _check_single_precision(what: str, single: Array, double: Array) -> None:
    """Raise if single precision is lost, or differs too much from double precision."""
    if single.dtype != np.float32:
        raise ValueError(f"{what} turns float32 into {single.dtype}: use Python numbers, not float64 arrays.")
    off = _relative_errors(single, double).max()
    if off > SINGLE_TOLERANCE:
        raise ValueError(f"{what} gives other numbers in float32 than in float64, by {off:.2g}.")


def _relative_errors(computed: Array, expected: Array) -> Array:
    """Return errors relative to the expected values, or to 1 if these are smaller; NaN counts as infinite."""
    error = np.abs(computed - expected) / np.maximum(np.abs(expected), 1.0)
    return np.where(np.isfinite(error), error, np.inf)


def _check_close(
    what: str, inputs: dict[str, Array], label: str, computed: Array, expected: Array, tolerance: float
) -> float:
    """Return the largest error; raise if it exceeds the tolerance, with the values at this place."""
    error = _relative_errors(computed, expected)
    if error.max() <= tolerance:
        return float(error.max())
    worst = np.unravel_index(error.argmax(), error.shape)
    place = ", ".join(f"{name}={np.broadcast_to(values, error.shape)[worst]:.6g}" for name, values in inputs.items())
    raise ValueError(
        f"{what}: it is off at {(error > tolerance).sum()} of {error.size} places, by up to {error.max():.2g}. "
        f"At {place}, {label} is {computed[worst]:.6g} instead of {expected[worst]:.6g}."
    )


# --- results of wrong shapes and types --------------------------------------------------------------------------------

N_ROWS_TRIED = 7
"""Rows that a function is called with: a number that no other dimension is likely to have."""


def check_custom_functions(loss: Loss, target: Array, activations: Sequence[Activation]) -> None:
    """Raise a ValueError if a loss or an activation returns something wrong."""
    check_loss_results(f"loss={loss.name!r}", loss, target)
    for activation in activations:
        check_activation_works_in_place(f"activation={activation.name!r}", activation)


def check_loss_results(name: str, loss: Loss, target: Array) -> None:
    """Raise a ValueError if a function of a loss returns something wrong for a few rows of this target."""
    rows = target[np.arange(N_ROWS_TRIED) % len(target)].copy()
    raw = np.linspace(-0.1, 0.1, N_ROWS_TRIED * (len(loss.levels) or rows.shape[1]), dtype=target.dtype)
    raw = raw.reshape(N_ROWS_TRIED, -1)
    per_row, like_raw = "(n,), one number per row", "(n, k), like raw"
    of_value, of_gradient = (f"{name}: {part}(raw, target)" for part in ("value", "gradient"))
    with np.errstate(all="ignore"):
        if loss.joint is not None:
            _check_result(f"{name}: joint(raw, target)[0]", loss.joint(raw.copy(), rows)[0], (N_ROWS_TRIED,), per_row)
        values = _call_unchanged(of_value, loss.value, raw, rows)
        _check_result(of_value, values, (N_ROWS_TRIED,), per_row)
        gradient = _call_unchanged(of_gradient, loss.gradient, raw, rows, may_overwrite_raw=True)
        _check_result(of_gradient, gradient, raw.shape, like_raw)
        _check_works_in_place(f"{name}: link(raw)", loss.inverse_link.apply, raw.copy())
        if loss.start is not None:
            _check_result(f"{name}: start(target, weight)", loss.start(rows, None), raw.shape[1:], "(k,)")


def _check_result(what: str, returned: object, shape: tuple[int, ...], words: str) -> None:
    """Raise unless a user's function has returned an array of floats of this shape, without NaN."""
    if not isinstance(returned, np.ndarray) or returned.dtype.kind != "f":
        kind = f"an array of {returned.dtype}" if isinstance(returned, np.ndarray) else f"a {type(returned).__name__}"
        raise ValueError(f"{what} returned {kind}: it must return an array of floats of shape {words}.")
    if returned.shape != shape:
        raise ValueError(
            f"{what} returned the shape {returned.shape} for {N_ROWS_TRIED} rows, not {shape}: it must return {words}."
        )
    if np.isnan(returned).any():
        raise ValueError(f"{what} returned NaN for raw outputs near 0: correct it, or pass targets that suit.")


def check_activation_works_in_place(name: str, activation: Activation) -> None:
    """Raise a ValueError if an activation returns a new array instead of overwriting its argument."""
    z = np.linspace(-2.0, 2.0, 3 * N_ROWS_TRIED).reshape(N_ROWS_TRIED, 3)
    kept = z.copy()
    with np.errstate(all="ignore"):
        _check_works_in_place(f"{name}: apply(z)", activation.apply, z)
        kept = kept if activation.keeps == "input" else z  # `apply` has overwritten z with the outputs
        _check_works_in_place(f"{name}: backward(kept, delta)", activation.backward, kept, np.ones_like(z))


def _check_works_in_place(what: str, function: Callable[..., object], *arguments: Array) -> None:
    """Call a function; raise if it returns a new array and leaves its last argument as it was."""
    written, before = arguments[-1], arguments[-1].copy()
    returned = function(*arguments)
    if isinstance(returned, np.ndarray) and np.array_equal(written, before) and not np.array_equal(returned, before):
        raise ValueError(
            f"{what} returned a new array: it must overwrite its last argument, as np.tanh(z, out=z) or z *= 2 do."
        )
