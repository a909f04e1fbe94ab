"""What evaluates the epochs of a fit, and the weights and the temperature that its held-out rows choose.

Nothing evaluates the epochs, or held-out rows, the user's validation rows, or folds. A fitted estimator keeps what rows
or folds have chosen, but not the rows. Held-out rows also choose the weights by which the outputs of networks with and
without bins are mixed.

Conventions
-----------
m rows held out; k raw outputs.

raw : (m, k)         raw outputs for the held-out rows
raw_by_component     a list of such arrays, one per component: the mean outputs of the networks without bins, and of the
                     networks with bins
mixing_weight        weight of the first component; the weight of the second is 1 - mixing_weight
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sknet._model.encoding import EncodedRows
from sknet._model.heads import RegressionHead
from sknet._network.losses import PRIOR_LOG_DEVIATION, scale_to_best_temperature_in_place
from sknet._tables.rows import Rows, Split
from sknet._training.solver import Epoch
from sknet._typing import Array

# --- who evaluates the epochs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NoEvaluation:
    """No evaluation: all rows are trained on."""

    early_stopping: ClassVar[Literal[False]] = False  # what the parameter resolves to
    train: ClassVar[None] = None  # indices of the rows to train on, if some are held out
    held_out: ClassVar[None] = None
    is_short_of_rows: bool = False  # whether rows should be held out, but there are too few


@dataclass(frozen=True)
class HeldOut:
    """Rows of the table that are not trained on."""

    early_stopping: ClassVar[Literal[True]] = True
    split: Split
    held_out: Rows

    @property
    def train(self) -> NDArray[np.intp]:
        """Indices of the rows to train on."""
        return self.split.train


@dataclass(frozen=True)
class OwnRows:
    """The user's validation rows: X_val and y_val."""

    early_stopping: ClassVar[Literal[True]] = True
    train: ClassVar[None] = None
    held_out: Rows


@dataclass(frozen=True)
class Folds:
    """Splits of the rows, which choose the epoch before training. Each split holds out one fold."""

    early_stopping: ClassVar[Literal["folds"]] = "folds"
    train: ClassVar[None] = None
    held_out: ClassVar[None] = None  # the published networks are trained on all rows
    splits: list[Split]
    # whether folds share the columns' encodings that do not depend on targets; not with a user's splitter, whose splits
    # may be ordered in time
    share_columns: bool = True


Evaluation: TypeAlias = NoEvaluation | HeldOut | OwnRows | Folds


@dataclass(frozen=True)
class EvaluatedByRows:
    """Rows that were not trained on have evaluated each epoch."""

    chosen_epoch: int  # the epoch whose weights are kept, from 1; the largest of several networks; 0 for none
    n_rows_before_split: int  # rows of the table before some were held out; 0 for the user's validation rows


@dataclass(frozen=True)
class EvaluatedByFolds:
    """Folds have evaluated their own epochs, to choose how many steps to train."""

    chosen_epoch: int  # from 1; the last one, if folds were stopped
    epochs: tuple[Epoch, ...]


Evaluated: TypeAlias = EvaluatedByRows | EvaluatedByFolds


# --- what held-out rows choose besides the epoch ---------------------------------------------------------------------

MIXING_WEIGHTS = np.linspace(0.0, 1.0, 11)
"""The mixing weights that are tried if there are two components."""

MIXING_PRIOR = 0.25
"""The standard deviation of the prior on the mixing weight. The prior's mean gives each network the same weight."""


class Mixture:
    """The components of a mixture: networks without bins, and networks with bins.

    Parameters
    ----------
    sees_bins : sequence of bool
        Whether each network sees bins.
    """

    def __init__(self, sees_bins: Sequence[bool]) -> None:
        components = [[j for j, sees in enumerate(sees_bins) if sees is with_bins] for with_bins in (False, True)]
        self.components = [component for component in components if component]
        self.n_networks = len(sees_bins)
        self.equal_weight = len(self.components[0]) / self.n_networks  # gives each network the same weight

    def mean_raw_by_component(self, raw: Callable[[int], Array]) -> list[Array]:
        """Return the mean raw outputs of each component; `raw(j)` returns the raw outputs of network j."""
        means = []
        for component in self.components:
            outputs = [raw(j) for j in component]
            means.append(outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0))
        return means

    def weight_of_each_network(self, mixing_weight: float) -> tuple[float, ...]:
        """Return the mixing weight of each network."""
        mixing_weights = np.empty(self.n_networks)
        for component, of_component in zip(self.components, (mixing_weight, 1.0 - mixing_weight), strict=False):
            mixing_weights[component] = of_component / len(component)
        return tuple(mixing_weights.tolist())


class Calibration(NamedTuple):
    """The best temperature of outputs, and the loss at this temperature."""

    inverse_temperature: float
    loss: float
    criterion: float  # the loss plus a penalty on extreme temperatures; epochs and mixing weights are compared by it

    @property
    def temperature(self) -> float:
        """The number that raw outputs are divided by."""
        return 1.0 / self.inverse_temperature


class ChosenMixture(NamedTuple):
    """The mixture that held-out rows choose."""

    temperature: float
    mixing_weights: tuple[float, ...]  # one for each network
    raw: Array  # (m, k)  the mixed raw outputs of the held-out rows, at this temperature


class HeldOutLoss:
    """The loss of raw outputs for held-out rows, at their best temperature.

    Parameters
    ----------
    rows : EncodedRows
    has_temperature : bool
        Whether to find the best temperature; otherwise it is 1.
    """

    def __init__(self, rows: EncodedRows, has_temperature: bool) -> None:
        self._rows, self._has_temperature = rows, has_temperature

    def calibrate_in_place(self, raw: Array, inverse_temperature: float | None = None) -> Calibration:
        """Divide raw outputs, in place, by the best temperature or a given one; return the loss."""
        loss, rows = self._rows.encoding.head.loss, self._rows
        target, weight = rows.target, rows.relative_weight
        if not self._has_temperature:
            value = loss.mean(raw, target, weight)
            return Calibration(1.0, value, value)
        if inverse_temperature is None:
            inverse, value = scale_to_best_temperature_in_place(loss, raw, target, weight, rows.total_weight)
        else:
            raw *= inverse_temperature
            inverse, value = inverse_temperature, loss.mean(raw, target, weight)
        penalty = log(inverse) ** 2 / (2.0 * PRIOR_LOG_DEVIATION**2 * rows.total_weight)
        return Calibration(inverse, value, value + penalty)

    def choose_mixing_weight(self, raw_by_component: Sequence[Array], equal_weight: float) -> float:
        """Return the mixing weight of highest posterior probability; `equal_weight` is the mean of the prior.

        The log-loss is minus a mean log-likelihood. A regression loss becomes one once it is divided by the variance of
        the noise, which is estimated as twice the loss at equal weights.
        """
        if len(raw_by_component) == 1:
            return equal_weight
        scale = 1.0
        if isinstance(self._rows.encoding.head, RegressionHead):
            scale = 2.0 * abs(self._criterion(raw_by_component, equal_weight))
        prior = scale * (MIXING_WEIGHTS - equal_weight) ** 2 / (2.0 * MIXING_PRIOR**2 * self._rows.total_weight)
        criteria = [self._criterion(raw_by_component, weight) for weight in MIXING_WEIGHTS]
        return float(MIXING_WEIGHTS[np.argmin(criteria + prior)])

    def _criterion(self, raw_by_component: Sequence[Array], mixing_weight: float) -> float:
        return self.calibrate_in_place(mix_outputs(raw_by_component, mixing_weight)).criterion

    def choose_mixture(self, raw_by_component: Sequence[Array], mixture: Mixture) -> ChosenMixture:
        """Return the mixing weights of highest posterior probability, and their best temperature."""
        mixing_weight = self.choose_mixing_weight(raw_by_component, mixture.equal_weight)
        raw = mix_outputs(raw_by_component, mixing_weight)
        calibration = self.calibrate_in_place(raw)
        return ChosenMixture(calibration.temperature, mixture.weight_of_each_network(mixing_weight), raw)


def mix_outputs(raw_by_component: Sequence[Array], mixing_weight: float) -> Array:
    """Return the mixed raw outputs, always a new array."""
    first = raw_by_component[0]
    return (
        first.copy()
        if len(raw_by_component) == 1
        else (mixing_weight * first + (1.0 - mixing_weight) * raw_by_component[1]).astype(first.dtype)
    )
