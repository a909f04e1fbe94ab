"""One flat vector and its views."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sknet._network.chain import Layout


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_pack_and_views_are_inverse(sizes):
    layout = Layout(tuple(sizes))
    theta = np.arange(float(layout.n_parameters))
    coefs, intercepts = layout.views(theta)
    assert [W.shape for W in coefs] == layout.shapes == list(pairwise(sizes))
    assert [b.shape for b in intercepts] == [(size,) for size in sizes[1:]]
    np.testing.assert_array_equal(layout.pack(coefs, intercepts, float), theta)
    assert all(np.shares_memory(part, theta) for part in (*coefs, *intercepts))


def test_weights_come_first():
    layout = Layout((2, 3, 1))
    assert (layout.n_weights, layout.n_parameters) == (9, 13)
    theta = np.zeros(13)
    coefs, intercepts = layout.views(theta)
    for W in coefs:
        W += 1
    for b in intercepts:
        b -= 1
    assert theta.tolist() == [1] * 9 + [-1] * 4


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_the_first_biases_are_one_more_row_of_the_first_weights(sizes):
    layout = Layout(tuple(sizes))
    theta = np.arange(float(layout.n_parameters))
    first, (coefs, intercepts) = layout.layers(theta, biases_in_weights=True)[0].W, layout.views(theta)
    assert np.shares_memory(first, theta)
    np.testing.assert_array_equal(first, np.vstack([coefs[0], intercepts[0]]))


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_the_parameters_of_one_layer(sizes):
    layout = Layout(tuple(sizes))
    theta = np.arange(float(layout.n_parameters))
    coefs, intercepts = layout.views(theta)
    for own, start, W, b in zip(layout.layers(theta), layout.weight_starts, coefs, intercepts, strict=True):
        np.testing.assert_array_equal(own.W, W)
        np.testing.assert_array_equal(own.b, b)
        assert own.W[0, 0] == start


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pack_copies(dtype):
    W, b = np.ones((2, 1), dtype), np.zeros(1, dtype)
    theta = Layout((2, 1)).pack([W], [b], np.float32)
    theta += 5
    assert theta.dtype == np.float32 and (W == 1).all() and (b == 0).all()


def test_a_factor_on_the_output_layer():
    layout = Layout((2, 3, 1))
    theta = np.arange(1.0, layout.n_parameters + 1)
    scaled = layout.with_output_scaled(theta, 2.0)
    (first, last), (hidden, output) = layout.views(theta)
    np.testing.assert_array_equal(scaled, layout.pack([first, 2 * last], [hidden, 2 * output], float))
    assert theta[-1] == layout.n_parameters


def test_what_is_derived_is_not_shown_and_no_argument():
    assert repr(Layout((2, 3, 1))) == "Layout(sizes=(2, 3, 1))"
    with pytest.raises(TypeError):
        Layout((2, 3, 1), 3)
