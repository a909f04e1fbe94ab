"""What an ONNX session takes, made of a table: by the estimator, a pipeline or the session."""

from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet.export import ExportError, feeds_of

LEAST = np.iinfo(np.int64).min
N = 30
WHEN = pd.Series(pd.date_range("2020-01-30", periods=N, freq="31h"))
FRAME = pd.DataFrame({
    "a": np.linspace(0, 1, N),
    "single": np.linspace(0, 1, N, dtype=np.float32),
    "count": np.arange(N),
    "flag": np.arange(N) % 2 == 0,
    "some": pd.array([1, None] * (N // 2), dtype="Int64"),
    "price": [Decimal("1.5"), Decimal(2)] * (N // 2),
    "town": ["Rome", None, "Oslo"] * (N // 3),
    "kind": pd.Categorical([1.0, 2.5, None] * (N // 3)),
    "when": WHEN.where(WHEN.index != 1),
    "day": WHEN.dt.strftime("%Y-%m-%d").where(WHEN.index != 1),
    "wait": pd.to_timedelta(np.arange(N), unit="h"),
})  # fmt: skip
EXPECTED = {  # type, and the first two values
    "a": ("float64", [0.0, 1 / (N - 1)]),
    "single": ("float32", [0.0, np.float32(1 / (N - 1))]),
    "count": ("int64", [0, 1]),
    "flag": ("bool", [True, False]),
    "some": ("float64", [1.0, np.nan]),
    "price": ("float64", [1.5, 2.0]),
    "town": ("object", ["Rome", ""]),
    "kind": ("object", ["1.0", "2.5"]),
    "when": ("int64", [WHEN[0].value, LEAST]),
    "day": ("int64", [WHEN[0].normalize().value, LEAST]),
    "wait": ("int64", [0, 3600 * 10**9]),
}
QUICK = {"hidden_layer_sizes": 3, "max_iter": 1, "early_stopping": False, "random_state": 0}
NET = SigmoidMLPRegressor(**QUICK).fit(FRAME, FRAME["a"].to_numpy())


def session_of(**types):
    """What stands for a session of a graph with these inputs."""
    inputs = [SimpleNamespace(name=name, type=f"tensor({kind})") for name, kind in types.items()]
    return SimpleNamespace(get_inputs=lambda: inputs)


@pytest.mark.parametrize("name", EXPECTED)
def test_each_column_is_an_input_of_one_type(name):
    feed, (dtype, first) = feeds_of(NET, FRAME)[name], EXPECTED[name]
    assert feed.shape == (N, 1)
    assert feed.dtype == dtype
    assert_array_equal(feed[:2, 0], np.array(first, dtype))


@pytest.mark.parametrize("first", ["2020-01-01T00:00Z", "unknown", None])
def test_text_is_read_as_the_graph_reads_it_whatever_the_first_row_says(first):
    feed = feeds_of(NET, FRAME.assign(day=[first, *FRAME["day"][1:]]))["day"]
    assert feed[0, 0] == LEAST
    assert_array_equal(feed[1:], feeds_of(NET, FRAME)["day"][1:])


def test_other_types_of_columns_hold_the_same():
    frames = (
        pl.DataFrame({"a": FRAME["a"].tolist(), "town": ["Rome", None, "Oslo"] * (N // 3)}),
        FRAME[["a", "town"]].astype({"a": pd.ArrowDtype(pa.float64()), "town": pd.ArrowDtype(pa.string())}),
    )
    net = SigmoidMLPRegressor(**QUICK).fit(FRAME[["a", "town"]], FRAME["a"].to_numpy())
    for frame in frames:
        for name, feed in feeds_of(net, frame).items():
            assert_array_equal(feed, feeds_of(NET, FRAME)[name])


@pytest.mark.parametrize("X, dtype", [
    (np.ones((3, 2)), "float64"), (np.ones((3, 2), "float32"), "float32"), (np.ones((3, 2), "int8"), "int64"),
    (np.ones((3, 2), "float16"), "float64"), ([[1.0, 1.0]] * 3, "float64"), (sp.csr_array(np.ones((3, 2))), "float64"),
])  # fmt: skip
def test_an_array_is_one_input(X, dtype):
    net = SigmoidMLPClassifier(**QUICK).fit(np.ones((4, 2)), [0, 1, 0, 1])
    (name, feed), *others = feeds_of(net, X).items()
    assert name == "X"
    assert not others
    assert feed.dtype == dtype
    assert_array_equal(feed, np.ones((3, 2)))


def test_a_session_knows_its_types():
    session = session_of(a="float", count="double", flag="int64", when="int64", day="int64", town="string", k="int32")
    table = FRAME[["a", "count", "flag", "when", "day", "town"]].assign(k=FRAME["count"].astype(float))
    feeds = feeds_of(session, table)
    assert [feed.dtype.name for feed in feeds.values()] == [
        "float32", "float64", "int64", "int64", "int64", "object", "int32",
    ]  # fmt: skip
    assert_array_equal(feeds["day"], feeds_of(NET, FRAME)["day"])
    (one,) = feeds_of(session_of(X="float"), FRAME[["a", "count"]]).values()
    assert one.dtype == np.float32
    assert one.shape == (N, 2)
    two = feeds_of(session_of(p="float", q="double"), np.ones((3, 2)))
    assert {name: feed.shape for name, feed in two.items()} == {"p": (3, 1), "q": (3, 1)}


def test_a_session_finds_columns_by_name_where_it_can():
    session, table = session_of(a_b="double", town="string"), FRAME[["town", "a"]].rename(columns={"a": "a b"})
    feeds = feeds_of(session, table)
    assert feeds["town"].dtype == object
    assert feeds["a_b"].dtype == np.float64
    other = feeds_of(session_of(p="string", q="double"), table)  # of other names, by their order
    assert {name: feed.dtype.name for name, feed in other.items()} == {"p": "object", "q": "float64"}


def test_names_are_those_that_skl2onnx_makes():
    frame = pd.DataFrame([range(6)] * 2, columns=["a b", "a_b", "a-b", "1st", "größe", "a+b"])
    net = SigmoidMLPRegressor(**QUICK).fit(frame, [0.0, 1.0])
    assert list(feeds_of(net, frame)) == ["a_b", "a_b1", "a_b2", "_1st", "größe", "a+b"]


@pytest.mark.parametrize("model, X, error, message", [
    (NET, FRAME[["a"]], ExportError, r"X has 1 columns, \['a'\], and fit had 11"),
    (NET, FRAME[FRAME.columns[::-1]], ExportError, r"X has 11 columns, \['wait', .*, and fit had 11, \['a', 'single'"),
    (session_of(a="int64", b="int64"), FRAME[["a"]], ExportError, "X has 1 columns, and the graph 2 inputs"),
    (session_of(a="int64"), pd.DataFrame({"a": [1.0, None]}), ExportError, "Column 'a' of X has missing values"),
    (session_of(a="int64"), pd.DataFrame({"a": [1.0, 2.5]}), ExportError, "Column 'a' of X has the value 2.5, which"),
    (session_of(a="int8"), pd.DataFrame({"a": [300]}), ExportError, "'a' of X has the value 300, .* of dtype int8"),
    (session_of(a="uint8"), pd.DataFrame({"a": [-1]}), ExportError, "'a' of X has the value -1, .* of dtype uint8"),
    (session_of(a="int64"), pd.DataFrame({"a": [2.0**63]}), ExportError, "'a' of X has the value 9.2"),
    (session_of(X="int64"), np.array([[1.0, 2.5]]), ExportError, "X has the value 2.5, which .* of dtype int64"),
    (session_of(a="bool"), pd.DataFrame({"a": [0, 2]}), ExportError, "'a' of X has the value 2, .* of dtype bool"),
    (session_of(a="complex64"), FRAME[["a"]], ExportError, r"The graph's input 'a' is a tensor\(complex64\)"),
    (session_of(a="double"), FRAME[["town"]], ValueError, "Column 'town' of X .* should hold numbers"),
    (session_of(a="int64"), pd.DataFrame({"a": np.array(["9999"], "M8[s]")}), ExportError, "dates beyond 64 bits"),
    (NET, FRAME.assign(when=WHEN.dt.tz_localize("UTC")), ExportError, "Column 'when' of X has the time zone UTC"),
    (make_pipeline(NET), FRAME, TypeError, "SigmoidMLPClassifier and SigmoidMLPRegressor, and Pipeline is neither"),
])  # fmt: skip
def test_what_a_graph_cannot_take_is_named(model, X, error, message):
    with pytest.raises(error, match=message):
        feeds_of(model, X)
