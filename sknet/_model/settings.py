"""The settings of a fit, typed and frozen.

No setting is "auto": `_estimators/resolve.py` replaces every "auto" before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sknet._network.activations import Activation
from sknet._network.losses import Loss
from sknet._network.weights import Initializer
from sknet._tables.column import ColumnSettings
from sknet._training.solver import Solver
from sknet._typing import Array, DType


@dataclass(frozen=True)
class TargetSettings:
    """The loss, class weights and scaling of targets; known before rows are read."""

    loss: str | Loss
    options: Mapping[str, object] = field(default_factory=dict)  # options of a named loss, such as quantile levels
    class_weight: object = None  # the user's own value
    target_scaling: str | None = None  # of regression targets; None for no scaling


@dataclass(frozen=True)
class NetworkSettings:
    """The layers, and their initial weights."""

    hidden_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    dropout: tuple[float, ...]
    init: str | Initializer | tuple[Sequence[Array], Sequence[Array]]
    monotonic_cst: object  # the user's own value
    interaction_cst: object  # the user's own value
    n_joined: int = 1  # if training continues: how many networks of equal size were joined into this one


@dataclass(frozen=True)
class RegularisationSettings:
    """Penalties and limits on weights, label smoothing and temperature."""

    alpha: float
    l1_ratio: float
    max_norm: float | None
    label_smoothing: float = 0.0
    temperature_scaling: bool = False


@dataclass(frozen=True)
class Settings:
    """All settings of a fit, grouped by the part of the model that uses them."""

    target: TargetSettings
    table: ColumnSettings
    network: NetworkSettings
    solver: Solver  # `make_trainer` adapts it to each network
    regularisation: RegularisationSettings
    dtype: DType  # the compute dtype
    members_see_bins: tuple[bool, ...] = (True,)  # for each network, whether it takes the bins as inputs
