"""Scores of predictions, by `score`, and of each epoch on held-out rows, by a user's scorer.

Conventions
-----------
n rows; k target columns, L quantile levels.

labels, predicted : (n,) or (n, k)     in the shape that users see
values : (n, k)                        numbers; predicted : (n,), (n, k) or (n, L)
"""

from collections.abc import Callable
from contextlib import suppress
from copy import copy, deepcopy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import check_scoring, d2_pinball_score, r2_score

from sknet._estimators.fitted import Fitted, OutputsForScorer
from sknet._estimators.plan import Plan
from sknet._estimators.read_data import different_lengths_message, read_weight_of_rows
from sknet._estimators.zero_weights import drop_zero_weights, replace_zero_weight_rows
from sknet._model.evaluation import EvaluatedByRows
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.model import Model
from sknet._tables.labels import as_labels, present_labels
from sknet._tables.read import is_frame, is_missing, short_list, short_repr, take_optional
from sknet._tables.rows import Rows
from sknet._tables.targets import read_regression_target
from sknet._typing import Array, Table, Target

# --- the score of predictions ----------------------------------------------------------------------------------------


def predict_weighted(estimator: BaseEstimator, X: Table, sample_weight: Target) -> Array:
    """Return predictions for all rows. A row of weight 0, which may hold anything, gets another row's prediction."""
    weight = read_weight_of_rows(X, sample_weight)
    predicted: Array = estimator.predict(drop_zero_weights(X, weight))
    return predicted if weight is None else predicted[np.maximum(np.cumsum(weight > 0.0) - 1, 0)]


def accuracy(head: LabelHead, predicted: Array, y: Target, sample_weight: Target) -> float:
    """Return the weighted share of rows whose labels were all predicted; raise for labels of another kind."""
    weight = read_weight_of_rows(predicted, sample_weight)
    labels = as_labels(replace_zero_weight_rows(y, weight, "y"))
    if len(predicted) != len(labels):
        raise ValueError(different_lengths_message(len(predicted), len(labels)))
    if labels.shape != predicted.shape:
        raise ValueError(f"y has shape {labels.shape}, but predictions have {predicted.shape}: give it the same.")
    for column, known in zip(labels.reshape(len(labels), -1).T, head.labels.classes_by_column, strict=True):
        _refuse_unknown_labels(present_labels(column), known)
    is_right = (labels == predicted) | is_missing(labels)  # missing labels count as right
    return float(np.average(is_right.reshape(len(labels), -1).all(axis=1), weights=weight))


def _refuse_unknown_labels(labels: Array, classes: Array) -> None:
    """Raise if labels are not of the classes' kind. Unknown labels of the same kind count as wrong."""
    to_check = labels if labels.dtype == object else labels[:1]  # only objects may have several types
    unknown = [label for label in to_check.tolist() if isinstance(label, str) is not isinstance(classes[0], str)]
    if labels.dtype.kind == "f" and not unknown:  # classes that are floats are whole numbers
        unknown = labels[labels % 1 != 0].tolist()
    if unknown:
        raise ValueError(
            f"Unknown label type: y holds {short_repr(unknown[0])}, but the classes are "
            f"{short_list(classes.tolist())}: give labels of their kind."
        )


def regression_score(head: RegressionHead, predicted: Array, y: Target, sample_weight: Target) -> float:
    """Return the weighted R^2, the mean over outputs; with several quantile levels, the mean of their pinball D^2."""
    weight = read_weight_of_rows(predicted, sample_weight)
    values, _ = read_regression_target(replace_zero_weight_rows(y, weight, "y"), warn=False)
    if len(predicted) != len(values):
        raise ValueError(different_lengths_message(len(predicted), len(values)))
    head.regression_target.check_number_of_targets(values)
    # scale by a power of two, which is exact, so that squares of targets neither overflow nor vanish
    _, exponents = np.frexp(np.nanmax(np.abs(values), axis=0, initial=0.0))
    values, predicted = np.ldexp(values, -exponents), predicted.astype(np.float64)
    if not head.loss.levels:
        return _r2_of_present(values, np.ldexp(predicted.reshape(values.shape), -exponents), weight)
    predicted = np.ldexp(predicted, -exponents)  # (n, L), for one target
    pairs = zip(head.loss.levels, predicted.T, strict=True)  # predicted: (n, L)
    return float(np.mean([d2_pinball_score(values, p, sample_weight=weight, alpha=level) for level, p in pairs]))


def _r2_of_present(values: Array, predicted: Array, weight: Array | None) -> float:
    """Return the mean R^2 of the outputs, each over the rows whose target is present."""
    present = ~np.isnan(values)
    if present.all():
        return float(r2_score(values, predicted, sample_weight=weight))
    columns = [(y[rows], p[rows], rows) for y, p, rows in zip(values.T, predicted.T, present.T, strict=True)]
    each = [r2_score(y, p, sample_weight=take_optional(weight, rows)) for y, p, rows in columns if len(y)]
    return float(np.mean(each))


# --- the score of every epoch ----------------------------------------------------------------------------------------


def held_out_scorer(estimator: BaseEstimator, held_out: Rows, plan: Plan) -> Callable[[Model, Array], float]:
    """Return a function (model, its raw outputs) -> score, by a scikit-learn scorer on a copy of the estimator."""
    trained = copy(estimator)  # the estimator itself must not change before the fit ends
    scorer = check_scoring(trained, estimator.scoring)
    X = held_out.X.for_scorer()
    kept = deepcopy(X) if is_frame(X) else X.copy()  # a copy, since a scorer may change the table; polars has no `copy`
    kind = "classifier" if is_classifier(estimator) else "regressor"
    weights = {} if held_out.weight is None else {"sample_weight": held_out.weight}
    y = plan.encoding.head.reshape_like_y(held_out.y)

    def score(model: Model, raw: Array) -> float:
        trained._fitted = Fitted(
            model, plan.resolved, plan.columns, plan.start.seeds.as_tuple(), evaluation=EvaluatedByRows(0, 0)
        )
        trained._outputs_for_scorer = OutputsForScorer(raw, kept)
        try:
            found = scorer(trained, X, y, **weights)
        except (TypeError, ValueError, AttributeError) as error:
            if isinstance(error, TypeError) and "sample_weight" in str(error):
                raise ValueError(
                    f"scoring={estimator.scoring!r} takes no sample_weight, but rows or classes are weighted: choose "
                    "another, or make it of a function that takes the keyword sample_weight."
                ) from error
            if not isinstance(estimator.scoring, str):
                raise  # an error of the user's own code
            raise ValueError(
                f"scoring={estimator.scoring!r} cannot rate this {kind}: {str(error).rstrip('.')}. Choose a scorer of "
                f"{kind}s, or scoring='loss'."
            ) from error
        return _as_score(found, estimator.scoring)

    return score


def _as_score(found: Any, scoring: object) -> float:
    """Return a scorer's result as a float; raise if it is not a single number."""
    with suppress(TypeError, ValueError):
        if np.ndim(found) == 0 and not isinstance(found, str | bytes) and not np.iscomplexobj(found):
            return float(found)
    raise TypeError(
        f"scoring={scoring!r} returned {short_repr(found)}: a scorer must return one number, the larger the better."
    )
