"""Encoders from a sample: what needs `partial_fit` later, needs a solver that has it."""

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier, stream


def test_a_solver_without_partial_fit_is_refused():
    with pytest.raises(AttributeError, match="stochastic"):
        stream.prepare(SigmoidMLPClassifier(solver="lbfgs"), np.ones((3, 1)), [0, 1, 0])
