"""A network as PyTorch's layers, and trained layers as weights.

The layers take the encoded table and return the output before the loss's link; encoding and decoding stay with the
estimator.

Conventions
-----------
nn.Linear.weight : (fan_out, fan_in)      coefs[l] : (fan_in, fan_out)
"""

from collections.abc import Callable
from itertools import zip_longest

import torch
from torch import nn

from sknet._export import ExportError, check_activation
from sknet._model.model import Network
from sknet._network.activations import LEAKY_RELU_SLOPE
from sknet._typing import Array

ACTIVATION_MODULES: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAKY_RELU_SLOPE),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "mish": nn.Mish,
    "identity": nn.Identity,
}
"""The module of each activation."""


def layers_of(network: Network) -> nn.Sequential:
    """Return a network as PyTorch's layers, with copies of its weights."""
    layers: list[nn.Module] = []
    for W, b, activation in zip_longest(network.coefs, network.intercepts, network.activations):
        weight = torch.from_numpy(W.T.copy())
        linear = nn.Linear(W.shape[0], W.shape[1], dtype=weight.dtype)
        linear.load_state_dict({"weight": weight, "bias": torch.from_numpy(b.copy())})
        layers.append(linear)
        if activation is not None:  # the last layer has none
            check_activation(activation, "PyTorch")
            layers.append(ACTIVATION_MODULES[activation.name]())
    return nn.Sequential(*layers)


def weights_of(module: nn.Module, network: Network) -> tuple[list[Array], list[Array]]:
    """Return views of the weights and biases of layers, which must be `layers_of(network)` with or without dropout."""
    expected_layers = list(layers_of(network))
    layers = [layer for layer in module.children() if not isinstance(layer, nn.Dropout)]
    for position, (layer, expected_layer) in enumerate(zip_longest(layers, expected_layers)):
        if repr(layer) != repr(expected_layer):  # a module's repr has its class, its sizes and its settings
            raise ExportError(
                f"Layer {position} of the module, not counting dropout, is {layer}, and to_torch(like) has "
                f"{expected_layer} there: pass the layers that to_torch returned, after further training."
            )
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    coefs = [layer.weight.detach().cpu().numpy().T for layer in linear]
    return coefs, [layer.bias.detach().cpu().numpy() for layer in linear]
