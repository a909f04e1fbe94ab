"""Join networks into one: hidden layers side by side, and a weighted mean of the raw outputs.

Conventions
-----------
k networks of L layers; network j has h[j, l] units in layer l; m inputs of the encoded table.

joined W_1 : (m, Σh[:, 1])      W_l : blocks on the diagonal      W_L : (Σh[:, L-1], outputs), each
network's rows times its mixing weight
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import block_diag

from sknet._model.model import Network
from sknet._typing import Array


def join_networks(networks: Sequence[Network], n_inputs: int, mixing_weights: Sequence[float] | None = None) -> Network:
    """Join networks into one, whose raw output is the weighted mean of their raw outputs.

    Parameters
    ----------
    networks : sequence of Network
        All have the same depth and activations.

    n_inputs : int
        How many inputs the joined network has. A network with fewer inputs
        takes the last ones.

    mixing_weights : sequence of float, default=None
        The weights of the networks, with sum 1. By default they are equal.

    Returns
    -------
    Network
        The given network itself, if it is the only one and has all inputs.
    """
    first, k = networks[0], len(networks)
    if k == 1 and len(first.coefs[0]) == n_inputs:
        return first
    mixing_weights = [1.0 / k] * k if mixing_weights is None else mixing_weights
    coefs: list[Array] = []
    intercepts: list[Array] = []
    last = len(first.coefs) - 1
    for layer in range(last + 1):
        weights = [network.coefs[layer] for network in networks]
        if layer == 0:
            # a network without bins skips the first inputs: their weights are 0
            weights = [np.pad(W, [(n_inputs - len(W), 0), (0, 0)]) for W in weights]
        biases = [network.intercepts[layer] for network in networks]
        if layer == last:
            # without hidden layers, the mean of the outputs is the mean of the weights
            weights = [mixing_weight * W for mixing_weight, W in zip(mixing_weights, weights, strict=True)]
            coefs.append(np.sum(weights, axis=0) if layer == 0 else np.concatenate(weights))
            intercepts.append(np.average(biases, axis=0, weights=mixing_weights))
        else:
            coefs.append(np.hstack(weights) if layer == 0 else block_diag(*weights))
            intercepts.append(np.concatenate(biases))
    # for information only: the last layer of each network includes its temperature
    temperature = float(np.mean([network.temperature for network in networks]))
    dtype = first.coefs[0].dtype  # averages of biases are float64
    return replace(first, coefs=tuple(coefs), intercepts=tuple(intercepts), temperature=temperature).as_type(dtype)
