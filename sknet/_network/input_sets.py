"""Networks whose inputs form sets that meet in the output only: which units see which inputs.

Each unit of the first layer sees the inputs of one set, each unit of a deeper layer the units of one set. So the raw
output is a sum of functions, one for each set (Potts 1999 and Agarwal et al. 2021, for sets of a single input):

    inputs of one set ──────> its units ───> its units ───┐
                                                          ├──> output
    inputs of another ──────> its units ───> its units ───┘

All other weights are 0. An input may be in several sets; a unit belongs to one. The units of a layer are divided
evenly: a set has a stretch of them, and no set has two more than another.

Conventions
-----------
m inputs, S sets, h units of a hidden layer

has_input : (m, S)      whether a set has an input
unit_sets : (h,)        the set of each unit
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._network.chain import Layout
from sknet._typing import Array, DType

Block = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Inputs of a layer, and the units that see them."""


@dataclass(frozen=True, eq=False)
class InputSets:
    """The sets of a network's inputs, and the units that each set has; a single set is an ordinary network.

    Attributes
    ----------
    has_input : ndarray of bool, of shape (m, S)
        Whether a set has an input.
    n_joined : int
        How many networks of equal size have been joined into this one: each has units of every set.
    """

    has_input: NDArray[np.bool_]
    n_joined: int = 1

    @property
    def n_sets(self) -> int:
        """How many sets there are."""
        return self.has_input.shape[1]

    def unit_sets(self, size: int) -> NDArray[np.intp]:
        """Return the set of each unit of a hidden layer."""
        of_each = size // self.n_joined
        return np.tile(np.arange(of_each) * self.n_sets // of_each, self.n_joined)

    def blocks(self, layout: Layout) -> Iterator[list[Block]]:
        """Yield, for each layer, the blocks of its weights: all weights outside them are 0."""
        inputs = [np.flatnonzero(of_set) for of_set in self.has_input.T]
        for size in layout.sizes[1:-1]:
            unit_sets = self.unit_sets(size)
            units = [np.flatnonzero(unit_sets == number) for number in range(self.n_sets)]
            yield list(zip(inputs, units, strict=True))
            inputs = units
        yield [(np.arange(layout.sizes[-2]), np.arange(layout.sizes[-1]))]  # all sets meet in the output

    def bounds(self, layout: Layout, dtype: DType) -> tuple[Array, Array]:
        """Return bounds on the weights, (n_weights,) each, in the order of theta: 0 outside the blocks."""
        lower, upper = np.zeros(layout.n_weights, dtype), np.zeros(layout.n_weights, dtype)
        for bound, limit in ((lower, -np.inf), (upper, np.inf)):
            coefs, _ = layout.views(bound)  # of a theta without biases
            for W, blocks in zip(coefs, self.blocks(layout), strict=True):
                for inputs, units in blocks:
                    W[np.ix_(inputs, units)] = limit
        return lower, upper

    def weights_outside(self, layout: Layout, coefs: Sequence[Array]) -> list[int]:
        """Return how many of each layer's weights are not 0 where they must be."""
        outside = []
        for W, blocks in zip(coefs, self.blocks(layout), strict=True):
            others = W != 0.0
            for inputs, units in blocks:
                others[np.ix_(inputs, units)] = False
            outside.append(int(others.sum()))
        return outside
