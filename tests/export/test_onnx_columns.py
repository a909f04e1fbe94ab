"""Columns in a graph: categories of every kind, dates, and what the graph's inputs must be."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")

from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType  # noqa: E402

from sknet import SigmoidMLPRegressor  # noqa: E402
from sknet._export import onnx  # noqa: E402
from sknet.export import ExportError, feeds_of, to_onnx  # noqa: E402
from tests.tables.examples import DATE_CYCLES, outliers_bent_above  # noqa: E402

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]

N = 300
rng = np.random.default_rng(0)
Y = rng.normal(size=N)
QUICK = dict(dtype="float64", hidden_layer_sizes=5, max_iter=2, random_state=0)
CHOSEN = QUICK | dict(categorical_features=["k"], max_categories=4)
TYPES = {FloatTensorType: np.float32, DoubleTensorType: np.float64, Int64TensorType: np.int64, StringTensorType: str}


def run(onnx_model, feeds):
    session = runtime.InferenceSession(onnx_model.SerializeToString())
    return session.run(None, feeds_of(session, feeds) if hasattr(feeds, "columns") else feeds)[0][:, 0]


def test_every_cycle_is_in_a_table():
    assert set(onnx.CYCLE_WRITERS) == set(DATE_CYCLES)


def test_steps_are_bins_in_a_graph():
    rng = np.random.default_rng(1)
    code = rng.integers(0, 40, N).astype(float)
    net = SigmoidMLPRegressor(**QUICK, numeric_encoding="steps").fit(pd.DataFrame({"x": code}), (code > 17) + 0.1 * Y)
    assert (net.inputs_.query("kind == 'bin'").centre == 17).any()
    test = pd.DataFrame({"x": [-1.0, 16.9, 17.0, 17.5, 18.0, 99.0, np.nan]})
    np.testing.assert_allclose(run(to_onnx(net, test), test), net.predict(test), rtol=1e-6)


@pytest.mark.parametrize("names", [["small", "large"], ["large", "small"]])
def test_numbers_are_bent_in_a_graph_if_the_network_bends_them(names):
    table = pd.DataFrame({"small": Y, "large": Y**2 + 50.0})[names]
    with outliers_bent_above(20.0):
        net = SigmoidMLPRegressor(**QUICK, numeric_encoding="raw").fit(table, Y)
    outliers = 10.0 * table
    np.testing.assert_allclose(run(to_onnx(net, outliers), outliers), net.predict(outliers), rtol=1e-9)


TINY_NUMBERS = ((rng.normal(size=(N, 1)) + 0.5) * 1e-50, Y)
TINY_TARGETS = (rng.normal(size=(N, 2)), (Y + 9) * 1e-50)


@pytest.mark.parametrize(("X", "y"), [TINY_NUMBERS, TINY_TARGETS], ids=["numbers", "targets"])
def test_the_centre_of_tiny_numbers_stays_in_a_graph(X, y):
    net = SigmoidMLPRegressor(**QUICK, numeric_encoding="raw").fit(X, y)
    predicted = runtime.InferenceSession(to_onnx(net, X).SerializeToString()).run(None, feeds_of(net, X))[0]
    np.testing.assert_allclose(predicted[:, 0], net.predict(X), rtol=1e-9)


# --- categories ------------------------------------------------------------------------------------------------------

CATEGORIES = {
    "floats": [0.1, 1.5, 2.0, 1e16, -3.0],
    "short floats": np.array([0.1, 1.5, 2.0, 7.0], np.float32),
    "integers": [3, 40, -7, 0],
    "bools": [True, False],
    "text": ["a", "Ä ö", "2", "2.0", "True"],
    "dates": pd.to_datetime(["2020-01-01", "2021-05-06 07:08:09.5", "1969-12-31"], format="ISO8601"),
    "days": [datetime.date(2020, 1, 1), datetime.date(2021, 5, 6), datetime.date(1969, 12, 31)],
    "decimals": [decimal.Decimal("2.0"), decimal.Decimal("2.50"), decimal.Decimal(7)],
    "mixed": [1, 2.0, "b", 3.5],
}


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("encoding", ["one_hot", "target"])
@pytest.mark.parametrize("kind", CATEGORIES)
def test_categories_of_every_kind_go_in_as_documented(kind, encoding, missing):
    rng = np.random.default_rng(1)
    categories = pd.Index(CATEGORIES[kind])
    codes = rng.integers(0, len(categories), N)
    codes[::9] = -missing
    frame = pd.DataFrame({"a": Y, "k": pd.Categorical.from_codes(codes, categories)})
    effect = rng.normal(size=len(categories) + 1)[codes]
    net = SigmoidMLPRegressor(**QUICK | {"max_iter": 30}, category_encoding=encoding).fit(frame, effect)
    graph = to_onnx(net, frame)
    for table in (frame, frame.assign(k=frame["k"].astype(object))):
        np.testing.assert_allclose(run(graph, table), net.predict(table), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoding", ["one_hot", "target", "both"])
@pytest.mark.parametrize("kind", TYPES)
def test_categories_that_are_numbers_come_in_every_type(kind, encoding):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"k": rng.integers(0, 9, N)})
    net = SigmoidMLPRegressor(**CHOSEN, category_encoding=encoding).fit(frame, Y)
    test = pd.DataFrame({"k": [*range(9), 77]})
    feed = test.astype(TYPES[kind]).to_numpy(object if kind is StringTensorType else None)
    found = run(to_onnx(net, initial_types=[("k", kind([None, 1]))]), {"k": feed})
    np.testing.assert_allclose(found, net.predict(test), rtol=1e-5)


def test_texts_of_categories_come_in_the_order_of_the_categories():
    """So that the file is the same in every process, whatever its hash seed."""
    table = pd.DataFrame({"code": pd.Categorical([3, 1, 2] * 20)})
    net = SigmoidMLPRegressor(3, max_iter=1, random_state=0).fit(table, np.arange(60.0))
    nodes = to_onnx(net, initial_types=[("code", StringTensorType([None, 1]))]).graph.node
    (keys,) = [a.strings for node in nodes for a in node.attribute if a.name == "keys_strings"]
    assert keys == [b"", b"1", b"1.0", b"2", b"2.0", b"3", b"3.0"]


@pytest.mark.parametrize("encoding", ["raw", "piecewise_linear"])
@pytest.mark.parametrize("unit", [1e-50, 1.0, 1e20])
def test_a_single_column_may_have_any_unit(unit, encoding):
    table = (np.random.default_rng(2).normal(size=(N, 1)) + 0.5) * unit
    net = SigmoidMLPRegressor(**QUICK, numeric_encoding=encoding).fit(table, Y)
    np.testing.assert_allclose(run(to_onnx(net, table), feeds_of(net, table)), net.predict(table), rtol=1e-9, atol=1e-9)


def test_halves_in_integers_and_missing_numbers():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"k": rng.integers(0, 9, N) / 2})
    frame.loc[::7, "k"] = np.nan
    net = SigmoidMLPRegressor(**CHOSEN, category_encoding="both").fit(frame, Y)
    for kind, values in ((DoubleTensorType, [0.5, np.nan, 1.0, 7.3]), (Int64TensorType, [0, 1, 4, 7])):
        test = pd.DataFrame({"k": values})
        found = run(to_onnx(net, initial_types=[("k", kind([None, 1]))]), {"k": test.to_numpy()})
        np.testing.assert_allclose(found, net.predict(test), rtol=1e-5)


@pytest.mark.parametrize("encoding", ["one_hot", "target"])
def test_the_empty_text(encoding):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"k": rng.choice(["", "a", "b", "c"], N)})
    y = Y + frame["k"].isin(["", "b"])  # categories that tell nothing would have one mean
    net = SigmoidMLPRegressor(**QUICK, category_encoding=encoding).fit(frame, y)
    np.testing.assert_allclose(run(to_onnx(net, frame), frame), net.predict(frame), rtol=1e-5)
    frame.loc[:20, "k"] = None
    with pytest.raises(ExportError, match="Column 'k' has the empty text as a category, and missing values"):
        to_onnx(net.fit(frame, y), frame)
    with pytest.raises(ExportError, match="categories that are text .* give it a StringTensorType"):
        to_onnx(net, initial_types=[("k", DoubleTensorType([None, 1]))])
    frame["k"] = rng.choice(["1", "1.0", "2"], N)
    with pytest.raises(ExportError, match="categories that are the same number, .* give it a StringTensorType"):
        to_onnx(net.fit(frame, Y), initial_types=[("k", Int64TensorType([None, 1]))])


def test_columns_that_are_left_out_or_whose_categories_are_all_infrequent_may_be_missing():
    frame = pd.DataFrame({"k": [f"row {i}" for i in range(N)], "a": Y})
    frame.loc[::5, "k"] = None
    net = SigmoidMLPRegressor(**QUICK).fit(frame, Y)
    np.testing.assert_allclose(run(to_onnx(net, frame), frame), net.predict(frame), rtol=1e-5)
    twice = frame.assign(k=[f"row {i // 2}" for i in range(N)]).where(frame["k"].notna())
    net = SigmoidMLPRegressor(**QUICK).fit(twice, Y)
    np.testing.assert_allclose(run(to_onnx(net, twice), twice), net.predict(twice), rtol=1e-5)
    codes = frame.assign(k=np.where(frame["k"].isna(), np.nan, np.arange(N)))
    net = SigmoidMLPRegressor(**QUICK, categorical_features=["k"]).fit(codes, Y)
    np.testing.assert_allclose(run(to_onnx(net, codes), codes), net.predict(codes), rtol=1e-5)


# --- dates -----------------------------------------------------------------------------------------------------------


def test_dates_at_the_ends_of_days_and_years():
    ends = pd.to_datetime([
        "1677-09-23", "1899-12-31 23:59:59.999999", "1900-01-01", "1968-02-29", "1969-12-31 23:59:59.999999999",
        "1970-01-01", "2000-02-29 12:00", "2000-12-31 23:59:59.999999", "2100-02-28", "2100-03-01", "2262-04-10", None,
    ], format="ISO8601")  # fmt: skip
    frame = pd.DataFrame({"when": pd.Series(ends).dt.as_unit("ns")})
    for encoding in ("raw", "piecewise_linear"):
        net = SigmoidMLPRegressor(**QUICK, numeric_encoding=encoding).fit(frame, np.arange(len(ends)))
        assert len(net.network_feature_names_) >= 8
        np.testing.assert_allclose(run(to_onnx(net, frame), frame), net.predict(frame), rtol=1e-6)


def test_text_that_is_a_date_goes_in_as_nanoseconds():
    days = pd.Series(pd.date_range("1999-12-20", periods=N, freq="31h"))
    frame = pd.DataFrame({"when": days.dt.strftime("%Y-%m-%dT%H:%M").where(days.index % 9 > 0), "x": Y})
    net = SigmoidMLPRegressor(**QUICK).fit(frame, np.arange(N))
    graph = to_onnx(net, frame)
    later = pd.concat([frame, frame[1:2].assign(when="unknown"), frame[1:2].assign(when="2024-02-29")])
    for table in (frame, later, later.assign(when=pd.to_datetime(later["when"], format="ISO8601", errors="coerce"))):
        np.testing.assert_allclose(run(graph, table), net.predict(table), rtol=1e-6)
    with pytest.raises(ExportError, match=r"'when' has the time zone UTC, and ONNX .* dates without one"):
        to_onnx(net.fit(frame.assign(when=days.dt.strftime("%Y-%m-%d %H:%MZ")), Y), frame)


def test_text_is_named_with_what_would_do(monkeypatch):
    frame = pd.DataFrame({"note": [f"the note of number {i}" for i in range(N)], "x": Y})
    net = SigmoidMLPRegressor(**QUICK).fit(frame, Y)
    with pytest.raises(
        ExportError, match="Column 'note' is free text, which ONNX cannot express: .* encode it before the"
    ):
        to_onnx(net, frame)
    monkeypatch.setattr(onnx, "NOT_EXPRESSIBLE", {})  # as for a kind that this part does not know
    with pytest.raises(ExportError, match="Column 'note' is of a kind that cannot be exported: .* encode it before"):
        to_onnx(net, frame)


@pytest.mark.parametrize(("kind", "name", "message"), [
    (DoubleTensorType, "when", "'when' holds dates, and the graph's input 'when' does not hold integers: give it an I"),
    (StringTensorType, "x", "Column 'x' holds numbers, and the graph's input 'x' holds text"),
    (Int64TensorType, "there", r"'there' has the time zone Asia/Kolkata, and ONNX .*: .* by .dt.tz_localize\(None\)"),
])  # fmt: skip
def test_inputs_of_another_type_and_time_zones(kind, name, message):
    when = pd.date_range("2020", periods=N)
    frame = pd.DataFrame({"when": when, "x": Y, "there": when.tz_localize("Asia/Kolkata")})[[name]]
    with pytest.raises(ExportError, match=message):
        to_onnx(SigmoidMLPRegressor(**QUICK).fit(frame, np.arange(N)), initial_types=[(name, kind([None, 1]))])
