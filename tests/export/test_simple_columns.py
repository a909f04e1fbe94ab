"""Every kind of column in simple ones, and the tables that formats look up."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from sknet._export.parts import ExportError
from sknet._export.simple_columns import (
    SPLITS,
    Bins,
    Cycles,
    Missing,
    clock_changes,
    shares,
    simple_columns,
    year_starts,
)
from sknet._storage.models import KINDS
from sknet._tables.columns.bins import BinnedColumn
from sknet._tables.columns.category import CategoryColumn, IdentifierColumn
from sknet._tables.columns.datetime import DatetimeColumn
from sknet._tables.columns.number import NumberColumn, weighted_quantile
from sknet._tables.columns.quantile import LEVELS, QuantileColumn
from sknet._tables.columns.target import TargetColumn
from sknet._tables.encoding import TableEncoder

NUMBER = NumberColumn(1.0, 2.0, has_missing_indicator=True)
BINNED = BinnedColumn(NUMBER, (0.0, 1.0, 3.0), 1.0)
MEANS = TargetColumn(("a", "b"), np.zeros((6, 4, 2)), np.ones(2), CategoryColumn(("a",), has_infrequent=True))


class Strange:
    n_inputs = 1
    suffixes = ("",)


def test_every_kind_that_a_file_knows_is_taken_apart():
    assert set(SPLITS) == {kind for kind in KINDS.values() if kind.__module__.startswith("sknet._tables.columns")}


def test_places_and_first_inputs():
    columns = (IdentifierColumn(), DatetimeColumn(BINNED, ("hour",), "UTC"), MEANS, IdentifierColumn(True))
    found = simple_columns(TableEncoder(None, columns), "ONNX")
    assert [(one.place, one.start, type(one.column), one.of_dates) for one in found] == [
        (1, 0, NumberColumn, True), (1, 1, Missing, True), (1, 2, Bins, True), (1, 4, Cycles, True),
        (2, 6, CategoryColumn, False), (2, 8, TargetColumn, False), (3, 10, CategoryColumn, False),
    ]  # fmt: skip
    assert [place for one in found for place in one.inputs] == list(range(11))


def test_a_kind_that_is_not_known_is_named():
    with pytest.raises(ExportError, match="Column 'x0' is a Strange, which ONNX cannot be told; it knows NumberColumn"):
        simple_columns(TableEncoder(None, (Strange(),)), "ONNX")


@pytest.mark.parametrize("decimals", [9, 0])
def test_shares_are_those_of_the_column(decimals):
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(size=400), decimals)
    column = QuantileColumn(weighted_quantile(values, LEVELS))
    ramps, x = shares(column), np.concatenate([values, rng.normal(size=400), [-9.0, 9.0]])
    place = np.searchsorted(ramps.edges, x, side="right")
    edge, level, slope, at = (line[place] for line in ramps[1:])
    found = np.where(x == edge, at, level + (x - edge) * slope)
    np.testing.assert_allclose(np.clip(found, LEVELS[1] / 2, 1 - LEVELS[1] / 2), column.share(x), rtol=1e-13)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "UTC+03:00"])
def test_clocks_are_those_of_the_zone(zone):
    rng = np.random.default_rng(0)
    changes, ahead = clock_changes(zone)
    near = changes[1:] + rng.integers(-2, 3, len(changes) - 1)
    seconds = np.concatenate([near, rng.uniform(-9e9, 9e9, 2000).round()])
    instants = pd.DatetimeIndex(seconds.astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone)
    shown = instants.tz_localize(None).as_unit("s").asi8
    np.testing.assert_array_equal(seconds + ahead[np.searchsorted(changes, seconds, side="right") - 1], shown)
    assert zone.startswith("UTC") or ZoneInfo(zone).key == zone


def test_a_clock_without_zone_and_the_years():
    assert [part.tolist() for part in clock_changes(None)] == [[-np.inf], [0.0]]
    starts = year_starts().astype("datetime64[s]").astype("datetime64[D]")
    assert starts[0] == np.datetime64("1677-01-01") and starts[-1] == np.datetime64("2262-01-01")
