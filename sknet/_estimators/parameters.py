"""The parameters that both estimators have, each in one place with its type and its default.

A dataclass: `__init__` stores what it is given and nothing else, and editors know the signature. The classes'
docstrings say what each means; `constraints` says what each may be; `auto` says what every "auto" becomes.

`repr=False, eq=False`: scikit-learn has a repr of its own, and estimators are compared by identity, so that they can be
hashed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit

from sknet._estimators.keywords import name_class_in_errors
from sknet._network.activations import Activation
from sknet._network.initializers import Initializer
from sknet._network.losses import Loss
from sknet._tables.choices import ColumnChoices
from sknet._training.optimizers import Optimizer
from sknet._typing import Array

Auto: TypeAlias = Literal["auto"]
Weights: TypeAlias = tuple[Sequence[Array], Sequence[Array]]
ClassWeight: TypeAlias = Mapping[object, float] | Sequence[Mapping[object, float]] | Literal["balanced"] | None
Splitter: TypeAlias = BaseCrossValidator | BaseShuffleSplit


@dataclass(repr=False, eq=False)
class CommonParameters:
    """The parameters of both estimators."""

    # --- the network ---
    hidden_layer_sizes: int | Sequence[int] | Auto = "auto"
    activation: str | Activation | Sequence[str | Activation] = "sigmoid"
    _: KW_ONLY
    loss: str | Loss = ""  # each task has a default of its own
    depth: int = 1
    n_members: int | Auto = "auto"
    # --- training ---
    learning_rate_init: float = 0.015
    max_iter: int = 128
    batch_size: int | Literal["auto", "proportional"] = "proportional"
    solver: str | Optimizer = "adam"
    learning_rate: str | Callable[[float], float] = "flat_cosine"
    random_state: int | np.random.RandomState | None = None
    verbose: bool | int = False
    # --- when to stop ---
    early_stopping: bool | Literal["auto", "folds"] = "auto"
    validation_fraction: float | Splitter | Auto = "auto"
    scoring: str | Callable[..., float] = "loss"
    n_iter_no_change: int | float | Auto = "auto"
    tol: float | Auto = "auto"
    # --- the table ---
    categorical_features: str | Sequence[str] | Sequence[int] | Sequence[bool] | None = "from_dtype"
    text_features: str | Sequence[str] | Sequence[int] | Sequence[bool] | None = "auto"
    max_categories: int | None = 100
    category_encoding: Literal["one_hot", "target", "both", "auto"] = "auto"
    text_components: int = 30
    numeric_encoding: Literal["raw", "piecewise_linear", "auto"] = "auto"
    n_bins: int | Auto = "auto"
    input_scaling: str | None = "robust"
    monotonic_cst: Mapping[str, int] | Sequence[int] | None = None
    # --- regularisation ---
    alpha: float = 0.01
    l1_ratio: float = 0.0
    weight_decay: float | Auto = "auto"
    dropout: float | Sequence[float] | Auto = "auto"
    max_norm: float | None = None
    clip_norm: float | Auto | None = "auto"
    averaging: float | Auto = "auto"
    # --- where it starts, and the type it computes in ---
    init: str | Initializer | Weights = "auto"
    warm_start: bool = False
    shuffle: bool = True
    dtype: Literal["auto", "float32", "float64"] = "auto"
    # --- of single solvers and schedules ---
    beta_1: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-8
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    power_t: float = 0.5
    max_fun: int = 15000


@name_class_in_errors
@dataclass(repr=False, eq=False)
class ClassifierParameters(CommonParameters):
    """The classifier's parameters: those that the regressor lacks, and `loss`, whose default is another there."""

    _: KW_ONLY
    loss: str | Loss = "log_loss"
    class_weight: ClassWeight = None
    label_smoothing: float | Auto = "auto"
    temperature_scaling: bool | Auto = "auto"


@name_class_in_errors
@dataclass(repr=False, eq=False)
class RegressorParameters(CommonParameters):
    """The regressor's parameters: those that the classifier lacks, and those whose default is another there."""

    _: KW_ONLY
    loss: str | Loss = "squared_error"
    quantile: float | Sequence[float] | Auto = "auto"
    huber_delta: float | Auto = "auto"
    tweedie_power: float | Auto = "auto"
    target_scaling: Literal["standard"] | None = "standard"


def copy_containers(value: Any) -> Any:
    """Copy a parameter's lists, dicts and arrays, those within them too: what the user does to his has no effect.

    Of other sequences and mappings a list and a dict are made, which files know. What they hold otherwise (activations,
    functions, generators) stays the same object.
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: copy_containers(part) for key, part in value.items()}
    if isinstance(value, Sequence | pd.Series) and not isinstance(value, str | bytes):
        kind = tuple if isinstance(value, tuple) else list
        return kind(map(copy_containers, value))
    return value


def solver_kind(solver: object) -> object:
    """Return the solver's name, or the class of one of the user's: another one has other moments."""
    return solver if isinstance(solver, str) else type(solver)


def column_choices(p: CommonParameters) -> ColumnChoices:
    """Return which columns the user has named as categories or as text."""
    return ColumnChoices(p.categorical_features, p.text_features)


def splitter_of(p: CommonParameters) -> Splitter | None:
    """Return the splitter that gives the folds, where `validation_fraction` is one."""
    # float: mypy does not know that it is a Real
    return None if isinstance(p.validation_fraction, Real | float | str) else p.validation_fraction


def has_partial_fit(estimator: CommonParameters) -> bool:
    """Return True where the estimator has `partial_fit`, and raise AttributeError elsewhere, for `available_if`."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True
