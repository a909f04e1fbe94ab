"""Convert a model to an ONNX graph. Each estimator has a converter for skl2onnx, so that pipelines work, too.

The classifier's outputs are its labels and its probabilities, one tensor per target column; the regressor's are its
predictions, of shape (n, n_outputs).

Conventions
-----------
feeds : the graph's inputs, of shape (n, w) each, all columns of the table in order
z : (n, h)                the input of an activation
raw : (n, n_outputs)      the last layer's output, in the type of the weights
P : (n, k)                the probabilities of one target column before they have scikit-learn's shape
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import skl2onnx
from onnx import ModelProto
from skl2onnx._parse import _parse_sklearn_pipeline
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope, Variable
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.pipeline import Pipeline

from sknet._export import ExportError, check_activation
from sknet._export.feeds import BOOLEAN, DOUBLE, INTEGER, SINGLE, TEXT, model_inputs, output_names
from sknet._export.onnx_columns import Feed, Graph, integers, write_encoding
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.model import Model
from sknet._network.activations import LEAK, SELU_ALPHA, SELU_SCALE
from sknet._network.losses import POISSON, SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS, Loss, has_normalised_link, identity
from sknet._network.weights import output_rounding_step
from sknet._tables.read import is_frame
from sknet._typing import Array, DType, Table

Tensor = Callable[[list[int | None]], object]
"""A type of skl2onnx, which makes an instance from a shape; None stands for the number of rows."""

TENSORS: dict[DType, Tensor] = {
    SINGLE: FloatTensorType,
    DOUBLE: DoubleTensorType,
    TEXT: StringTensorType,
    INTEGER: Int64TensorType,
    np.dtype(np.int32): Int32TensorType,
    BOOLEAN: BooleanTensorType,
}
"""skl2onnx's type for an input or output of each NumPy type."""

ModelOf = Callable[[object], Model]
"""Returns the model of a fitted estimator, since this package does not import estimators."""


# --- the graph -------------------------------------------------------------------------------------------------------


def _write_raw(graph: Graph, model: Model, feeds: Sequence[Feed]) -> str:
    """Write the encoding and the layers; return the raw outputs."""
    encoded, network = write_encoding(graph, model.encoder, feeds), model.network
    value = graph.concat([columns for columns, _ in encoded])
    # the columns of `value` are the network's inputs in another order: the first layer's weights follow it
    order = [i for _, inputs in encoded for i in inputs]
    first, *others = network.coefs
    for number, (W, b) in enumerate(zip([first[order], *others], network.intercepts, strict=True)):
        if number:  # between two layers
            activation = network.activations[number - 1]
            check_activation(activation, "ONNX")
            value = ACTIVATIONS[activation.name](graph, value)
        value = graph.node("Add", graph.node("MatMul", value, W.astype(graph.dtype)), b.astype(graph.dtype))
    return value


# --- activations -----------------------------------------------------------------------------------------------------


def _negative_part(graph: Graph, z: str) -> str:
    """exp(min(z, 0)) - 1, which does not overflow."""
    return graph.node("Sub", graph.node("Exp", graph.node("Min", z, 0.0)), 1.0)


def _relu(graph: Graph, z: str) -> str:
    return graph.node("Max", z, 0.0)


def _elu(graph: Graph, z: str) -> str:
    return graph.node("Add", _relu(graph, z), _negative_part(graph, z))


def _selu(graph: Graph, z: str) -> str:
    negative = graph.node("Mul", _negative_part(graph, z), SELU_ALPHA)
    return graph.node("Mul", graph.node("Add", _relu(graph, z), negative), SELU_SCALE)


def _softplus(graph: Graph, z: str) -> str:
    """log(1 + exp(z)), which does not overflow."""
    small = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    return graph.node("Add", _relu(graph, z), graph.node("Log", graph.node("Add", small, 1.0)))


def _gelu(graph: Graph, z: str) -> str:
    # in float32, as onnxruntime has no Erf of float64
    z32 = graph.cast(graph.node("Mul", z, sqrt(0.5)), SINGLE)
    erf = graph.cast(graph.node("Erf", z32), graph.dtype)
    half = graph.node("Mul", graph.node("Add", erf, 1.0), 0.5)
    return graph.node("Mul", z, half)


ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "sigmoid": lambda graph, z: graph.node("Sigmoid", z),
    "tanh": lambda graph, z: graph.node("Tanh", z),
    "relu": _relu,
    "leaky_relu": lambda graph, z: graph.node("Max", z, graph.node("Mul", z, LEAK)),
    "elu": _elu,
    "selu": _selu,
    "softplus": _softplus,
    "silu": lambda graph, z: graph.node("Mul", z, graph.node("Sigmoid", z)),
    "gelu": _gelu,
    "mish": lambda graph, z: graph.node("Mul", z, graph.node("Tanh", _softplus(graph, z))),
    "identity": lambda graph, z: z,
}
"""The functions that write each activation, and return the name of its output."""


# --- links -----------------------------------------------------------------------------------------------------------


def _sigmoid(graph: Graph, raw: str) -> str:
    """1 / (1 + exp(-raw)). The Sigmoid of onnxruntime has large relative errors where it is small."""
    return graph.node("Reciprocal", graph.node("Add", graph.node("Exp", graph.node("Neg", raw)), 1.0))


def _softmax(graph: Graph, raw: str) -> str:
    return graph.node("Softmax", raw, axis=1)


LINKS: dict[Callable[[Array], None], Callable[[Graph, str], str]] = {
    identity: lambda graph, raw: raw,
    SIGMOID_LOG_LOSS.link: _sigmoid,
    SOFTMAX_LOG_LOSS.link: _softmax,
    POISSON.link: lambda graph, raw: graph.node("Exp", raw),
}
"""The functions that write each link, except links that depend on a head's quantile levels or labels."""


def _write_link(graph: Graph, model: Model, raw: str) -> str:
    """Write the link of the model's loss; return the linked outputs, (n, n_outputs)."""
    head: Any = model.head  # of a type in `HEADS`
    loss = head.loss
    if loss.link in LINKS:
        linked = LINKS[loss.link](graph, raw)
        if loss.link is identity or not model.network.is_monotone:
            return linked
        # the last bits of onnxruntime's Exp depend on the position of a row in its batch: see `output_rounding_step`
        return graph.cast(graph.cast(linked, SINGLE), graph.dtype)
    if isinstance(head.settings.loss, Loss):
        raise ExportError(
            f"loss={loss.name!r}, a loss of your own, has a link of its own, which ONNX cannot express: give it the "
            "link of one of sknet's losses, or use sknet.save."
        )
    return HEADS[type(head)].write_link(graph, head, raw)


def _quantile_link(graph: Graph, head: RegressionHead, raw: str) -> str:
    """Write `Quantiles.link`: starting at the middle, add the softplus of each step upwards, subtract it downwards."""
    n = len(head.loss.levels)
    middle, indices = n // 2, np.arange(n)
    step, quantile = indices[:, np.newaxis], indices[np.newaxis, :]
    # (n, n): the steps between the middle quantile and each quantile
    up = (step > middle) & (step <= quantile)
    down = (step < middle) & (step >= quantile)
    steps = graph.node("MatMul", _softplus(graph, raw), (up.astype(graph.dtype) - down.astype(graph.dtype)))
    return graph.node("Add", graph.columns(raw, slice(middle, middle + 1)), steps)


def _label_link(graph: Graph, head: LabelHead, raw: str) -> str:
    """Write a sigmoid for each target column of two classes, and a softmax for each column of more classes."""
    output_slices = head.labels.output_slices
    links = [_sigmoid if s.stop - s.start == 1 else _softmax for s in output_slices]
    pairs = zip(links, output_slices, strict=True)
    return graph.concat([link(graph, graph.columns(raw, s)) for link, s in pairs])


# --- heads -----------------------------------------------------------------------------------------------------------


def _write_predictions(graph: Graph, head: RegressionHead, linked: str, dtype: DType) -> list[str]:
    """Write predictions in the units of the target."""
    scaler = head.output_scaler
    scaled = graph.node("Mul", linked, scaler.scale.astype(graph.dtype))
    return [graph.cast(graph.node("Add", scaled, scaler.mean.astype(graph.dtype)), dtype)]


def _prediction_types(head: RegressionHead, tensor: Tensor) -> list[object]:
    return [tensor([None, head.n_outputs])]


def _write_labels(graph: Graph, head: LabelHead, linked: str, dtype: DType) -> list[str]:
    """Write labels, and the probabilities of each target column."""
    output_slices = head.labels.output_slices
    if not head.labels.exclusive:
        codes = graph.cast(graph.node("Greater", linked, 0.5), INTEGER)
        return [codes, _clip(graph, linked, dtype)]
    by_column = [linked] if len(output_slices) == 1 else [graph.columns(linked, s) for s in output_slices]
    columns = list(zip(head.labels.classes_by_column, by_column, strict=True))
    labels = [_write_label(graph, classes, P) for classes, P in columns]
    if len(labels) > 1:
        labels = [graph.concat([graph.node("Unsqueeze", label, integers(1)) for label in labels])]
    normalise = not has_normalised_link(head.loss)
    probabilities = [_write_probabilities(graph, len(classes), P, normalise) for classes, P in columns]
    return [*labels, *(_clip(graph, P, dtype) for P in probabilities)]


def _label_types(head: LabelHead, tensor: Tensor) -> list[object]:
    if not head.labels.exclusive:
        shape = [None, head.n_outputs]
        return [Int64TensorType(shape), tensor(shape)]
    by_column = head.labels.classes_by_column
    dtypes = {onnx_labels(classes).dtype for classes in by_column}
    if len(dtypes) > 1:
        raise ExportError(
            "The target's columns have labels of several types, and an ONNX tensor has one type: convert them to one."
        )
    label = TENSORS[dtypes.pop()]([None] if len(by_column) == 1 else [None, len(by_column)])
    return [label, *(tensor([None, len(classes)]) for classes in by_column)]


def _write_label(graph: Graph, classes: Array, P: str) -> str:
    """Write the most probable label, (n,)."""
    if len(classes) > 2:
        codes = graph.node("ArgMax", P, axis=1, keepdims=0)
    else:
        second = graph.cast(graph.node("Greater", P, 0.5), INTEGER)
        # times 0 if there is a single class
        codes = graph.node("Squeeze", graph.node("Mul", second, integers(len(classes) - 1)), integers(1))
    return graph.node("Gather", onnx_labels(classes), codes, axis=0)


def onnx_labels(classes: Array) -> Array:
    """Return classes in a type of ONNX: text, int64 or float64."""
    if classes.dtype.kind in "OU":
        return classes.astype(object)
    as_integers = classes.astype(np.int64)
    labels = as_integers if (as_integers == classes).all() else classes.astype(np.float64)
    for label, exact in zip(labels.tolist(), classes.tolist(), strict=True):
        if label != exact:  # NumPy compares uint64 as float64, which rounds
            raise ExportError(
                f"y has the label {exact}, which no int64 or float64 label of ONNX equals: fit with astype(str) of y."
            )
    return labels


def _write_probabilities(graph: Graph, n_classes: int, P: str, normalise: bool) -> str:
    """Write probabilities, (n, n_classes), as `Labels.probabilities` returns them."""
    if n_classes == 1:
        return graph.node("Add", graph.node("Mul", P, 0.0), 1.0)  # ones, (n, 1)
    if n_classes == 2:
        return graph.concat([graph.node("Sub", 1.0, P), P])
    if normalise:  # the outputs are independent sigmoids, and all of them may round to 0
        P = graph.node("Max", P, float(np.finfo(graph.dtype).tiny))
        P = graph.node("Div", P, graph.node("ReduceSum", P, integers(1), keepdims=1))
    return P


def _clip(graph: Graph, P: str, dtype: DType) -> str:
    """Write probabilities in the dtype of the outputs, clipped to values strictly between 0 and 1."""
    limits = np.finfo(dtype)  # 1 - epsneg is the largest float below 1
    return graph.node("Clip", graph.cast(P, dtype), limits.tiny, np.subtract(1, limits.epsneg, dtype=dtype))


class HeadWriter(NamedTuple):
    """The functions that write a head of one type."""

    write_link: Callable[[Graph, Any, str], str]  # the link of a loss whose link is not in `LINKS`
    write_outputs: Callable[[Graph, Any, str, DType], list[str]]  # from linked outputs, in this dtype
    output_types: Callable[[Any, Tensor], list[object]]  # of tensors of this type, or of labels


HEADS = {
    RegressionHead: HeadWriter(_quantile_link, _write_predictions, _prediction_types),
    LabelHead: HeadWriter(_label_link, _write_labels, _label_types),
}


# --- functions for skl2onnx ------------------------------------------------------------------------------------------


def _feeds(operator: Operator, model: Model) -> list[Feed]:
    """Return the graph's inputs as feeds. A single input of unknown width has all columns."""
    feeds, unknown_width = [], model.encoder.n_columns if len(operator.inputs) == 1 else 1
    dtypes = {tensor.__name__: dtype for dtype, tensor in TENSORS.items()}
    for variable in operator.inputs:
        shape, tensor = variable.type.shape, type(variable.type).__name__
        if tensor not in dtypes:
            raise ExportError(
                f"The graph's input {variable.onnx_name!r} is a {tensor}: it must be of {', '.join(dtypes)}."
            )
        width = shape[1] if len(shape) > 1 and isinstance(shape[1], int) else unknown_width
        feeds.append(Feed(variable.onnx_name, dtypes[tensor], width))
    return feeds


def _output_dtype(variables: Sequence[Variable]) -> DType:
    """Return float64 if any input is float64: the outputs follow the inputs, as in skl2onnx's own converters."""
    return DOUBLE if any(isinstance(v.type, DoubleTensorType) for v in variables) else SINGLE


def _convert(model_of: ModelOf, scope: Scope, operator: Operator, container: ModelComponentContainer) -> None:
    """Write the nodes of an estimator, from the graph's inputs to its outputs."""
    model, dtype = model_of(operator.raw_operator), _output_dtype(operator.inputs)
    graph = Graph(scope, container, model.predict_dtype)
    raw = _write_raw(graph, model, _feeds(operator, model))
    if model.network.is_monotone:  # for the reason in `output_rounding_step`
        step = output_rounding_step(model.network.coefs[-1], model.network.intercepts[-1])
        raw = graph.node("Mul", graph.node("Round", graph.node("Div", raw, step)), step)
    # links and heads compute in the type of the predictions; in float64 if the network is monotone, like its layers
    head_graph = Graph(scope, container, DOUBLE if model.network.is_monotone else model.encoding.output_dtype)
    raw = graph.cast(raw, head_graph.dtype, of=graph.dtype)
    linked = _write_link(head_graph, model, raw)
    outputs = HEADS[type(model.head)].write_outputs(head_graph, model.head, linked, dtype)
    for value, variable in zip(outputs, operator.outputs, strict=True):  # each output gets its declared name
        name = scope.get_unique_operator_name("sknet_Identity")
        container.add_node("Identity", [value], [variable.onnx_name], name=name)


def _types(model: Model, variables: Sequence[Variable]) -> list[tuple[str, object]]:
    """Return the name and the type of each output."""
    types = HEADS[type(model.head)].output_types(model.head, TENSORS[_output_dtype(variables)])
    return list(zip(output_names(model.head), types, strict=True))


def _parse(
    model_of: ModelOf, alias: str, scope: Scope, estimator: object, inputs: list[Variable],
    custom_parsers: object = None,
) -> list[Variable]:  # fmt: skip
    """Declare and return the outputs. Probabilities are tensors, never lists of dicts."""
    operator = scope.declare_local_operator(alias, estimator)
    operator.inputs = inputs
    for name, tensor in _types(model_of(estimator), inputs):
        operator.outputs.append(scope.declare_local_variable(name, tensor))
    outputs: list[Variable] = operator.outputs
    return outputs


def _set_types(model_of: ModelOf, operator: Operator) -> None:
    """Set the types of outputs that another converter has declared."""
    for variable, (_, tensor) in zip(
        operator.outputs, _types(model_of(operator.raw_operator), operator.inputs), strict=True
    ):
        variable.type = tensor


def register(estimators: Sequence[type], model_of: ModelOf) -> None:
    """Register the estimators' converters with skl2onnx, for estimators alone and inside pipelines."""
    for estimator_class in estimators:
        alias = f"Sknet{estimator_class.__name__}"
        skl2onnx.update_registered_converter(
            estimator_class, alias, partial(_set_types, model_of), partial(_convert, model_of),
            parser=partial(_parse, model_of, alias),
            options={"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [False]},
        )  # fmt: skip
    skl2onnx.update_registered_parser(Pipeline, partial(_parse_pipeline, tuple(estimators)))


def _parse_pipeline(
    estimators: tuple[type, ...], scope: Scope, model: Pipeline, inputs: list[Variable], custom_parsers: object = None
) -> list[Variable]:
    """Parse a pipeline as skl2onnx does; raise an ExportError for a network before the last step."""
    for name, step in model.steps[:-1]:
        if isinstance(step, estimators):
            raise ExportError(
                f"Step {name!r} of the pipeline is a {type(step).__name__} before the last step. The next step takes "
                "its last hidden layer, but an ONNX graph returns predictions: export the steps one by one."
            )
    outputs: list[Variable] = _parse_sklearn_pipeline(scope, model, inputs, custom_parsers)
    return outputs


# --- a whole estimator -----------------------------------------------------------------------------------------------


def convert(estimator: object, model: Model, X: Table, initial_types: object, target_opset: int | None) -> ModelProto:
    """Return the ONNX model of an estimator whose converter is registered."""
    if initial_types is None:
        width = 1 if is_frame(X) else model.encoder.n_columns
        initial_types = [(name, TENSORS[dtype]([None, width])) for name, dtype in model_inputs(X, model)]
    return skl2onnx.to_onnx(estimator, initial_types=initial_types, target_opset=target_opset)
