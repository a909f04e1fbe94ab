"""A model around a network that came from elsewhere: a table of numbers goes in as it is, labels or numbers come out.

Conventions
-----------
coefs[l] : (fan_in, fan_out)      intercepts[l] : (fan_out,)
"""

from dataclasses import replace

import numpy as np

from sknet._export.parts import ExportError
from sknet._model.heads import Head, LabelHead, NumberHead
from sknet._model.model import Model, Network
from sknet._model.settings import TargetSettings
from sknet._tables.columns.number import NumberColumn
from sknet._tables.encoding import TableEncoder
from sknet._tables.labels import IndicatorLabels, Labels, SingleLabels, as_labels
from sknet._tables.targets import RegressionTarget, TargetScaler
from sknet._typing import Array, Target

AS_IT_IS = NumberColumn(0.0, 1.0, bend=False, shift=False)


def model_of(network: Network, head: Head, columns: tuple[NumberColumn, ...] | None = None) -> Model:
    """Return a model whose table has one column of numbers per input; by default they go in as they are."""
    n_inputs, dtype = network.coefs[0].shape[0], network.coefs[0].dtype
    encoder = TableEncoder(None, (AS_IT_IS,) * n_inputs if columns is None else columns)
    return Model(encoder, head, network, dtype, dtype)


def of_numbers(network: Network, loss: str = "squared_error") -> Model:
    """Return a model that predicts numbers in their own units."""
    n_outputs = network.intercepts[-1].size
    numbers = RegressionTarget(n_outputs == 1, TargetScaler(np.zeros(n_outputs), np.ones(n_outputs)))
    return model_of(network, NumberHead(TargetSettings(loss), numbers))


def of_labels(network: Network, classes: Target) -> Model:
    """Return a model that predicts labels, given in the order of the network's outputs."""
    given = as_labels(classes)
    if given.ndim != 1 or len(np.unique(given)) != len(given) or len(given) < 2:
        raise ExportError(f"classes={classes!r} must be two labels or more, each once, in the order of the outputs.")
    order, n_outputs = np.argsort(given), network.intercepts[-1].size
    W, b = _outputs_in_order(network.coefs[-1], network.intercepts[-1], order)
    if n_outputs not in {len(given), len(given) - (len(given) == 2)}:
        raise ExportError(f"classes has {len(given)} labels, and the network {n_outputs} outputs: give one for each.")
    ordered = replace(network, coefs=[*network.coefs[:-1], W], intercepts=[*network.intercepts[:-1], b])
    return model_of(ordered, head_of(SingleLabels(given[order])))


def _outputs_in_order(W: Array, b: Array, order: Array) -> tuple[Array, Array]:
    """Put the outputs in the order of the sorted labels; of two, an estimator has the difference."""
    if b.size == 1:  # the log-odds of the second label given
        sign = W.dtype.type(1 if order[0] == 0 else -1)
        return W * sign, b * sign
    if b.size != len(order):
        return W, b
    W, b = W[:, order], b[order]
    return (W[:, 1:] - W[:, :1], b[1:] - b[:1]) if len(order) == 2 else (W, b)


def of_indicator(network: Network) -> Model:
    """Return a model that predicts any number of labels per row."""
    labels = IndicatorLabels(network.intercepts[-1].size, np.array([0, 1]))
    return model_of(network, head_of(labels))


def head_of(labels: Labels) -> LabelHead:
    """Return a head whose probabilities are those of the log-loss."""
    return LabelHead(TargetSettings("log_loss"), labels)
