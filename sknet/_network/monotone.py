"""Networks that are monotone in some of their inputs: bounds on the weights, and a start between them.

A sum of increasing functions, with weights that are not negative, increases. So the output never falls while an input
rises, whatever the other inputs are, if all weights on the ways from this input to the output are 0 or more; it never
rises if the input's own weights are 0 or less instead, and the later ones 0 or more (Daniels & Velikova 2010, for
networks that are monotone in some inputs only). With activations that are bounded on both sides, such networks
approximate any monotone function, given enough layers (Sartor et al. 2025, arXiv:2505.02537).

Training brings the weights back between these bounds after each step (`Problem.bounds`).

Half of each hidden layer's units see the constrained inputs, directly or through the units before. The weights of the
others are free, and so are those from the others to the units of the first half. (Where inputs are in sets, half of the
units of each set that has constrained inputs.)

    constrained inputs ──(sign)──> half of the units ──(>= 0)──> half of the units ──(>= 0)──> output
                                     ^                             ^                              ^
    free inputs ────────(free)───────┴─> other half ────(free)─────┴─> other half ────(free)──────┘

Conventions
-----------
sign : (m,)                   of each input: 1 where the output must not fall as it rises, -1 where it must not rise,
                              0 where it is free
lower, upper : (n_weights,)   bounds on the weights, in the order of theta
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._network.activations import Activation
from sknet._network.chain import Layout
from sknet._network.weights import InputSets
from sknet._typing import Array, DType

TRIED_INPUTS = np.linspace(-50.0, 50.0, 20_001)
"""The numbers that a function is tried on, to see whether it ever falls."""

RELATIVE_ROUNDING = 2.0**-28
"""How finely the raw output of a monotone network is rounded, over its size."""


def ever_decreases(function: Callable[[Array], object]) -> bool:
    """Whether a function, which overwrites its argument, of shape (n, 1), falls anywhere among `TRIED_INPUTS`."""
    values = TRIED_INPUTS[:, np.newaxis].copy()
    with np.errstate(all="ignore"):
        function(values)
    return bool((np.diff(values[:, 0]) < 0.0).any())


def constrained_units(size: int, sets: InputSets, is_constrained: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which units of a hidden layer see constrained inputs: of each joined network's and set's, the first half.

    `is_constrained`, (S,), says which sets have constrained inputs.
    """
    unit_sets = sets.unit_sets(size)[: size // sets.n_joined]  # of one of the joined networks
    counts = np.bincount(unit_sets, minlength=sets.n_sets)
    place_in_set = np.arange(len(unit_sets)) - (np.cumsum(counts) - counts)[unit_sets]
    sees = (place_in_set < (counts - counts // 2)[unit_sets]) & is_constrained[unit_sets]
    return np.tile(sees, sets.n_joined)


@dataclass(frozen=True, eq=False)
class MonotoneBounds:
    """The bounds within which weights make a network monotone, and first weights there.

    Attributes
    ----------
    lower, upper : ndarray of shape (n_weights,)
        Between these bounds, in the order of theta.
    bounds_by_layer : list of (lower, upper)
        The same as views, each shaped like the layer's weights.
    input_means : list of ndarray of shape (fan_in,)
        About what each layer's inputs are on average.
    """

    lower: Array
    upper: Array
    bounds_by_layer: list[tuple[Array, Array]]
    input_means: list[Array]

    def start(self, coefs: Sequence[Array], intercepts: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        """Return first weights between the bounds, and biases that undo what this adds to the sums on average.

        Weights of the wrong sign are mirrored. Without the change of the biases, all of a unit's weights being
        positive, its sum would lie far from 0, where a sigmoid is flat.
        """
        starts, biases = [], []
        for W, b, (lower, upper), mean in zip(coefs, intercepts, self.bounds_by_layer, self.input_means, strict=True):
            mirrored = np.where((lower <= W) & (upper >= W), W, -W)
            starts.append(np.clip(mirrored, lower, upper))  # clipped are those that must be 0
            biases.append(b - mean @ (starts[-1] - W))
        return starts, biases


def monotone_bounds(
    layout: Layout, activations: Sequence[Activation], sign: Array, input_means: Array, dtype: DType, sets: InputSets
) -> MonotoneBounds:
    """Return the bounds: a constrained input has weights of its sign, the layers after it none below 0.

    Parameters
    ----------
    layout : Layout
    activations : sequence of Activation, one per hidden layer
    sign : (m,) array
    input_means : (m,) array
        About what the inputs are on average.

    dtype : dtype
        Theta's.

    sets : InputSets
        The sets that inputs are in.

    Returns
    -------
    MonotoneBounds
    """
    lower, upper = sets.bounds(layout, dtype)
    is_constrained = sets.has_input[sign != 0].any(axis=0)
    bounds = list(zip(layout.views(lower)[0], layout.views(upper)[0], strict=True))  # of a theta without biases
    increases, decreases = sign > 0, sign < 0  # which of a layer's inputs
    for number, (low, high) in enumerate(bounds):  # views, shaped like the layer's W
        n_units = low.shape[1]
        is_last = number == len(activations)
        sees = np.ones(n_units, dtype=bool) if is_last else constrained_units(n_units, sets, is_constrained)
        low[increases], high[decreases] = 0.0, 0.0
        # the other half of the units do not see the constrained inputs at all: both bounds are 0
        low[np.ix_(decreases, ~sees)] = high[np.ix_(increases, ~sees)] = 0.0
        increases, decreases = sees, np.zeros(n_units, dtype=bool)  # units that see them never fall, whatever the sign
    unit_means = [np.full(size, a.center) for size, a in zip(layout.sizes[1:-1], activations, strict=True)]
    return MonotoneBounds(lower, upper, bounds, [input_means, *unit_means])


def output_rounding_step(last_weights: Array, last_biases: Array) -> float:
    """Return what raw outputs, computed in float64, are rounded to multiples of: a power of two.

    Which rows are multiplied together decides in what order BLAS adds, and so on the last bits. Without rounding, of
    two rows whose outputs are equal but for these bits, the wrong one might have the larger.
    """
    size = float(np.abs(last_weights).sum() + np.abs(last_biases).sum())  # of the output, where units give 1 at most
    return float(RELATIVE_ROUNDING * 2.0 ** np.frexp(size)[1])  # dividing by a power of two is exact
