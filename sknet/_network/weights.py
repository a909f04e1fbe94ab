"""The weights of a network: sets of inputs, first weights, bounds for monotone networks, and penalties.

Conventions
-----------
W : (fan_in, fan_out)         one layer's weights; a unit's incoming weights are a column
w : (n_weights,)              all weights, never biases, in the order of theta
lower, upper : (n_weights,)   bounds on the weights, in the order of theta
has_input : (m, S)            whether each of S sets has each of m inputs
set_of_each_unit : (h,)       the set of each unit of a hidden layer
sign : (m,)                   1 for inputs that the output must not fall with, -1 for those that it must not rise with,
                              0 for free inputs
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.chain import Layout
from sknet._typing import Array, DType
from sknet._vectors import add_multiple

# --- sets of inputs, which interact only in the output ----------------------------------------------------------------
#
# Each unit of the first layer sees the inputs of one set, each unit of a deeper layer the units of one set. So the raw
# output is a sum of functions, one for each set (Potts 1999 and Agarwal et al. 2021, for sets of a single input):
#
#     inputs of one set ──────> its units ───> its units ───┐
#                                                           ├──> output
#     inputs of another ──────> its units ───> its units ───┘
#
# All other weights are 0. An input may be in several sets, and a unit belongs to one set. The units of a layer are
# divided evenly: each set has adjacent units, and the numbers of units differ by at most one.

UnitGroup = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Inputs of a layer, and the units that see them."""


@dataclass(frozen=True, eq=False)
class InputSets:
    """The sets of a network's inputs, and each set's units. An ordinary network has a single set.

    Attributes
    ----------
    has_input : ndarray of bool, of shape (m, S)
        Whether a set has an input.
    n_joined : int
        Number of networks of equal size that have been joined into this one. Each has units of every set.
    """

    has_input: NDArray[np.bool_]
    n_joined: int = 1

    @property
    def n_sets(self) -> int:
        """Number of sets."""
        return self.has_input.shape[1]

    def set_of_each_unit(self, size: int) -> NDArray[np.intp]:
        """Return the set of each unit of a hidden layer."""
        n_units = size // self.n_joined  # the units of each network
        return np.tile(np.arange(n_units) * self.n_sets // n_units, self.n_joined)

    def unit_groups(self, layout: Layout) -> Iterator[list[UnitGroup]]:
        """Yield the groups of each layer; all weights that join other inputs and units are 0."""
        inputs = [np.flatnonzero(of_set) for of_set in self.has_input.T]
        for size in layout.sizes[1:-1]:
            set_of_each_unit = self.set_of_each_unit(size)
            units = [np.flatnonzero(set_of_each_unit == i) for i in range(self.n_sets)]
            yield list(zip(inputs, units, strict=True))
            inputs = units
        yield [(np.arange(layout.sizes[-2]), np.arange(layout.sizes[-1]))]  # all sets meet in the output

    def weight_bounds(self, layout: Layout, dtype: DType) -> tuple[Array, Array]:
        """Return lower and upper bounds, (n_weights,) each, in the order of theta; both are 0 outside the groups."""
        upper = np.zeros(layout.n_weights, dtype)
        coefs, _ = layout.coefs_and_intercepts(upper)  # `upper` is like a theta without biases
        for W, groups in zip(coefs, self.unit_groups(layout), strict=True):
            for inputs, units in groups:
                W[np.ix_(inputs, units)] = np.inf
        return np.where(upper > 0.0, -upper, upper), upper

    def weights_outside(self, layout: Layout, coefs: Sequence[Array]) -> list[int]:
        """Return for each layer the number of weights outside the groups that are not 0."""
        _, upper = self.weight_bounds(layout, np.dtype(float))
        limits, _ = layout.coefs_and_intercepts(upper)
        return [int(np.count_nonzero(W[limit == 0.0])) for W, limit in zip(coefs, limits, strict=True)]


# --- first weights: functions that draw a layer's weights -------------------------------------------------------------

Initializer = Callable[[int, int, np.random.Generator], Array]
"""(fan_in, fan_out, rng) -> W"""


VARIANCES: dict[str, Callable[[int, int], float]] = {
    "glorot": lambda fan_in, fan_out: 2.0 / (fan_in + fan_out),
    "he": lambda fan_in, _: 2.0 / fan_in,
    "lecun": lambda fan_in, _: 1.0 / fan_in,
}
"""(fan_in, fan_out) -> the variance of a layer's weights: Glorot & Bengio 2010; He et al. 2015, arXiv:1502.01852; LeCun
et al. 1998."""


def _uniform(name: str, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    bound = sqrt(3.0 * VARIANCES[name](fan_in, fan_out))  # the variance of a uniform distribution is bound^2 / 3
    return rng.uniform(-bound, bound, (fan_in, fan_out))


def _normal(name: str, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    return rng.normal(0.0, sqrt(VARIANCES[name](fan_in, fan_out)), (fan_in, fan_out))


def orthogonal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Draw orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, arXiv:1312.6120)."""
    tall = rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))  # otherwise, the signs would not be uniformly distributed
    return np.ascontiguousarray(q if fan_in >= fan_out else q.T)


INITIALIZERS: dict[str, Initializer] = {
    f"{name}_{distribution}": partial(draw, name)
    for name in VARIANCES
    for distribution, draw in (("uniform", _uniform), ("normal", _normal))
} | {"orthogonal": orthogonal}
"""The functions that draw a matrix of weights, by the value of `init`."""


def draw_weights(
    layout: Layout,
    activations: Sequence[Activation],
    init: str | Initializer,
    rng: np.random.Generator,
    sets: InputSets | None = None,
    bins_per_column: Sequence[int] | Array = (),
) -> tuple[list[Array], list[Array]]:
    """Draw the first weights and biases of a network; return the layers' weight matrices and bias vectors.

    Parameters
    ----------
    layout, rng
    init : str or callable
        A name in `INITIALIZERS` or a function of (fan_in, fan_out, rng), with
        biases 0; or "centred", see `draw_centred_weights`.

    sets : InputSets, default=None
        Weights are drawn for each set's units and inputs, and the others are 0.
        None for a single set.

    activations, bins_per_column
        Used by "centred" only: the activation of each hidden layer, and for each
        bin the number of bins of its column. Bins are the first inputs.
    """
    if init == "centred":
        return draw_centred_weights(layout, activations, rng, sets, bins_per_column)
    coefs = _draw_layers(layout, INITIALIZERS[init] if isinstance(init, str) else init, rng, sets)
    return coefs, [np.zeros(size) for size in layout.sizes[1:]]


def _draw_layers(
    layout: Layout, function: Initializer, rng: np.random.Generator, sets: InputSets | None
) -> list[Array]:
    """Draw each layer's weights; with sets of inputs, group by group."""
    if sets is None:
        return [np.asarray(function(fan_in, fan_out, rng)) for fan_in, fan_out in layout.shapes]
    coefs = [np.zeros(shape) for shape in layout.shapes]
    for W, groups in zip(coefs, sets.unit_groups(layout), strict=True):
        for inputs, units in groups:
            weights = np.asarray(function(len(inputs), len(units), rng))
            if weights.shape != (len(inputs), len(units)):
                raise ValueError(
                    f"init gives weights of shape {weights.shape} for {len(inputs)} inputs and {len(units)} units: "
                    f"return an array of shape {len(inputs), len(units)}."
                )
            W[np.ix_(inputs, units)] = weights
    return coefs


FIRST_LAYER_SCALE = 1.5
"""A factor of the first layer's weights. Columns scaled by their quartile range, as by default, and one-hot encoded
categories have a standard deviation below 1, which the outputs of hidden layers have. Without it and with first biases
of 0, error rates were 0.995 and 1.03 times as large on 40 and 54 tables (tests/benchmarks/notes.md)."""

BIN_SCALE = 0.7
"""The first weights of bins are those of a number times this, divided by the root of the column's number of bins. So
the initial function of a column varies equally for any number of bins."""


def draw_centred_weights(
    layout: Layout,
    activations: Sequence[Activation],
    rng: np.random.Generator,
    sets: InputSets | None,
    bins_per_column: Sequence[int] | Array,
) -> tuple[list[Array], list[Array]]:
    """Draw weights that keep the signal's variance at any depth, and biases that subtract the units' mean outputs.

    A unit that sees a = center + output_scale * h, with h of variance 1, gets

        W = input_scale / output_scale * V,   V_ij ~ N(0, 1 / fan_in),      b = -center * sum_i W_ij

    so that W a + b = input_scale * V h: its own input has the standard
    deviation at which it works, at any depth. For sigmoid units,
    sigmoid(z) = 1/2 + 1/2 tanh(z/2), this is W = 4 V and b = -1/2 sum W: at
    first, the network computes the same function as a tanh network. Otherwise,
    the constant 1/2 in every sigmoid would hide the signal: its variance, and
    that of the gradient, would fall by a factor of 16 or more per layer.

    The first hidden layer's biases are drawn as well, b ~ N(0, input_scale^2),
    and its weights are `FIRST_LAYER_SCALE` times as large. So its units bend
    everywhere in the table. With biases of 0, they would all bend at its centre,
    and would have to move before they could distinguish regions. The second
    layer's weights are divided by the additional spread.

    Bins do not count as inputs of the first layer, and their weights are smaller: see `BIN_SCALE`.
    """
    identity = ACTIVATIONS["identity"]  # it has centre 0 and scales 1, as the table and the raw output should have
    before = [identity, *activations]  # the activation that gives each layer's inputs
    after = [*activations, identity]  # the activation that takes its sums
    scales = [target.input_scale / source.output_scale for source, target in zip(before, after, strict=True)]
    if activations:
        scales[0] *= FIRST_LAYER_SCALE
        scales[1] /= _first_layer_rms_ratio(activations[0], layout.sizes[1])
    lecun_coefs = _draw_layers(layout, INITIALIZERS["lecun_normal"], rng, sets)
    coefs = [W * scale for W, scale in zip(lecun_coefs, scales, strict=True)]
    if len(bins_per_column):
        first = coefs[0]
        n_bins = len(bins_per_column)
        # the scale that weights would have without bins; a unit sees the inputs of its set
        n_seen, n_not_bins = np.count_nonzero(first, axis=0), np.count_nonzero(first[n_bins:], axis=0)
        first *= np.sqrt(n_seen / np.maximum(n_not_bins, 1))
        first[:n_bins] *= BIN_SCALE / np.sqrt(bins_per_column)[:, np.newaxis]
    intercepts = [-source.center * W.sum(axis=0) for W, source in zip(coefs, before, strict=True)]
    if activations:
        intercepts[0] = rng.normal(0.0, activations[0].input_scale, layout.sizes[1])
    return coefs, intercepts


def _first_layer_rms_ratio(first: Activation, n_units: int) -> float:
    """Return the first layer's root mean square output over that of a layer with biases of 0 and a scale of 1.

    The second layer's weights are divided by it, so that `FIRST_LAYER_SCALE` and first biases do not change the size of
    the second layer's sums.
    """
    # 100 quantiles of a normal distribution, instead of random numbers
    normal = first.input_scale * ndtri(np.linspace(0.005, 0.995, 100))
    z = np.concatenate([sqrt(1.0 + FIRST_LAYER_SCALE**2) * normal, normal])  # W x + b, where b has a variance of 1
    with np.errstate(all="ignore"):
        # make it as wide as the layer, because a user's activation may have parameters for each unit
        a = np.repeat(z[:, np.newaxis], n_units, axis=1)
        first.apply(a)
        squares = (a - first.center) ** 2
        factor = np.sqrt(np.mean(squares[:100])) / np.sqrt(np.mean(squares[100:]))
    return float(factor) if np.isfinite(factor) and factor > 0.0 else 1.0


# --- networks that are monotone in some of their inputs: bounds on the weights, and a start between them -------------
#
# A sum of increasing functions with weights of 0 or more increases. So the output never falls as an input rises, if all
# weights on the paths from this input to the output are 0 or more. It never rises if the input's own weights are 0 or
# less, and the later weights 0 or more (Daniels & Velikova 2010, for networks that are monotone in some inputs only).
# With activations that are bounded on both sides and enough layers, such networks approximate any monotone function
# (Sartor et al. 2025, arXiv:2505.02537).
#
# After each step, training clips the weights to these bounds (`ProximalTerms.bounds`).
#
# Half of each hidden layer's units see the constrained inputs, directly or through earlier units. The weights of the
# other half are free, and so are the weights from the other half to the first. (With sets of inputs, this is half of
# the units of each set that has constrained inputs.)
#
#     constrained inputs ──(sign)──> half of the units ──(>= 0)──> half of the units ──(>= 0)──> output
#                                      ^                             ^                              ^
#     free inputs ────────(free)───────┴─> other half ────(free)─────┴─> other half ────(free)──────┘

MONOTONICITY_GRID = np.linspace(-50.0, 50.0, 20_001)
"""Where `ever_decreases` evaluates a function."""

RELATIVE_ROUNDING_UNIT = 2.0**-28
"""The rounding unit of the raw output of a monotone network, relative to its size."""


def ever_decreases(function: Callable[[Array], object]) -> bool:
    """Whether a function, which overwrites an array of shape (n, 1), decreases anywhere on `MONOTONICITY_GRID`."""
    values = MONOTONICITY_GRID[:, np.newaxis].copy()
    with np.errstate(all="ignore"):
        function(values)
    return bool((np.diff(values[:, 0]) < 0.0).any())


def constrained_units(size: int, sets: InputSets, is_constrained: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which units of a hidden layer see constrained inputs: the first half of each joined network's set.

    `is_constrained`, (S,), is true for sets with constrained inputs.
    """
    set_of_each_unit = sets.set_of_each_unit(size)[: size // sets.n_joined]  # the units of one joined network
    counts = np.bincount(set_of_each_unit, minlength=sets.n_sets)
    index_in_set = np.arange(len(set_of_each_unit)) - (np.cumsum(counts) - counts)[set_of_each_unit]
    sees = (index_in_set < (counts - counts // 2)[set_of_each_unit]) & is_constrained[set_of_each_unit]
    return np.tile(sees, sets.n_joined)


@dataclass(frozen=True, eq=False)
class MonotoneBounds:
    """Bounds on the weights that make a network monotone.

    Attributes
    ----------
    lower, upper : ndarray of shape (n_weights,)
        The bounds in the order of theta.
    bounds_by_layer : list of (lower, upper)
        Views of the bounds, shaped like each layer's weights.
    input_means : list of ndarray of shape (fan_in,)
        Approximate means of each layer's inputs.
    """

    lower: Array
    upper: Array
    bounds_by_layer: list[tuple[Array, Array]]
    input_means: list[Array]

    def initial_parameters(
        self, coefs: Sequence[Array], intercepts: Sequence[Array]
    ) -> tuple[list[Array], list[Array]]:
        """Return first weights within the bounds, and biases that keep the means of the sums.

        Weights of the wrong sign change their sign. If the biases did not change, the sum of a unit whose weights are
        all positive would be far from 0, where a sigmoid is flat.
        """
        starts, biases = [], []
        for W, b, (lower, upper), mean in zip(coefs, intercepts, self.bounds_by_layer, self.input_means, strict=True):
            flipped = np.where((lower <= W) & (upper >= W), W, -W)
            starts.append(np.clip(flipped, lower, upper))  # clips the weights that must be 0
            biases.append(b - mean @ (starts[-1] - W))
        return starts, biases


def monotone_bounds(
    layout: Layout, activations: Sequence[Activation], sign: Array, input_means: Array, dtype: DType, sets: InputSets
) -> MonotoneBounds:
    """Return the bounds: weights of a constrained input have its sign, and later weights are 0 or more.

    `input_means`, (m,), are approximate means of the inputs; `dtype` is that of theta.
    """
    lower, upper = sets.weight_bounds(layout, dtype)
    is_constrained = sets.has_input[sign != 0].any(axis=0)
    lower_by_layer, upper_by_layer = (layout.coefs_and_intercepts(vector)[0] for vector in (lower, upper))
    bounds = list(zip(lower_by_layer, upper_by_layer, strict=True))
    increases, decreases = sign > 0, sign < 0  # masks of a layer's inputs
    for layer, (low, high) in enumerate(bounds):  # views, shaped like the layer's W
        n_units = low.shape[1]
        is_last = layer == len(activations)
        sees = np.ones(n_units, dtype=bool) if is_last else constrained_units(n_units, sets, is_constrained)
        low[increases], high[decreases] = 0.0, 0.0
        # the other half of the units do not see the constrained inputs at all: both bounds are 0
        low[np.ix_(decreases, ~sees)] = high[np.ix_(increases, ~sees)] = 0.0
        increases, decreases = sees, np.zeros(n_units, dtype=bool)  # the next layer's inputs
    unit_means = [np.full(size, a.center) for size, a in zip(layout.sizes[1:-1], activations, strict=True)]
    return MonotoneBounds(lower, upper, bounds, [input_means, *unit_means])


def output_rounding_unit(last_weights: Array, last_biases: Array) -> float:
    """Return the power of two to whose multiples raw outputs, computed in float64, are rounded.

    The order in which BLAS adds depends on the rows of a product, and decides the last bits. Without rounding, these
    bits could break monotonicity between two rows with nearly equal outputs.
    """
    size = float(np.abs(last_weights).sum() + np.abs(last_biases).sum())  # of the output, if activations are at most 1
    return float(RELATIVE_ROUNDING_UNIT * 2.0 ** np.frexp(size)[1])  # dividing by a power of two is exact


# --- penalties and limits on norms ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ElasticNet:
    """The penalty l1 * |w|_1 + l2 / 2 * |w|^2. The solver applies the L1 term, so it has no gradient here."""

    l2: float = 0.0
    l1: float = 0.0

    def value(self, w: Array) -> float:
        """Return the penalty at w."""
        value = 0.5 * self.l2 * float(np.dot(w, w)) if self.l2 else 0.0
        return value + self.l1 * float(np.abs(w).sum()) if self.l1 else value

    def add_gradient(self, w: Array, out: Array) -> None:
        """Add the gradient of the L2 term, l2 * w, to `out`."""
        if self.l2:
            add_multiple(out, self.l2, w)


def limit_norms(layout: Layout, max_norm: float, theta: Array) -> None:
    """Scale down, in place, the incoming weights of each unit of theta whose Euclidean norm exceeds `max_norm`."""
    for W, _, _ in layout.layers(theta):
        # float64, because the sum of a wide layer's squares loses digits in float32
        norms = np.sqrt(np.einsum("ij,ij->j", W, W, dtype=np.float64))
        too_long = norms > max_norm
        if too_long.any():
            W[:, too_long] *= (max_norm / norms[too_long]).astype(W.dtype)
