"""Columns and targets of every type: read as the numbers, categories or dates that they are, or refused by name."""

import datetime
import decimal
import fractions
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

rng = np.random.default_rng(0)
N = 48
WHOLE = rng.integers(0, 6, N)
DAYS = np.datetime64("2024-01-01") + WHOLE.astype("timedelta64[D]")
FIRST = rng.normal(size=N)
QUICK = {"hidden_layer_sizes": 2, "max_iter": 1, "random_state": 0, "dtype": "float64", "early_stopping": False}
NUMBERS, TRUTHS, CATEGORIES, DATES, SPANS, REFUSED = "numbers", "truths", "categories", "dates", "spans", "refused"
TEXTS = [f"l{i}" for i in WHOLE]

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
UNITS = ["s", "ms", "us", "ns"]


def of_numpy():
    """Columns of NumPy's types, in both byte orders, as they stand in arrays."""
    for name in (*INTEGERS, "float16", "float32", "float64", "longdouble"):
        yield name, WHOLE.astype(name), NUMBERS
        swapped = np.dtype(name).newbyteorder()
        yield f"{name}, other byte order", WHOLE.astype(name).astype(swapped), NUMBERS
    yield "bool", WHOLE > 2, TRUTHS
    yield "complex64", WHOLE.astype(np.complex64), REFUSED
    yield "complex128", WHOLE.astype(np.complex128), REFUSED
    yield "bytes", WHOLE.astype("S1"), REFUSED
    for unit in UNITS:
        yield f"datetime64[{unit}]", DAYS.astype(f"datetime64[{unit}]"), DATES
        yield f"timedelta64[{unit}]", (DAYS - DAYS.min()).astype(f"timedelta64[{unit}]"), SPANS


def of_pandas():
    """pandas' own types."""
    numbers = pd.Series(WHOLE)
    for name in INTEGERS:
        yield (
            name.replace("int", "Int").replace("uI", "UI"),
            numbers.astype(name.replace("int", "Int").replace("uI", "UI")),
            NUMBERS,
        )
    yield "Float32", numbers.astype("Float32"), NUMBERS
    yield "Float64", numbers.astype("Float64"), NUMBERS
    yield "boolean", pd.Series(WHOLE > 2).astype("boolean"), TRUTHS
    for name in ("string[python]", "string[pyarrow]", "str"):
        yield name, pd.Series(TEXTS).astype(name), CATEGORIES
    yield "category", pd.Series(TEXTS).astype("category"), CATEGORIES
    yield "ordered category", pd.Series(TEXTS).astype(pd.CategoricalDtype(sorted(set(TEXTS)), ordered=True)), CATEGORIES
    yield "sparse floats", pd.Series(WHOLE.astype(float)).astype(pd.SparseDtype("float64", 0.0)), NUMBERS
    yield "sparse integers", numbers.astype(pd.SparseDtype("int64", 0)), NUMBERS
    for unit in UNITS:
        yield f"datetime64[{unit}, UTC]", pd.Series(DAYS).astype(f"datetime64[{unit}]").dt.tz_localize("UTC"), DATES
    yield "period", pd.Series(pd.PeriodIndex(DAYS, freq="D")), REFUSED
    yield "interval", pd.Series(pd.arrays.IntervalArray.from_arrays(WHOLE, WHOLE + 1)), REFUSED


def of_arrow():
    """Arrow's types in pandas."""

    def column(kind, values=WHOLE):
        return pd.Series(pd.array(pa.array(list(values)).cast(kind), dtype=pd.ArrowDtype(kind)))

    for name in INTEGERS:
        yield f"arrow {name}", column(getattr(pa, name)()), NUMBERS
    yield "arrow float32", column(pa.float32(), WHOLE.astype(float)), NUMBERS
    yield "arrow float64", column(pa.float64(), WHOLE.astype(float)), NUMBERS
    for kind in (pa.decimal128(25, 2), pa.decimal256(40, 2)):
        yield f"arrow {kind}", column(kind), NUMBERS
    yield "arrow bool", column(pa.bool_(), WHOLE > 2), TRUTHS
    for kind in (pa.string(), pa.large_string()):
        yield f"arrow {kind}", column(kind, TEXTS), CATEGORIES
    yield "arrow dictionary", column(pa.dictionary(pa.int8(), pa.string()), TEXTS), CATEGORIES
    dates = [day.astype(object) for day in DAYS]
    yield "arrow date32", column(pa.date32(), dates), DATES
    yield "arrow date64", column(pa.date64(), dates), DATES
    for unit in UNITS:
        yield f"arrow timestamp[{unit}]", column(pa.timestamp(unit), dates), DATES
        yield f"arrow timestamp[{unit}, UTC]", column(pa.timestamp(unit, "UTC"), dates), DATES
        yield f"arrow duration[{unit}]", column(pa.duration(unit), [day - min(dates) for day in dates]), SPANS
    yield "arrow time", column(pa.time64("us"), [datetime.time(int(i)) for i in WHOLE]), REFUSED
    yield "arrow binary", column(pa.binary(), [b"a"] * N), REFUSED
    yield "arrow list", pd.Series([[1]] * N, dtype=pd.ArrowDtype(pa.list_(pa.int64()))), REFUSED
    yield "arrow struct", pd.Series([{"a": 1}] * N, dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))), REFUSED


def of_objects():
    """Objects of Python's types."""

    def column(values):
        return pd.Series(list(values), dtype=object)

    dates = [day.astype(object) for day in DAYS]
    yield "objects: int", column(map(int, WHOLE)), NUMBERS
    yield "objects: float", column(map(float, WHOLE)), NUMBERS
    yield "objects: Decimal", column(decimal.Decimal(int(i)) for i in WHOLE), NUMBERS
    yield "objects: int and float", column(float(i) if i % 2 else int(i) for i in WHOLE), NUMBERS
    yield "objects: bool", column(bool(i > 2) for i in WHOLE), TRUTHS
    yield "objects: str", column(TEXTS), CATEGORIES
    yield "objects: date", column(dates), DATES
    yield "objects: datetime", column(datetime.datetime(d.year, d.month, d.day) for d in dates), DATES
    yield "objects: timedelta", column(day - min(dates) for day in dates), SPANS
    yield "objects: Timestamp", column(map(pd.Timestamp, DAYS)), DATES
    yield "objects: Fraction", column(fractions.Fraction(int(i)) for i in WHOLE), NUMBERS
    yield "objects: complex", column(map(complex, WHOLE)), REFUSED
    yield "objects: bytes", column([b"a"] * N), REFUSED
    yield "objects: list", column([[1]] * N), REFUSED
    yield "objects: dict", column([{"a": 1}] * N), REFUSED
    yield "objects: tuple", column([(1,)] * N), REFUSED
    yield "objects: time", column(datetime.time(int(i)) for i in WHOLE), REFUSED
    yield "objects: int and str", column(int(i) if i % 2 else "a" for i in WHOLE), REFUSED


def of_polars():
    """polars' types."""
    numbers = pl.Series("b", WHOLE)
    for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"):
        yield f"polars {name}", numbers.cast(getattr(pl, name)), NUMBERS
    yield "polars Decimal", numbers.cast(pl.Decimal(10, 2)), NUMBERS
    yield "polars Boolean", pl.Series("b", WHOLE > 2), TRUTHS
    texts = pl.Series("b", TEXTS)
    yield "polars String", texts, CATEGORIES
    yield "polars Categorical", texts.cast(pl.Categorical), CATEGORIES
    yield "polars Enum", texts.cast(pl.Enum(sorted(set(TEXTS)))), CATEGORIES
    days = pl.Series("b", [day.astype(object) for day in DAYS])
    yield "polars Date", days, DATES
    for unit in ("ms", "us", "ns"):
        yield f"polars Datetime[{unit}]", days.cast(pl.Datetime(unit)), DATES
        yield f"polars Datetime[{unit}, UTC]", days.cast(pl.Datetime(unit, "UTC")), DATES
        yield f"polars Duration[{unit}]", (days - days.min()).cast(pl.Duration(unit)), SPANS
    yield "polars Time", pl.Series("b", [datetime.time(int(i)) for i in WHOLE]), REFUSED
    yield "polars List", pl.Series("b", [[1]] * N), REFUSED
    yield "polars Struct", pl.Series("b", [{"a": "1"}] * N), REFUSED
    yield "polars Binary", pl.Series("b", [b"a"] * N), REFUSED
    yield "polars Object", pl.Series("b", [object()] * N, dtype=pl.Object), REFUSED


COLUMNS = [*of_numpy(), *of_pandas(), *of_arrow(), *of_objects(), *of_polars()]
PLAIN = {
    NUMBERS: WHOLE.astype(float),
    TRUTHS: (WHOLE > 2).astype(float),
    CATEGORIES: pd.Series(TEXTS).astype("category"),
    DATES: pd.Series(DAYS.astype("datetime64[ns]")),
    SPANS: pd.Series((DAYS - DAYS.min()).astype("timedelta64[ns]")),
}


def table_of(column):
    if isinstance(column, pl.Series):
        return pl.DataFrame({"a": FIRST, "b": column})
    return pd.DataFrame({"a": FIRST, "b": column})


def predictions(column):
    table = table_of(column)
    return SigmoidMLPRegressor(**QUICK).fit(table, FIRST).predict(table)


EXPECTED = {kind: predictions(column) for kind, column in PLAIN.items()}


@pytest.mark.parametrize("column, kind", [entry[1:] for entry in COLUMNS], ids=[entry[0] for entry in COLUMNS])
def test_a_column_of_any_type_is_read_by_its_kind_or_refused(column, kind):
    if kind == REFUSED:
        with pytest.raises((ValueError, TypeError), match="Column 'b' of X"):
            predictions(column)
    else:
        assert_allclose(predictions(column), EXPECTED[kind], rtol=1e-6)


ONE_VALUE = [entry for entry in COLUMNS if entry[0] != "polars Struct"]  # which is a table of its own


@pytest.mark.parametrize("column, kind", [entry[1:] for entry in ONE_VALUE], ids=[entry[0] for entry in ONE_VALUE])
def test_labels_of_any_type_are_classes_or_refused(column, kind):
    """As labels: each value is a class, under its own name; what cannot be one is refused."""
    X = FIRST[:, np.newaxis]
    try:
        net = SigmoidMLPClassifier(**QUICK).fit(X, column)
    except (ValueError, TypeError) as error:
        assert kind in (REFUSED, DATES, SPANS) or "Unknown label type: y holds labels such as" in str(error), error
        assert re.search(r"\by\b|labels represented as bytes", str(error))  # the latter is scikit-learn's wording
        return
    plain = SigmoidMLPClassifier(**QUICK).fit(X, WHOLE > 2 if kind == TRUTHS else WHOLE)
    assert len(net.classes_) == len(plain.classes_)
    assert_array_equal(net.predict_proba(X), plain.predict_proba(X))
    assert net.score(X, column) == plain.score(X, WHOLE > 2 if kind == TRUTHS else WHOLE)


@pytest.mark.parametrize("column, kind", [entry[1:] for entry in ONE_VALUE], ids=[entry[0] for entry in ONE_VALUE])
def test_targets_of_any_type_are_read_as_numbers_or_refused(column, kind):
    """As numbers to predict: numbers and truth values, and nothing else."""
    X = FIRST[:, np.newaxis]
    if kind in (NUMBERS, TRUTHS) or getattr(column, "dtype", None) == np.dtype("S1"):  # numerals are read
        plain = SigmoidMLPRegressor(**QUICK).fit(X, PLAIN[TRUTHS if kind == TRUTHS else NUMBERS])
        assert_allclose(SigmoidMLPRegressor(**QUICK).fit(X, column).predict(X), plain.predict(X), rtol=1e-5)
    else:
        # before 2.4 NumPy reads lists of one number as that number, and warns
        with pytest.raises((ValueError, TypeError, DeprecationWarning), match="y"):
            SigmoidMLPRegressor(**QUICK).fit(X, column)


# --- NumPy's types that pandas cannot sort or look up ----------------------------------------------------------------

ODD = [">i4", ">u8", ">f4", ">f8", "float16", ">f2", "longdouble"]
TABLES = {
    "array": lambda codes, path: codes,
    "frame": lambda codes, path: pd.DataFrame(codes, columns=["x0", "x1"]),
    "memory map": lambda codes, path: in_file(codes, path),
}


def in_file(values, path):
    np.save(path / "values.npy", values)
    return np.load(path / "values.npy", mmap_mode="r")


@pytest.mark.parametrize("holder", TABLES)
@pytest.mark.parametrize("dtype", ODD)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_categories_of_any_numeric_type_are_those_of_common_types(dtype, holder, early_stopping, tmp_path):
    codes = np.column_stack([np.arange(N) % 4, np.arange(N) % 7])
    held_out = {"early_stopping": early_stopping, "validation_fraction": 0.3}
    net = SigmoidMLPRegressor(**QUICK | held_out, categorical_features=[0])
    common = codes.astype("float32" if dtype == ">f4" else "float64")
    expected = net.fit(common, FIRST).predict(common)
    table = TABLES[holder](codes.astype(dtype), tmp_path)
    assert_allclose(net.fit(table, FIRST).predict(table), expected, rtol=1e-12)


@pytest.mark.parametrize("holder", TABLES)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("itemsize", [4, 8])
def test_predictions_have_the_float_type_of_the_table_in_either_byte_order(itemsize, order, holder, tmp_path):
    rng = np.random.default_rng(1)
    table = TABLES[holder](rng.normal(size=(N, 2)).astype(f"{order}f{itemsize}"), tmp_path)
    net = SigmoidMLPRegressor(**QUICK).fit(table, FIRST)
    assert net.predict(table).dtype == net.coefs_[0].dtype == np.dtype(f"f{itemsize}")
