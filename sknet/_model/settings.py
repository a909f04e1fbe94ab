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
    """The settings of the head, which reads y: the loss, class weights and scaling of targets."""

    loss: str | Loss
    options: Mapping[str, object] = field(default_factory=dict)  # options of a named loss, such as quantile levels
    class_weight: object = None  # the user's own value
    target_scaling: str | None = None  # how regression targets are scaled; None for not at all


@dataclass(frozen=True)
class Settings:
    """All settings of a fit, except those of the head."""

    # --- the encoded table ---
    table: ColumnSettings
    dtype: DType  # the compute dtype
    # --- the layers and their first weights ---
    hidden_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    dropout: tuple[float, ...]
    init: str | Initializer | tuple[Sequence[Array], Sequence[Array]]
    monotonic_cst: object  # the user's own value
    interaction_cst: object  # the user's own value
    # --- training ---
    solver: Solver
    alpha: float
    l1_ratio: float
    max_norm: float | None
    label_smoothing: float = 0.0
    temperature_scaling: bool = False
    # --- several networks ---
    members_see_bins: tuple[bool, ...] = (True,)  # for each network, whether it takes the bins as inputs
    n_joined: int = 1  # if training continues: how many networks of equal size were joined into this one
