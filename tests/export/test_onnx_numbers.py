"""Numbers and dates in a graph, where the random configurations do not come."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")

from formats import feeds_of  # noqa: E402
from numpy.polynomial import Polynomial  # noqa: E402
from scipy.special import ndtri  # noqa: E402
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType  # noqa: E402

from sknet import SigmoidMLPRegressor  # noqa: E402
from sknet._export.onnx_numbers import FARTHEST, POSITIONS, _score_polynomial  # noqa: E402
from sknet._tables.columns.datetime import CYCLES  # noqa: E402
from sknet.export import ExportError, to_onnx  # noqa: E402

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]

N = 300
rng = np.random.default_rng(0)
QUICK = dict(hidden_layer_sizes=5, max_iter=2, random_state=0)


def test_normal_scores_to_the_last_digits():
    p = np.linspace(1 / 512, 511 / 512, 2001)
    t = 2.0 * np.log(4 * p * (1 - p)) / FARTHEST - 1.0
    np.testing.assert_allclose((p - 0.5) * Polynomial(_score_polynomial())(t), ndtri(p), atol=1e-13)


def test_every_cycle_is_in_the_table():
    assert set(POSITIONS) == set(CYCLES)


def test_dates_at_the_ends_of_days_years_and_summer_times():
    ends = pd.to_datetime([
        "1677-09-23", "1899-12-31 23:59:59.999999", "1900-01-01", "1968-02-29", "1969-12-31 23:59:59.999999999",
        "1970-01-01", "2000-02-29 12:00", "2000-12-31 23:59:59.999999", "2021-03-28 00:59:59.999999",
        "2021-03-28 01:00", "2021-10-31 00:59:59.999999", "2021-10-31 01:00", "2100-02-28", "2100-03-01",
        "2262-04-10", None,
    ], format="ISO8601")  # fmt: skip
    for zone in (None, "Europe/Berlin", "America/St_Johns"):
        when = pd.Series(ends.tz_localize("UTC").tz_convert(zone) if zone else ends).dt.as_unit("ns")
        frame = pd.DataFrame({"when": when})
        net = SigmoidMLPRegressor(**QUICK, dtype="float64").fit(frame, np.arange(len(when)))
        assert len(net.network_feature_names_) == 8
        session = runtime.InferenceSession(to_onnx(net, frame).SerializeToString())
        (found,) = session.run(None, feeds_of(session, frame))
        np.testing.assert_allclose(found[:, 0], net.predict(frame), rtol=1e-6)


@pytest.mark.parametrize(("kind", "name", "message"), [
    (DoubleTensorType, "when", "'when' is one of dates, and the graph's input 'when' holds others: give it an Int64"),
    (StringTensorType, "x", "Column 'x' is one of numbers, and the graph's input 'x' holds text"),
])  # fmt: skip
def test_inputs_of_another_type(kind, name, message):
    frame = pd.DataFrame({"when": pd.date_range("2020", periods=N), "x": rng.normal(size=N)})[[name]]
    with pytest.raises(ExportError, match=message):
        to_onnx(SigmoidMLPRegressor(**QUICK).fit(frame, np.arange(N)), initial_types=[(name, kind([None, 1]))])
