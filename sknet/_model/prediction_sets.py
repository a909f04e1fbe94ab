"""Prediction sets: the classes that cannot be ruled out for a row (split conformal prediction).

A row's residual for a class is one minus the class's probability [1]_. It is 0 for the most probable class, so that no
set is empty. A set contains each class whose residual is at most the `coverage` quantile of the residuals of held-out
rows of this class. So each class has the coverage, even a rare one [1]_ [2]_. This holds for any network, if new rows
are exchangeable with the held-out rows. With folds there is no guarantee, since residuals come from other networks.

.. [1] Sadinle, M., Lei, J. & Wasserman, L. (2019). "Least ambiguous set-valued classifiers with bounded error levels".
   Journal of the American Statistical Association 114, 223-234. arXiv:1609.00451.
.. [2] Vovk, V. (2012). "Conditional validity of inductive conformal predictors". ACML, PMLR 25, 475-490.
   arXiv:1209.2673.

Conventions
-----------
n rows, K classes.

P : (n, K)               probabilities
codes : (n, 1)           index of each row's class
weight : (n,) or None    sample weights, positive
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sknet._model.heads import LabelHead
from sknet._model.intervals import Residuals, summarise_residuals
from sknet._tables.read import take_optional
from sknet._typing import Array


@dataclass(frozen=True, eq=False)
class LabelResiduals:
    """The residuals of held-out rows for their own class.

    Attributes
    ----------
    of_all : Residuals
        Of all held-out rows, one column.
    by_class : tuple of Residuals
        Of the held-out rows of each class.
    """

    of_all: Residuals
    by_class: tuple[Residuals, ...]

    @property
    def effective_size(self) -> float:
        """The equivalent number of rows of equal weight."""
        return self.of_all.effective_size

    def rare_classes(self, coverage: float) -> list[int]:
        """Return the classes with too few held-out rows for this coverage."""
        return [code for code, of_class in enumerate(self.by_class) if of_class.quantile(coverage) is None]

    def quantile(self, coverage: float) -> Array | None:
        """Return the largest residual of each class in a set, (K,); None for too few rows."""
        of_all = self.of_all.quantile(coverage)
        if of_all is None:
            return None
        return np.array([_quantile_of_class(of_class, coverage, of_all.item()) for of_class in self.by_class])


def _quantile_of_class(of_class: Residuals, coverage: float, of_all: float) -> float:
    """Return the quantile of a class's rows.

    If these are too few, return their maximum or the quantile of all rows, whichever is larger. So the quantile never
    falls as the coverage grows.
    """
    quantile = of_class.quantile(coverage)
    return float(max(of_class.quantiles.max(initial=0.0), of_all) if quantile is None else quantile.item())


def residuals_by_class(P: Array) -> Array:
    """Return each row's residual for each class, (n, K) in float64: 1 - P, and 0 for its most probable classes."""
    P = P.astype(np.float64)
    is_largest = np.equal(P, P.max(axis=1, keepdims=True))  # several classes if probabilities tie
    return np.where(is_largest, 0.0, 1.0 - P)


def has_prediction_sets(head: LabelHead) -> bool:
    """Whether sets of classes can be predicted: only with one label per row."""
    return head.labels.target_type in ("binary", "multiclass")


def learn_label_residuals(
    head: LabelHead, probabilities: Array | list[Array], codes: Array, weight: Array | None, all_codes: Array
) -> LabelResiduals | None:
    """Return the residuals of held-out rows; None if sets cannot be predicted.

    `probabilities` are what `predict_proba` returns for these rows. `all_codes` is not used: see
    `learn_regression_residuals`.
    """
    if not has_prediction_sets(head):
        return None
    P = np.asarray(probabilities)
    residuals = np.take_along_axis(residuals_by_class(P), codes, axis=1)  # (n, 1): for each row's own class
    by_class = []
    for code in range(P.shape[1]):
        rows = codes[:, 0] == code
        by_class.append(summarise_residuals(residuals[rows], take_optional(weight, rows)))
    return LabelResiduals(summarise_residuals(residuals, weight), tuple(by_class))
