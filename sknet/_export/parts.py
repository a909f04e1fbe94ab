"""What every format is told of a model: its networks, its activations and links; and what it cannot be told."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from sknet._model.heads import Head, LabelHead
from sknet._model.model import Model, Network
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.losses import SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS, Loss, identity
from sknet._network.regression import POISSON
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.target import TargetColumn
from sknet._typing import Array

T = TypeVar("T")


class ExportError(ValueError):
    """The format cannot say what an estimator does; the message names what, and what would do."""


LINKS: dict[Callable[[Array], None], str] = {
    identity: "identity",
    SIGMOID_LOG_LOSS.link: "logistic",
    SOFTMAX_LOG_LOSS.link: "softmax",
    POISSON.link: "exp",
}
"""The name of each link that another format can be told of."""

Part = tuple[slice, str]
"""Columns of the raw output, and the name of the link that they have."""


def networks_of(model: Model) -> tuple[Network, ...]:
    """Return the networks whose raw outputs are averaged."""
    return (model.network,)


def parts_of(head: Head, target: str) -> list[Part]:
    """Return the raw outputs' parts and the link of each; several quantile levels have the link "quantiles"."""
    loss, n_outputs = head.loss, head.n_outputs
    if loss.link in LINKS:
        return [(slice(0, n_outputs), LINKS[loss.link])]
    if isinstance(head.settings.loss, Loss):
        raise ExportError(
            f"loss={loss.name!r}, a loss of your own, has a link of its own, which {target} cannot be told: give it "
            f"that of one of sknet's losses ({', '.join(LINKS.values())}), or use sknet.save."
        )
    if loss.levels:
        return [(slice(0, n_outputs), "quantiles")]
    blocks = head.labels.blocks if isinstance(head, LabelHead) else ()
    return [(block, "logistic" if block.stop - block.start == 1 else "softmax") for block in blocks]


def activation_in(table: Mapping[str, T], activation: Activation, target: str) -> T:
    """Return what a format has for an activation."""
    if ACTIVATIONS.get(activation.name) is not activation or activation.name not in table:
        raise ExportError(
            f"activation={activation.name!r} is not known to {target}, which has {', '.join(table)}: choose one of "
            "these, or use sknet.save."
        )
    return table[activation.name]


def kind_in(table: Mapping[type, T], value: object, what: str, target: str) -> T:
    """Return what a format has for a kind of column or head."""
    if type(value) not in table:
        known = ", ".join(kind.__name__ for kind in table)
        raise ExportError(f"{what} is a {type(value).__name__}, which {target} cannot be told; it knows {known}.")
    return table[type(value)]


def inputs_by_level(column: CategoryColumn | TargetColumn) -> Array:
    """Return what each level, any other level, and a missing value become, (len(levels) + 2, n_inputs)."""
    known = set(column.levels)
    unseen = next(name for name in map(str, range(len(known) + 1)) if name not in known)
    values = np.array([*column.levels, unseen, None], dtype=object)
    inputs = np.zeros((len(values), column.n_inputs))
    column.write(values, inputs, "")
    return inputs
