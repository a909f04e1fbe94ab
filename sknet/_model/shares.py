"""How much each kind of network, those without bins and those with bins, counts in the joint output: held-out rows say.

Conventions
-----------
m rows held out; k raw outputs.

raw : (m, k)        outputs for the held-out rows
by_kind             such outputs, one array for each kind of network: the mean of its networks'
share               of the first kind; that of the second is 1 less it
"""

from collections.abc import Callable, Sequence
from math import log

import numpy as np

from sknet._model.heads import RegressionHead
from sknet._model.matrices import Encoding, Samples
from sknet._network.temperature import PRIOR_LOG, mean_at_best_temperature
from sknet._typing import Array

SHARES = np.linspace(0.0, 1.0, 11)
"""The shares that are tried, where there are networks of both kinds."""

SHARE_PRIOR = 0.25
"""The standard deviation of the prior on the share, whose mean is an equal share for each network: few rows move it
little."""


class KindsOfNetworks:
    """Which of several networks see bins, and what their joint output is.

    Parameters
    ----------
    sees_bins : sequence of bool
        Whether each network does.
    """

    def __init__(self, sees_bins: Sequence[bool]) -> None:
        kinds = [[j for j, sees in enumerate(sees_bins) if sees is with_bins] for with_bins in (False, True)]
        self.kinds = [kind for kind in kinds if kind]
        self.n_networks = len(sees_bins)
        self.equal_share = len(self.kinds[0]) / self.n_networks  # where each network has the same

    def by_kind(self, raw: Callable[[int], Array]) -> list[Array]:
        """Return the mean raw outputs of each kind; `raw` gives those of one network."""
        by_kind = []
        for kind in self.kinds:
            outputs = [raw(j) for j in kind]
            by_kind.append(outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0))
        return by_kind

    def of_each(self, share: float) -> tuple[float, ...]:
        """Return the share of each network."""
        shares = np.empty(self.n_networks)
        for kind, share_of_kind in zip(self.kinds, (share, 1.0 - share), strict=False):
            shares[kind] = share_of_kind / len(kind)
        return tuple(shares.tolist())


class HeldOutLoss:
    """The loss of raw outputs for held-out rows, at the temperature that suits them best, if there is to be one.

    Parameters
    ----------
    encoding : Encoding
    rows : Samples
    has_temperature : bool
    """

    def __init__(self, encoding: Encoding, rows: Samples, has_temperature: bool) -> None:
        self._encoding, self._rows, self._has_temperature = encoding, rows, has_temperature

    def evaluate(self, raw: Array) -> tuple[float, float, float]:
        """Bring raw outputs, in place, to their best temperature; return its inverse, their loss, and the criterion."""
        loss, rows = self._encoding.head.loss, self._rows
        if not self._has_temperature:
            value = loss.mean(raw, rows.target, rows.weight)
            return 1.0, value, value
        factor, value = mean_at_best_temperature(loss, raw, rows.target, rows.weight, rows.total_weight)
        # the criterion, by which epochs and shares are compared, punishes extreme temperatures: few rows favour them
        return factor, value, value + log(factor) ** 2 / (2.0 * PRIOR_LOG**2 * rows.total_weight)

    def choose_share(self, by_kind: Sequence[Array], equal_share: float) -> float:
        """Return the share that is most probable, given the held-out rows and the prior.

        A loss of labels is minus a mean log-likelihood; one of numbers is so once it is divided by the noise's
        variance, for which twice the loss at equal shares stands.
        """
        if len(by_kind) == 1:
            return equal_share
        scale = 1.0
        if isinstance(self._encoding.head, RegressionHead):
            scale = 2.0 * abs(self.evaluate(mix_outputs(by_kind, equal_share))[2])
        prior = scale * (SHARES - equal_share) ** 2 / (2.0 * SHARE_PRIOR**2 * self._rows.total_weight)
        criteria = [self.evaluate(mix_outputs(by_kind, share))[2] for share in SHARES]
        return float(SHARES[np.argmin(criteria + prior)])

    def choose_mixture(
        self, by_kind: Sequence[Array], kinds: KindsOfNetworks
    ) -> tuple[float, tuple[float, ...], Array]:
        """Return the temperature, each network's share, and the joint raw outputs with these."""
        share = self.choose_share(by_kind, kinds.equal_share)
        raw = mix_outputs(by_kind, share)
        factor, _, _ = self.evaluate(raw)
        return 1.0 / factor, kinds.of_each(share), raw


def mix_outputs(by_kind: Sequence[Array], share: float) -> Array:
    """Return the joint raw outputs: a new array."""
    first = by_kind[0]
    return first.copy() if len(by_kind) == 1 else (share * first + (1.0 - share) * by_kind[1]).astype(first.dtype)
