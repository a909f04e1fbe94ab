"""Rows in memory and encoded rows for several tests."""

from types import SimpleNamespace

import numpy as np
from sklearn.base import is_classifier

from sknet._model.encoding import EncodedRows, EncodingLearner, TableInMemory, encode_rows
from sknet._model.epoch_choice import FoldPhase
from sknet._model.heads import learn_label_head, learn_regression_head
from tests.estimators.inside import settings_of, target_settings_of
from tests.tables.examples import rows_of_table, survey_of


def table_in_memory(X):
    """An array, a CSR matrix or a data frame as a table that may be fitted to."""
    return TableInMemory(X)


def rows_of(X, y, weight=None, groups=None):
    """The rows of an array, a CSR matrix or a data frame, with targets as training sees them, (n, k)."""
    return rows_of_table(table_in_memory(X), y, weight, groups)


def encoded(net, X, y, weight=None, *, validated=False, cross_fit=False, n_numbers=3):
    """Settings, the encoding, the encoded rows, and the rows, as a fit of this estimator would make them."""
    learn = learn_label_head if is_classifier(net) else learn_regression_head
    head, values = learn(y, target_settings_of(net))
    settings = settings_of(net, len(y), validated, n_numbers)
    rows = rows_of(X, values, weight)
    sample = rows.sample(0)
    encoding = EncodingLearner(settings, head, rows, sample, survey_of(sample.X), np.dtype(float), seed=0).learn(None)
    return settings, encoding, encode_rows(encoding, rows, cross_fit=cross_fit), rows


def rows_with_targets(inputs, y, weight=None):
    """Encoded rows, whose targets, (n, 1), are what raw outputs are compared with."""
    head = SimpleNamespace(targets=lambda y, dtype, smoothing: y.astype(dtype))
    return EncodedRows(inputs, y, weight, SimpleNamespace(head=head, compute_dtype=np.dtype(float)))


def folds_end_code():
    """The code that runs between the training of folds and that of the network that is learnt."""
    return FoldPhase.free_networks.__code__
