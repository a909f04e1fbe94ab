"""What is compared of fits."""

import numpy as np


def weights(net):
    """All weights and biases of the network, in one vector."""
    return np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])
