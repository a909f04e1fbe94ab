"""Links of several outputs: their logarithms keep digits that the logarithm of the link has lost."""

import numpy as np
from numpy.testing import assert_allclose

from sknet._network.links import link_differences, log_shares, log_softmax_link, softmax_link, softmax_link_backward

RAW = np.random.default_rng(0).normal(size=(50, 4)) * np.geomspace(1e-3, 30.0, 50)[:, np.newaxis]


def test_the_logarithms_of_a_softmax_are_those_of_the_link():
    P, log_P = RAW.copy(), RAW.copy()
    softmax_link(P)
    log_softmax_link(log_P)
    assert_allclose(P.sum(axis=1), 1.0, rtol=1e-15)
    assert_allclose(np.exp(log_P), P, rtol=1e-13)


def test_the_logarithm_of_a_share_near_1_keeps_its_digits():
    P = np.array([[1.0, 3e-18, 1e-18], [0.25, 0.5, 0.25]])
    expected = np.log(P)
    expected[0, 0] = -4e-18  # of 1 / (1 + 4e-18)
    assert_allclose(log_shares(P), expected)
    log_P = np.log(P)
    log_softmax_link(log_P)
    assert_allclose(log_P, log_shares(P), rtol=1e-15)


def test_the_derivative_of_a_softmax_is_that_of_differences():
    delta = np.random.default_rng(1).normal(size=RAW.shape)
    assert_allclose(softmax_link_backward(RAW, delta), link_differences(softmax_link, RAW, delta), atol=1e-8)
