"""The prediction methods of both estimators, with the quantiles and scores that they need, and explanations.

Conventions
-----------
n rows; d columns; k target columns, classes or outputs; L quantile levels.

labels, predicted : (n,) or (n, k)     in the shape that users see
values : (n, k)                        numbers; predicted : (n,), (n, k) or (n, L)
conformal quantile : (k,)              largest residual inside the interval or set, for each column or class

`explain_rows` has values : (n, d, k)      base : (k,)
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import d2_pinball_score, r2_score

from sknet._estimators.fitted import (
    Fitted,
    ParametersAndAttributes,
    checked_table,
    model_and_checked_table,
    model_and_read_table,
)
from sknet._estimators.read_data import (
    different_lengths_message,
    drop_zero_weights,
    prefix_errors,
    read_sample_weight,
    replace_zero_weight_rows,
)
from sknet._estimators.sklearn_api import warn
from sknet._model.explain import MAX_BACKGROUND_ROWS, NODES_PER_LINE, Explanation, background_indices, explain
from sknet._model.heads import Head, LabelHead, RegressionHead
from sknet._model.residuals import (
    HeldOutResiduals,
    LabelResiduals,
    ScaledResiduals,
    has_interval,
    has_prediction_sets,
    intervals_around,
    quantiles_around,
    quantiles_between,
    residuals_by_class,
)
from sknet._model.rules_by_rows import MIN_EVALUATED_ROWS
from sknet._tables.labels import as_labels, present_labels
from sknet._tables.messages import short_list, short_repr, suggest_fraction
from sknet._tables.raw_table import is_sparse, take_optional, take_rows
from sknet._tables.read_arrays import is_missing
from sknet._tables.splitting import MIN_ROWS_HELD_OUT
from sknet._tables.targets import read_regression_target
from sknet._typing import Array, Table, Target

# --- prediction methods ----------------------------------------------------------------------------------------------


class Decoding(NamedTuple):
    """How a prediction method turns raw outputs into what it returns: `convert` block by block, then `finish` once."""

    convert: Callable[[Array], Array]  # raw outputs of a block of rows, which it may overwrite -> array
    finish: Callable[[Array], Any] = np.asarray  # the arrays of all blocks -> predictions
    names: Any = None  # of the columns of predictions in a data frame; a list of these if predictions are a list


def log_probability_decoding(head: LabelHead, _: object) -> Decoding:
    """Return how `predict_log_proba` decodes."""
    # with several labels per row, scikit-learn's own tests ask for exactly np.log(predict_proba)
    if head.loss.inverse_link.log is None or not head.labels.exclusive:

        def reshape_and_take_log(P: Array) -> Array | list[Array]:
            p = head.reshape_probabilities(P)
            return list(map(np.log, p)) if isinstance(p, list) else np.log(p)

        return Decoding(head.output_probabilities, reshape_and_take_log)
    return Decoding(head.output_log_probabilities, head.labels.log_probabilities)


def set_decoding(head: LabelHead, residuals: LabelResiduals | None, coverage: float, per_class: bool) -> Decoding:
    """Return how `predict_set` decodes; with `per_class`, each class needs enough held-out rows of its own."""
    if not isinstance(per_class, bool | np.bool_):
        raise TypeError(f"per_class={per_class!r}: give True or False.")
    if not has_prediction_sets(head):
        raise ValueError(
            f"predict_set takes one label per row, and y was {head.labels.target_type}: fit a classifier for each of "
            "its columns, for example with sklearn.multioutput.MultiOutputClassifier."
        )
    if residuals is None:
        raise NoResidualsError
    largest_residual = checked_conformal_quantile(residuals, coverage)  # (n_classes,)
    rare = residuals.classes_too_rare_for(coverage) if per_class else []
    if rare:
        counts = {head.labels.classes_by_column[0][code]: residuals.by_class[code].effective_size for code in rare}
        shown = ", ".join(f"{label!s}: {size:.4g}" for label, size in counts.items())
        raise ValueError(
            f"per_class=True with coverage={coverage!r} needs at least {rows_needed(coverage)} held-out rows of each "
            f"class, but some have fewer ({shown}): lower the coverage, hold out more rows, with "
            "early_stopping='folds', validation_fraction or X_val and y_val, or leave per_class out, to calibrate "
            "these classes on the rows of all classes."
        )

    def prediction_sets(P: Array) -> Array:
        return residuals_by_class(np.asarray(head.reshape_probabilities(P))) <= largest_residual  # broadcast over rows

    return Decoding(head.output_probabilities, prediction_sets, head.labels.classes)


def interval_decoding(head: RegressionHead, residuals: ScaledResiduals | None, coverage: float) -> Decoding:
    """Return how `predict_interval` decodes."""
    check_not_single_quantile(head)
    if residuals is None:
        raise NoResidualsError
    quantile = checked_conformal_quantile(residuals, coverage)
    # predictions: (n,), (n, n_outputs) or (n, n_levels)
    return Decoding(head.predict, partial(intervals_around, head, residuals, quantile), ["lower", "upper"])


def quantile_decoding(head: RegressionHead, residuals: ScaledResiduals | None, quantiles: object) -> Decoding:
    """Return how `predict_quantiles` decodes."""
    quantile_levels = read_quantiles(quantiles)
    k = head.regression_target.n_targets
    if k > 1:
        raise ValueError(
            f"predict_quantiles takes one target, and y had {k}: fit a regressor for each, for example with "
            "sklearn.multioutput.MultiOutputRegressor."
        )
    check_not_single_quantile(head)
    levels = head.loss.levels
    if levels and not levels[0] <= quantile_levels[0] <= quantile_levels[-1] <= levels[-1]:
        raise ValueError(
            f"quantiles={short_repr(quantiles)} go beyond {levels[0]} to {levels[-1]}, the outer levels of the "
            "network: fit with wider levels in quantile=, or choose another loss."
        )
    if levels:
        finish = partial(quantiles_between, head, residuals, quantile_levels)
    else:
        if residuals is None:
            raise NoResidualsError
        assert residuals.signed is not None  # there is one target
        signed = residuals.signed.quantiles_of_new_residual(quantile_levels)  # (levels,), or None
        if signed is None:
            n = residuals.signed.effective_size
            raise ValueError(
                f"quantiles={short_repr(quantile_levels.tolist())}: {n:.4g} held-out rows give quantiles from "
                f"{1.0 / (n + 1.0):.3g} to {n / (n + 1.0):.3g} only. Leave out levels beyond these, or hold out more "
                "rows, with validation_fraction or X_val and y_val."
            )
        finish = partial(quantiles_around, residuals, signed)
    return Decoding(head.predict, finish, names=quantile_levels)


# --- quantiles of residuals ------------------------------------------------------------------------------------------


def checked_conformal_quantile(residuals: HeldOutResiduals, coverage: object) -> Array:
    """Return the conformal quantile, which a new row's residual does not exceed with probability `coverage`.

    Parameters
    ----------
    residuals : HeldOutResiduals
        The residuals of the rows that the last call to `fit` held out.
    coverage : object
        The user's value, not yet checked.

    Returns
    -------
    quantile : ndarray of shape (k,)

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
    quantile = residuals.conformal_quantile(probability)
    if quantile is None:
        size = residuals.of_all.effective_size
        by_weight = "" if np.isclose(size, round(size)) else " by their unequal weights"
        raise ValueError(
            f"coverage={coverage!r} needs at least {rows_needed(probability)} held-out rows, but there are "
            f"{size:.4g}{by_weight}: lower it, or hold out more rows, with "
            "validation_fraction or X_val and y_val."
        )
    return quantile


def rows_needed(coverage: float) -> int:
    """Return the least n with coverage * (n + 1) <= n, see `Residuals.conformal_quantile`."""
    return int(np.ceil(1.0 / (1.0 - coverage) - 1.0 - 1e-9))  # 1e-9, so that rounding does not add a row


class NoResidualsError(ValueError):
    """A prediction method needs residuals, and the last call has kept none. The estimator adds the reason."""


def reason_for_no_residuals(fitted: Fitted, early_stopping: object) -> str:
    """Return why there are no residuals, for a message; `early_stopping` is the estimator's parameter."""
    if fitted.chosen_epoch is not None:
        return "Ctrl-C or a callback stopped it while folds chose the epoch, or weights have been set by hand since"
    if fitted.state is not None and fitted.importances is None:
        return "the last call was partial_fit, which holds none out"
    if early_stopping == "auto":
        return (
            f"early_stopping='auto' holds none out below {MIN_EVALUATED_ROWS} rows, or if validation_fraction is below "
            f"{MIN_ROWS_HELD_OUT} rows, and early_stopping=False never"
        )
    few = f" if validation_fraction is below {MIN_ROWS_HELD_OUT} rows" if early_stopping else ""
    return f"early_stopping={early_stopping!r} holds none out{few}"


def check_not_single_quantile(head: RegressionHead) -> None:
    """Raise if the network predicts a single quantile."""
    if not has_interval(head):
        level = head.settings.options.get("quantile", "auto")
        raise ValueError(
            f"quantile={level!r} is a single level, so intervals and other quantiles are unknown: give several levels, "
            "such as quantile=[0.05, 0.5, 0.95], or choose another loss."
        )


def read_quantiles(quantiles: object) -> Array:
    """Return one or several quantile levels as an array, (levels,); raise a ValueError for other values."""
    levels = np.atleast_1d(np.asarray(quantiles))
    q = levels.astype(np.float64) if levels.dtype.kind == "f" and levels.ndim == 1 else np.zeros(0)
    if not (q.size and q.min() > 0.0 and q.max() < 1.0 and (np.diff(q) > 0.0).all()):
        raise ValueError(
            f"quantiles={short_repr(quantiles)}: give one number, or several in increasing order, between 0 and 1, "
            f"both excluded.{suggest_fraction(quantiles)}"
        )
    return q


# --- the score of predictions ----------------------------------------------------------------------------------------


def predict_weighted(predict: Callable[[Table], Array], X: Table, sample_weight: Target) -> Array:
    """Return predictions for all rows. A row of weight 0, which may hold anything, gets another row's prediction."""
    weight = read_sample_weight(X, sample_weight)
    predicted = predict(drop_zero_weights(X, weight))
    return predicted if weight is None else predicted[np.maximum(np.cumsum(weight > 0.0) - 1, 0)]


def subset_accuracy(head: LabelHead, predicted: Array, y: Target, sample_weight: Target) -> float:
    """Return the weighted share of rows whose labels were all predicted; raise for labels of another kind."""
    weight = read_sample_weight(predicted, sample_weight)
    labels = as_labels(replace_zero_weight_rows(y, weight, "y"))
    if len(predicted) != len(labels):
        raise ValueError(different_lengths_message(len(predicted), len(labels)))
    if labels.shape != predicted.shape:
        raise ValueError(f"y has shape {labels.shape}, but predictions have {predicted.shape}: give it the same.")
    for column, classes in zip(labels.reshape(len(labels), -1).T, head.labels.classes_by_column, strict=True):
        _check_kind_of_labels(present_labels(column), classes)
    is_right = (labels == predicted) | is_missing(labels)  # missing labels count as right
    return float(np.average(is_right.reshape(len(labels), -1).all(axis=1), weights=weight))


def _check_kind_of_labels(labels: Array, classes: Array) -> None:
    """Raise if labels are not of the classes' kind. Unknown labels of the same kind count as wrong."""
    # all labels of a column are text, or none is
    unknown = [label for label in labels[:1].tolist() if isinstance(label, str) is not isinstance(classes[0], str)]
    if labels.dtype.kind == "f" and not unknown:  # classes that are floats are whole numbers
        unknown = labels[labels % 1 != 0].tolist()
    if unknown:
        raise ValueError(
            f"Unknown label type: y holds {short_repr(unknown[0])}, but the classes are "
            f"{short_list(classes.tolist())}: give labels of their kind."
        )


def r2_or_d2(head: RegressionHead, predicted: Array, y: Target, sample_weight: Target) -> float:
    """Return the weighted R^2, the mean over outputs; with several quantile levels, the mean of their pinball D^2."""
    weight = read_sample_weight(predicted, sample_weight)
    values, _ = read_regression_target(replace_zero_weight_rows(y, weight, "y"), warn=False)
    if len(predicted) != len(values):
        raise ValueError(different_lengths_message(len(predicted), len(values)))
    head.regression_target.check_number_of_targets(values)
    # scale by a power of two, which is exact, so that squares of targets neither overflow nor vanish
    _, exponents = np.frexp(np.nanmax(np.abs(values), axis=0, initial=0.0))
    values = np.ldexp(values, -exponents)
    predicted = predicted.astype(np.float64)
    if not head.loss.levels:
        return _r2_of_present(values, np.ldexp(predicted.reshape(values.shape), -exponents), weight)
    predicted = np.ldexp(predicted, -exponents)  # (n, L), for one target
    pairs = zip(head.loss.levels, predicted.T, strict=True)  # predicted: (n, L)
    return float(
        np.mean(
            [d2_pinball_score(values, p, sample_weight=weight, alpha=quantile_level) for quantile_level, p in pairs]
        )
    )


def _r2_of_present(values: Array, predicted: Array, weight: Array | None) -> float:
    """Return the mean R^2 of the outputs, each over the rows whose target is present."""
    present = ~np.isnan(values)
    if present.all():
        return float(r2_score(values, predicted, sample_weight=weight))
    columns = zip(values.T, predicted.T, present.T, strict=True)
    scores = [
        r2_score(y[row_mask], p[row_mask], sample_weight=take_optional(weight, row_mask))
        for y, p, row_mask in columns
        if row_mask.any()
    ]
    return float(np.mean(scores))


# --- by name, and by the head -----------------------------------------------------------------------------------------

METHODS: Mapping[str, Callable[..., Decoding]] = {
    "predict": lambda head, _: Decoding(head.predict),
    "predict_proba": lambda head, _: Decoding(
        head.output_probabilities, head.reshape_probabilities, names=head.labels.classes
    ),
    "predict_log_proba": log_probability_decoding,
    "decision_function": lambda head, _: Decoding(np.asarray, head.decision_function),
    "predict_set": set_decoding,
    "predict_interval": interval_decoding,
    "predict_quantiles": quantile_decoding,
}
"""The prediction methods: (head, residuals of held-out rows, *arguments) -> decoding.

They raise an error if they cannot predict.
"""

SCORES: Mapping[type[Head], Callable[..., float]] = {LabelHead: subset_accuracy, RegressionHead: r2_or_d2}
"""What `score` returns, by the class of the head: (head, what `predict` returns, y, sample_weight) -> score."""


# --- explanations ----------------------------------------------------------------------------------------------------

MIN_ROWS_WITHOUT_BACKGROUND = 20
"""The least number of explained rows that can be their own background."""


def explain_rows(estimator: ParametersAndAttributes, X: Table, background: Table) -> Explanation:
    """Explain the rows of X. Without a background, compare them with each other."""
    passed = checked_table(estimator, X)  # dates are still text here
    model, table = model_and_read_table(estimator, passed)
    n = table.shape[0]
    compared = table  # rows are compared with these
    if background is not None:
        with prefix_errors("background"):
            _, compared = model_and_checked_table(estimator, background)
    elif n < MIN_ROWS_WITHOUT_BACKGROUND:
        raise ValueError(
            f"X has {n} rows, too few to be their own background, which needs {MIN_ROWS_WITHOUT_BACKGROUND}: pass "
            "background=, for example 100 rows of the training table."
        )
    compared = take_rows(compared, background_indices(compared.shape[0]))
    if background is not None:
        with prefix_errors("background"):  # else an error, for example about infinity, would name X
            model.encoder.encode(compared, model.encoding.compute_dtype)

    def print_progress(n_done: int) -> None:
        if estimator.verbose:
            print(f"Rows explained: {n_done:,} of {n:,}")

    with np.errstate(over="ignore", invalid="ignore"):
        values, base, adds_up, is_additive = explain(model, table, compared, print_progress)
    if not np.isfinite(values).all():
        raise ValueError(
            "X or background holds numbers so large that contributions overflow: fit with input_scaling='robust', or "
            "divide the column."
        )
    if not adds_up.all():
        warn(
            f"The contributions to {(~adds_up).sum()} of {n} rows do not add up to within a thousandth, even with "
            f"{NODES_PER_LINE[-1]} nodes on each line: the network's output jumps, or its slopes do, as with "
            "activation='relu'. If it is the slopes, pass a background of more rows (up to "
            f"{MAX_BACKGROUND_ROWS} are used).",
            UserWarning,
        )
    base_values = np.tile(base, (n, 1))
    if len(base) == 1:  # a single output has no axis
        values = values[:, :, 0]
        base_values = base_values[:, 0]
    names = list(model.encoder.column_names)
    outputs = model.head.explained_outputs
    return Explanation(
        values=values,
        base_values=base_values,
        data=np.asarray(passed.toarray() if is_sparse(passed) else passed),
        feature_names=names,
        output_names=outputs.names,
        is_additive=is_additive,
        output_descriptions=outputs.descriptions,
    )
