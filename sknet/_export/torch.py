"""A model as a PyTorch module, and PyTorch's layers as a network.

The module takes the table's numbers and codes as they come and returns what the estimator predicts; its layers are a
`torch.nn.Sequential` that may be trained on.

Conventions
-----------
numbers, codes           as in `torch_columns`
inputs : (n, m)          the network's input
raw : (n, k)             the network's output before the link
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from sknet._export.parts import activation_in, kind_in, networks_of, parts_of
from sknet._export.torch_columns import TARGET, Encoder, read_table
from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Model, Network
from sknet._network.activations import LEAK
from sknet._typing import Table

# --- the network -----------------------------------------------------------------------------------------------------

MODULES: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAK),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "softplus": nn.Softplus,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "mish": nn.Mish,
    "identity": nn.Identity,
}
"""The module of each activation."""


def sequential(network: Network, dtype: torch.dtype) -> nn.Sequential:
    """Return a network as PyTorch's layers."""
    layers: list[nn.Module] = []
    activations = [activation_in(MODULES, activation, TARGET)() for activation in network.activations]
    for number, (W, b) in enumerate(zip(network.coefs, network.intercepts, strict=True)):
        layers += activations[number - 1 : number] if number else []
        linear = nn.Linear(*W.shape, dtype=dtype)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W.T.copy()))
            linear.bias.copy_(torch.tensor(b.copy()))
        layers.append(linear)
    return nn.Sequential(*layers)


class TableNetwork(nn.Module):
    """An estimator as a PyTorch module.

    Parameters
    ----------
    model : Model
        What was learnt.

    Attributes
    ----------
    networks : torch.nn.ModuleList
        The networks whose raw outputs are averaged, each a `Sequential`.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._model = model
        self.output_dtype = _TYPES[model.output_dtype.name]
        dtype = _TYPES[model.compute_dtype.name]
        self.encoder = Encoder(model.encoder)
        self.networks = nn.ModuleList([sequential(network, dtype) for network in networks_of(model)])
        self._links = parts_of(model.head, TARGET)
        self._finish = kind_in(HEADS, model.head, "The head", TARGET)

    @property
    def network(self) -> nn.Sequential:
        """The layers, where there is one network."""
        if len(self.networks) > 1:
            raise RuntimeError("This module averages several networks: they are in `networks`.")
        return cast(nn.Sequential, self.networks[0])

    def read(self, X: Table) -> tuple[Tensor | None, Tensor | None]:
        """Return a raw table's numbers and codes, as `forward` takes them; None where there are no such columns."""
        return read_table(self._model.encoder, X)

    def raw(self, numbers: Tensor | None = None, codes: Tensor | None = None) -> Tensor:
        """Return the output before the link, of shape (n, n_outputs): logits, or scaled predictions."""
        first = next(self.networks.parameters())
        inputs = self.encoder(numbers, codes, first.dtype)
        return torch.stack([network(inputs) for network in self.networks]).mean(0)

    def forward(self, numbers: Tensor | None = None, codes: Tensor | None = None) -> Tensor | list[Tensor]:
        """Return what the estimator's `predict_proba`, or a regressor's `predict`, returns."""
        raw = self.raw(numbers, codes).to(self.output_dtype)
        linked = torch.cat([LINKS[link](raw[:, part]) for part, link in self._links], 1)
        return self._finish(self._model.head, linked)


_TYPES = {"float32": torch.float32, "float64": torch.float64}


# --- links and heads -------------------------------------------------------------------------------------------------


def _quantiles(raw: Tensor) -> Tensor:
    middle, step = raw.shape[1] // 2, nn.functional.softplus(raw)
    level = raw[:, middle : middle + 1]
    above = level + torch.cumsum(step[:, middle + 1 :], 1)
    below = level - torch.cumsum(step[:, :middle].flip(1), 1).flip(1)
    return torch.cat([below, level, above], 1)


LINKS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda raw: raw,
    "logistic": torch.sigmoid,
    "softmax": lambda raw: torch.softmax(raw, 1),
    "exp": torch.exp,
    "quantiles": _quantiles,
}
"""Each link by name."""


def _numbers(head: NumberHead, linked: Tensor) -> Tensor:
    scaler = head.numbers.scaler
    mean, scale = (torch.from_numpy(part).to(linked) for part in (scaler.mean, scaler.scale))
    predictions = linked * scale + mean
    return predictions[:, 0] if head.numbers.flat and not head.loss.levels else predictions


def _probabilities(head: LabelHead, linked: Tensor) -> Tensor | list[Tensor]:
    labels = head.labels
    if not labels.exclusive:
        return _inside(linked)
    normalise = head.loss.out_activation != "softmax"
    parts = [
        _of_output(linked[:, block], len(known), normalise)
        for block, known in zip(labels.blocks, labels.levels, strict=True)
    ]
    return parts if labels.kind == "multioutput" else parts[0]


def _of_output(P: Tensor, n_classes: int, normalise: bool) -> Tensor:
    if n_classes == 1:
        return torch.ones_like(P)
    if n_classes == 2:
        return _inside(torch.cat([1 - P, P], 1))
    if normalise:
        P = P.clamp(min=torch.finfo(P.dtype).tiny)
        P = P / P.sum(1, keepdim=True)
    return _inside(P)


def _inside(P: Tensor) -> Tensor:
    limits = torch.finfo(P.dtype)
    return P.clamp(limits.tiny, 1 - limits.eps / 2)


HEADS: dict[type, Callable[..., Tensor | list[Tensor]]] = {NumberHead: _numbers, LabelHead: _probabilities}
"""What each kind of head returns."""
