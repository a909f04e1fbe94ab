"""Links: their values, logarithms and derivatives, and what makes a function a link."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknet._network.links import (
    EXP,
    IDENTITY,
    SIGMOID,
    SOFTMAX,
    inplace_log_softmax,
    inplace_softmax,
    link_differences,
    softmax_link_backward,
)
from sknet._network.losses import Loss
from sknet._network.losses_of_labels import SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS
from sknet._network.losses_of_numbers import POISSON, SQUARED_ERROR

X = np.random.default_rng(0).normal(size=(7, 3))


def test_links_have_the_values_of_their_formulas():
    raw = np.array([[-800.0, 0.0, 800.0]])
    np.testing.assert_allclose(SOFTMAX_LOG_LOSS.inverse_link.predictions(raw), [[0, 0, 1]])
    np.testing.assert_allclose(SIGMOID_LOG_LOSS.inverse_link.predictions(raw), [[0, 0.5, 1]])
    np.testing.assert_allclose(POISSON.inverse_link.predictions(X), np.exp(X))
    np.testing.assert_array_equal(SQUARED_ERROR.inverse_link.predictions(X), X)
    np.testing.assert_allclose(SOFTMAX_LOG_LOSS.inverse_link.predictions(X).sum(axis=1), 1)


def test_a_loss_without_a_logarithmic_link_has_no_log_probabilities():
    with pytest.raises(TypeError, match="the link 'identity' has no logarithm"):
        SQUARED_ERROR.inverse_link.log_predictions(np.zeros((2, 1)))


def test_a_loss_is_mirrored_only_if_it_says_so():
    loss = Loss("own", lambda raw, target: raw[:, 0], lambda raw, target: raw, link=lambda raw: None)
    link, raw = loss.inverse_link, np.array([[0.5], [-2.0]])
    assert not link.is_mirrored
    assert link.with_other_class(link.predictions, raw).shape == (2, 1)


def test_functions_of_ones_own_become_a_link():
    """Its name decides what raw outputs are called, and whether a row's probabilities add up to 1."""

    def value(raw, target):
        return raw[:, 0]

    def link(raw):
        raw *= 2.0

    of_another_name, softmax = (
        Loss("own", value, value, link=link, out_activation=name, mirrored=True).inverse_link
        for name in ("twice", "softmax")
    )
    assert (of_another_name.name, of_another_name.raw_output_name) == ("twice", "raw output")
    assert of_another_name.is_mirrored
    assert not of_another_name.is_normalized
    assert not of_another_name.is_identity
    assert softmax.is_normalized
    assert softmax.raw_output_name == SOFTMAX.raw_output_name
    for inverse_link in (of_another_name, softmax):
        np.testing.assert_array_equal(inverse_link.predictions(X), 2.0 * X)
        np.testing.assert_allclose(inverse_link.backward(X, np.ones_like(X)), 2.0, rtol=1e-9)
    without_link = Loss("own", value, value, out_activation="linear").inverse_link
    assert without_link.name == "linear"
    assert without_link.is_identity
    assert without_link.backward(X, raw := X + 1.0) is raw


def test_a_link_is_exp_if_it_computes_exponentials():
    inverse_link = Loss("own", None, None, link=lambda raw: np.exp(raw, out=raw)).inverse_link
    assert inverse_link.is_exp(1)
    assert inverse_link.is_exp(3)
    assert EXP.is_exp(1)
    assert not any(link.is_exp(k) for link in (IDENTITY, SIGMOID, SOFTMAX) for k in (1, 3))


RAW = np.random.default_rng(0).normal(size=(50, 4)) * np.geomspace(1e-3, 30.0, 50)[:, np.newaxis]


def test_the_logarithms_of_a_softmax_are_those_of_the_link():
    P, log_P = RAW.copy(), RAW.copy()
    inplace_softmax(P)
    inplace_log_softmax(log_P)
    assert_allclose(P.sum(axis=1), 1.0, rtol=1e-15)
    assert_allclose(np.exp(log_P), P, rtol=1e-13)


def test_the_derivative_of_a_softmax_is_that_of_differences():
    delta = np.random.default_rng(1).normal(size=RAW.shape)
    assert_allclose(softmax_link_backward(RAW, delta), link_differences(inplace_softmax, RAW, delta), atol=1e-8)
