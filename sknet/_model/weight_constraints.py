"""What limits the weights of a network: sets of inputs that may interact, monotone columns, and norms.

A default fit has no such constraints. The functions that draw and check weights are in `_network/weights.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from sknet._model.encoding import Encoding
from sknet._model.settings import Settings
from sknet._network.chain import Layout
from sknet._network.weights import InputSets, MonotoneBounds, ever_decreases, limit_norms, monotone_bounds
from sknet._tables.constraints import input_signs, sets_with_inputs
from sknet._training.sparse_steps import zero_fixed_gradient
from sknet._typing import Array, Batch, Gradient, ValueAndGradient

BIN_MEAN = 0.5
"""The approximate mean of a bin input, which runs from 0 to 1. The mean of scaled numbers is about 0."""


@dataclass(frozen=True)
class WeightConstraints:
    """What limits the weights of a network; all None if nothing does.

    Attributes
    ----------
    sets : InputSets or None
        The sets of its inputs that may interact.
    monotone : MonotoneBounds or None
        The bounds that make it monotone, and first weights between them.
    bounds : (lower, upper) or None
        The bounds that follow from both, (n_weights,) each.
    limit_norms : callable or None
        Limits the norms of weights in a vector like theta, in place.
    """

    sets: InputSets | None
    monotone: MonotoneBounds | None
    bounds: tuple[Array, Array] | None
    limit_norms: Callable[[Array], None] | None

    def check_initial_weights(self, layout: Layout, coefs: Sequence[Array]) -> None:
        """Raise if the user's initial weights join inputs of different sets."""
        if self.sets is None:
            return
        for layer, n_outside in enumerate(self.sets.weights_outside(layout, coefs)):
            if n_outside:
                raise ValueError(
                    f"init gives {n_outside} weights of layer {layer} that interaction_cst needs to be 0: each unit "
                    f"sees the inputs of one of {self.sets.n_sets} sets. Set them to 0, start from the coefs_ of a "
                    "network fitted with the same interaction_cst, or leave init at 'auto'."
                )

    def without_fixed_gradient(self, objective: ValueAndGradient) -> ValueAndGradient:
        """Return the objective with a gradient of 0 for weights of equal bounds, which then do not affect clipping."""
        if self.bounds is None:
            return objective
        lower, upper = self.bounds
        is_free = (lower < upper).astype(lower.dtype)  # (n_weights,)

        def objective_and_gradient(
            theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
        ) -> tuple[float, Gradient]:
            """Return the objective and its gradient, 0 for fixed weights."""
            value, gradient = objective(theta, batch, out, rng)
            zero_fixed_gradient(gradient, is_free)
            return value, gradient

        return objective_and_gradient


def make_weight_constraints(settings: Settings, encoding: Encoding, layout: Layout) -> WeightConstraints:
    """Return the constraints of a network; raise if it cannot be monotone, but must be."""
    n_skipped_inputs = encoding.encoder.n_inputs - layout.sizes[0]
    sets = None
    if settings.interaction_cst is not None and settings.hidden_sizes:  # a linear model is additive anyway
        has_input = sets_with_inputs(settings.interaction_cst, encoding.encoder)[n_skipped_inputs:]
        sets = InputSets(has_input, settings.n_joined) if has_input.shape[1] > 1 else None
    monotone = _monotone_bounds(settings, encoding, layout, n_skipped_inputs, sets)
    bounds = None
    if monotone is not None:
        bounds = monotone.lower, monotone.upper
    elif sets is not None:
        bounds = sets.weight_bounds(layout, encoding.compute_dtype)
    limit = partial(limit_norms, layout, settings.max_norm) if settings.max_norm else None
    return WeightConstraints(sets, monotone, bounds, limit)


def _monotone_bounds(
    settings: Settings, encoding: Encoding, layout: Layout, n_skipped_inputs: int, sets: InputSets | None
) -> MonotoneBounds | None:
    """Return the bounds that make a network monotone; None if no column is constrained."""
    sign = input_signs(settings.monotonic_cst, encoding.encoder)
    if sign is None:
        return None
    check_can_be_monotone(settings, encoding)
    if sets is None:  # all inputs are in one
        sets = InputSets(np.ones((layout.sizes[0], 1), dtype=bool), settings.n_joined)
    # the inputs' means: first biases compensate for weights whose sign is changed
    means = np.array([BIN_MEAN * (description.kind == "bin") for _, description in encoding.encoder.input_descriptions])
    sign = sign[n_skipped_inputs:]
    means = means[n_skipped_inputs:]
    dtype = encoding.compute_dtype
    return monotone_bounds(layout, settings.activations, sign=sign, input_means=means, dtype=dtype, sets=sets)


def check_can_be_monotone(settings: Settings, encoding: Encoding) -> None:
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
    if ever_decreases(head.loss.inverse_link.apply):
        raise ValueError(
            f"monotonic_cst does not go with loss={head.loss.name!r}, whose link falls somewhere: choose another loss."
        )
    if isinstance(settings.init, tuple):
        raise ValueError(
            "monotonic_cst does not go with init=(coefs, intercepts): half of the weights would have to change. "
            "Leave init at 'auto'."
        )
