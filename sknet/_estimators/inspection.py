"""Looking into what was fitted: gradients of the objective and of predictions, and intervals around these."""

from dataclasses import replace
from typing import cast

import numpy as np

from sknet._estimators.base import BaseSigmoidMLP
from sknet._estimators.facts import Facts, Validated
from sknet._estimators.fitted import require_fitted, to_predict
from sknet._estimators.read_data import FitArguments
from sknet._estimators.resolve import resolve
from sknet._model.heads import RegressionHead
from sknet._model.intervals import has_interval, intervals_around
from sknet._model.matrices import Encoding, encode_rows
from sknet._model.network_run import start_run
from sknet._model.sensitivity import input_gradients
from sknet._model.starting import refuse_other_weights
from sknet._tables.messages import short_repr
from sknet._typing import Array, Table, Target


def objective_gradient(
    estimator: BaseSigmoidMLP, X: Table, y: Target, sample_weight: Target
) -> tuple[float, list[Array], list[Array]]:
    """Compute the training objective and its gradient at the present weights, dropout off."""
    estimator._validate_params()
    earlier = require_fitted(estimator)
    data = estimator._read(FitArguments(X, y, sample_weight), earlier, anew=False)
    validated: Validated = "folds" if earlier.resolved["early_stopping"] == "folds" else earlier.validated
    settings, _ = resolve(estimator, Facts(len(data.rows), validated, earlier=earlier.resolved, increment=True))
    settings = replace(settings, network=replace(settings.network, dropout=()))
    model = earlier.model
    encoding = Encoding(model.encoder, data.head, model.compute_dtype, model.output_dtype)
    run = start_run(settings, encoding, encode_rows(encoding, data.rows, cross_fit=False))
    refuse_other_weights(run.layout, model.network, settings.network.init)
    loss, gradient = run.gradient(model.network)
    coef_grads, intercept_grads = model.network.layout.views(gradient.astype(model.output_dtype, copy=False))
    return loss, coef_grads, intercept_grads


def activations_of(estimator: BaseSigmoidMLP, X: Table) -> list[Array]:
    """Return every layer's output."""
    model, table = to_predict(estimator, X)
    return model.activations(table)


def gradients_of(estimator: BaseSigmoidMLP, X: Table) -> Array:
    """Return d output / d number, (n, d), or (n, k, d) where there are k > 1 outputs."""
    by_column = input_gradients(*to_predict(estimator, X))
    return by_column[:, 0] if by_column.shape[1] == 1 else by_column


def interval_of(estimator: BaseSigmoidMLP, X: Table, coverage: object) -> Array:
    """Return intervals that hold this share of targets, (n, 2) or (n, k, 2)."""
    if (
        isinstance(coverage, bool | np.bool_)
        or not isinstance(coverage, int | float | np.floating)
        or not 0 < coverage < 1
    ):
        raise ValueError(f"coverage={short_repr(coverage)}: give a number between 0 and 1, both excluded.")
    share, fitted = float(coverage), require_fitted(estimator)
    head = cast(RegressionHead, fitted.model.head)
    if not has_interval(head):
        raise ValueError(
            f"quantile={fitted.resolved.get('quantile')!r} is a single level, and an interval needs two: give the "
            "outer ones, quantile=[0.05, 0.95] perhaps, or choose another loss."
        )
    if fitted.residuals is None:
        raise ValueError(
            "predict_interval needs rows that were held out in the last call to fit, and there were none: fit with "
            "early_stopping='auto', True or 'folds', or with X_val and y_val; partial_fit holds nothing out."
        )
    most = fitted.residuals.quantile(share)
    if most is None:
        wanted = int(np.ceil(1.0 / (1.0 - share) - 1.0 - 1e-9))
        raise ValueError(
            f"coverage={coverage!r} takes {wanted} held-out rows at least, and the {fitted.residuals.n_rows:.4g} that "
            "there are say nothing so rare: lower it, or hold out more, with validation_fraction or X_val and y_val."
        )
    model, table = to_predict(estimator, X)
    return intervals_around(head, model.outputs(table, head.predict), most)
