"""The bounds on weights that `monotonic_cst` requires, and errors for networks that cannot be monotone.

Conventions
-----------
m inputs of the network
"""

import numpy as np

from sknet._model.matrices import Encoding
from sknet._model.settings import NetworkSettings
from sknet._network.chain import Layout
from sknet._network.weights import InputSets, MonotoneBounds, ever_decreases, monotone_bounds
from sknet._tables.constraints import input_signs

BIN_MEAN = 0.5
"""The approximate mean of a bin input, which runs from 0 to 1. The mean of scaled numbers is about 0."""


def make_monotone_bounds(
    settings: NetworkSettings, encoding: Encoding, layout: Layout, n_skipped_inputs: int, sets: InputSets
) -> MonotoneBounds | None:
    """Return the bounds on a network's weights; None if no column is constrained.

    Parameters
    ----------
    settings : NetworkSettings
    encoding : Encoding
    layout : Layout
    n_skipped_inputs : int
        How many of the encoded table's inputs the network skips, the first
        ones.

    sets : InputSets
        The sets of the network's inputs.

    Returns
    -------
    MonotoneBounds or None
    """
    sign = input_signs(settings.monotonic_cst, encoding.encoder)
    if sign is None:
        return None
    refuse_not_monotone(settings, encoding)
    # the inputs' means: first biases compensate for weights whose sign is changed
    means = np.array([BIN_MEAN * (formula.kind == "bin") for _, formula in encoding.encoder.input_formulas])
    sign, means = sign[n_skipped_inputs:], means[n_skipped_inputs:]
    return monotone_bounds(
        layout,
        settings.activations,
        sign=sign,
        input_means=means,
        dtype=encoding.compute_dtype,
        sets=sets,
    )


def refuse_not_monotone(settings: NetworkSettings, encoding: Encoding) -> None:
    """Raise if the target, the loss, an activation or the initial weights rule out a monotone network."""
    head = encoding.head
    if head.n_outputs != 1:
        raise ValueError(
            f"monotonic_cst needs a network of one output, and this target makes {head.n_outputs}: fit one target, of "
            "numbers or two classes and with one quantile level, or leave monotonic_cst out."
        )
    for activation in settings.activations:  # tested numerically, since it may be the user's own
        if ever_decreases(activation.apply):
            raise ValueError(
                f"monotonic_cst does not go with activation={activation.name!r}, which falls somewhere: choose "
                "'sigmoid', 'tanh' or another that never does."
            )
    if ever_decreases(head.loss.link):
        raise ValueError(
            f"monotonic_cst does not go with loss={head.loss.name!r}, whose link falls somewhere: choose another loss."
        )
    if isinstance(settings.init, tuple):
        raise ValueError(
            "monotonic_cst does not go with init=(coefs, intercepts): half of the weights would have to change. "
            "Leave init at 'auto'."
        )
