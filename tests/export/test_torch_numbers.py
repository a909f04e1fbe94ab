"""Numbers and dates as PyTorch modules: what each computes is what the column writes."""

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from sknet._export.simple_columns import Bins, Cycles  # noqa: E402
from sknet._export.torch_numbers import POSITIONS, BinsOfColumns, NormalScores, Waves  # noqa: E402
from sknet._tables.columns.bins import BinnedColumn  # noqa: E402
from sknet._tables.columns.datetime import CYCLES, DatetimeColumn, seconds_of  # noqa: E402
from sknet._tables.columns.number import NumberColumn, weighted_quantile  # noqa: E402
from sknet._tables.columns.quantile import LEVELS, QuantileColumn  # noqa: E402

pytestmark = pytest.mark.export

rng = np.random.default_rng(0)
X = np.append(np.round(rng.normal(size=200), 1), [np.nan, -9.0, 9.0])


def written(column, values):
    out = np.zeros((len(values), column.n_inputs))
    column.write(values, out, "x")
    return out


def test_bins_and_scores():
    number, edges = NumberColumn(0.1, 1.0), (-1.0, -0.5, 0.0, 2.0)
    x = torch.tensor(X[:, np.newaxis])
    bins = BinsOfColumns([Bins(edges, 0.1)])(x, torch.float64).numpy()
    np.testing.assert_allclose(bins, written(BinnedColumn(number, edges, 0.1), X)[:, 1:], rtol=1e-14)
    column = QuantileColumn(weighted_quantile(X, LEVELS))
    scores = NormalScores([column])(x, torch.float64).numpy()
    np.testing.assert_allclose(scores, written(column, X), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_waves(zone):
    assert set(POSITIONS) == set(CYCLES)
    when = pd.Series(
        pd.to_datetime(["1899-12-31 23:59:59.9", "2000-02-29 12:00", "2021-03-28 01:00", None], format="ISO8601")
    )
    when = when.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else when
    column = DatetimeColumn(NumberColumn(0.0, 1.0), tuple(CYCLES), zone)
    seconds = torch.tensor(seconds_of(column.read(when, "when"))[:, np.newaxis])
    waves = Waves([Cycles(column.cycles, zone)])(seconds, torch.float64).numpy()
    np.testing.assert_allclose(waves, written(column, when)[:, 1:], atol=1e-9)
