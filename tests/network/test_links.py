"""Links of several outputs, their logarithms and derivatives."""

import numpy as np
from numpy.testing import assert_allclose

from sknet._network.losses import link_differences, log_softmax_link, softmax_link, softmax_link_backward

RAW = np.random.default_rng(0).normal(size=(50, 4)) * np.geomspace(1e-3, 30.0, 50)[:, np.newaxis]


def test_the_logarithms_of_a_softmax_are_those_of_the_link():
    P, log_P = RAW.copy(), RAW.copy()
    softmax_link(P)
    log_softmax_link(log_P)
    assert_allclose(P.sum(axis=1), 1.0, rtol=1e-15)
    assert_allclose(np.exp(log_P), P, rtol=1e-13)


def test_the_derivative_of_a_softmax_is_that_of_differences():
    delta = np.random.default_rng(1).normal(size=RAW.shape)
    assert_allclose(softmax_link_backward(RAW, delta), link_differences(softmax_link, RAW, delta), atol=1e-8)
