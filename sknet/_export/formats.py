"""What every format says of a model that it has nothing for."""

from collections.abc import Mapping
from typing import TypeVar

from sknet._network.activations import ACTIVATIONS, Activation

T = TypeVar("T")
"""What a format has for an activation: a module of PyTorch, or what writes nodes of ONNX."""


class ExportError(ValueError):
    """The format cannot express the estimator. The message names the reason and a remedy."""


def activation_of_format(table: Mapping[str, T], activation: Activation, target: str) -> T:
    """Return what a table of a format's has for an activation; an ExportError names one that it lacks."""
    # an activation of the user's own may have the name of one of the package's
    if ACTIVATIONS.get(activation.name) is not activation or activation.name not in table:
        raise ExportError(
            f"activation={activation.name!r} is not known to {target}, which has {', '.join(table)}: choose one of "
            "these, or use sknet.save."
        )
    return table[activation.name]
