"""Parts of the models' room that tests of other rooms start from: tables in memory, and what they are encoded as."""

import numpy as np
import scipy.sparse as sp

from sknet import SigmoidMLPRegressor
from sknet._estimators.auto import Facts
from sknet._estimators.resolve import resolve, target_settings
from sknet._model.heads import learn_regression_head
from sknet._model.matrices import encode_rows, learn_encoding
from sknet._model.table_in_memory import TableInMemory
from sknet._tables.rows import Rows
from tests.tables.examples import column_summary


def table_in_memory(X):
    """An array, a CSR matrix or a data frame as a table that may be fitted to."""
    return TableInMemory(X)


def rows_of(X, y, weight=None, groups=None):
    """The rows of an array, a CSR matrix or a data frame, with targets as training sees them, (n, k)."""
    return Rows(table_in_memory(X), y if y.ndim == 2 else y[:, None], weight, groups)


def encoded(table, y, numeric_encoding="piecewise_linear", weight=None, **parameters):
    """The table's encoding, and its rows encoded."""
    net = SigmoidMLPRegressor(
        numeric_encoding=numeric_encoding, n_members=1, dtype="float64", max_categories=None, **parameters
    )
    head, values = learn_regression_head(y, target_settings(net))
    settings, _ = resolve(net, Facts(len(y), True, columns=column_summary(2)))
    rows = rows_of(table, values, weight)
    encoding = learn_encoding(settings, head, rows, np.dtype(float))
    return encoding, encode_rows(encoding, rows, cross_fit=False), rows


def dense(inputs, batch, n_inputs):
    """A batch of the network's inputs, whatever form they have, as one array; without the column of ones."""
    Z = inputs(batch)
    if inputs.batch_format == "mixed":
        whole = np.zeros((len(Z.dense), n_inputs))
        whole[:, n_inputs - Z.one_hot.shape[1] :] = Z.one_hot.toarray()
        whole[:, Z.dense_inputs] += Z.dense
        return whole
    Z = Z.toarray() if sp.issparse(Z) else np.array(Z)
    return Z[:, :-1] if inputs.batch_format == "ones" else Z
