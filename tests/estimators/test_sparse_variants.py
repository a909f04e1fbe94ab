"""Every way to store a sparse table gives the same model and the same predictions, whatever came before."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.base import clone

from sknet import SigmoidMLPRegressor

rng = np.random.default_rng(0)
DENSE = np.where(rng.random((60, 7)) < 0.4, rng.normal(size=(60, 7)), 0.0)
y = DENSE[:, 0] - DENSE[:, 1]
WHOLE = {"hidden_layer_sizes": 4, "max_iter": 3, "batch_size": 60, "random_state": 0, "early_stopping": False}
SCALINGS_AND_TYPES = [("robust", "float64"), (None, "float64"), ("robust", "float32")]
RTOL = {"float64": 1e-12, "float32": 1e-4}


def unsorted(matrix):
    """The same values, those of each row in another order."""
    matrix = matrix.copy()
    for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        matrix.indices[start:stop] = matrix.indices[start:stop][::-1].copy()
        matrix.data[start:stop] = matrix.data[start:stop][::-1].copy()
    matrix.has_sorted_indices = False
    return matrix


def duplicated(matrix):
    """The same sums, each of two halves."""
    halves, columns = np.repeat(matrix.data / 2, 2), np.repeat(matrix.indices, 2)
    return sp.csr_array((halves, columns, 2 * matrix.indptr), shape=matrix.shape)


def with_zeros(matrix):
    """Zeros that are stored."""
    matrix = matrix.tolil()
    matrix[0, :] = 1.0
    matrix = matrix.tocsr()
    matrix.data[: matrix.indptr[1]] = DENSE[0]
    return matrix


def wide_indices(matrix):
    """Indices of 64 bits."""
    matrix = matrix.copy()
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix


VARIANTS = {
    **{name: lambda X, name=name: X.asformat(name) for name in ("csr", "csc", "coo", "bsr", "lil", "dok", "dia")},
    "matrix": sp.csr_matrix,
    "unsorted": unsorted,
    "duplicated": duplicated,
    "zeros that are stored": with_zeros,
    "wide indices": wide_indices,
    "a column first": lambda X: unsorted(X.tocsc()),
}


def test_entries_of_a_row_are_not_in_order():
    assert not unsorted(sp.csr_array(DENSE)).has_sorted_indices


def test_several_entries_are_of_one_cell():
    assert not duplicated(sp.csr_array(DENSE)).has_canonical_format


@pytest.mark.parametrize(("scaling", "dtype"), SCALINGS_AND_TYPES)
@pytest.mark.parametrize("vary", VARIANTS.values(), ids=VARIANTS)
def test_a_variant_is_the_csr_matrix(vary, scaling, dtype):
    plain = sp.csr_array(DENSE)
    X = vary(plain)
    parameters = WHOLE | {"input_scaling": scaling, "dtype": dtype}
    fitted = SigmoidMLPRegressor(**parameters).fit(plain, y)
    expected = fitted.predict(plain)
    assert_allclose(fitted.predict(X), expected, rtol=RTOL[dtype])
    assert_allclose(fitted.predict(DENSE), expected, rtol=RTOL[dtype])
    assert_allclose(SigmoidMLPRegressor(**parameters).fit(X, y).predict(X), expected, rtol=RTOL[dtype])
    nets = [SigmoidMLPRegressor(**parameters).partial_fit(DENSE, y) for _ in range(2)]
    for net, table in zip(nets, (plain, X), strict=True):  # after dense rows, which may have been centred
        net.partial_fit(table, y)
    assert_allclose(nets[1].predict(X), nets[0].predict(plain), rtol=RTOL[dtype])
    assert_allclose(nets[1].predict(X), nets[1].predict(DENSE), rtol=RTOL[dtype])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_of_inputs_that_few_rows_have_are_averaged_as_in_a_dense_table(early_stopping):
    """SGD without momentum moves nothing that a batch does not touch; the average of the weights must not either."""
    rare = sp.random_array((200, 60), density=0.02, rng=np.random.default_rng(0), format="csr")
    y = rare.sum(axis=1)
    net = SigmoidMLPRegressor(
        5, solver="sgd", momentum=0.0, alpha=0.0, weight_decay=0.0, averaging=0.99, batch_size=10, max_iter=4,
        learning_rate_init=0.5, input_scaling=None, numeric_encoding="raw", dtype="float64", random_state=0,
        n_members=1, early_stopping=early_stopping, validation_fraction=0.2,
    )  # fmt: skip
    dense = clone(net).fit(rare.toarray(), y)
    for one, other in zip(net.fit(rare, y).coefs_, dense.coefs_, strict=True):
        assert_allclose(one, other, rtol=1e-9)
