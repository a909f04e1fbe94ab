"""The sets of inputs that `interaction_cst` keeps apart, and an error for weights that join them."""

from collections.abc import Sequence

import numpy as np

from sknet._model.matrices import Encoding
from sknet._model.settings import NetworkSettings
from sknet._network.chain import Layout
from sknet._network.weights import InputSets
from sknet._tables.constraints import sets_with_inputs
from sknet._typing import Array


def make_input_sets(settings: NetworkSettings, encoding: Encoding, n_skipped_inputs: int) -> InputSets:
    """Return the sets of a network's inputs; a single set if all inputs may interact."""
    if settings.interaction_cst is None or not settings.hidden_sizes:  # a linear model is additive anyway
        return InputSets(np.ones((encoding.encoder.n_inputs - n_skipped_inputs, 1), dtype=bool), settings.n_joined)
    has_input = sets_with_inputs(settings.interaction_cst, encoding.encoder)
    return InputSets(has_input[n_skipped_inputs:], settings.n_joined)


def refuse_weights_between_sets(sets: InputSets, layout: Layout, coefs: Sequence[Array]) -> None:
    """Raise if the user's initial weights join inputs of different sets."""
    for layer, n_outside in enumerate(sets.weights_outside(layout, coefs)):
        if n_outside:
            raise ValueError(
                f"init gives {n_outside} weights of layer {layer} that interaction_cst needs to be 0: each unit sees "
                f"the inputs of one of {sets.n_sets} sets. Set them to 0, start from the coefs_ of a network fitted "
                "with the same interaction_cst, or leave init at 'auto'."
            )
