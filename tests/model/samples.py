"""Rows as one network takes them, made of what is known of them."""

import numpy as np

from sknet._model.matrices import Samples


def samples_of(inputs, y, weight=None, max_rows=64, typical_rows=None):
    """Rows whose targets, (n, 1), are what raw outputs are compared with."""
    total = float(len(y)) if weight is None else weight.sum()
    target = y if typical_rows is None else y[typical_rows]
    return Samples(inputs, y, np.copy, target, weight, total, max_rows, typical_rows)
