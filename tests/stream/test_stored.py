"""A source that is written to a file, whatever its chunks, and the table in this file as one value.

What all tables promise: test_table_contract.
"""

import warnings
from contextlib import nullcontext
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sknet import SigmoidMLPRegressor, stream
from sknet._stream.records import choose_format
from sknet._stream.sources import Chunk
from sknet._stream.storage import ScratchFiles
from sknet._stream.stored import LabelCollector, NumberTargetCollector, SourceWriter, hash_groups
from tests.model.examples import rows_with_targets
from tests.network.pieces import network_of, objective_of
from tests.stream.files import stored_table
from tests.stream.limits import pool_bytes
from tests.tables.examples import column_choices, encoder_of, read_labels, read_numbers
from tests.tables.limits import sample_rows

RNG = np.random.default_rng(0)
LABELS = {
    "binary": RNG.integers(0, 2, 60),
    "text": RNG.choice(["b", "a", "c"], 60),
    "objects": pd.Series(RNG.choice(["b", "a", "c"], 60), dtype=object),
    "bools": RNG.random(60) < 0.5,
    "multilabel": RNG.integers(0, 2, (60, 3)),
    "multioutput": np.column_stack([RNG.integers(0, 5, 60), RNG.integers(0, 2, 60)]),
    "frame": pd.DataFrame({"a": RNG.choice(["x", "y"], 60), "b": RNG.integers(0, 3, 60)}),
}
LABELS["some missing"] = LABELS["frame"].where(np.arange(60)[:, np.newaxis] % 5 != [2, 4], None)
NUMBERS = {
    "flat": RNG.normal(size=60),
    "column": RNG.normal(size=(60, 1)),
    "several": RNG.normal(size=(60, 2)),
    "frame": pd.DataFrame(RNG.normal(size=(60, 2))),
}
NUMBERS["some missing"] = NUMBERS["frame"].where(np.arange(60)[:, np.newaxis] % 5 != [2, 4])
KEPT = np.arange(60) % 7 > 0


def collected(kind, y, cuts=(1, 20)):
    targets = kind()
    for start, stop in zip([0, *cuts], [*cuts, 60], strict=True):
        part = slice(start, stop)
        targets.append(y.iloc[part] if hasattr(y, "iloc") else y[part], KEPT[part])
    return targets.finish()


@pytest.mark.parametrize("name", list(LABELS))
def test_labels_collected_in_chunks_are_those_read_at_once(name):
    labels, expected = collected(LabelCollector, LABELS[name]), read_labels(LABELS[name])[KEPT]
    assert labels.shape == expected.shape
    assert labels.dtype == expected.dtype or name == "some missing"
    np.testing.assert_array_equal(pd.DataFrame(labels).fillna("missing"), pd.DataFrame(expected).fillna("missing"))


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("name", list(NUMBERS))
def test_numbers_collected_in_chunks_are_those_read_at_once(name):
    np.testing.assert_array_equal(collected(NumberTargetCollector, NUMBERS[name]), read_numbers(NUMBERS[name])[KEPT])


@pytest.mark.parametrize(
    ("kind", "first", "second", "message"),
    [
        (LabelCollector, ["a"], [1], "mixes strings"),
        (LabelCollector, [0, 1], [[0, 1], [1, 0]], "1 columns in one chunk and 2 in another"),
        (NumberTargetCollector, [1.0], [[1.0, 2.0]], "another number of columns"),
    ],
)
def test_targets_that_do_not_go_together_are_refused(kind, first, second, message):
    targets = kind()
    targets.append(first, np.ones(len(first), bool))
    with pytest.raises(ValueError, match=message):
        targets.append(second, np.ones(len(second), bool))


X = np.random.default_rng(0).normal(size=(60, 2))
TARGETS = np.random.default_rng(1).choice(["b", "a", "c"], 60)


@pytest.fixture
def files(tmp_path):
    with ScratchFiles(tmp_path) as files:
        yield files


def open_writer(files, first):
    """A writer that has written the first chunk."""
    table_format = choose_format(first.X, column_choices(), files)
    writer = SourceWriter(files, table_format, LabelCollector(), first, first.X[:2])
    writer.append(first)
    return writer


def stored(files, y, cuts=(), weight=None, groups=None):
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, 60], strict=True)]
    take = lambda values, rows: None if values is None else values[rows]  # noqa: E731
    first, *later_chunks = [Chunk(1, X[rows], y[rows], take(weight, rows), take(groups, rows)) for rows in pieces]
    writer = open_writer(files, first)
    for chunk in later_chunks:
        writer.append(chunk)
    return writer.finish()


def values_of(stored_rows):
    return stored_rows.table.rows_in_memory()


def test_the_sizes_of_chunks_do_not_change_the_stored_table(files):
    one, other = stored(files, TARGETS), stored(files, TARGETS, (1, 9))
    assert one.table.digest() == other.table.digest()
    np.testing.assert_array_equal(values_of(one), values_of(other))
    np.testing.assert_array_equal(one.y, other.y)


def test_all_that_belongs_to_a_row_is_in_the_order_of_the_file(files):
    stored_rows = stored(files, X[:, 0].astype(str), (7, 30), weight=X[:, 0] ** 2, groups=np.arange(60))
    first = values_of(stored_rows)[:, 0]
    assert (first != X[:, 0]).any()
    assert sorted(first) == sorted(X[:, 0])
    assert stored_rows.y.tolist() == first.astype(str).tolist()
    assert (stored_rows.weight == first**2).all()
    row_of = {value: row for row, value in enumerate(X[:, 0].tolist())}
    assert (stored_rows.groups == hash_groups(np.arange(60))[[row_of[value] for value in first.tolist()]]).all()


def test_rows_of_weight_zero_are_dropped_with_their_labels(files):
    y = np.where(np.arange(60) < 5, "gone", TARGETS)
    stored_rows = stored(files, y, (20,), weight=(np.arange(60) >= 5) * 2.0)
    assert len(stored_rows.y) == 55
    assert sorted(set(stored_rows.y)) == ["a", "b", "c"]
    assert sorted(values_of(stored_rows)[:, 0]) == sorted(X[5:, 0])


SAME = [
    (np.array([0, 1, -3]), np.array([0.0, 1.0, -3.0]), np.array([Decimal(0), True, np.float32(-3)], dtype=object)),
    (np.array([0.5, 1.0]), np.array([0.5, 1.0], np.float32), np.array([Decimal("0.50"), 1], dtype=object)),
    (np.array([2**63, 1], np.uint64), np.array([2.0**63, 1.0]), np.array([2**63, True], dtype=object)),
    (np.array(["x", "1"]), np.array(["x", "1"], dtype=object), pd.Series(["x", "1"], dtype="category")),
    (
        np.array(["2024-01-01", "2024-01-02"], "M8[D]"),
        np.array(["2024-01-01", "2024-01-02"], "M8[ns]"),
        np.array([datetime(2024, 1, 1), pd.Timestamp("2024-01-02")], dtype=object),
    ),
]


@pytest.mark.parametrize("chunks", SAME)
def test_a_group_has_one_hash_whatever_the_type_of_its_chunk(chunks):
    first, *later_hashes = [hash_groups(np.asarray(values)) for values in chunks]
    assert all((other == first).all() for other in later_hashes)
    assert first[0] != first[1]
    assert hash_groups(np.asarray(chunks[0])[:1])[0] == first[0]


def test_different_groups_have_different_hashes():
    numbers = [0.0, 0.5, 4, -4, 2**53, 2**53 + 1, 2**61 - 1, 2.0**63, 2**64, 3e300, np.inf, "4", "x"]
    assert len(set(hash_groups(np.array(numbers, dtype=object)).tolist())) == len(numbers)
    assert len(set(hash_groups(np.array([2.0**63, 3e300, -3e300, np.inf, -np.inf, 1e-300])).tolist())) == 6


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [((np.ones(2), None), (None, None), "weights"), ((None, None), (None, X[:2, 0]), "groups")],
)
def test_weights_or_groups_of_only_some_chunks_are_refused(files, first, second, message):
    writer = open_writer(files, Chunk(1, X[:2], np.array([0, 1]), *first))
    with pytest.raises(ValueError, match=f"some have none: give all of them {message}"):
        writer.append(Chunk(1, X[:2], np.array([0, 1]), *second))


FRAME = pd.DataFrame({"a": np.arange(90.0), "b": [f"level {i % 7}" for i in range(90)]})


def test_a_scorer_gets_the_rows_and_a_message_the_first_of_the_source(tmp_path):
    with stored_table(FRAME, tmp_path) as table:
        some = table[np.array([3, 4, 50, 89])][np.array([1, 3])]
        assert some.for_scorer().equals(table.rows_in_memory(np.array([4, 89])))
        assert table.example_rows.equals(FRAME.iloc[:2])
        assert table.is_stream
        assert table.max_held_out < np.inf


N, D = 500, 3
rng = np.random.default_rng(0)
TABLE, Y, WEIGHT = rng.normal(size=(N, D)), rng.normal(size=N), 1.0 + np.arange(N) % 2
ENCODER = encoder_of(TABLE, input_scaling="standard")
NETWORK = network_of(D, 4, 1)
THETA = rng.normal(size=NETWORK.layout.n_parameters)


@pytest.fixture
def table(tmp_path):
    with stored_table(TABLE, tmp_path, chunk_rows=200) as table:
        yield table


def objectives_of(table, rows):
    """The objective of rows of a file, and that of the same rows in memory."""
    encoded = table.encode(ENCODER, np.dtype(float), None)[rows]
    y, weight = Y[rows, np.newaxis], WEIGHT[rows] / WEIGHT[rows].mean()
    Z = ENCODER.encode(table.rows_in_memory(rows), float, ones=True)
    objective = encoded.objective(NETWORK, rows_with_targets(encoded, y, weight))
    return objective, objective_of(NETWORK, Z, y, weight)[0]


@pytest.mark.parametrize("size", [1, 30, 64, 1000])
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("rows", [np.arange(N), np.arange(0, N, 3)], ids=["all", "some"])
def test_an_epoch_has_every_row_once(table, size, small, rows):
    with pool_bytes(100, encoded=500) if small else nullcontext():
        check_an_epoch(table, size, rows)


def check_an_epoch(table, size, rows):
    objective, local = objectives_of(table, rows)
    n, whole, part = len(rows), np.empty_like(THETA), np.empty_like(THETA)
    expected, epochs = local(THETA, slice(0, n), whole)[0], []
    for rng in (np.random.default_rng(0), np.random.default_rng(1), None):
        values, lengths, gradient = [], [], np.zeros_like(THETA)
        for batch in objective.batches(size, rng):
            values.append(objective(THETA, batch, part)[0])
            lengths.append(batch.stop - batch.start)
            gradient += part * lengths[-1] / n
        assert lengths == [size] * (n // size) + [n % size] * (n % size > 0)
        assert np.average(values, weights=lengths) == pytest.approx(expected)
        np.testing.assert_allclose(gradient, whole)
        epochs.append(values)
    assert size == 1000 or epochs[0] != epochs[1]


@pytest.mark.parametrize("rows", [np.arange(N), np.arange(0, N, 3)], ids=["all", "some"])
def test_raw_outputs_of_rows_in_a_file_are_those_in_memory(table, rows):
    objective, local = objectives_of(table, rows)
    with pool_bytes(100, encoded=500):
        np.testing.assert_allclose(objective.raw_training_outputs(THETA), local.raw_training_outputs(THETA))


def test_a_sample_of_many_rows_stands_for_their_targets(table):
    objective, local = objectives_of(table, np.arange(N))
    assert len(objective.target_sample[0]) == len(local.target_sample[0]) == N
    with sample_rows(100):
        assert [*map(len, objectives_of(table, np.arange(N))[0].target_sample)] == [100, 100]
        check_an_epoch(table, 64, np.arange(N))


# --- categories and text, as fit sees them ----------------------------------------------------------------------------


def test_categories_that_a_dtype_declares_have_inputs_even_without_rows():
    """Each chunk may declare some of them."""
    n = 120
    y = np.random.default_rng(0).normal(size=n)
    kinds = np.where(y > 0, "x", "y")
    frame = pd.DataFrame({"a": y, "k": pd.Categorical(kinds, categories=["x", "y", "z"])})
    net = SigmoidMLPRegressor(max_iter=1, random_state=0)
    in_memory = clone(net).fit(frame, y).inputs_["level"].dropna().tolist()
    chunks = [(frame[:60].astype({"k": pd.CategoricalDtype(["x", "y"])}), y[:60]), (frame[60:], y[60:])]
    for source in ([(frame, y)], chunks):
        streamed = stream.fit(clone(net), lambda: iter(source)).inputs_["level"].dropna().tolist()  # noqa: B023
        assert streamed == in_memory
        assert "z" in streamed


def test_text_of_parquet_files_declares_no_category(tmp_path):
    """One that the sample lacks has no input of its own, as if a function gave the same chunks."""
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"k": ["x", "y"] * 150, "y": np.arange(300.0)})
    frame.loc[:9, "k"] = [f"once {i}" for i in range(10)]
    frame.to_parquet(tmp_path / "a.parquet")
    net = SigmoidMLPRegressor(max_iter=1, random_state=0)
    with sample_rows(100):
        of_file, of_chunks = (
            stream.fit(clone(net), source, target="y").inputs_ for source in (tmp_path, lambda: iter([frame]))
        )
    pd.testing.assert_frame_equal(of_file, of_chunks)
    assert 2 < len(of_file) < 12


@pytest.mark.parametrize(("text", "dtype", "warns"), [("{} kg", object, True), ("{} kg", "category", False)])
def test_text_that_holds_numbers_is_told_as_by_fit(text, dtype, warns):
    frame = pd.DataFrame({"v": pd.Series([text.format(i % 60) for i in range(120)], dtype=dtype)})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stream.fit(SigmoidMLPRegressor(max_iter=1, random_state=0), lambda: iter([(frame, np.arange(120.0))]))
    assert any("'v' of X is text whose values are numbers" in str(each.message) for each in caught) == warns


def test_rows_of_weight_0_do_not_decide_what_a_column_holds():
    rng = np.random.default_rng(0)
    words = [f"word{k}" for k in range(30)]
    X = pd.DataFrame({"text": [" ".join(rng.choice(words, 6)) for _ in range(200)], "x": rng.normal(size=200)})
    weight = (np.arange(200) % 4 == 0).astype(float)
    net = SigmoidMLPRegressor(max_iter=2, text_components=2, early_stopping=False, random_state=0)
    with warnings.catch_warnings(action="error", category=UserWarning):
        stream.fit(net, lambda: iter([(X, X["x"], weight)]))
    assert net.resolved_params_["text_features"] == ["text"]
