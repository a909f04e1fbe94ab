"""Where training starts: functions of (fan_in, fan_out, rng) that draw one layer's weights.

Conventions
-----------
W : (fan_in, fan_out)
"""

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from scipy.special import ndtri

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.chain import Layout
from sknet._network.weights import InputSets
from sknet._typing import Array

Initializer = Callable[[int, int, np.random.Generator], Array]
"""(fan_in, fan_out, rng) -> W"""


def _uniform(variance: float, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    bound = sqrt(3.0 * variance)
    return rng.uniform(-bound, bound, (fan_in, fan_out))


def glorot_uniform(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Variance 2 / (fan_in + fan_out), uniform (Glorot & Bengio 2010)."""
    return _uniform(2.0 / (fan_in + fan_out), fan_in, fan_out, rng)


def glorot_normal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Variance 2 / (fan_in + fan_out), normal (Glorot & Bengio 2010)."""
    return rng.normal(0.0, sqrt(2.0 / (fan_in + fan_out)), (fan_in, fan_out))


def he_uniform(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Variance 2 / fan_in, uniform (He et al. 2015, arXiv:1502.01852)."""
    return _uniform(2.0 / fan_in, fan_in, fan_out, rng)


def he_normal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Variance 2 / fan_in, normal (He et al. 2015, arXiv:1502.01852)."""
    return rng.normal(0.0, sqrt(2.0 / fan_in), (fan_in, fan_out))


def lecun_uniform(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Variance 1 / fan_in, uniform (LeCun et al. 1998, "Efficient BackProp")."""
    return _uniform(1.0 / fan_in, fan_in, fan_out, rng)


def lecun_normal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Variance 1 / fan_in, normal (LeCun et al. 1998, "Efficient BackProp")."""
    return rng.normal(0.0, sqrt(1.0 / fan_in), (fan_in, fan_out))


def orthogonal(fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
    """Orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, arXiv:1312.6120)."""
    tall = rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out)))
    q, r = np.linalg.qr(tall)
    q *= np.sign(np.diag(r))  # QR's own signs would not be uniformly distributed
    return np.ascontiguousarray(q if fan_in >= fan_out else q.T)


INITIALIZERS: dict[str, Initializer] = {
    f.__name__: f
    for f in (glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_uniform, lecun_normal, orthogonal)
}

CENTRED_INITS = ("centred", "auto")
"""The names of `draw_centred_weights`, which needs to know the activations."""


def draw_weights(
    layout: Layout,
    activations: Sequence[Activation],
    init: str | Initializer,
    rng: np.random.Generator,
    sets: InputSets | None = None,
    bins_per_column: Sequence[int] | Array = (),
) -> tuple[list[Array], list[Array]]:
    """Draw the first weights and biases of a network.

    Parameters
    ----------
    layout : Layout
        The layers' sizes.

    activations : sequence of Activation, one per hidden layer
        Used by "centred" only.

    init : str or callable
        A name in `INITIALIZERS` or a function of (fan_in, fan_out, rng), with
        biases 0; or "centred", see there; "auto" is another name of it.

    rng : numpy.random.Generator
        The source of randomness.

    sets : InputSets, default=None
        The sets that inputs are in: units are then drawn for the inputs that
        they see, and other weights are 0. None: every unit sees all.

    bins_per_column : sequence of int, default=()
        For each bin, how many bins its column has; bins are the first inputs.
        Used by "centred" only.

    Returns
    -------
    coefs : list of arrays of shape (fan_in, fan_out)
    intercepts : list of arrays of shape (fan_out,)
    """
    if init in CENTRED_INITS:
        return draw_centred_weights(layout, activations, rng, sets, bins_per_column)
    coefs = _draw_layers(layout, INITIALIZERS[init] if isinstance(init, str) else init, rng, sets)
    return coefs, [np.zeros(size) for size in layout.sizes[1:]]


def _draw_layers(
    layout: Layout, function: Initializer, rng: np.random.Generator, sets: InputSets | None
) -> list[Array]:
    """Draw each layer's weights, block by block where inputs are in sets."""
    if sets is None:
        return [np.asarray(function(fan_in, fan_out, rng)) for fan_in, fan_out in layout.shapes]
    coefs = [np.zeros(shape) for shape in layout.shapes]
    for W, blocks in zip(coefs, sets.blocks(layout), strict=True):
        for inputs, units in blocks:
            drawn = np.asarray(function(len(inputs), len(units), rng))
            if drawn.shape != (len(inputs), len(units)):
                raise ValueError(
                    f"init gives weights of shape {drawn.shape} for {len(inputs)} inputs and {len(units)} units: "
                    f"return an array of shape {len(inputs), len(units)}."
                )
            W[np.ix_(inputs, units)] = drawn
    return coefs


FIRST_LAYER_SPREAD = 1.5
"""How much larger than the others the first layer's weights are. Columns scaled by their quartile range, as they are by
default, and one-hot encoded categories vary by less than the 1 that a hidden layer's outputs vary by."""

BIN_SPREAD = 0.7
"""How large the first weights of bins are, over those of a number: this, divided by the root of the column's number of
bins. So the curve that the bins of a column draw at first varies by as much, however many bins there are."""


def draw_centred_weights(
    layout: Layout,
    activations: Sequence[Activation],
    rng: np.random.Generator,
    sets: InputSets | None = None,
    bins_per_column: Sequence[int] | Array = (),
) -> tuple[list[Array], list[Array]]:
    """Weights that keep the signal's variance through any depth, biases that take out the units' mean output.

    A unit that sees a = center + output_scale * h, with h of variance 1, gets

        W = input_scale / output_scale * V,   V_ij ~ N(0, 1 / fan_in),      b = -center * sum_i W_ij

    so that W a + b = input_scale * V h: its own input has the standard
    deviation at which it works, however many layers come before. For sigmoid
    units, sigmoid(z) = 1/2 + 1/2 tanh(z/2), this is W = 4 V and b = -1/2 sum W:
    at its start the network computes what a tanh network computes. Without it
    the constant 1/2 that every sigmoid passes on hides the signal, whose
    variance falls by a factor of 16 or more per layer, and so does the gradient's.

    The first hidden layer's biases are drawn as well, b ~ N(0, input_scale^2),
    and its weights are `FIRST_LAYER_SPREAD` times as large: its units bend all over the
    table. With biases of 0 all of them bend at its centre, and have to be moved
    from there before they can tell one region from another. The second layer's
    weights are smaller in return.

    Bins do not count among the first layer's inputs, and their weights are smaller: see `BIN_SPREAD`.
    """
    identity = ACTIVATIONS["identity"]  # of centre 0 and scales 1: the table, and the raw output
    before = [identity, *activations]  # what each layer's inputs come from
    after = [*activations, identity]  # and what its sums go into
    scales = [target.input_scale / source.output_scale for source, target in zip(before, after, strict=True)]
    if activations:
        scales[0] *= FIRST_LAYER_SPREAD
        scales[1] /= _first_layer_spread(activations[0], layout.sizes[1])
    drawn = _draw_layers(layout, lecun_normal, rng, sets)
    coefs = [W * scale for W, scale in zip(drawn, scales, strict=True)]
    if len(bins_per_column):
        first, n_bins = coefs[0], len(bins_per_column)
        # as large as if there were no bins; with sets of inputs, a unit sees those of its set
        n_seen, n_others = np.count_nonzero(first, axis=0), np.count_nonzero(first[n_bins:], axis=0)
        first *= np.sqrt(n_seen / np.maximum(n_others, 1))
        first[:n_bins] *= BIN_SPREAD / np.sqrt(bins_per_column)[:, np.newaxis]
    intercepts = [-source.center * W.sum(axis=0) for W, source in zip(coefs, before, strict=True)]
    if activations:
        intercepts[0] = rng.normal(0.0, activations[0].input_scale, layout.sizes[1])
    return coefs, intercepts


def _first_layer_spread(first: Activation, n_units: int) -> float:
    """Return by what factor the first layer's outputs vary more than those of a layer without spread."""
    # 100 quantiles of a normal distribution: no random numbers are needed
    normal = first.input_scale * ndtri(np.linspace(0.005, 0.995, 100))
    z = np.concatenate([sqrt(1.0 + FIRST_LAYER_SPREAD**2) * normal, normal])  # of W x + b: 1 is the variance of b
    with np.errstate(all="ignore"):
        # as wide as the layer: an activation that a user wrote may have numbers of its own for each unit
        a = np.repeat(z[:, np.newaxis], n_units, axis=1)
        first.apply(a)
        squares = (a - first.center) ** 2
        factor = np.sqrt(np.mean(squares[:100])) / np.sqrt(np.mean(squares[100:]))
    return float(factor) if np.isfinite(factor) and factor > 0.0 else 1.0
