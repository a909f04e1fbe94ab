"""Numerical checks of an activation or a loss: is the derivative the slope, and are the conventions kept.

Conventions
-----------
z : (n, h)          where an activation is tried; its slope is compared entry by entry
raw, target : (n, k)   where a loss is tried; target is (n, 1) where the loss has `levels`, k of them
"""

from collections.abc import Callable
from functools import singledispatch

import numpy as np

from sknet._network.activations import Activation
from sknet._network.losses import Loss, link_differences
from sknet._typing import Array, Target

STEP = 1e-5
"""The step of central differences: truncation and rounding are both about 1e-11 there."""

N_ROWS, N_UNITS = 50, 4
"""How many rows, and how many raw outputs, the random points have."""

SINGLE_TOLERANCE = 1e-3
"""How far single precision may be from double, relative to 1 and to the value."""


def check_gradient(
    piece: Activation | Loss,
    target: Target = None,
    *,
    tolerance: float = 1e-6,
    random_state: int = 0,
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
        The largest error found.

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
    rng = np.random.default_rng([random_state, N_ROWS])  # not the seed that a user may have drawn `target` with
    return _check(piece, target, rng, tolerance)


@singledispatch
def _check(piece: object, target: Target, rng: np.random.Generator, tolerance: float) -> float:
    raise TypeError(f"check_gradient takes an Activation or a Loss, got {type(piece).__name__}.")


# --- an activation ---------------------------------------------------------------------------------------------------


@_check.register
def _check_activation(activation: Activation, target: Target, rng: np.random.Generator, tolerance: float) -> float:
    name = f"Activation {activation.name!r}"
    if activation.keeps not in ("output", "input"):
        raise ValueError(f"{name}: keeps={activation.keeps!r} must be 'output' or 'input'.")
    z = rng.normal(scale=2.0, size=(N_ROWS, N_UNITS))  # as wide as units work: both tails of a sigmoid are reached

    def f(z: Array) -> Array:
        return _finite_result(f"{name}: apply(z)", activation.apply, z)

    def backward(z: Array, delta: Array, keeps: str) -> Array:
        kept = f(z) if keeps == "output" else z
        return _overwritten(f"{name}: backward(kept, delta)", activation.backward, kept, delta)

    if not np.allclose(f(z[:3, :2]), f(z)[:3, :2], rtol=1e-9, atol=1e-12):
        raise ValueError(f"{name}: apply(z) mixes entries of z: each output must depend on its own sum only.")
    slope = (f(z + STEP) - f(z - STEP)) / (2.0 * STEP)
    delta = rng.uniform(0.5, 2.0, size=z.shape)
    derivative = backward(z, delta, activation.keeps) / delta
    other = "input" if activation.keeps == "output" else "output"
    hints: dict[str, Callable[[], Array]] = {
        f"It would be right with keeps={other!r}.": lambda: backward(z, delta, other) / delta,
        "It overwrites delta with the slope: it must multiply delta by it (delta *= ...).": lambda: derivative * delta,
    }
    what = f"{name}: backward(kept, delta) is not delta times the slope of apply"
    error = _check_close(what, {"z": z}, "backward / delta", derivative, slope, tolerance, hints)
    z32, delta32 = z.astype(np.float32), delta.astype(np.float32)
    _check_single_precision(f"{name}: apply(z)", f(z32), f(z))
    _check_single_precision(f"{name}: backward(kept, delta)", backward(z32, delta32, activation.keeps), slope * delta)
    return error


def _overwritten(what: str, function: Callable[..., object], *arguments: Array) -> Array:
    """Return what a function makes of a copy of its last argument; raise where it returns a new value instead."""
    copies = [argument.copy() for argument in arguments]
    with np.errstate(all="ignore"):
        returned = function(*copies)
    if returned is not None and returned is not copies[-1]:
        raise ValueError(f"{what} returns a new value: it must overwrite its argument in place and return nothing.")
    return copies[-1]


def _finite_result(what: str, function: Callable[..., object], x: Array) -> Array:
    """Return what a function makes of a copy of x; raise where that is not finite."""
    out = _overwritten(what, function, x)
    if not np.isfinite(out).all():
        raise ValueError(f"{what} gives {out[~np.isfinite(out)][0]} at {x[~np.isfinite(out)][0]:.6g}.")
    return out


# --- a loss ----------------------------------------------------------------------------------------------------------


@_check.register
def _check_loss(loss: Loss, target: Target, rng: np.random.Generator, tolerance: float) -> float:
    # by default positive ones that add up to 1, which nearly every loss takes
    target = rng.dirichlet(np.ones(2), N_ROWS) if target is None else np.array(target, dtype=np.float64)
    target = target.reshape(len(target), -1)[:, : 1 if loss.levels else None]
    name, n, k = f"Loss {loss.name!r}", len(target), len(loss.levels) or target.shape[1]
    outside = target[~loss.targets.contains(target)]
    if outside.size:
        raise ValueError(
            f"{name}: it takes targets that are {loss.targets}, as its `targets` says, and was given {outside[0]:.6g}: "
            "pass a `target` that suits, or correct the interval."
        )
    raw = rng.normal(size=(n, k))
    value = _checked_value(name, loss, raw, target)
    # a few rows alone must give what they give among others: batches are cut anywhere
    if not np.allclose(loss.value(raw[:3].copy(), target[:3]), value[:3], rtol=1e-9, atol=1e-12):
        raise ValueError(f"{name}: value(raw, target) mixes samples: each loss must depend on its own row only.")
    slope = np.empty((n, k))
    for j in range(k):  # central differences: raw_j of all rows at once, since rows do not depend on each other
        step = STEP * np.eye(k)[j]
        slope[:, j] = (loss.value(raw + step, target) - loss.value(raw - step, target)) / (2.0 * STEP)
    error = _check_slope(f"{name}: gradient(raw, target)", "gradient", loss.gradient, raw, target, slope, tolerance)
    joint = loss.joint
    if joint is not None:
        what, of_joint = f"{name}: joint(raw, target)", lambda *given: joint(*given)[1]
        _check_slope(f"{what}[1]", "joint", of_joint, raw, target, slope, tolerance)
        sample, found = {"sample": np.arange(n)}, joint(raw.copy(), target)[0]
        _check_close(f"{what}[0] is not what value returns", sample, "joint", found, value, tolerance)
    _finite_result(f"{name}: link(raw)", loss.link, raw)
    if loss.link_backward is not None:
        delta = rng.normal(size=(n, k))
        backward, slope_of_link = loss.link_backward(raw.copy(), delta), link_differences(loss.link, raw, delta)
        what = f"{name}: link_backward(raw, delta) is not the slope of link"
        _check_close(what, {"raw": raw, "delta": delta}, "link_backward", backward, slope_of_link, tolerance)
    _check_start(name, loss, target)
    raw32, target32 = raw.astype(np.float32), target.astype(np.float32)
    _check_single_precision(f"{name}: value(raw, target)", loss.value(raw32.copy(), target32), value)
    _check_single_precision(f"{name}: gradient(raw, target)", loss.gradient(raw32, target32), slope)
    return error


def _check_start(name: str, loss: Loss, target: Array) -> None:
    """Raise where what training starts from is not one finite raw output per column."""
    if loss.start is None:
        return
    expected = (len(loss.levels) or target.shape[1],)
    for dtype in (np.float64, np.float32):
        for weight in (None, np.ones(len(target), dtype)):
            target_copy = target.astype(dtype)
            start = np.asarray(loss.start(target_copy, weight))
            what = f"{name}: start(target, weight)"
            if start.shape != expected:
                raise ValueError(f"{what} has shape {start.shape}, expected {expected}: one number per raw output.")
            if start.dtype not in (np.float64, dtype):
                raise ValueError(f"{what} is {start.dtype}: it must be float64, or of the target's type.")
            if not np.isfinite(start).all():
                raise ValueError(f"{what} is {start}: training cannot start there.")
            if not np.array_equal(target_copy, target.astype(dtype)):
                raise ValueError(f"{what} changes target: it must leave it as it is.")


def _checked_value(name: str, loss: Loss, raw: Array, target: Array) -> Array:
    """Return the samples' losses, checked for all but their slope."""
    given, target_copy = raw.copy(), target.copy()
    value = loss.value(given, target_copy)
    what = f"{name}: value(raw, target)"
    if not (np.array_equal(given, raw) and np.array_equal(target_copy, target)):
        raise ValueError(f"{what} changes its arguments: it must leave raw and target as they are.")
    if np.shape(value) != (len(raw),):
        raise ValueError(
            f"{what} has shape {np.shape(value)}, expected ({len(raw)},): one loss per sample, not a mean."
        )
    if not np.isfinite(value).all():
        bad = np.flatnonzero(~np.isfinite(value))[0]
        raise ValueError(f"{what} is {value[bad]} at raw {raw[bad]}, target {target[bad]}: pass a `target` that suits.")
    return value


def _check_slope(
    what: str, label: str, gradient: Callable[[Array, Array], Array], raw: Array, target: Array, slope: Array,
    tolerance: float,
) -> float:  # fmt: skip
    """Return how far a loss's gradient is from the slope of its value; raise where that is too far."""
    target_copy = target.copy()
    derivative = gradient(raw.copy(), target_copy)
    if np.shape(derivative) != raw.shape:
        raise ValueError(
            f"{what} has shape {np.shape(derivative)}, expected {raw.shape}: one derivative per raw output."
        )
    if not np.array_equal(target_copy, target):
        raise ValueError(f"{what} changes target: it may overwrite raw, and nothing else.")
    inputs = {"raw": raw, "target": target}
    return _check_close(f"{what} is not the slope of value", inputs, label, derivative, slope, tolerance)


# --- the report ------------------------------------------------------------------------------------------------------


def _check_single_precision(what: str, single: Array, double: Array) -> None:
    """Raise where single precision is lost, or gives other numbers."""
    if single.dtype != np.float32:
        raise ValueError(f"{what} turns float32 into {single.dtype}: use Python numbers, not float64 arrays.")
    off = _relative_errors(single, double).max()
    if off > SINGLE_TOLERANCE:
        raise ValueError(f"{what} gives other numbers in float32 than in float64, by {off:.2g}.")


def _relative_errors(computed: Array, expected: Array) -> Array:
    """Return how far apart, relative to what is expected or to 1; infinite where it is not a number."""
    error = np.abs(computed - expected) / np.maximum(np.abs(expected), 1.0)
    return np.where(np.isfinite(error), error, np.inf)


def _check_close(
    what: str,
    inputs: dict[str, Array],
    label: str,
    computed: Array,
    expected: Array,
    tolerance: float,
    hints: dict[str, Callable[[], Array]] | None = None,
) -> float:
    """Return the largest error; raise with the worst places where it is above the tolerance."""
    error = _relative_errors(computed, expected)
    if error.max() <= tolerance:
        return float(error.max())
    worst = [np.unravel_index(i, error.shape) for i in np.argsort(-error, axis=None)[:5]]
    columns = {
        **{n: np.broadcast_to(v, error.shape) for n, v in inputs.items()},
        label: computed,
        "numerical": expected,
    }
    lines = ["".join(f"{name:>18}" for name in columns)]
    lines += ["".join(f"{values[at]:18.6g}" for values in columns.values()) for at in worst]
    # a hint is given where what it proposes would have been right
    advice = [hint for hint, would in (hints or {}).items() if _relative_errors(would(), expected).max() <= tolerance]
    wrong = f"{what}: it is off at {(error > tolerance).sum()} of {error.size} places, by up to {error.max():.2g}."
    raise ValueError("\n".join([wrong, *lines, *(advice or _describe_common_factor(computed, expected))]))


def _describe_common_factor(computed: Array, expected: Array) -> list[str]:
    """Say so where all that is wrong is a factor."""
    large = np.abs(expected) > 1e-3
    ratio = computed[large] / expected[large]
    if not ratio.size or not np.isfinite(ratio).all() or np.ptp(ratio) > 1e-4 * np.abs(ratio).max():
        return []
    return [f"It is {ratio.mean():.6g} times what it should be, everywhere."]
