"""Settings (settings.py), rows in memory and encoded rows for several tests."""

from types import SimpleNamespace

import numpy as np
from sklearn.base import is_classifier

from sknet._model.encoding_learner import EncodingLearner, encode_rows
from sknet._model.epoch_choice import FoldPhase
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.rows import EncodedRows, Rows
from sknet._model.settings import Settings, TargetSettings
from sknet._model.table_in_memory import TableInMemory
from tests.estimators.inside import settings_of, target_settings_of
from tests.network.pieces import network_of
from tests.tables.examples import column_settings, survey_of
from tests.training.problems import mini_batch

SCALED_NUMBERS = TargetSettings("squared_error", target_scaling="standard")


def table_in_memory(X):
    """An array, a CSR matrix or a data frame as a table that may be fitted to."""
    return TableInMemory(X)


def rows_of(X, y, weight=None, groups=None):
    """The rows of an array, a CSR matrix or a data frame, with targets as training sees them, (n, k)."""
    return Rows(table_in_memory(X), y if y.ndim == 2 else y[:, None], weight, groups)


def make_settings(**changes):
    """Settings of a small regressor without any regularisation, with these changes."""
    plain = {
        "table": column_settings(),
        "dtype": np.dtype(float),
        "hidden_sizes": (4,),
        "activations": network_of(3, 4, 1).activations,
        "dropout": (0.0,),
        "init": "glorot_uniform",
        "monotonic_cst": None,
        "interaction_cst": None,
        "solver": mini_batch(batch_size=20),
        "alpha": 0.0,
        "l1_ratio": 0.0,
        "max_norm": None,
    }
    return Settings(**plain | changes)


def encoded_with(
    settings, X, y, weight=None, *, cross_fit=False, of_target=SCALED_NUMBERS, learn_head=RegressionHead.learn
):
    """The encoding, the encoded rows, and the rows."""
    head, values = learn_head(y, of_target)
    rows = rows_of(X, values, weight)
    sample = rows.sample(0)
    encoding = EncodingLearner(settings, head, sample, survey_of(sample.X), np.dtype(float), seed=0).learn(rows, None)
    return encoding, encode_rows(encoding, rows, cross_fit=cross_fit), rows


def encoded(net, X, y, weight=None, *, validated=False):
    """Settings, the encoding, the encoded rows, and the rows, as a fit of this estimator would make them."""
    settings = settings_of(net, len(y), validated)
    learn_head = LabelHead.learn if is_classifier(net) else RegressionHead.learn
    return settings, *encoded_with(settings, X, y, weight, of_target=target_settings_of(net), learn_head=learn_head)


def rows_with_targets(inputs, y, weight=None):
    """Encoded rows, whose targets, (n, 1), are what raw outputs are compared with."""
    head = SimpleNamespace(targets=lambda y, dtype, smoothing: y.astype(dtype))
    return EncodedRows(inputs, y, weight, SimpleNamespace(head=head, compute_dtype=np.dtype(float)))


def folds_end_code():
    """The code that runs between the training of folds and that of the network that is learnt."""
    return FoldPhase.free_networks.__code__
