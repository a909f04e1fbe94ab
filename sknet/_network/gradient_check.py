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
from sknet._network.links import link_differences
from sknet._network.losses import Loss
from sknet._typing import Array, Target

STEP = 1e-5
"""Of the central differences: truncation and rounding are both about 1e-11 there."""

N_ROWS, N_UNITS = 50, 4
"""Of the random points."""

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

    The piece is tried at random points, in double precision. Also checked:
    that what must happen in place does, the shapes, that entries (of an
    activation) and samples (of a loss) do not depend on each other, that
    single precision stays single, that a loss's interval contains the targets,
    that its `link_backward`, where it has one, is the slope of its link, and
    that its `start` is one finite number per raw output.

    Parameters
    ----------
    piece : Activation or Loss
        What to check.

    target : array-like of shape (n_samples, n_outputs), default=None
        For a loss: targets that suit it. By default two outputs whose targets
        are positive and add up to 1; for a loss with `levels`, the first only.

    tolerance : float, default=1e-6
        How far the derivative may be from the slope, relative to the slope or,
        where that is below 1, absolute.

    random_state : int, default=0
        Seed of the points.

    Returns
    -------
    error : float
        The largest difference found.

    Raises
    ------
    ValueError
        With a report of what is wrong, and where.

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
    f = _as_returning_copy(f"{name}: apply(z)", activation.apply)
    if not np.allclose(f(z[:3, :2]), f(z)[:3, :2], rtol=1e-9, atol=1e-12):
        raise ValueError(f"{name}: apply(z) mixes entries of z: each output must depend on its own sum only.")
    slope = (f(z + STEP) - f(z - STEP)) / (2.0 * STEP)
    delta = rng.uniform(0.5, 2.0, size=z.shape)
    derivative = _checked_backward(name, activation, activation.keeps, z, delta) / delta
    error = _check_close(
        f"{name}: backward(kept, delta) is not delta times the slope of apply",
        {"z": z}, "backward / delta", derivative, slope, tolerance, _hints_for_activation(activation, z, delta, slope),
    )  # fmt: skip
    _check_single_precision(f"{name}: apply(z)", f(z.astype(np.float32)), f(z))
    single = _checked_backward(name, activation, activation.keeps, z.astype(np.float32), delta.astype(np.float32))
    _check_single_precision(f"{name}: backward(kept, delta)", single, slope * delta)
    return error


def _as_returning_copy(what: str, function: Callable[..., object]) -> Callable[..., Array]:
    """Return the function as one that leaves its argument alone, and says where it does not work in place."""

    def call(x: Array) -> Array:
        out = x.copy()
        with np.errstate(all="ignore"):
            returned = function(out)
        _refuse_returned_array(what, returned, out)
        if not np.isfinite(out).all():
            raise ValueError(f"{what} gives {out[~np.isfinite(out)][0]} at {x[~np.isfinite(out)][0]:.6g}.")
        return out

    return call


def _refuse_returned_array(what: str, returned: object, out: Array) -> None:
    if returned is not None and returned is not out:
        raise ValueError(f"{what} returns a new value: it must overwrite its argument in place and return nothing.")


def _checked_backward(name: str, activation: Activation, keeps: str, z: Array, delta: Array) -> Array:
    """Return delta after the backward pass of z; raise where it returns a new array."""
    kept, out = z.copy(), delta.copy()
    if keeps == "output":
        activation.apply(kept)
    backward: Callable[[Array, Array], object] = activation.backward
    with np.errstate(all="ignore"):
        returned = backward(kept, out)
    _refuse_returned_array(f"{name}: backward(kept, delta)", returned, out)
    return out


def _hints_for_activation(
    activation: Activation, z: Array, delta: Array, slope: Array
) -> dict[str, Callable[[], Array]]:
    """Return what may be wrong, as remedies and the derivatives that would then be found."""
    other = "input" if activation.keeps == "output" else "output"
    return {
        f"It would be right with keeps={other!r}.": lambda: _checked_backward("", activation, other, z, delta) / delta,
        "It overwrites delta with the slope: it must multiply delta by it (delta *= ...).": lambda: _checked_backward(
            "", activation, activation.keeps, z, delta
        ),
    }


# --- a loss ----------------------------------------------------------------------------------------------------------


def _targets_to_try(target: Target, rng: np.random.Generator) -> Array:
    """Return targets as (n, k) float64; by default positive ones that add up to 1, which nearly every loss takes."""
    if target is None:
        return rng.dirichlet(np.ones(2), N_ROWS)
    target = np.array(target, dtype=np.float64)
    return target[:, np.newaxis] if target.ndim == 1 else target


@_check.register
def _check_loss(loss: Loss, target: Target, rng: np.random.Generator, tolerance: float) -> float:
    target = _targets_to_try(target, rng)[:, : 1 if loss.levels else None]
    name, n, k = f"Loss {loss.name!r}", len(target), len(loss.levels) or target.shape[1]
    _check_interval(name, loss, target)
    raw = rng.normal(size=(n, k))
    value = _checked_value(name, loss, raw, target)
    # a few rows alone must give what they give among others: batches are cut anywhere
    if not np.allclose(loss.value(raw[:3].copy(), target[:3]), value[:3], rtol=1e-9, atol=1e-12):
        raise ValueError(f"{name}: value(raw, target) mixes samples: each loss must depend on its own row only.")
    slope = np.empty((n, k))
    for j in range(k):  # central differences: raw_j of all rows at once, since rows do not depend on each other
        step = STEP * np.eye(k)[j]
        slope[:, j] = (loss.value(raw + step, target) - loss.value(raw - step, target)) / (2.0 * STEP)
    derivative = _checked_gradient(f"{name}: gradient(raw, target)", loss.gradient, raw, target)
    inputs = {"raw": raw, "target": target}
    what = f"{name}: gradient(raw, target) is not the slope of value"
    error = _check_close(what, inputs, "gradient", derivative, slope, tolerance)
    if loss.joint is not None:
        _check_joint(name, loss.joint, raw, target, value, slope, tolerance)
    _as_returning_copy(f"{name}: link(raw)", loss.link)(raw.copy())
    if loss.link_backward is not None:
        delta = rng.normal(size=(n, k))
        backward, slope_of_link = loss.link_backward(raw.copy(), delta), link_differences(loss.link, raw, delta)
        what = f"{name}: link_backward(raw, delta) is not the slope of link"
        _check_close(what, {"raw": raw, "delta": delta}, "link_backward", backward, slope_of_link, tolerance)
    _check_start(name, loss, target)
    _check_loss_in_single_precision(name, loss, raw.astype(np.float32), target.astype(np.float32), value, slope)
    return error


def _check_interval(name: str, loss: Loss, target: Array) -> None:
    """Raise where targets are given that the loss says it does not take."""
    outside = target[~loss.targets.contains(target)]
    if outside.size:
        raise ValueError(
            f"{name}: it takes targets that are {loss.targets}, as its `targets` says, and was given {outside[0]:.6g}: "
            "pass a `target` that suits, or correct the interval."
        )


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


def _check_joint(
    name: str, joint: Callable[[Array, Array], tuple[Array, Array]], raw: Array, target: Array, value: Array,
    slope: Array, tolerance: float,
) -> None:  # fmt: skip
    what = f"{name}: joint(raw, target)"
    derivative = _checked_gradient(f"{what}[1]", lambda *given: joint(*given)[1], raw, target)
    _check_close(
        f"{what}[1] is not the slope of value", {"raw": raw, "target": target}, "joint", derivative, slope, tolerance
    )
    of_value = joint(raw.copy(), target)[0]
    _check_close(
        f"{what}[0] is not what value returns", {"sample": np.arange(len(raw))}, "joint", of_value, value, tolerance
    )


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


def _checked_gradient(what: str, gradient: Callable[[Array, Array], Array], raw: Array, target: Array) -> Array:
    """Return a loss's gradient, checked for all but its values."""
    target_copy = target.copy()
    derivative = gradient(raw.copy(), target_copy)
    if np.shape(derivative) != raw.shape:
        raise ValueError(
            f"{what} has shape {np.shape(derivative)}, expected {raw.shape}: one derivative per raw output."
        )
    if not np.array_equal(target_copy, target):
        raise ValueError(f"{what} changes target: it may overwrite raw, and nothing else.")
    return derivative


def _check_loss_in_single_precision(
    name: str, loss: Loss, raw: Array, target: Array, value: Array, slope: Array
) -> None:
    _check_single_precision(f"{name}: value(raw, target)", loss.value(raw.copy(), target), value)
    _check_single_precision(f"{name}: gradient(raw, target)", loss.gradient(raw.copy(), target), slope)


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
