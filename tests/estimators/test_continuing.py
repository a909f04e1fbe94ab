"""`partial_fit` warns of a chunk that is far from the first, or from the sample that taught its encoders."""

import numpy as np
import pytest

from sknet import SigmoidMLPRegressor, stream

X = np.arange(400.0)[:, np.newaxis]


def test_a_chunk_far_from_the_first_gives_a_warning():
    net = SigmoidMLPRegressor(random_state=0).partial_fit(X[:20], X[:20, 0])
    with pytest.warns(RuntimeWarning, match=r"Columns \['x0'\] of X lie far outside"):
        net.partial_fit(X[380:], X[380:, 0])


def test_a_sample_of_all_rows_taught_the_encoders():
    net = stream.prepare(SigmoidMLPRegressor(random_state=0), X[::10], X[::10, 0])
    assert net.partial_fit(X[:20], X[:20, 0]).partial_fit(X[380:], X[380:, 0]).t_ == 40
