"""PyTorch's layers as a network: linear layers with an activation between each two.

Conventions
-----------
nn.Linear.weight : (fan_out, fan_in)      coefs[l] : (fan_in, fan_out)
"""

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from sknet._export.parts import ExportError
from sknet._model.model import Network
from sknet._network.activations import ACTIVATIONS, LEAK
from sknet._typing import Array

Known = Callable[[nn.Module], bool]

ALWAYS: Known = lambda module: True  # noqa: E731

NAMES: dict[type, tuple[str, Known]] = {
    nn.Sigmoid: ("sigmoid", ALWAYS),
    nn.Tanh: ("tanh", ALWAYS),
    nn.ReLU: ("relu", ALWAYS),
    nn.LeakyReLU: ("leaky_relu", lambda module: module.negative_slope == LEAK),
    nn.ELU: ("elu", lambda module: module.alpha == 1.0),
    nn.SELU: ("selu", ALWAYS),
    nn.Softplus: ("softplus", lambda module: module.beta == 1.0),
    nn.SiLU: ("silu", ALWAYS),
    nn.GELU: ("gelu", lambda module: module.approximate == "none"),
    nn.Mish: ("mish", ALWAYS),
}
"""The activation of each of PyTorch's modules, and what its settings must be."""

SILENT = (nn.Dropout, nn.Identity, nn.Flatten, nn.Sequential)
"""Modules that do nothing to a table's rows in prediction; a `Sequential` without parts among them."""

OUTPUTS = (nn.Sigmoid, nn.Softmax, nn.LogSoftmax)
"""What may stand at the end of a classifier's layers: the link, which an estimator has itself."""


def read_layers(module: nn.Module, *, classifies: bool) -> Network:
    """Read linear layers and activations.

    Parameters
    ----------
    module : torch.nn.Module
        A `Sequential`, or one of such.

    classifies : bool
        Whether a sigmoid or a softmax at the end is the link of a classifier.

    Returns
    -------
    Network
    """
    parts = [part for part in module.modules() if not list(part.children()) and not isinstance(part, SILENT)]
    if classifies and parts and isinstance(parts[-1], OUTPUTS):
        parts = parts[:-1]
    coefs: list[Array] = []
    intercepts: list[Array] = []
    names: list[str] = []
    for part in parts:
        if isinstance(part, nn.Linear):
            names += ["identity"] * (len(coefs) - len(names))  # two layers with nothing between
            W, b = _weights(part)
            coefs.append(W)
            intercepts.append(b)
        elif len(names) == len(coefs) - 1:
            names.append(_name_of(part))
        else:
            raise ExportError(
                f"{type(part).__name__} does not stand between two Linear layers: sknet's networks are Linear layers "
                "with one activation between each two."
            )
    if len(names) != len(coefs) - 1:
        raise ExportError("The last module is not a Linear layer: sknet's networks end with one.")
    return Network(tuple([ACTIVATIONS[name] for name in names]), coefs, intercepts)


def _weights(linear: nn.Linear) -> tuple[Array, Array]:
    W = linear.weight.detach().cpu().numpy().T.copy()
    return W, np.zeros(W.shape[1], W.dtype) if linear.bias is None else linear.bias.detach().cpu().numpy().copy()


def _name_of(module: nn.Module) -> str:
    name, known = NAMES.get(type(module), ("", ALWAYS))
    if not name or not known(module):
        raise ExportError(f"{module} is none of sknet's activations: use one of {', '.join(sorted(_known_names()))}.")
    return name


def _known_names() -> Sequence[str]:
    return [kind.__name__ for kind in NAMES]
