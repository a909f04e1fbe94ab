"""How the outputs of networks without bins and of networks with bins are mixed: held-out rows choose the weights.

Conventions
-----------
m rows held out; k raw outputs.

raw : (m, k)         outputs for the held-out rows
raw_by_component     such outputs, one array for each component, the networks without bins or those with bins:
                     their mean
mixing_weight        of the first component; that of the second is 1 less it
"""

from collections.abc import Callable, Sequence
from math import log
from typing import NamedTuple

import numpy as np

from sknet._model.heads import RegressionHead
from sknet._model.matrices import EncodedRows
from sknet._network.losses import PRIOR_LOG_DEVIATION, scale_to_best_temperature_in_place
from sknet._typing import Array

MIXING_WEIGHTS = np.linspace(0.0, 1.0, 11)
"""The weights that are tried, where there are networks without bins and with bins."""

MIXING_PRIOR = 0.25
"""The standard deviation of the prior on the mixing weight; its mean is an equal weight for each network. Few rows move
it little."""


class Mixture:
    """Which of several networks are in each component, those without bins and those with bins.

    Parameters
    ----------
    sees_bins : sequence of bool
        Whether each network does.
    """

    def __init__(self, sees_bins: Sequence[bool]) -> None:
        components = [[j for j, sees in enumerate(sees_bins) if sees is with_bins] for with_bins in (False, True)]
        self.components = [component for component in components if component]
        self.n_networks = len(sees_bins)
        self.equal_weight = len(self.components[0]) / self.n_networks  # where each network has the same

    def mean_raw_by_component(self, raw: Callable[[int], Array]) -> list[Array]:
        """Return the mean raw outputs of each component; `raw` gives those of one network."""
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
    """The temperature that suits outputs best, and how good they are at it."""

    inverse_temperature: float
    loss: float
    criterion: float  # the loss with a penalty on extreme temperatures, which few rows favour: compares epochs, weights

    @property
    def temperature(self) -> float:
        """What raw outputs are divided by."""
        return 1.0 / self.inverse_temperature


class ChosenMixture(NamedTuple):
    """The mixture that held-out rows have chosen."""

    temperature: float
    mixing_weights: tuple[float, ...]  # of each network
    raw: Array  # (m, k)  their outputs, mixed and at this temperature


class HeldOutLoss:
    """The loss of raw outputs for held-out rows, at the temperature that suits them best, if there is to be one.

    Parameters
    ----------
    rows : EncodedRows
    has_temperature : bool
    """

    def __init__(self, rows: EncodedRows, has_temperature: bool) -> None:
        self._rows, self._has_temperature = rows, has_temperature

    def calibrate_in_place(self, raw: Array, inverse_temperature: float | None = None) -> Calibration:
        """Bring raw outputs, in place, to their best temperature, or to a given one."""
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
        """Return the weight of highest posterior; `equal_weight` is the prior's centre.

        A loss of labels is minus a mean log-likelihood; one of numbers is so once it is divided by the noise's
        variance, for which twice the loss at equal weights stands.
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
        """Return the mixing weights of highest posterior, with the temperature that suits them."""
        mixing_weight = self.choose_mixing_weight(raw_by_component, mixture.equal_weight)
        raw = mix_outputs(raw_by_component, mixing_weight)
        calibration = self.calibrate_in_place(raw)
        return ChosenMixture(calibration.temperature, mixture.weight_of_each_network(mixing_weight), raw)


def mix_outputs(raw_by_component: Sequence[Array], mixing_weight: float) -> Array:
    """Return the mixed raw outputs: a new array."""
    first = raw_by_component[0]
    return (
        first.copy()
        if len(raw_by_component) == 1
        else (mixing_weight * first + (1.0 - mixing_weight) * raw_by_component[1]).astype(first.dtype)
    )
