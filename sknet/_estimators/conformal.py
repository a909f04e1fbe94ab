"""Quantiles of residuals for intervals and prediction sets, and errors if there are too few held-out rows.

Conventions
-----------
k target columns, or classes.

largest : (k,)     largest residual inside the interval or set, for each of them
"""

from typing import TypeVar

import numpy as np

from sknet._model.residuals import LabelResiduals, ScaledResiduals
from sknet._tables.read import short_repr, suggest_fraction
from sknet._typing import Array

R = TypeVar("R", bound=ScaledResiduals | LabelResiduals)


def conformal_quantile(residuals: ScaledResiduals | LabelResiduals | None, coverage: object, method: str) -> Array:
    """Return the conformal quantile, which a new row's residual does not exceed with probability `coverage`.

    Parameters
    ----------
    residuals : ScaledResiduals, LabelResiduals or None
        The residuals of the rows that the last call to `fit` held out.
    coverage : object
        The user's value, not yet checked.
    method : str
        The name of the method that the user called.

    Returns
    -------
    largest : ndarray of shape (k,)

    Raises
    ------
    ValueError
        If the coverage is not a number between 0 and 1, or if there are too few residuals.
    """
    is_number = isinstance(coverage, int | float | np.floating) and not isinstance(coverage, bool)
    if not is_number or not 0 < coverage < 1:  # type: ignore[operator]
        raise ValueError(
            f"coverage={short_repr(coverage)}: give a number between 0 and 1, both excluded."
            f"{suggest_fraction(coverage)}"
        )
    probability = float(coverage)  # type: ignore[arg-type]
    residuals = require_residuals(residuals, method)
    largest = residuals.quantile(probability)
    if largest is None:
        raise ValueError(
            f"coverage={coverage!r} needs at least {rows_needed(probability)} held-out rows, but there are "
            f"{residuals.effective_size:.4g}: lower it, or hold out more rows, with validation_fraction or X_val and "
            "y_val."
        )
    return largest


def rows_needed(coverage: float) -> int:
    """Return the least n with coverage * (n + 1) <= n, see `Residuals.quantile`."""
    return int(np.ceil(1.0 / (1.0 - coverage) - 1.0 - 1e-9))  # 1e-9: rounding errors


def require_residuals(residuals: R | None, method: str) -> R:
    """Return the residuals; raise a ValueError if there are none."""
    if residuals is None:
        raise ValueError(
            f"{method} needs rows that were held out in the last call to fit. There were none, or weights have been "
            "set by hand since: fit with early_stopping='auto', True or 'folds', or with X_val and y_val. partial_fit "
            "holds out no rows."
        )
    return residuals


def read_quantiles(quantiles: object) -> Array:
    """Return one or several quantile levels as an array, (levels,); raise a ValueError for other values."""
    given = np.atleast_1d(np.asarray(quantiles))
    levels = given.astype(np.float64) if given.dtype.kind == "f" and given.ndim == 1 else np.zeros(0)
    if not (levels.size and levels.min() > 0.0 and levels.max() < 1.0 and (np.diff(levels) > 0.0).all()):
        raise ValueError(
            f"quantiles={short_repr(quantiles)}: give one number, or several in increasing order, between 0 and 1, "
            f"both excluded.{suggest_fraction(quantiles)}"
        )
    return levels


def residuals_at_levels(residuals: ScaledResiduals | None, levels: Array) -> Array:
    """Return quantiles of signed residuals, (levels, 1); raise a ValueError if there are too few held-out rows."""
    scaled = require_residuals(residuals, "predict_quantiles")
    if scaled.signed is None:
        raise TypeError("signed residuals need a single target")
    quantiles = scaled.signed.at_levels(levels)
    if quantiles is None:
        n = scaled.signed.effective_size
        raise ValueError(
            f"quantiles={short_repr(levels.tolist())}: {n:.4g} held-out rows give quantiles from "
            f"{1.0 / (n + 1.0):.3g} to {n / (n + 1.0):.3g} only. Leave out levels beyond these, or hold out more rows, "
            "with validation_fraction or X_val and y_val."
        )
    return quantiles
