"""Which rows are held out to evaluate the epochs of a fit, and their loss, which chooses weights and a temperature.

Epochs are evaluated by held-out rows, by the user's validation rows, by folds, or not at all. Held-out rows also choose
the weights by which the outputs of networks with and without bins are mixed.

Conventions
-----------
m rows held out; k raw outputs.

raw : (m, k)         raw outputs for the held-out rows
raw_by_bins : (1 or 2, m, k)     the mean raw outputs of the networks without bins, and of the networks with bins; of
                     all networks, if they are of one kind
mixing_weight        weight of the first of these means; the weight of the second is 1 - mixing_weight
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, log
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknet._model.rows import EncodedRows, Rows
from sknet._model.settings import Settings
from sknet._network.losses import mean_loss
from sknet._network.temperature import at_temperature, best_inverse_temperature, temperature_penalty
from sknet._tables.raw_table import table_digest
from sknet._tables.splitting import Split
from sknet._typing import Array

# --- which rows are held out -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Holdout:
    """The rows that are held out to evaluate epochs, at once or in folds. By default, there are none.

    Attributes
    ----------
    rows : Rows or None
        The rows that evaluate the epochs of the published networks.
    split : Split or None
        Where these rows are in the table, and which rows are trained on; None for the user's validation rows.
    fold_splits : sequence of Split
        The folds, which choose the epoch before the published networks are trained on all rows.
    folds_share_columns : bool
        Whether folds share the columns' encodings that do not depend on targets. They do not with a user's splitter,
        whose splits may be ordered in time.
    has_too_few_rows : bool
        Whether there are too few rows to hold some out. Training then ends without a message.
    n_events : float
        The number of events, see `Head.n_events`.
    """

    rows: Rows | None = None
    split: Split | None = None
    fold_splits: Sequence[Split] = ()
    folds_share_columns: bool = True
    has_too_few_rows: bool = False
    n_events: float = inf

    @property
    def early_stopping(self) -> bool | Literal["folds"]:
        """What the parameter `early_stopping` resolves to."""
        return "folds" if self.fold_splits else self.rows is not None

    @property
    def train_indices(self) -> NDArray[np.intp] | None:
        """Indices of the rows to train on; None for all rows."""
        return None if self.split is None else self.split.train_indices

    @property
    def holds_out_rows_of_table(self) -> bool:
        """Whether rows of the table are held out, perhaps in folds."""
        return self.split is not None or bool(self.fold_splits)

    @cached_property
    def digest(self) -> str:
        """A hash of the indices of the held-out rows and of their targets; "" without a split."""
        if self.split is None or self.rows is None:
            return ""
        return table_digest(self.split.held_out_indices) + table_digest(self.rows.y)


# --- the loss of held-out rows ---------------------------------------------------------------------------------------

MIXING_WEIGHTS = np.linspace(0.0, 1.0, 11)
"""The mixing weights that are tried if some networks have bins and others have none."""

MIXING_PRIOR_DEVIATION = 0.25
"""The standard deviation of the prior on the mixing weight. The prior's mean gives each network the same weight.

If the weights are always equal, errors of numbers are .6% larger on 29 tables (tests/benchmarks/notes.md)."""


class HeldOutOutputs(NamedTuple):
    """Raw outputs for held-out rows, with their targets and weights."""

    raw: Array  # (m, k)
    y: Array  # parsed targets
    weight: Array | None
    # 1 / n_trained - 1 / n, if they come from other networks than the published ones, which have seen all n rows
    variance_of_means: float = 0.0


class MixedOutputs(NamedTuple):
    """Mixed raw outputs of held-out rows at a temperature, and their loss."""

    mixing_weight: float
    inverse_temperature: float
    raw: Array  # (m, k) at this temperature
    loss: float
    criterion: float  # the loss plus a penalty on extreme temperatures; folds choose epochs and mixing weights by it

    @property
    def temperature(self) -> float:
        """The number that raw outputs are divided by."""
        return 1.0 / self.inverse_temperature

    def of(self, raw_by_bins: Array, center: Array | float) -> Array:
        """Mix other raw outputs in the same way."""
        return at_temperature(mix_outputs(raw_by_bins, self.mixing_weight), self.inverse_temperature, center)


class HeldOutEvaluator:
    """Computes the loss of held-out rows, and chooses the temperature and the mixing weight of their raw outputs by it.

    Parameters
    ----------
    rows : EncodedRows
        The held-out rows.
    settings : Settings
        The settings of the fit: which networks see bins, and whether outputs have a temperature.
    row_indices : ndarray, default=None
        The indices of these rows among the raw outputs that it gets; None if they are all.
    """

    def __init__(self, rows: EncodedRows, settings: Settings, row_indices: NDArray[np.intp] | None = None) -> None:
        self.rows = rows
        self.row_indices = row_indices
        self._has_temperature = settings.temperature_scaling
        sees_bins = np.array(settings.members_see_bins)
        kinds = np.flatnonzero(~sees_bins).tolist(), np.flatnonzero(sees_bins).tolist()
        self._networks_by_bins = [networks for networks in kinds if networks]
        self._equal_weight = len(self._networks_by_bins[0]) / len(sees_bins)  # gives each network the same weight

    # --- networks without and with bins ------------------------------------------------------------------------------

    def raw_by_bins(self, raw_of_network: Callable[[int], Array]) -> Array:
        """Return the mean raw outputs of the networks without bins, and of those with bins, (1 or 2, m, k).

        `raw_of_network(j)` returns the raw outputs of network j.
        """
        by_bins = self._networks_by_bins
        return np.stack([np.mean([raw_of_network(j) for j in networks], axis=0) for networks in by_bins])

    def weights_of_networks(self, mixing_weight: float) -> tuple[float, ...]:
        """Return the weight of each network in the mean raw output."""
        weights = np.empty(sum(map(len, self._networks_by_bins)))
        for networks, weight in zip(self._networks_by_bins, (mixing_weight, 1.0 - mixing_weight), strict=False):
            weights[networks] = weight / len(networks)
        return tuple(weights.tolist())

    # --- mixtures ----------------------------------------------------------------------------------------------------

    def mix(
        self, raw_by_bins: Array, mixing_weight: float | None = None, inverse_temperature: float | None = None
    ) -> MixedOutputs:
        """Mix the raw outputs, by default of equally weighted networks, at the best temperature or a given one."""
        rows = self.rows
        head = rows.encoding.head
        loss = head.loss
        center = head.center_of_temperature
        target = rows.target
        weight = rows.relative_weight
        mixing_weight = self._equal_weight if mixing_weight is None else mixing_weight
        if self.row_indices is not None:
            raw_by_bins = raw_by_bins.take(self.row_indices, axis=1)
        raw = mix_outputs(raw_by_bins, mixing_weight)
        if not self._has_temperature:
            inverse_temperature = 1.0
        elif inverse_temperature is None:
            inverse_temperature = best_inverse_temperature(loss, raw, target, weight, rows.total_weight, center)
        raw = at_temperature(raw, inverse_temperature, center)
        value = mean_loss(loss, raw, target, weight)
        penalty = temperature_penalty(log(inverse_temperature), rows.total_weight)
        return MixedOutputs(mixing_weight, inverse_temperature, raw, value, value + penalty)

    def choose_mixture(self, raw_by_bins: Array) -> MixedOutputs:
        """Choose the mixing weight of highest posterior probability, and its best temperature.

        The log-loss is minus a mean log-likelihood. So is a regression loss after division by the variance of the
        noise, which is estimated as twice the loss at equal weights.
        """
        if len(raw_by_bins) == 1:
            return self.mix(raw_by_bins)
        noise_variance = 1.0
        if self.rows.encoding.head.has_noise_scale:
            noise_variance = 2.0 * abs(self.mix(raw_by_bins).criterion)
        distance = MIXING_WEIGHTS - self._equal_weight
        prior = noise_variance * distance**2 / (2.0 * MIXING_PRIOR_DEVIATION**2 * self.rows.total_weight)
        criteria = [self.mix(raw_by_bins, weight).criterion for weight in MIXING_WEIGHTS]
        # a user's loss may be NaN, which `argmin` would choose
        best = np.argmin(np.nan_to_num(criteria + prior, nan=np.inf))
        return self.mix(raw_by_bins, float(MIXING_WEIGHTS[best]))


def mix_outputs(raw_by_bins: Array, mixing_weight: float) -> Array:
    """Return the mixed raw outputs, (m, k), always a new array."""
    first = raw_by_bins[0]
    if len(raw_by_bins) == 1:
        return first.copy()
    return (mixing_weight * first + (1.0 - mixing_weight) * raw_by_bins[1]).astype(first.dtype)
