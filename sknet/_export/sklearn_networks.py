"""scikit-learn's networks, alone or at the end of a pipeline of scalers, as models.

Conventions
-----------
A column x becomes a * x + t; a missing value, where an imputer stands first, becomes `fill` before.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from numbers import Real

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from sknet._export import bare
from sknet._export.parts import ExportError
from sknet._model.model import Model, Network
from sknet._network.activations import ACTIVATIONS
from sknet._tables.columns.number import NumberColumn
from sknet._typing import Array


@dataclass(frozen=True)
class Found:
    """What was read of a fitted network."""

    model: Model
    parameters: dict[str, object]  # scikit-learn's own
    names: Array | None  # of the table's columns
    loss_curve: list[float]
    n_iter: int
    n_samples_seen: int


@dataclass(frozen=True)
class Affine:
    """What a pipeline's steps do to each column."""

    a: Array
    t: Array
    fill: Array | None = None

    def then(self, a: Array | float, t: Array | float) -> "Affine":
        """Return this, followed by x -> a x + t."""
        return replace(self, a=self.a * a, t=self.t * a + t)


def _imputer(step: SimpleImputer, before: Affine) -> Affine:
    known = [isinstance(value, Real) and isfinite(value) for value in step.statistics_]
    first = before.fill is None and (before.a == 1.0).all() and (before.t == 0.0).all()
    if not first or step.add_indicator or not all(known):
        raise ExportError("SimpleImputer must be the first step, without add_indicator, and know a number per column.")
    return replace(before, fill=np.array(step.statistics_, dtype=np.float64))


def _standard(step: StandardScaler, before: Affine) -> Affine:
    return _centred(before, step.mean_ if step.with_mean else None, step.scale_)


def _robust(step: RobustScaler, before: Affine) -> Affine:
    if step.get_params().get("unit_variance"):
        raise ExportError("RobustScaler(unit_variance=True) is not read: use StandardScaler.")
    return _centred(before, step.center_ if step.with_centering else None, step.scale_)


def _centred(before: Affine, center: Array | None, scale: Array | None) -> Affine:
    a = 1.0 if scale is None else 1.0 / scale
    return before.then(a, 0.0 if center is None else -center * a)


def _min_max(step: MinMaxScaler, before: Affine) -> Affine:
    if step.clip:
        raise ExportError("MinMaxScaler(clip=True) bends values, which sknet's columns do not: use clip=False.")
    return before.then(step.scale_, step.min_)


STEPS: dict[type, Callable[..., Affine]] = {
    SimpleImputer: _imputer,
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
    MaxAbsScaler: lambda step, before: before.then(1.0 / step.scale_, 0.0),
}
"""What each step before the network does to the columns."""


def read_pipeline(fitted: Pipeline | MLPClassifier | MLPRegressor) -> Found:
    """Read a fitted network, or a pipeline that ends with one."""
    steps = [step for _, step in fitted.steps] if isinstance(fitted, Pipeline) else [fitted]
    *before, network = [step for step in steps if step not in (None, "passthrough")]
    read = NETWORKS.get(type(network))
    if read is None:
        raise ExportError(
            f"{type(network).__name__} is no network of scikit-learn's: from_sklearn takes MLPClassifier, MLPRegressor "
            "or a pipeline that ends with one."
        )
    check_is_fitted(network)
    affine = Affine(np.ones(len(network.coefs_[0])), np.zeros(len(network.coefs_[0])))
    for step in before:
        if type(step) not in STEPS:
            raise ExportError(
                f"{type(step).__name__} stands before the network; from_sklearn reads "
                f"{', '.join(kind.__name__ for kind in STEPS)}."
            )
        affine = STEPS[type(step)](step, affine)
    columns, shift = _columns(affine)
    names = getattr(steps[0], "feature_names_in_", None)
    return Found(
        read(network, _network(network, shift), columns), network.get_params(deep=False), names,
        [float(loss) for loss in getattr(network, "loss_curve_", [])], network.n_iter_, int(network.t_),
    )  # fmt: skip


def _columns(affine: Affine) -> tuple[tuple[NumberColumn, ...], Array]:
    """Return the columns, and what is left to be added to each: where an imputer's value is not the centre."""
    if affine.fill is None:
        centers = np.divide(-affine.t, affine.a, out=np.zeros_like(affine.t), where=affine.a != 0)
        pairs = zip(centers.tolist(), affine.a.tolist(), strict=True)
        return tuple([NumberColumn(c, a, bend=False, shift=True) for c, a in pairs]), np.zeros_like(affine.t)
    pairs = zip(affine.fill.tolist(), affine.a.tolist(), strict=True)
    return tuple([NumberColumn(c, a, bend=False, shift=False) for c, a in pairs]), affine.t


def _network(mlp: MLPClassifier | MLPRegressor, shift: Array) -> Network:
    coefs = [W.copy() for W in mlp.coefs_]
    intercepts = [b.copy() for b in mlp.intercepts_]
    intercepts[0] += (shift @ coefs[0]).astype(intercepts[0].dtype)
    return Network((ACTIVATIONS[mlp.activation],) * (len(coefs) - 1), coefs, intercepts)


def _classifier(mlp: MLPClassifier, network: Network, columns: tuple[NumberColumn, ...]) -> Model:
    several = mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1
    model = bare.of_indicator(network) if several else bare.of_labels(network, mlp.classes_)
    return bare.model_of(model.network, model.head, columns)


def _regressor(mlp: MLPRegressor, network: Network, columns: tuple[NumberColumn, ...]) -> Model:
    loss = {"identity": "squared_error", "exp": "poisson"}[mlp.out_activation_]
    return bare.model_of(network, bare.of_numbers(network, loss).head, columns)


NETWORKS: dict[type, Callable[..., Model]] = {MLPClassifier: _classifier, MLPRegressor: _regressor}
"""How each of scikit-learn's networks is read."""
