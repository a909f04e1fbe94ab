"""What every table promises, wherever its rows are: in memory, in a file, or with workers; nobody asks for more."""

from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from tests.dask.local_workers import parted
from tests.model.examples import rows_with_targets, table_in_memory
from tests.model.limits import compact_bytes
from tests.network.pieces import as_array, network_of, objective_of
from tests.stream.files import stored_table
from tests.stream.limits import pool_bytes
from tests.tables.examples import encoder_of, encoding_folds_of, target_statistics, with_target_statistics
from tests.tables.limits import lookup_inputs

N, DOUBLE = 90, np.dtype(float)
rng = np.random.default_rng(0)
X = np.column_stack([rng.normal(size=(N, 2)), rng.integers(0, 7, N)])
X[::8, 0] = np.nan
CITIES = pd.DataFrame({"a": X[:, 0], "city": [f"city {i % 40}" for i in range(N)], "b": X[:, 1]})
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": [f"level {i:g}" for i in X[:, 2]]})
SPARSE = sp.csr_array(np.where(np.abs(X[:, 1:]) > 0.5, X[:, 1:], 0.0))
SOME, ORDER = np.array([3, 4, 50, 89]), np.array([2, 3, 0, 2])
Y, WEIGHT = rng.normal(size=(N, 1)), 1.0 + np.arange(N) % 3


def memory(values, folder, _):
    return table_in_memory(values)


def looked_up(values, folder, opened):
    opened.enter_context(lookup_inputs(10))
    return table_in_memory(values)


def compact(values, folder, opened):
    opened.enter_context(compact_bytes(0))
    return looked_up(values, folder, opened)


def memory_map(values, folder, _):
    path = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(path, values)
    return table_in_memory(np.load(path, mmap_mode="r"))


def file(values, folder, opened):
    opened.enter_context(pool_bytes(500, encoded=500))  # several pools, of a few rows each
    return opened.enter_context(stored_table(values, folder))


def workers(values, folder, _):
    return parted(values)


TABLES = {
    "array": (X, memory), "CSR matrix": (SPARSE, memory), "frame": (FRAME, memory), "memory map": (X, memory_map),
    "frame, looked up": (CITIES, looked_up), "array, compact": (X, compact), "looked up, compact": (CITIES, compact),
    "file of arrays": (X, file), "file of frames": (FRAME, file),
    "workers with arrays": (X, workers), "workers with frames": (FRAME, workers),
}  # fmt: skip


@pytest.fixture(params=TABLES)
def make(request, tmp_path):
    """Makes the table of some values, as often as it is called."""
    with ExitStack() as opened:
        values, make_table = TABLES[request.param]
        yield lambda change=lambda values: values: make_table(change(values), tmp_path, opened)


@pytest.fixture
def table(make):
    return make()


def take(values, rows):
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]


def assert_same(result, expected):
    assert result.shape == expected.shape
    if isinstance(expected, pd.DataFrame):
        assert list(result) == list(expected)
        pd.testing.assert_frame_equal(*(frame.astype(object).reset_index(drop=True) for frame in (result, expected)))
    else:
        assert_array_equal(*(Z.toarray() if sp.issparse(Z) else np.asarray(Z) for Z in (result, expected)))


def test_every_place_is_listed(tmp_path):
    with ExitStack() as opened:
        kinds = {type(make_table(values, tmp_path, opened)) for values, make_table in TABLES.values()}
    assert kinds == {*type(table_in_memory(X)).__base__.__subclasses__()}


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_chosen_by_number_and_brought_to_memory_in_any_order(table):
    values = table.rows_in_memory()
    assert table.shape == values.shape
    some = table[SOME]
    assert some.shape == (4, values.shape[1])
    assert_same(some.rows_in_memory(), take(values, SOME))
    assert_same(some.rows_in_memory(ORDER), take(values, SOME[ORDER]))
    assert_same(some[np.array([1, 3])].rows_in_memory(), take(values, SOME[[1, 3]]))
    assert_same(table[5:9].rows_in_memory(), take(values, np.arange(5, 9)))
    examples = table.example_rows
    assert len(examples.shape) == 2
    assert examples.shape[1] == values.shape[1]
    assert 0 < examples.shape[0] <= N
    assert list(examples) == list(values) or not isinstance(values, pd.DataFrame)


def test_numbers_of_a_small_table_are_its_values_or_not_known(table):
    assert table.dense_array_if_small(1) is None
    assert len(table) == table.shape[0] == N
    numbers, values = table.dense_array_if_small(10**6), table.rows_in_memory()
    if numbers is not None:
        assert_same(numbers, values.toarray() if sp.issparse(values) else values)


def test_a_digest_is_that_of_the_rows_and_their_values(make):
    def changed(values):
        values = values.copy()
        if isinstance(values, pd.DataFrame):
            values.iloc[50, 0] += 1.0
        else:
            values[50, 1] += 1.0
        return values

    table = make()
    assert table.digest() == make().digest()
    assert len({made.digest() for made in (table, table[SOME], table[SOME[1:]], make(changed))}) == 4


# --- encoding --------------------------------------------------------------------------------------------------------


def is_looked_up(values):
    return isinstance(values, pd.DataFrame) and "city" in values


def encoder_for(values):
    """One with categories that the target encodes, and bins, where a table may have such."""
    if sp.issparse(values):
        return encoder_of(values)
    bins = {"numeric_encoding": "piecewise_linear", "n_bins": 4}
    if is_looked_up(values):
        return encoder_of(values, **bins)
    chosen = ["from_dtype"] if isinstance(values, pd.DataFrame) else [2]
    return encoder_of(values, categorical_features=chosen, category_encoding="target", target=Y, **bins)


EVERY_THIRD = np.arange(0, N, 3)
SHUFFLED = np.random.default_rng(1).permutation(N)[:60]
ROWS = pytest.mark.parametrize(
    "rows", [np.arange(N), EVERY_THIRD, SHUFFLED], ids=["all rows", "every third", "in any order"]
)


@ROWS
@pytest.mark.parametrize("by_fold", [False, True], ids=["means of all rows", "means of other encoding folds"])
def test_target_totals_are_those_of_rows_in_memory(table, rows, by_fold):
    values = table.rows_in_memory()
    encoder, fold = encoder_for(values), encoding_folds_of(Y)
    expected = target_statistics(encoder, take(values, rows), Y[rows], WEIGHT[rows], fold[rows])
    totals = table[rows].target_statistics(encoder, Y[rows], np.copy, WEIGHT[rows], fold[rows])
    assert totals.keys() == expected.keys()
    assert len(totals) == encoder.has_target_encoding
    Z, wanted = (
        with_target_statistics(encoder, sums).encode(values, float, encoding_fold=fold if by_fold else None)
        for sums in (totals, expected)
    )
    assert_same(Z, wanted) if sp.issparse(values) else assert_allclose(Z, wanted)


def both_encodings(table, cross_fit):
    """The encoder, the encoded table, and an array of the same inputs."""
    values = table.rows_in_memory()
    encoder = encoder_for(values)
    fold = encoding_folds_of(Y) if cross_fit and encoder.has_target_encoding else None
    Z = encoder.encode(values, float, encoding_fold=fold)
    return encoder, table.encode(encoder, DOUBLE, fold), Z.toarray() if sp.issparse(Z) else Z


def as_in_file(objective, rows):
    """The batches of some rows of a file, which come as they are in the file, and which of these rows they are."""
    order, start = np.argsort(rows), 0
    for batch in objective.batches(16, None):
        stop = start + batch.stop - batch.start
        yield batch, order[start:stop]
        start = stop


ENCODINGS = pytest.mark.parametrize(
    ("cross_fit", "without_bins"), [(False, True), (True, False)], ids=["without bins", "cross-fitted"]
)
BATCHES = {"the first rows": slice(0, 30), "a stretch": slice(3, 20), "any order": np.array([20, 2, 17])}


@ROWS
@ENCODINGS
def test_a_network_learns_the_same_of_encoded_rows(table, cross_fit, without_bins, rows):
    encoder, encoded, Z = both_encodings(table, cross_fit)
    n_skipped_inputs = encoder.n_bins if without_bins else 0
    network = network_of(encoder.n_inputs - n_skipped_inputs, 4, 1, l2=0.3)
    theta = np.random.default_rng(1).normal(size=network.layout.n_parameters)
    weight = WEIGHT[rows] / WEIGHT[rows].mean()
    inputs = encoded[rows].without_first_inputs(n_skipped_inputs)
    objective = inputs.objective(network, rows_with_targets(inputs, Y[rows], weight))
    expected, _ = objective_of(
        network, np.column_stack([Z[rows], np.ones(len(rows))]), Y[rows], weight, n_skipped_inputs
    )
    any_rows = [slice(0, len(rows)), *BATCHES.values()]
    for batch, same_rows in as_in_file(objective, rows) if table.is_stream else zip(any_rows, any_rows, strict=True):
        value, gradient = objective(theta, batch, np.empty_like(theta))
        wanted, slope = expected(theta, same_rows, np.empty_like(theta))
        assert value == pytest.approx(wanted)
        assert_allclose(gradient, slope, atol=1e-12)
    raw = expected.raw_training_outputs(theta)
    assert_allclose(inputs.raw_outputs(network, theta, len(rows)), raw)
    assert_allclose(objective.raw_training_outputs(theta), raw)


@ENCODINGS
@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES.keys())
def test_a_batch_of_encoded_rows_holds_their_inputs(table, cross_fit, without_bins, batch):
    encoder, encoded, Z = both_encodings(table, cross_fit)
    n_skipped_inputs = encoder.n_bins if without_bins else 0
    inputs = encoded[EVERY_THIRD].without_first_inputs(n_skipped_inputs)
    assert (inputs.batch_format == "one_hot_and_dense") == is_looked_up(table.rows_in_memory())
    dense = as_array(inputs(batch), inputs.batch_format, encoder.n_inputs - n_skipped_inputs)
    assert_allclose(dense, Z[EVERY_THIRD[batch], n_skipped_inputs:])


@pytest.mark.parametrize("cross_fit", [False, True])
def test_encoded_rows_are_chosen_again_by_number(table, cross_fit):
    encoder, encoded, Z = both_encodings(table, cross_fit)
    fewer = np.arange(1, len(EVERY_THIRD), 4)
    inputs = encoded[EVERY_THIRD][fewer]
    dense = as_array(inputs(slice(0, 5)), inputs.batch_format, encoder.n_inputs)
    assert_allclose(dense, Z[EVERY_THIRD[fewer[:5]]])
