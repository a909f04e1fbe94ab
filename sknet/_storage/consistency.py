"""Whether the parts of a model go together: an encoder's inputs, the layers' shapes, a head's outputs.

Conventions
-----------
coefs[l] : (fan_in, fan_out)      intercepts[l] : (fan_out,)
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from sknet._model.heads import Head, LabelHead, NumberHead
from sknet._model.model import Model, Network
from sknet._network.losses import CLASSIFICATION_LOSSES, Loss
from sknet._network.regression import REGRESSION_LOSSES
from sknet._storage.column_consistency import refuse_column, require
from sknet._tables.labels import IndicatorLabels, Labels, MultiOutputLabels, SingleLabels
from sknet._training.state import State
from sknet._typing import Array

MAX_OUTPUTS = 2**24
"""More outputs than any network has; below this, to count them costs nothing."""


def refuse_inconsistent(model: Model, state: State | None = None) -> None:
    """Raise a ValueError that says which parts do not go together.

    Parameters
    ----------
    model : Model
        Its parts are of the right types.

    state : State, default=None
        Where training may go on.
    """
    _refuse_network(model.network)
    for column in model.encoder.columns:
        refuse_column(column)
    n_inputs, n_columns = model.network.coefs[0].shape[0], model.encoder.n_columns
    require(model.encoder.n_inputs == n_inputs, "the encoder's inputs are not those of the first layer")
    names = model.encoder.names
    require(names is None or len(names) == n_columns, "the columns' names are not as many as the columns")
    _refuse_head(model.head)
    require(model.head.n_outputs == model.network.intercepts[-1].size, "the last layer's outputs are not the head's")
    require({model.compute_dtype.kind, model.output_dtype.kind} == {"f"}, "the arithmetic is not that of floats")
    if state is not None:
        _refuse_state(state, model.network.layout.n_parameters)


def _refuse_network(network: Network) -> None:
    coefs, intercepts = network.coefs, network.intercepts
    require(len(coefs) == len(intercepts) == len(network.activations) + 1, "layers and activations are not as many")
    arrays = [*coefs, *intercepts]
    require(all(array.dtype.kind == "f" for array in arrays), "the weights are not floats")
    flat = all(W.ndim == 2 for W in coefs) and all(b.ndim == 1 for b in intercepts)
    require(flat, "the weights are not matrices, or the biases not vectors")
    widths = [coefs[0].shape[0], *(b.size for b in intercepts)]
    shapes = list(pairwise(widths))
    require([W.shape for W in coefs] == shapes, "the layers' shapes do not go together")


def _refuse_state(state: State, n_parameters: int) -> None:
    vectors = [*state.moments, *([] if state.average is None else [state.average])]
    require(all(v.size == n_parameters for v in vectors), "the optimizer's moments are not those of this network")
    require(state.theta.size in (0, n_parameters), "the training state is not that of this network")


# --- heads -----------------------------------------------------------------------------------------------------------


def _refuse_head(head: Head) -> None:
    loss = head.settings.loss
    known: dict[type, object] = {LabelHead: CLASSIFICATION_LOSSES, NumberHead: REGRESSION_LOSSES}
    require(isinstance(loss, Loss) or loss in known[type(head)], f"the loss {loss!r} is not known")  # type: ignore[operator]
    _HEADS[type(head)](head)


def _refuse_numbers(head: NumberHead) -> None:
    mean, scale = head.numbers.scaler.mean, head.numbers.scaler.scale
    require(mean.ndim == 1 and mean.shape == scale.shape and mean.size > 0, "the targets' scales are not vectors")
    require(mean.dtype.kind == scale.dtype.kind == "f", "the targets' scales are not floats")
    require(not head.numbers.flat or mean.size == 1, "a target of one dimension has several scales")
    _ = head.loss  # whose options may be out of bounds


def _refuse_labels(labels: Labels) -> None:
    _LABELS[type(labels)](labels)


def _refuse_classes(known: Array) -> None:
    require(known.ndim == 1 and known.size > 0 and known.dtype.kind in "biufUO", "the classes are not a list of labels")


def _refuse_single(labels: SingleLabels) -> None:
    _refuse_classes(labels.known)


def _refuse_outputs(labels: MultiOutputLabels) -> None:
    require(len(labels.outputs) > 0, "there is no output")
    for output in labels.outputs:
        _refuse_classes(output.known)


def _refuse_indicator(labels: IndicatorLabels) -> None:
    require(labels.values.shape == (2,) and labels.values.dtype.kind in "biuf", "the indicator's values are not two")
    require(0 < labels.n_labels <= MAX_OUTPUTS, "the number of labels is out of bounds")
    require(np.array_equal(labels.values, [0, 1]), "the indicator's values are not 0 and 1")


_HEADS: dict[type, Callable[..., None]] = {
    LabelHead: lambda head: _refuse_labels(head.labels),
    NumberHead: _refuse_numbers,
}

_LABELS: dict[type, Callable[..., None]] = {
    SingleLabels: _refuse_single,
    MultiOutputLabels: _refuse_outputs,
    IndicatorLabels: _refuse_indicator,
}
"""What must hold of labels of each kind."""
