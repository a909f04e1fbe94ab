"""A model as a pipeline of scikit-learn's own parts.

What the table's transformers return and what the network takes differ by a linear map, which goes into the first layer.

Conventions
-----------
features : (n, f)     what a transformer returns
inputs : (n, m)       the network's input: features @ M + c, with M : (f, m) and c : (m,)
"""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from sknet._export.parts import ExportError, activation_in, kind_in, networks_of, parts_of
from sknet._export.sklearn_columns import TARGET, Piece, pieces_of, transformer_of
from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Model
from sknet._typing import Array

ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu", "identity": "identity"}
"""scikit-learn's names."""


def pipeline_of(model: Model, names: Array | None) -> Pipeline:
    """Return a fitted pipeline with the same predictions."""
    pieces = pieces_of(model.encoder)
    network = _network(model, pieces)
    return make_pipeline(transformer_of(model.encoder, pieces, names), network)


def _network(model: Model, pieces: Sequence[Piece]) -> MLPClassifier | MLPRegressor:
    """Return scikit-learn's network with our weights, after a step that makes all else that it has when fitted."""
    networks = networks_of(model)
    if len(networks) > 1:
        raise ExportError("scikit-learn's networks have one member: use one of `members_`, ONNX or sknet.save.")
    coefs = [W.astype(np.float64) for W in networks[0].coefs]
    intercepts = [b.astype(np.float64) for b in networks[0].intercepts]
    first = coefs[0]
    intercepts[0] = intercepts[0] + sum(piece.c @ first[piece.inputs] for piece in pieces)
    coefs[0] = np.vstack([piece.M @ first[piece.inputs] for piece in pieces])
    activations = {activation_in(ACTIVATIONS, activation, TARGET) for activation in networks[0].activations}
    if len(activations) > 1:
        several = ", ".join(sorted(activations))
        raise ExportError(f"scikit-learn's networks have one activation for all layers, and this one has {several}.")
    sizes = tuple(len(b) for b in intercepts[:-1])
    how = {"hidden_layer_sizes": sizes, "activation": activations.pop() if activations else "identity", "max_iter": 1}
    mlp, scale, shift = kind_in(HEADS, model.head, "The head", TARGET)(model.head, how, np.zeros((1, len(coefs[0]))))
    coefs[-1], intercepts[-1] = coefs[-1] * scale, intercepts[-1] * scale + shift
    mlp.coefs_, mlp.intercepts_ = coefs, intercepts
    return mlp


Outputs = tuple[MLPClassifier | MLPRegressor, Array | float, Array | float]
"""A network, and the scale and the shift that come after its last layer."""


def _classifier(head: LabelHead, how: dict[str, object], row: Array) -> Outputs:
    links = {link for _, link in parts_of(head, TARGET)}
    kind, classes = head.labels.kind, head.labels.classes
    if kind == "multioutput" or len(classes) < 2 or links != {"softmax" if kind == "multiclass" else "logistic"}:
        raise ExportError(
            f"scikit-learn's network has no {kind} target of {len(classes)} classes or outputs with "
            f"loss={head.loss.name!r}: it has one label per row, of two or more, with 'log_loss', or an indicator "
            "matrix. Use ONNX or sknet.save."
        )
    y = head.labels.take(np.zeros((1, len(head.labels.levels)), dtype=int))
    return MLPClassifier(**how).partial_fit(row, y, classes=classes), 1.0, 0.0


def _regressor(head: NumberHead, how: dict[str, object], row: Array) -> Outputs:
    """Leave the targets' scale to the last layer."""
    ((_, link),) = parts_of(head, TARGET)
    if link not in _LOSSES:
        raise ExportError("scikit-learn's network predicts no several quantiles: export one level, or use ONNX.")
    scaler, y = head.numbers.scaler, np.ones((1, head.n_outputs))
    mlp = MLPRegressor(loss=_LOSSES[link], **how).partial_fit(row, y[:, 0] if head.numbers.flat else y)
    return mlp, scaler.scale, scaler.mean


_LOSSES = {"identity": "squared_error", "exp": "poisson"}
"""scikit-learn's loss with each link."""

HEADS: dict[type, Callable[..., Outputs]] = {LabelHead: _classifier, NumberHead: _regressor}
"""The network that stands for each kind of head."""
