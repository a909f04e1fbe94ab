"""Parquet files as data frames: schemas that are unified or named, and memory that stays small."""

import time
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sknet import SigmoidMLPRegressor, stream
from sknet._stream.sources import read_parquet

pyarrow, dataset, parquet = map(pytest.importorskip, ("pyarrow", "pyarrow.dataset", "pyarrow.parquet"))

N = 4
TEXT = ["x", "y", "x", "y"]
PRICES = [Decimal("0.5"), Decimal("0.1")] * 2


def written(folder, *columns):
    """Write a file for each column, which is called b and stands beside another one."""
    for i, values in enumerate(columns):
        pd.DataFrame({"a": np.arange(N), "b": values}).to_parquet(folder / f"{i}.parquet")
    return folder


def read(source, columns=None):
    return pd.concat(read_parquet(source, columns, 10**6), ignore_index=True)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (([None] * N, [0.5] * N), [None] * N + [0.5] * N),
        (([None] * N, TEXT), [None] * N + TEXT),
        (([1, 2, 3, 4], [0.5] * N), [1, 2, 3, 4] + [0.5] * N),
        (([0.5] * N, [1, 2, 3, 4]), [0.5] * N + [1, 2, 3, 4]),
        ((np.arange(N, dtype="int8"), [2**40] * N), [0, 1, 2, 3] + [2**40] * N),
        ((np.full(N, 0.1, "float32"), [0.1] * N), [float(np.float32(0.1))] * N + [0.1] * N),
        ((pd.Categorical(TEXT), TEXT), TEXT * 2),
        ((TEXT, pd.Categorical(TEXT)), TEXT * 2),
        ((pd.Categorical([None] * N, ["x"]), TEXT), [None] * N + TEXT),
        (([1, 2, 3, 4], PRICES), [1, 2, 3, 4, 0.5, 0.1, 0.5, 0.1]),
        ((PRICES, np.arange(N, dtype="uint64")), [0.5, 0.1, 0.5, 0.1, 0, 1, 2, 3]),
        ((np.full(N, 0.5, "float16"), [None] * N, PRICES), [0.5] * N + [None] * N + [0.5, 0.1, 0.5, 0.1]),
        ((np.full(N, 0.5, "float32"), PRICES), [0.5] * N + [0.5, 0.1, 0.5, 0.1]),
        ((PRICES, PRICES), PRICES * 2),
    ],
)
def test_schemas_are_unified_where_nothing_is_lost(tmp_path, columns, expected):
    found = read(written(tmp_path, *columns))["b"].astype(object)
    assert found.where(found.notna(), None).tolist() == expected


@pytest.mark.parametrize("other", [TEXT, pd.Categorical(TEXT)], ids=["strings", "categories"])
def test_views_of_strings_are_strings(tmp_path, other):
    views = pyarrow.table({"a": np.arange(N), "b": pyarrow.array(TEXT, pyarrow.string_view())})
    written(tmp_path, other)
    try:
        parquet.write_table(views, tmp_path / "views.parquet")
    except pyarrow.ArrowNotImplementedError:
        pytest.skip("this pyarrow writes no views")
    assert read(tmp_path)["b"].tolist() == TEXT * 2


def test_text_is_read_as_it_is_and_repeated_categories_of_a_file_as_categories(tmp_path):
    for values, is_categorical in ((TEXT, False), (["p", "q", "r", None], False), (pd.Categorical(TEXT), True)):
        found = read(written(tmp_path, values))["b"]
        assert isinstance(found.dtype, pd.CategoricalDtype) == is_categorical
        assert found.astype(object).where(found.notna(), None).tolist() == list(values)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ([0.5] * N, TEXT),
            "Column 'b' holds double in .*0.parquet and .*string in .*1.parquet: write all files with one",
        ),
        (([2**60 + 1] * N, [0.5] * N), "Column 'b' of .*0.parquet holds int64, .* as double without loss.*: write all"),
    ],
)
def test_schemas_that_lose_something_are_named(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        read(written(tmp_path, *columns))


def test_a_column_that_a_file_lacks_is_named(tmp_path):
    written(tmp_path, TEXT, TEXT)
    pd.DataFrame({"b": TEXT}).to_parquet(tmp_path / "2.parquet")
    for source in (tmp_path, dataset.dataset(tmp_path)):
        with pytest.raises(ValueError, match="2.parquet has no column 'a': give all files the same columns, or leave"):
            read(source)
    with pytest.raises(ValueError, match="0.parquet has no column 'c'"):
        read(tmp_path, ["c"])
    assert read(tmp_path, ["b"])["b"].tolist() == TEXT * 3


def test_a_file_that_is_not_parquet_is_named(tmp_path):
    (written(tmp_path, TEXT) / "1.parquet").write_bytes(b"PAR1 and more of what is none")
    with pytest.raises(ValueError, match=r"1\.parquet"):
        read(tmp_path)


def test_a_dataset_keeps_its_own_types(tmp_path):
    written(tmp_path, [1, 2, 3, 4], [1.5, 2, 3, 4])
    schema = pyarrow.schema({"b": pyarrow.float32()})
    assert read(dataset.dataset(tmp_path, schema=schema))["b"].tolist() == [1, 2, 3, 4, 1.5, 2, 3, 4]
    with pytest.raises(ValueError, match="Column 'b' of .*1.parquet holds double, .* as int64"):
        read(dataset.dataset(tmp_path))


def test_dates_that_repeat_are_categories_only_where_the_file_has_categories(tmp_path):
    days = ["2024-01-01", "2024-01-02"] * 2
    assert list(read(written(tmp_path, days))["b"]) == days
    assert read(tmp_path)["b"].dtype != "category"
    assert read(written(tmp_path, pd.Categorical(days)))["b"].dtype == "category"


def test_texts_that_differ_are_no_categories_however_many_are_missing(tmp_path):
    pd.DataFrame({"b": ["one of two", "two of two", *[None] * 5]}).to_parquet(tmp_path / "0.parquet")
    assert read(tmp_path)["b"].dtype != "category"


def test_binary_columns_are_no_categories(tmp_path):
    assert read(written(tmp_path, [b"x"] * N))["b"].dtype == object


def test_an_index_is_no_column(tmp_path):
    pd.DataFrame({"a": [1.0]}, index=["x"]).to_parquet(tmp_path / "0.parquet")
    pd.DataFrame({"a": [2.0]}).to_parquet(tmp_path / "1.parquet")
    assert read(tmp_path).to_dict("list") == {"a": [1.0, 2.0]}


def test_files_without_rows_are_skipped(tmp_path):
    written(tmp_path, TEXT)
    pd.DataFrame({"a": np.arange(0), "b": []}).to_parquet(tmp_path / "1.parquet")
    assert [len(frame) for frame in read_parquet(tmp_path, ["a"], 10**6)] == [N]


def test_arrow_reads_no_row_group_in_advance(tmp_path):
    """What Arrow reads while a chunk is being worked on would be held in memory, in the end the whole file."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path, group, n_groups = tmp_path / "table.parquet", 2**16, 40
    parquet.write_table(
        pyarrow.table({"a": np.random.default_rng(0).random(group * n_groups)}), path, row_group_size=group
    )
    before, most = pyarrow.total_allocated_bytes(), 0
    for _ in read_parquet(path, None, 2**22):
        time.sleep(0.005)
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert most < 8 * group * 8


def test_a_column_in_the_names_of_folders_is_read_from_a_path(tmp_path):
    pd.DataFrame({"a": np.arange(6.0), "c": list("xyxyxy")}).to_parquet(tmp_path / "folder", partition_cols=["c"])
    assert read(tmp_path / "folder")["c"].tolist() == list("xxxyyy")
    assert read(f"{tmp_path}/folder/*/*.parquet")["c"].tolist() == list("xxxyyy")


def test_a_number_in_the_names_of_folders_is_a_category_as_in_pandas(tmp_path):
    rng = np.random.default_rng(0)
    shop = rng.integers(100, 104, 400)
    table = pd.DataFrame({"x": rng.normal(size=400), "shop": shop, "y": shop % 3 + rng.normal(size=400)})
    table.to_parquet(tmp_path, partition_cols=["shop"])
    net = stream.fit(SigmoidMLPRegressor(max_iter=2, random_state=0), tmp_path, target="y")
    assert net.inputs_["kind"].tolist() == ["number", *["level"] * 4]
    in_memory = table.astype({"shop": "category"})
    with warnings.catch_warnings(action="error"):
        assert np.ptp(net.predict(in_memory[["x", "shop"]].assign(x=0.0))) > 0.0


def test_folders_above_a_glob_give_no_column(tmp_path):
    (tmp_path / "day=1").mkdir()
    pd.DataFrame({"a": np.arange(6.0)}).to_parquet(tmp_path / "day=1" / "file.parquet")
    assert list(read(f"{tmp_path}/day=1/*.parquet")) == ["a"]


def test_a_column_in_the_files_and_in_the_names_of_folders_has_the_values_of_the_files(tmp_path):
    for folder, value in (("c=1", 10), ("c=2", 20)):
        (tmp_path / folder).mkdir()
        pd.DataFrame({"a": np.arange(2.0), "c": np.int64(value)}).to_parquet(tmp_path / folder / "file.parquet")
    assert read(tmp_path)["c"].tolist() == [10, 10, 20, 20]


def test_a_single_file_has_its_own_columns_alone(tmp_path):
    (tmp_path / "c=x").mkdir()
    pd.DataFrame({"a": np.arange(6.0)}).to_parquet(tmp_path / "c=x" / "file.parquet")
    assert list(read(tmp_path / "c=x" / "file.parquet")) == ["a"]


def test_partitions_and_filters_of_a_dataset(tmp_path):
    pd.DataFrame({"a": np.arange(6.0), "c": list("xyxyxy")}).to_parquet(tmp_path, partition_cols=["c"])
    data = dataset.dataset(tmp_path, partitioning="hive")
    whole = read(data)
    assert whole["c"].tolist() == list("xxxyyy")
    assert whole["a"].tolist() == [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]
    assert read(data.filter(dataset.field("a") > 3.0), ["a"])["a"].tolist() == [4.0, 5.0]
