"""The settings of a fit: every number that it will use, typed and frozen.

No setting is "auto": `_estimators/auto.py` has answered that before.
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
    """How targets are parsed, weighted, scaled and compared with predictions: known before the rows are read."""

    loss: str | Loss
    options: Mapping[str, object] = field(default_factory=dict)  # of a loss by name: its levels, power, ...
    class_weight: object = None  # as the user gives it
    target_scaling: str | None = None  # of regression targets; None: as they are


@dataclass(frozen=True)
class NetworkSettings:
    """The layers, and where their weights start."""

    hidden_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    dropout: tuple[float, ...]
    init: str | Initializer | tuple[Sequence[Array], Sequence[Array]]
    monotonic_cst: object  # as the user gives it
    interaction_cst: object  # as the user gives it
    n_joined: int = 1  # how many networks of equal size have been joined into this one, which trains on


@dataclass(frozen=True)
class RegularisationSettings:
    """What keeps the weights small, and what calibrates probabilities."""

    alpha: float
    l1_ratio: float
    max_norm: float | None
    label_smoothing: float = 0.0
    temperature_scaling: bool = False


@dataclass(frozen=True)
class Settings:
    """All of a fit's settings, by the part of the model that uses them."""

    target: TargetSettings
    table: ColumnSettings  # without weights and targets, which `EncodingLearner` adds
    network: NetworkSettings
    solver: Solver  # which each network adapts: see `network_trainer.solver_of_network`
    regularisation: RegularisationSettings
    dtype: DType  # that training computes in: `Encoding.compute_dtype`
    sees_bins: tuple[bool, ...] = (True,)  # of each network that is trained: whether its inputs include the bins
