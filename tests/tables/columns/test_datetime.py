"""Dates: seconds and cycles, in the learnt time zone, whatever holds them."""

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sknet._tables.column import ColumnSettings
from sknet._tables.dates import DatetimeColumn
from sknet._tables.numbers import NumberColumn
from sknet._tables.read import as_pandas

from sknet import SigmoidMLPRegressor
from sknet._tables.encoding import learn_encoder

HOURS = pd.Series(pd.date_range("2023-01-01", periods=500, freq="37h"))
ANGLE = 2 * np.pi


def framed(name, series):
    return as_pandas(pl.DataFrame({name: series}) if isinstance(series, pl.Series) else pd.DataFrame({name: series}))


def encoded(frame, column="when", **settings):
    encoder = learn_encoder(frame, ColumnSettings(**settings))
    return pd.DataFrame(encoder.encode(frame, float), columns=encoder.feature_names)


def test_seconds_are_a_number_and_cycles_are_waves():
    Z = encoded(pd.DataFrame({"when": HOURS}), input_scaling=None)
    assert list(Z) == ["when"] + [f"when_{c}_{w}" for c in ("hour", "weekday", "yearday") for w in ("sin", "cos")]
    np.testing.assert_array_equal(Z["when"], HOURS.astype("int64") / 10 ** (9 if HOURS.dtype == "M8[ns]" else 6))
    np.testing.assert_allclose(Z["when_hour_sin"], np.sin(ANGLE * HOURS.dt.hour / 24), atol=1e-12)
    np.testing.assert_allclose(Z["when_weekday_cos"], np.cos(ANGLE * HOURS.dt.day_of_week / 7), atol=1e-12)
    np.testing.assert_allclose(Z["when_yearday_cos"], np.cos(ANGLE * HOURS.dt.day_of_year / 365.25), atol=1e-12)


@pytest.mark.parametrize(
    ("dates", "cycles"),
    [
        (pd.date_range("2023-01-01", periods=30, freq="D"), ["weekday", "yearday"]),
        (pd.date_range("2023-01-01", periods=20, freq="h"), ["hour"]),
        (pd.date_range("2023-01-01", periods=5, freq="7D"), ["yearday"]),
        (pd.to_datetime(["2023-01-01", None]), []),
        (pd.to_timedelta(["1h", "3h"]), []),
    ],
)
def test_only_cycles_that_vary_are_inputs(dates, cycles):
    encoder = learn_encoder(pd.DataFrame({"when": dates}))
    assert encoder.columns[0].cycles == tuple(cycles)


STAMPS = [datetime(2023, 1, 1, 5), datetime(2023, 4, 3, 17, 30), None, datetime(2024, 2, 29)]
NAIVE = {
    "pandas": pd.Series(pd.to_datetime(STAMPS)),
    "nanoseconds": pd.Series(pd.to_datetime(STAMPS)).astype("datetime64[ns]"),
    "objects": pd.Series(STAMPS, dtype=object),
    "arrow": pd.Series(STAMPS, dtype=pd.ArrowDtype(pa.timestamp("us"))),
    "polars": pl.Series(STAMPS),
    "polars milliseconds": pl.Series(STAMPS, dtype=pl.Datetime("ms")),
}


@pytest.mark.parametrize("series", NAIVE.values(), ids=NAIVE)
def test_the_types_that_hold_dates_do_not_matter(series):
    frame = framed("when", series)
    expected = pd.DataFrame({"when": NAIVE["pandas"]})
    assert learn_encoder(frame) == learn_encoder(expected)
    pd.testing.assert_frame_equal(encoded(frame), encoded(expected))


DAYS = [date(2023, 1, 1), None, date(2023, 4, 3)]
DATES = {
    "objects": pd.Series(DAYS, dtype=object),
    "arrow": pd.Series(DAYS, dtype=pd.ArrowDtype(pa.date32())),
    "polars": pl.Series(DAYS),
}


@pytest.mark.parametrize("series", DATES.values(), ids=DATES)
def test_days_are_their_midnight(series):
    frame = framed("when", series)
    pd.testing.assert_frame_equal(encoded(frame), encoded(pd.DataFrame({"when": pd.to_datetime(DAYS)})))


SPANS = [timedelta(1), timedelta(hours=5), None, timedelta(0)]


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(SPANS),
        pd.Series(SPANS, dtype=object),
        pd.Series(SPANS, dtype=pd.ArrowDtype(pa.duration("ms"))),
        pl.Series(SPANS),
    ],
)
def test_durations_are_seconds(series):
    frame = framed("wait", series)
    Z = encoded(frame, input_scaling=None)
    assert list(Z) == ["wait", "wait_missing"] and Z["wait"].tolist() == [86400, 18000, 34800, 0]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_hours_are_those_of_the_learnt_time_zone(zone):
    local = HOURS.dt.tz_localize(zone, nonexistent="shift_forward")
    encoder = learn_encoder(pd.DataFrame({"when": local}))
    Z = pd.DataFrame(encoder.encode(pd.DataFrame({"when": local}), float), columns=encoder.feature_names)
    np.testing.assert_allclose(Z["when_hour_cos"], np.cos(ANGLE * local.dt.hour / 24), atol=1e-12)
    for other in (local.dt.tz_convert("Asia/Tokyo"), local.astype(pd.ArrowDtype(pa.timestamp("us", tz=zone)))):
        np.testing.assert_array_equal(encoder.encode(pd.DataFrame({"when": other}), float), Z)
    polars = pl.DataFrame({"when": pl.Series(local.dt.tz_convert("UTC").dt.tz_localize(None).tolist())}).with_columns(
        pl.col("when").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    )
    np.testing.assert_array_equal(encoder.encode(as_pandas(polars), float), Z)


def test_a_time_zone_is_neither_lost_nor_guessed():
    naive, local = pd.DataFrame({"when": HOURS}), pd.DataFrame({"when": HOURS.dt.tz_localize("UTC")})
    for train, test in ((naive, local), (local, naive)):
        with pytest.raises(TypeError, match=r"Column 'when' of X has the time zone .* and had .* in fit.*tz_localize"):
            learn_encoder(train).encode(test, float)


def test_missing_dates_are_missing_numbers():
    Z = encoded(pd.DataFrame({"when": HOURS.where(HOURS.index != 3)}))
    assert Z.loc[3].tolist() == [0, 1] + [0] * 6
    encoder = learn_encoder(pd.DataFrame({"when": HOURS}))
    for nothing in (pd.Series([None], dtype=object), pd.Series([pd.NaT]), pd.Series([np.nan])):
        assert not encoder.encode(pd.DataFrame({"when": nothing}), float).any()


def test_zones_that_differ_by_row_are_refused_by_name():
    mixed = pd.Series([datetime(2023, 1, 1), pd.Timestamp("2023-01-01", tz="UTC")], dtype=object)
    with pytest.raises(TypeError, match=r"Column 'when' of X .*to_datetime\(utc=True\)"):
        learn_encoder(pd.DataFrame({"when": mixed}))


def test_seconds_have_bins_as_other_numbers():
    encoder = learn_encoder(
        pd.DataFrame({"when": HOURS}), ColumnSettings(numeric_encoding="piecewise_linear", n_bins=4)
    )
    assert encoder.feature_names[:6] == ["when_bin1", "when_bin2", "when_bin3", "when_bin4", "when", "when_hour_sin"]


def test_a_date_may_be_chosen_as_a_category():
    frame = pd.DataFrame({"when": pd.to_datetime(["2023-01-01", "2023-01-02", "2023-01-03"])})
    assert learn_encoder(frame, ColumnSettings(categorical_features=["when"])).n_inputs == 3


def test_a_time_zone_that_is_not_known_here_is_named():
    column = DatetimeColumn(NumberColumn(0.0, 1.0), ("hour",), "Nowhere/Land")
    values = pd.Series(pd.date_range("2020", periods=3, tz="UTC"))
    with pytest.raises(ValueError, match="Column 'when' of X had the time zone Nowhere/Land in fit, which this system"):
        column.write(values, np.zeros((3, 3)), "when")
    with pytest.raises(ValueError, match="give the name of a time zone"):
        DatetimeColumn(NumberColumn(0.0, 1.0), ("hour",), "dateutil//etc/passwd")


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]"])
def test_dates_beyond_64_bits_of_microseconds_are_refused_by_name(kind):
    far = pd.DataFrame({"a": [1.0, 2.0], "far": np.array([0, 12 * 10**12]).astype(kind)})
    with pytest.raises(TypeError, match=r"Column 'far' of X cannot be read as dates: .* out of its range None"):
        SigmoidMLPRegressor(max_iter=1).fit(far, [0.0, 1.0])
