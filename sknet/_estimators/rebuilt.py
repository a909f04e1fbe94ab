"""Estimators around networks that came from elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from math import nan

import numpy as np
from sklearn.base import clone

from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.facts import FLOAT32_ROWS, Facts
from sknet._estimators.fitted import Fitted, require_fitted
from sknet._estimators.read_data import Columns
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._estimators.resolve import resolve
from sknet._estimators.saving import Estimator
from sknet._export.parts import ExportError
from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Model, Network
from sknet._storage.schema import hints_of
from sknet._training.result import Epoch
from sknet._training.state import History
from sknet._typing import Array

KINDS: dict[type, type] = {LabelHead: SigmoidMLPClassifier, NumberHead: SigmoidMLPRegressor}
"""The estimator of each kind of head."""


def estimator_of(
    model: Model, parameters: Mapping[str, object], names: Array | None = None, *, losses: list[float] | None = None,
    n_iter: int = 0, n_samples_seen: int = 0,
) -> Estimator:  # fmt: skip
    """Return a fitted estimator of a model that sknet has not trained.

    Parameters
    ----------
    model : Model

    parameters : mapping of str to object
        The estimator's; those that it does not have are left out, and those of
        the network are the model's.

    names : ndarray of shape (n_columns,), default=None
        Names of the table's columns.

    losses : list of float, default=None
        The training loss of each epoch.

    n_iter, n_samples_seen : int, default=0
        As in `Fitted`.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
    """
    kind = KINDS[type(model.head)]
    own = {name: value for name, value in parameters.items() if name in hints_of(kind)}
    as_it_is = {"input_scaling": None, "categorical_features": None, "dtype": model.compute_dtype.name}
    targets = {"target_scaling": None} if kind is SigmoidMLPRegressor else {}
    estimator: Estimator = kind(**own | as_it_is | targets | _layers_of(model.network))
    _, answered = resolve(estimator, Facts(FLOAT32_ROWS, validated=False))
    resolved = estimator.get_params(deep=False) | vars(answered)
    history = History().extended([Epoch(loss, nan, nan, nan, nan, nan) for loss in losses or []])
    columns = Columns(model.encoder.n_columns, names, model.output_dtype)
    estimator._fitted = Fitted(model, resolved, columns, history, n_iter, n_samples_seen, False, (0, 0, 0))
    return estimator


def _layers_of(network: Network) -> dict[str, object]:
    """Return the parameters that say what the layers are."""
    names = [activation.name for activation in network.activations]
    sizes = tuple([b.size for b in network.intercepts[:-1]])
    activation: object = names[0] if len(set(names)) == 1 else names
    return {"hidden_layer_sizes": sizes} | ({"activation": activation} if names else {})


def with_network(like: Estimator, network: Network) -> Estimator:
    """Return an estimator that encodes and decodes as another does, with a network of its own."""
    fitted = require_fitted(like)
    model = fitted.model
    shapes = network.coefs[0].shape[0], network.intercepts[-1].size
    wanted = model.encoder.n_inputs, model.head.n_outputs
    if shapes != wanted:
        raise ExportError(
            f"The layers have {shapes[0]} inputs and {shapes[1]} outputs, and {type(like).__name__} given as `like` "
            f"has {wanted[0]} and {wanted[1]}: take those of to_torch(like).network."
        )
    coefs, intercepts = (
        [np.asarray(part, dtype=model.output_dtype) for part in parts] for parts in (network.coefs, network.intercepts)
    )
    own = Network(network.activations, coefs, intercepts)
    layers = _layers_of(network) | {"depth": 1, "n_members": 1}
    estimator: Estimator = clone(like).set_params(**layers)
    resolved = dict(fitted.resolved) | layers
    estimator._fitted = replace(
        fitted,
        model=replace(model, network=own),
        resolved=resolved,
        state=None,
        errors=None,
        member_epochs=(),
        fold_epochs=(),
        out_of_fold=None,
    )
    return estimator
