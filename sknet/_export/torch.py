"""A model as a PyTorch module, and PyTorch's layers as a network.

The module takes the table's numbers and codes as they come and returns what the estimator predicts; its layers are a
`torch.nn.Sequential` that may be trained on.

Conventions
-----------
numbers : (n, d_num)     columns of numbers, NaN where one is missing
codes : (n, d_cat)       columns of categories: the place of each level, len(levels) for any other, −1 where missing
inputs : (n, m)          the network's input
raw : (n, k)             the network's output before the link
"""

from collections.abc import Callable, Sequence
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from sknet._export.parts import activation_in, inputs_by_level, kind_in, networks_of, parts_of
from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Model, Network
from sknet._network.activations import LEAK
from sknet._tables.columns import Column
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import SATURATED, NumberColumn, stacked
from sknet._tables.encoding import TableEncoder
from sknet._tables.frames import column_at, number_values, read_levels
from sknet._tables.rows import is_frame
from sknet._typing import Array, Table

TARGET = "PyTorch"

Reads = Literal["numbers", "codes"]


# --- columns ---------------------------------------------------------------------------------------------------------


class Numbers(nn.Module):
    """Columns of numbers: scaled, then the marks of missing ones."""

    def __init__(self, columns: Sequence[NumberColumn]) -> None:
        super().__init__()
        scaler = stacked(columns)
        self.register_buffer("center", torch.from_numpy(scaler.center))
        self.register_buffer("scale", torch.from_numpy(scaler.scale))
        self.register_buffer("clip", torch.tensor([column.clip for column in columns]))
        self.register_buffer("shift", torch.tensor([column.shift for column in columns]))
        marked = [k for k, column in enumerate(columns) if column.has_missing_indicator]
        self.register_buffer("marked", torch.tensor(marked, dtype=torch.long))
        self.single = scaler.single

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, d_num + marked); in the types in which the estimator does it."""
        missing = torch.isnan(x)
        within = dtype if self.single else torch.float64
        center = self.center.to(within if x.dtype == within else torch.float64)
        centred = torch.where(self.shift, x.to(center) - center, x.to(center))
        filling = torch.where(self.shift, torch.zeros_like(center), center)
        z = torch.where(missing, filling, centred).to(within) * self.scale.to(within)
        bounded = z.clamp(-SATURATED, SATURATED)
        z = torch.where(self.clip, bounded / torch.sqrt(bounded * bounded + 9.0) * 3.0, z)
        return torch.cat([z.to(dtype), missing[:, self.marked].to(dtype)], 1)


class Categories(nn.Module):
    """Columns of categories: each code is looked up in a table of the column's inputs."""

    def __init__(self, columns: Sequence[CategoryColumn]) -> None:
        super().__init__()
        self.n_levels = [len(column.levels) for column in columns]
        for k, column in enumerate(columns):
            self.register_buffer(f"inputs_{k}", torch.from_numpy(inputs_by_level(column)))

    def forward(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, n_inputs of all columns)."""
        blocks = []
        for k, n_levels in enumerate(self.n_levels):
            code = codes[:, k].long()
            code = torch.where(code < 0, n_levels + 1, code.clamp(max=n_levels))
            blocks.append(self.get_buffer(f"inputs_{k}")[code].to(dtype))
        return torch.cat(blocks, 1)


COLUMNS: dict[type, tuple[Reads, Callable[..., nn.Module]]] = {
    NumberColumn: ("numbers", Numbers),
    CategoryColumn: ("codes", Categories),
}
"""What the columns of each kind are read from, and the module that encodes all of them."""


def _kind(column: Column, name: str) -> tuple[Reads, Callable[..., nn.Module]]:
    return kind_in(COLUMNS, column, f"Column {name!r}", TARGET)


class Encoder(nn.Module):
    """From the table's numbers and codes to the network's input."""

    def __init__(self, encoder: TableEncoder) -> None:
        super().__init__()
        for column, name in zip(encoder.columns, encoder.column_names, strict=True):
            _kind(column, name)  # or says which cannot be told
        starts = np.cumsum([0, *(column.n_inputs for column in encoder.columns)]).tolist()
        kinds = [kind for kind in COLUMNS if any(type(column) is kind for column in encoder.columns)]
        order: list[int] = []
        self.reads, self.places, self.parts = [], [], nn.ModuleList()
        for kind in kinds:
            reads, make = COLUMNS[kind]
            own = [j for j, column in enumerate(encoder.columns) if type(column) is kind]
            among = [j for j, column in enumerate(encoder.columns) if COLUMNS[type(column)][0] == reads]
            self.reads.append(reads)
            self.places.append([among.index(j) for j in own])
            self.parts.append(make([encoder.columns[j] for j in own]))
            order += _order(kind, [encoder.columns[j] for j in own], [starts[j] for j in own])
        self.register_buffer("order", torch.from_numpy(np.argsort(order)))

    def forward(self, numbers: Tensor | None, codes: Tensor | None, dtype: torch.dtype) -> Tensor:
        """Return the inputs, in the table's order."""
        given = {"numbers": numbers, "codes": codes}
        blocks = []
        for reads, places, part in zip(self.reads, self.places, self.parts, strict=True):
            values = given[reads]
            if values is None:
                raise ValueError(f"This network reads {reads} of the table: pass them, as module.read(X) gives them.")
            blocks.append(part(values[:, places], dtype))
        return torch.cat(blocks, 1)[:, self.order]


def _order(kind: type, columns: Sequence[Column], starts: list[int]) -> list[int]:
    """Return which of the network's inputs the outputs of a module are."""
    if kind is NumberColumn:  # all numbers, then all marks
        marks = [start + 1 for column, start in zip(columns, starts, strict=True) if column.n_inputs == 2]
        return [*starts, *marks]
    pairs = zip(columns, starts, strict=True)
    return [place for column, start in pairs for place in range(start, start + column.n_inputs)]


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
            raise AttributeError("This module averages several networks: they are in `networks`.")
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


def read_table(encoder: TableEncoder, X: Table) -> tuple[Tensor | None, Tensor | None]:
    """Return the numbers and the codes of a table's columns."""
    found: dict[Reads, list[Array]] = {"numbers": [], "codes": []}
    readers: dict[Reads, Callable[..., Array]] = {"numbers": _read_numbers, "codes": _read_codes}
    table = X if is_frame(X) else np.asarray(X)
    for j, (column, name) in enumerate(zip(encoder.columns, encoder.column_names, strict=True)):
        values = column_at(table, j) if is_frame(table) else table[:, j]
        reads = _kind(column, name)[0]
        found[reads].append(readers[reads](column, values, name))
    numbers, codes = (torch.from_numpy(np.column_stack(part)) if part else None for part in found.values())
    return numbers, codes


def _read_numbers(column: Column, values: Table, name: str) -> Array:
    numbers = number_values(values, name)
    return numbers if numbers.dtype == np.float32 else numbers.astype(np.float64)


def _read_codes(column: CategoryColumn, values: Table, name: str) -> Array:
    codes, keys = read_levels(values)
    places = {level: place for place, level in enumerate(column.levels)}
    return np.array([*(places.get(key, len(places)) for key in keys), -1])[codes]


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
