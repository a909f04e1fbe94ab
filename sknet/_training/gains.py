"""Input gains: a positive factor for each input, learnt together with the first layer's weights.

The weights of input j are W_j = exp(g_j) V_j. By the chain rule,

    dJ/dg_j = <dJ/dW_j, W_j>      dJ/dV_j = exp(g_j) dJ/dW_j

and a step dV_j moves W_j by exp(g_j) dV_j. So theta always contains W, and V is never computed. As in the scaling layer
of Holzmüller et al. (2024), arXiv:2407.04491, gains learn faster than weights, so that networks soon learn which inputs
matter. Inputs that share a gain, such as the levels of a category, have equal g_j. Inputs that carry nothing fade: each
gain is pulled down by f_j J, see `_model/fading.py`.

Conventions
-----------
p parameters of the network; d inputs; h units of the first layer.

theta : (p + d,), the parameters of the network, then g; its gradient, moments and average are arranged alike
"""

from collections.abc import Sequence
from dataclasses import InitVar, dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._training.optimizers import Optimizer
from sknet._typing import Array

STEPS_TO_FULL_PULL = 75
"""The pull on gains grows linearly over so many steps. If it begins at once, the network may lose columns that are
informative only together before it finds them: see "Inputs that carry nothing" in tests/benchmarks/notes.md."""

ROWS_OF_SLOWER_PULL = 2_000
"""With more rows, the pull grows over more steps, in proportion: a pair of columns may matter only once the network has
learnt a stronger pair, and the more rows there are, the weaker the pairs that they can show."""


def steps_to_full_pull(n_samples: int) -> float:
    """Return over how many steps the pull on gains grows, with this many training rows."""
    return STEPS_TO_FULL_PULL * max(1.0, n_samples / ROWS_OF_SLOWER_PULL)


def join_theta(parameters: Array, log_gains: Array) -> Array:
    """Return theta of the parameters of a network and of the logarithms of its gains, of which there may be none."""
    return np.concatenate([parameters, log_gains])


def split_theta(theta: Array, n_parameters: int) -> tuple[Array, Array]:
    """Return views of the parameters and of the logarithms of gains in theta, or in an array like theta.

    Without gains, the second is empty. A kept theta may hold gains only, see `pruned_state`; then the first is empty.
    """
    n = n_parameters if theta.size >= n_parameters else 0
    return theta[:n], theta[n:]


@dataclass(frozen=True)
class GainedInputs:
    """The inputs that have gains, the place of their weights in theta, and what moves their gains together or down."""

    n: int  # d
    first_weight: int  # theta[first_weight:stop] has a row of weights for each input
    stop: int
    groups: NDArray[np.intp] | None = None  # (d,) inputs of the same group share their gain; None if none do
    pull: Array | None = None  # (d,) f_j; None for no pull

    def weights(self, vector: Array) -> Array:
        """Return a view of their weights in theta or in an array like theta, (d, h)."""
        return vector[self.first_weight : self.stop].reshape(self.n, -1)


@dataclass(eq=False)
class InputGains:
    """Input gains: W_j = exp(g_j) V_j. It holds views of theta and its gradient, and a step overwrites them."""

    optimizer: Optimizer  # of V and g, like its moments
    rate: float  # the learning rate of g, as a multiple of that of V
    inputs: GainedInputs
    theta: InitVar[Array]
    gradient: InitVar[Array]
    steps_to_full_pull: float

    def __post_init__(self, theta: Array, gradient: Array) -> None:
        """Take the views."""
        self.W, self.G = map(self.inputs.weights, (theta, gradient))  # (d, h) each
        self.g, self.dg = (vector[-self.inputs.n :, np.newaxis] for vector in (theta, gradient))  # (d, 1) each

    def update(self, gradient: Array, moments: Sequence[Array], step: int, objective: float) -> float:
        """Overwrite the gradient with the direction of W and g, and update the moments; return the scale.

        `objective` is J for the batch.
        """
        W = self.W
        G = self.G
        dg = self.dg
        groups, pull = self.inputs.groups, self.inputs.pull
        gain = np.exp(self.g)  #           exp(g_j)                     (d, 1)
        np.vecdot(G, W, out=dg[:, 0])  #   dJ/dg_j = <dJ/dW_j, W_j>     (d,)
        if pull is not None and objective > 0.0:
            dg[:, 0] += objective * min(1.0, step / self.steps_to_full_pull) * pull  #  + f_j J
        if groups is not None:  #     a shared gain has the sum of its inputs' derivatives
            dg[:, 0] = np.bincount(groups, dg[:, 0])[groups]
        G *= gain  #                       dJ/dV_j = exp(g_j) dJ/dW_j   (d, h)
        scale = self.optimizer.update(gradient, moments, step)
        G *= gain  # a step of W_j is exp(g_j) times that of V_j
        dg *= self.rate
        return scale

    def multiply_weights(self, scale: float) -> None:
        """Multiply W_j by exp(scale dg_j), where scale dg_j is the change of g_j."""
        self.W *= np.exp(scale * self.dg)

    def stretch_step_lengths(self, lengths: Array) -> None:
        """Multiply the lengths of steps along a constant gradient, an array like theta, by exp(2 g_j) for W_j."""
        W_lengths = self.inputs.weights(lengths)
        W_lengths *= np.exp(2.0 * self.g)  # dJ/dV_j = exp(g_j) dJ/dW_j, and a step of W_j is exp(g_j) times that of V_j
