"""Makers of settings (settings.py), rows, encodings, networks and models, without an estimator."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
from sklearn.base import is_classifier

from sknet._model.encoding_learner import EncodingLearner, encode_rows
from sknet._model.epoch_choice import FoldPhase
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.model import Model, Network
from sknet._model.rows import EncodedRows, Rows
from sknet._model.settings import Settings, TargetSettings
from sknet._model.table_in_memory import TableInMemory
from tests.estimators.inside import settings_of, target_settings_of
from tests.network.pieces import ACTIVATIONS, network_of
from tests.tables.examples import column_settings, survey_of
from tests.training.problems import mini_batch

SCALED_NUMBERS = TargetSettings("squared_error", target_scaling="standard")
NUMBERS = {"of_target": SCALED_NUMBERS, "learn_head": RegressionHead.learn_and_read}
LABELS = {"of_target": TargetSettings("log_loss"), "learn_head": LabelHead.learn_and_read}
"""What `encoded_with` takes for numbers and for labels."""


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
    settings, X, y, weight=None, *, cross_fit=False, of_target=SCALED_NUMBERS, learn_head=RegressionHead.learn_and_read
):
    """The encoding, the encoded rows, and the rows."""
    head, values = learn_head(y, of_target)
    rows = rows_of(X, values, weight)
    sample = rows.sample(0)
    encoding = EncodingLearner(settings, head, sample, survey_of(sample.X), np.dtype(float), seed=0).learn(rows, None)
    return encoding, encode_rows(encoding, rows, cross_fit=cross_fit), rows


def learn_encoding(X, y=None, **columns):
    """The encoding of a table; `columns` are the settings of its columns."""
    y = np.arange(float(X.shape[0])) if y is None else y
    return encoded_with(make_settings(table=column_settings(**columns)), X, y)[0]


def draw_network(*sizes, activation="tanh", seed=0):
    """A network of layers of these sizes, from the inputs to the outputs, with weights drawn at random."""
    rng = np.random.default_rng(seed)
    coefs = [rng.normal(size=pair) for pair in pairwise(sizes)]
    return Network((ACTIVATIONS[activation],) * (len(sizes) - 2), coefs, [rng.normal(size=n) for n in sizes[1:]])


def make_model(X, y, *, n_outputs=1, activation="tanh", dtype=float, n_units=4, target=NUMBERS, **columns):
    """A model of a table and targets, whose weights are drawn, not trained; `target` is `NUMBERS` or `LABELS`."""
    settings = make_settings(table=column_settings(**columns), dtype=np.dtype(dtype))
    encoding = encoded_with(settings, X, y, **target)[0]
    n_inputs = len(encoding.encoder.input_descriptions)
    return Model(encoding, draw_network(n_inputs, n_units, n_outputs, activation=activation))


def encoded(net, X, y, weight=None, *, validated=False):
    """Settings, the encoding, the encoded rows, and the rows, as a fit of this estimator would make them."""
    settings = settings_of(net, len(y), validated)
    learn_head = LabelHead.learn_and_read if is_classifier(net) else RegressionHead.learn_and_read
    return settings, *encoded_with(settings, X, y, weight, of_target=target_settings_of(net), learn_head=learn_head)


def rows_with_targets(inputs, y, weight=None):
    """Encoded rows, whose targets, (n, 1), are what raw outputs are compared with."""
    head = SimpleNamespace(targets=lambda y, dtype, smoothing: y.astype(dtype))
    return EncodedRows(inputs, y, weight, SimpleNamespace(head=head, compute_dtype=np.dtype(float)))


def folds_end_code():
    """The code that runs between the training of folds and that of the network that is learnt."""
    return FoldPhase.free_networks.__code__
