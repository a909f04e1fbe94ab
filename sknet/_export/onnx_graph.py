"""Nodes of an ONNX graph, written one after the other; and activations and links made of them.

Conventions
-----------
A feed is one input of the graph: a tensor of shape (n, w) that holds w columns of the table, all of one type.
A value of the graph is known by its name, a str; constants are NumPy arrays.
z : (n, h)      raw : (n, k)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from onnx import TensorProto, numpy_helper
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Scope

from sknet._export.feeds import DOUBLE, INTEGER, SINGLE, TEXT
from sknet._network.activations import LEAK, SELU_ALPHA, SELU_SCALE
from sknet._network.losses import SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS, identity
from sknet._network.regression_losses import POISSON
from sknet._typing import Array, DType

PROTO = {SINGLE: TensorProto.FLOAT, DOUBLE: TensorProto.DOUBLE, INTEGER: TensorProto.INT64}
"""ONNX's number for each type of array."""


class Graph:
    """Where the nodes of one estimator are written.

    Parameters
    ----------
    scope : Scope
        Gives names that nobody else has.

    container : ModelComponentContainer
        Takes the nodes.

    dtype : dtype
        Of the arithmetic.
    """

    def __init__(self, scope: Scope, container: ModelComponentContainer, dtype: DType) -> None:
        self._scope, self._container, self.dtype = scope, container, dtype

    def node(self, op: str, *inputs: str | Array | float, domain: str = "", **attributes: object) -> str:
        """Write a node; return its output's name. A Python float is a number in the type of the arithmetic."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output: str = self._scope.get_unique_variable_name(f"sknet_{op.lower()}")
        name = self._scope.get_unique_operator_name(f"sknet_{op}")
        self._container.add_node(op, names, [output], op_domain=domain, name=name, **attributes)
        return output

    def constant(self, value: Array | float) -> str:
        """Write a constant; text is an array of objects."""
        array = np.array(value, self.dtype) if type(value) is float else np.asarray(value)  # NumPy's floats have a type
        name: str = self._scope.get_unique_variable_name("sknet_constant")
        if array.dtype == TEXT:
            content = [text.encode("utf-8") for text in array.ravel().tolist()]
            self._container.add_initializer(name, TensorProto.STRING, list(array.shape), content)
        else:
            # `ascontiguousarray` turns a number into an array of one: reshape turns it back
            tensor = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
            self._container.add_initializer(name, tensor.data_type, list(array.shape), tensor)
        return name

    def cast(self, value: str, dtype: DType, of: DType | None = None) -> str:
        """Convert a value to another type; one that is `of` that type already stays as it is."""
        if of is not None and of == dtype:  # NumPy takes None for float64
            return value
        return self.node("Cast", value, to=PROTO[dtype])

    def concat(self, values: Sequence[str]) -> str:
        """Put values side by side."""
        return values[0] if len(values) == 1 else self.node("Concat", *values, axis=1)

    def columns(self, value: str, part: slice) -> str:
        """Return some columns of a value."""
        return self.node("Slice", value, integers(part.start), integers(part.stop), integers(1))  # along axis 1


@dataclass(frozen=True)
class Feed:
    """One input of the graph, or what was computed of one."""

    name: str
    dtype: DType  # object for text
    width: int

    def columns(self, graph: Graph, positions: Sequence[int]) -> str:
        """Return some of its columns."""
        if list(positions) == list(range(self.width)):  # all of them: no node is needed
            return self.name
        return graph.node("Gather", self.name, integers(*positions), axis=1)


def integers(*values: int) -> Array:
    """Return integers as ONNX takes axes, positions and bounds."""
    return np.array(values, INTEGER)


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
    # onnxruntime has no Erf of float64: this one function is computed in float32
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
"""How each activation is written."""


# --- links -----------------------------------------------------------------------------------------------------------


def write_sigmoid(graph: Graph, raw: str) -> str:
    """1 / (1 + exp(-raw)): onnxruntime's own is off where it is small, which counts where shares are taken."""
    return graph.node("Reciprocal", graph.node("Add", graph.node("Exp", graph.node("Neg", raw)), 1.0))


def write_softmax(graph: Graph, raw: str) -> str:
    """exp(raw_j) / sum_k exp(raw_k)."""
    return graph.node("Softmax", raw, axis=1)


def write_quantiles(graph: Graph, raw: str, n_levels: int) -> str:
    """As `Quantiles.link`: from the middle up or down by the softplus of each step, as a product with 0 and ±1."""
    middle, position = n_levels // 2, np.arange(n_levels)
    step, level = position[:, np.newaxis], position[np.newaxis, :]
    # (k, k): whether a step counts for a level, being between the middle and it
    up = (step > middle) & (step <= level)
    down = (step < middle) & (step >= level)
    steps = graph.node("MatMul", _softplus(graph, raw), (up.astype(graph.dtype) - down.astype(graph.dtype)))
    return graph.node("Add", graph.columns(raw, slice(middle, middle + 1)), steps)


LINKS: dict[Callable[[Array], None], Callable[[Graph, str], str]] = {
    identity: lambda graph, raw: raw,
    SIGMOID_LOG_LOSS.link: write_sigmoid,
    SOFTMAX_LOG_LOSS.link: write_softmax,
    POISSON.link: lambda graph, raw: graph.node("Exp", raw),
}
"""How each link is written that takes the raw outputs of all losses alike."""
