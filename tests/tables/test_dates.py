"""Dates: which text is a date; seconds and cycles in the learnt time zone, whatever holds them."""

import warnings
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.utils.fixes import parse_version

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._tables.dates import DatetimeColumn, holds_iso_dates, parse_iso_dates
from sknet._tables.from_polars import as_pandas
from sknet._tables.numbers import NumberColumn
from tests.tables.examples import encoder_of, inputs_of

# --- iso dates -------------------------------------------------------------------------------------------------------


N = 120
WHEN = pd.Series(pd.date_range("2020-01-30", periods=N, freq="31h")).sample(frac=1, random_state=0, ignore_index=True)
DAYS = WHEN.dt.normalize()
FORMATS = {
    "%Y-%m-%d": DAYS,
    "%Y-%m-%dT%H:%M": WHEN,
    "%Y-%m-%d %H:%M": WHEN,
    "%Y-%m-%d %H:%M:%S": WHEN,
    "%Y-%m-%dT%H:%M:%S.%f": WHEN,
    "%Y-%m-%dT%H:%M:%SZ": WHEN.dt.tz_localize("UTC"),
    "%Y-%m-%d %H:%M+00:00": WHEN.dt.tz_localize("UTC"),
}
X = pd.DataFrame({"when": DAYS.dt.strftime("%Y-%m-%d"), "a": np.linspace(0, 1, N)})
Y = np.sin(DAYS.dt.day_of_year / 20).to_numpy()
QUICK = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0}


def encoded(values, of=None, **settings):
    frame = (
        as_pandas(pl.DataFrame({"when": values})) if isinstance(values, pl.Series) else pd.DataFrame({"when": values})
    )
    encoder = encoder_of(frame if of is None else pd.DataFrame({"when": of}), **settings)
    return pd.DataFrame(encoder.encode(frame, float), columns=encoder.feature_names)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_from_the_date_on_is_read(form):
    dates = FORMATS[form].where(FORMATS[form].index % 9 > 0)
    text = dates.dt.strftime(form)
    assert text.isna().any()
    pd.testing.assert_frame_equal(encoded(text), encoded(dates))


def test_offsets_are_turned_into_utc():
    text = pd.Series(["2024-03-30T10:00+01:00", "2024-03-31T10:00+02:00", "2024-04-01 00:30-0230"])
    dates = pd.Series(pd.to_datetime(["2024-03-30 09:00", "2024-03-31 08:00", "2024-04-01 03:00"], utc=True))
    pd.testing.assert_frame_equal(encoded(text), encoded(dates))
    pd.testing.assert_frame_equal(encoded(dates.dt.tz_convert("Asia/Tokyo"), of=text), encoded(dates))


def test_formats_may_differ_from_row_to_row():
    forms = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"]
    text = pd.Series([day.strftime(forms[k % 4]) for k, day in enumerate(DAYS)])
    pd.testing.assert_frame_equal(encoded(text), encoded(DAYS))


TYPES = {
    "str": lambda text: text,
    "object": lambda text: text.astype(object).where(text.notna(), None),
    "string": lambda text: text.astype("string"),
    "arrow": lambda text: text.astype(pd.ArrowDtype(pa.string())),
    "arrow, large": lambda text: text.astype(pd.ArrowDtype(pa.large_string())),
    "polars": lambda text: pl.Series(text.astype(object).where(text.notna(), None).tolist()),
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("categorical_features", ["from_dtype", None, ["from_dtype"]])
def test_the_type_that_holds_the_text_does_not_matter(kind, categorical_features):
    dates = WHEN.where(WHEN.index % 9 > 0)
    values = TYPES[kind](dates.dt.strftime("%Y-%m-%d %H:%M:%S"))
    found = encoded(values, categorical_features=categorical_features, text_features="auto")
    pd.testing.assert_frame_equal(found, encoded(dates))


def test_missing_values_may_come_first():
    text = X["when"].where(X.index > 50)
    assert "when_yearday_sin" in encoded(text)
    assert encoded(text)["when_missing"].sum() == 51


OTHERS = {
    "years": ["2024", "2023"],
    "digits": ["20240101", "20230101"],
    "months": ["2024-01", "2023-02"],
    "slashes": ["2024/01/01", "2023/01/01"],
    "German": ["01.02.2024", "03.02.2024"],
    "one digit": ["2024-1-5", "2024-1-6"],
    "weeks": ["2024-W01-1", "2024-W02-1"],
    "other digits": ["٢٠٢٤-٠١-٠١", "٢٠٢٤-٠١-٠٢"],
    "spaces": ["2024-01-01 ", "2024-01-02 "],
    "no such day": ["2024-02-28", "2024-02-30"],
    "no such hour": ["2024-02-28 10:00", "2024-02-28 25:00"],
    "some with an offset": ["2024-01-01T10:00", "2024-01-01T10:00Z"],
    "days and an offset": ["2024-01-01", "2024-01-01T10:00Z"],
    "one that is none": ["2024-01-01", "unknown"],
    "one that is empty": ["2024-01-01", ""],
    "late": [*["2024-01-01"] * 30, "?"],
    "a number": ["2024-01-01", 5],
    "nothing": [None, None],
    "numbers": [1.0, 2.0],
    "dates": [pd.Timestamp(2020, 1, 1)],
    "a type of categories": pd.Categorical(["2024-01-01", "2023-01-01"]),
    "a dictionary": pd.Series(pa.array(["2024-01-01"]).dictionary_encode(), dtype=pd.ArrowDtype(
        pa.dictionary(pa.int32(), pa.string())
    )),
}  # fmt: skip


@pytest.mark.parametrize("values", OTHERS.values(), ids=OTHERS)
def test_other_text_is_not_read_as_dates(values):
    assert not holds_iso_dates(pd.Series(values))


def test_named_date_columns_become_categories_or_text():
    as_category = encoder_of(X, categorical_features=["from_dtype", "when"])
    assert {each.kind for name, each in as_category.input_descriptions if name == "when"} <= {
        "level",
        "infrequent",
    }
    as_text = encoder_of(X, text_features=["when"])
    assert {each.kind for name, each in as_text.input_descriptions if name == "when"} == {"text"}


# --- predict ---------------------------------------------------------------------------------------------------------


NO_DATES = ["unknown", "", "2024-02-30", "01.02.2024", "20240101", "2024-01-01T10:00Z"]


@pytest.mark.parametrize("value", [*NO_DATES, 5, 1.5])
def test_text_that_is_no_date_at_prediction_is_missing(value):
    text = X["when"].astype(object).where(X.index % 9 > 0, None)
    changed, missing = text.copy(), text.copy()
    changed[5], missing[5] = value, None
    pd.testing.assert_frame_equal(encoded(changed, of=text), encoded(missing, of=text))
    if isinstance(value, str):
        pd.testing.assert_frame_equal(encoded(changed[5:6], of=text), encoded(missing[5:6], of=text))


@pytest.mark.parametrize("later", [
    DAYS, DAYS.dt.date, DAYS.dt.strftime("%Y-%m-%d 00:00:00"), DAYS.dt.strftime("%Y-%m-%d").astype("category"),
    DAYS.astype("category"), pd.Series([*DAYS[:5], *DAYS[5:].dt.strftime("%Y-%m-%d")], dtype=object),
], ids=["dates", "days", "times", "categories of text", "categories of dates", "mixed"])  # fmt: skip
def test_dates_may_be_written_otherwise_later(later):
    pd.testing.assert_frame_equal(encoded(later, of=X["when"]), encoded(DAYS))


@pytest.mark.skipif(parse_version(pd.__version__) < parse_version("3"), reason="pandas 2 reads all as nanoseconds")
@pytest.mark.parametrize("far", ["9999-12-31T00:00:00.9999999", "1600-01-01T00:00:00", "1600-01-01T00:00:00.123456789"])
def test_digits_of_nanoseconds_narrow_no_range_of_years(far):
    """Neither in fit nor for the other rows of a table to predict."""
    fine = WHEN.dt.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789"
    both = pd.concat([pd.Series([far]), fine], ignore_index=True)
    assert holds_iso_dates(both)
    pd.testing.assert_frame_equal(encoded(both, of=fine)[:1], encoded(both[:1], of=fine))
    assert "when_missing" not in encoded(both)


@pytest.mark.parametrize("later", [np.arange(float(N)), np.ones(N, bool)])
def test_numbers_in_place_of_dates_are_refused_by_name(later):
    with pytest.raises(TypeError, match=r"Column 'when' of X .* should hold dates, as in fit"):
        encoded(later, of=X["when"])


ZONED = WHEN.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
SERVED = {
    "days": (DAYS, DAYS.dt.strftime("%Y-%m-%d")),
    "times, some missing": (WHEN, WHEN.where(WHEN.index % 9 > 0).dt.strftime("%Y-%m-%dT%H:%M:%S")),
    "a time zone": (ZONED, ZONED.map(lambda when: when.isoformat())),
    "another time zone": (ZONED, WHEN.dt.strftime("%Y-%m-%dT%H:%M:%SZ")),
    "both": (WHEN, WHEN.astype(object).where(WHEN.index % 2 > 0, WHEN.astype(str))),
}


@pytest.mark.parametrize("kind", SERVED)
def test_text_of_dates_is_read_where_fit_had_dates(kind):
    """As JSON brings them: a table is served record by record."""
    dates, text = SERVED[kind]
    expected = dates.where(text.notna())
    pd.testing.assert_frame_equal(encoded(text, of=dates), encoded(expected, of=dates))
    pd.testing.assert_frame_equal(encoded(text[1:2], of=dates), encoded(expected[1:2], of=dates))


@pytest.mark.parametrize(("dates", "text"), [
    (DAYS, DAYS.dt.strftime("%d.%m.%Y")), (WHEN, WHEN.dt.strftime("%Y-%m-%dT%H:%M:%SZ")),
    (ZONED, WHEN.dt.strftime("%Y-%m-%dT%H:%M:%S")), (DAYS, X["when"].where(X.index != 60, "2020-02-30")),
    (DAYS - DAYS[0], X["when"]),
], ids=["another format", "an offset", "no offset", "no such day", "durations"])  # fmt: skip
def test_other_text_is_refused_by_name_where_fit_had_dates(dates, text):
    with pytest.raises(TypeError, match=r"Column 'when' of X .* should hold (dates|durations), as in fit"):
        encoded(text, of=dates)


@pytest.mark.parametrize("unit", ["s", "ms", "D"])
@pytest.mark.parametrize("from_zero", [pd.Timestamp(0), None], ids=["dates", "durations"])
def test_numbers_are_converted_with_their_unit(unit, from_zero):
    """Without a unit, pandas takes seconds for nanoseconds, and all dates are in 1970."""
    days = pd.Series(pd.date_range("2020-01-01", periods=N, freq="D"), name="when")
    times = days if from_zero is not None else days - days[0]
    elapsed = times - from_zero if from_zero is not None else times
    numbers = pd.DataFrame({"when": (elapsed / pd.Timedelta(1, unit)).astype("int64")})
    converter = "to_datetime" if from_zero is not None else "to_timedelta"
    with pytest.raises(
        TypeError, match=rf"pandas.{converter}\(X\['when'\], unit=...\), and .*unit='{unit}'|'{unit}'"
    ) as raised:
        encoded(numbers["when"], of=times)
    call = str(raised.value).split("convert it with pandas.")[1].split(", and")[0].replace("...", repr(unit))
    read = eval(f"pandas.{call}", {"pandas": pd, "X": numbers})
    assert (read == times).all()


@pytest.mark.parametrize("value", [*NO_DATES, 5, 1.5])
@pytest.mark.parametrize("rows", [[3], range(N)], ids=["one row", "many rows"])
def test_a_value_that_is_no_date_is_named(value, rows):
    net = SigmoidMLPRegressor(**QUICK).fit(X, Y)
    changed = X.assign(when=X["when"].astype(object).where(X.index != 3, value)).loc[rows]
    if len(changed) == 1 and not isinstance(value, str):  # a column of numbers
        with pytest.raises(TypeError, match=r"Column 'when' of X .* should hold dates, as in fit"):
            net.predict(changed)
        return
    told = rf"Columns \['when'\] of X held ISO 8601 dates without an offset from UTC .* such as {value!r}, are no"
    with pytest.warns(UserWarning, match=told) as caught:
        found = net.predict(changed)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():  # a missing date is no mistake
        warnings.simplefilter("error")
        np.testing.assert_array_equal(
            found, net.predict(changed.assign(when=changed["when"].where(changed.index != 3)))
        )


def test_columns_with_values_that_are_no_dates_are_named_together():
    table = X.assign(end=X["when"])
    net = SigmoidMLPRegressor(**QUICK).fit(table, Y)
    with pytest.warns(
        UserWarning, match=r"Columns \['when', 'end'\] of X held .* 1 of 1 values, such as '31/12/2020', are no such"
    ) as caught:
        net.predict(table[:1].assign(when="31/12/2020", end="31/12/2020"))
    assert len(caught) == 1


# --- estimators ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SigmoidMLPRegressor, SigmoidMLPClassifier])
def test_an_estimator_sees_dates_in_text_without_a_warning(kind, tmp_path):
    y = Y if kind is SigmoidMLPRegressor else Y > 0
    settings = QUICK | {"n_members": 2, "max_iter": 40}
    net, expected = (kind(**settings).fit(table, y) for table in (X, X.assign(when=DAYS)))
    pd.testing.assert_frame_equal(net.inputs_, expected.inputs_)
    np.testing.assert_array_equal(net.predict(X), expected.predict(X.assign(when=DAYS)))
    sknet.save(net, tmp_path / "net")
    later = X.assign(when=X["when"].where(X.index % 7 > 0))
    np.testing.assert_array_equal(sknet.load(tmp_path / "net").predict(later), net.predict(later))
    np.testing.assert_array_equal(net.input_gradients(X), expected.input_gradients(X.assign(when=DAYS)))
    np.testing.assert_array_equal(net.explain(X).values, expected.explain(X.assign(when=DAYS)).values)


def test_chunks_that_come_later_are_read_as_dates_and_warned_of_other_text():
    net = SigmoidMLPRegressor(**QUICK).partial_fit(X[::2], Y[::2])
    with pytest.warns(UserWarning, match=r"Columns \['when'\] of X held .* such as '\?', are no") as caught:
        net.partial_fit(X[1::2].assign(when="?"), Y[1::2])
    assert [each.filename for each in caught] == [__file__]
    assert "when_yearday_sin" in net.network_feature_names_


def test_validation_rows_and_warm_starts_are_warned_of_text_that_is_no_date():
    net = SigmoidMLPRegressor(**QUICK, warm_start=True)
    with pytest.warns(UserWarning, match=r"Columns \['when'\] of X_val held .* such as '\?', are no such") as caught:
        net.fit(X, Y, X_val=X[:30].assign(when="?"), y_val=Y[:30])
    assert [each.filename for each in caught] == [__file__]
    with pytest.warns(UserWarning, match=r"Columns \['when'\] of X held .* such as '\?', are no such"):
        net.fit(X.assign(when=X["when"].where(X.index != 3, "?")), Y, X_val=X, y_val=Y)


def test_prediction_parses_each_text_once(monkeypatch):
    net = SigmoidMLPRegressor(**QUICK).fit(X, Y)
    parsed, parse = [], parse_iso_dates

    def parse_and_count(texts, *, in_utc):
        parsed.append(texts)
        return parse(texts, in_utc=in_utc)

    monkeypatch.setattr("sknet._tables.dates.parse_iso_dates", parse_and_count)
    found = net.predict(X)
    assert len(parsed) == 1
    np.testing.assert_array_equal(found, net.predict(X.set_axis(X.index[::-1])))  # goes by position
    assert net.explain(X).data[0].tolist() == X.iloc[0].tolist()  # the text, as it was passed


def test_a_stream_of_chunks_learns_what_a_table_in_memory_does():
    settings = QUICK | {"n_members": 1, "numeric_encoding": "raw", "early_stopping": False}
    net = sknet.stream.fit(
        SigmoidMLPRegressor(**settings), lambda: ((X[i : i + 40], Y[i : i + 40]) for i in (0, 40, 80))
    )
    expected = SigmoidMLPRegressor(**settings).fit(X, Y)
    pd.testing.assert_frame_equal(net.inputs_, expected.inputs_)
    np.testing.assert_allclose(net.activations(X)[0], expected.activations(X)[0], atol=1e-6)
    with pytest.warns(
        UserWarning, match=r"Columns \['when'\] .* 5 of 5 values, such as '2024-02-30', are no such dates"
    ):
        assert np.isfinite(net.predict(X.assign(when="2024-02-30")[:5])).all()


@pytest.mark.parametrize("size", [1, 60, N])
def test_a_stream_reads_several_formats_as_dates_wherever_its_chunks_end(size):
    text = [f"{day:%Y-%m-%d}" if k < 60 else f"{day:%Y-%m-%dT%H:%M}" for k, day in enumerate(DAYS)]
    table = X.assign(when=text)
    settings = QUICK | {"n_members": 1, "numeric_encoding": "raw", "early_stopping": False}
    net = sknet.stream.fit(
        SigmoidMLPRegressor(**settings), lambda: ((table[i : i + size], Y[i : i + size]) for i in range(0, N, size))
    )
    pd.testing.assert_frame_equal(net.inputs_, SigmoidMLPRegressor(**settings).fit(X, Y).inputs_)


def test_dates_after_a_first_chunk_without_values_are_an_error():
    def fit(table, **parameters):
        chunks = [(table[i : i + 60], Y[i : i + 60]) for i in (0, 60)]
        return sknet.stream.fit(SigmoidMLPRegressor(**QUICK | parameters), lambda: iter(chunks))

    later = X.index >= 60
    table = X.assign(when=X["when"].str.replace(r"\d\d$", "01", regex=True).where(later).astype("string"))
    with pytest.raises(ValueError, match="Column 'when' of X has no value in the first chunk, and .* kind 'date' in a"):
        fit(table)
    with pytest.raises(ValueError, match="Column 'when' of X has no value in the first chunk, and .* no numbers in a"):
        fit(table.assign(when=table["when"].astype(object).where(later, None)))
    assert "level" in set(fit(table, categorical_features=["when"]).inputs_["kind"])
    assert "level" in set(fit(table.assign(when=pd.Series(["a city", "a town"] * 60).where(later))).inputs_["kind"])


# --- datetime --------------------------------------------------------------------------------------------------------


HOURS = pd.Series(pd.date_range("2023-01-01", periods=500, freq="37h"))
ANGLE = 2 * np.pi


def framed(name, series):
    return as_pandas(pl.DataFrame({name: series}) if isinstance(series, pl.Series) else pd.DataFrame({name: series}))


def encoded_dates(frame, column="when", **settings):
    encoder = encoder_of(frame, **settings)
    return pd.DataFrame(encoder.encode(frame, float), columns=encoder.feature_names)


def test_seconds_are_a_number_and_cycles_are_waves():
    Z = encoded_dates(pd.DataFrame({"when": HOURS}), input_scaling=None)
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
    encoder = encoder_of(pd.DataFrame({"when": dates}))
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
    assert encoder_of(frame) == encoder_of(expected)
    pd.testing.assert_frame_equal(encoded_dates(frame), encoded_dates(expected))


PLAIN_DAYS = [date(2023, 1, 1), None, date(2023, 4, 3)]
DATES = {
    "objects": pd.Series(PLAIN_DAYS, dtype=object),
    "arrow": pd.Series(PLAIN_DAYS, dtype=pd.ArrowDtype(pa.date32())),
    "polars": pl.Series(PLAIN_DAYS),
}


@pytest.mark.parametrize("series", DATES.values(), ids=DATES)
def test_days_are_their_midnight(series):
    frame = framed("when", series)
    pd.testing.assert_frame_equal(
        encoded_dates(frame), encoded_dates(pd.DataFrame({"when": pd.to_datetime(PLAIN_DAYS)}))
    )


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
    Z = encoded_dates(frame, input_scaling=None)
    assert list(Z) == ["wait", "wait_missing"]
    assert Z["wait"].tolist() == [86400, 18000, 34800, 0]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_hours_are_those_of_the_learnt_time_zone(zone):
    local = HOURS.dt.tz_localize(zone, nonexistent="shift_forward")
    encoder = encoder_of(pd.DataFrame({"when": local}))
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
    for train, test, zone in ((naive, local, None), (local, naive, "UTC")):
        remedy = rf"Column 'when' of X has the time zone .* and had {zone} in fit.*\.dt\.tz_localize\({zone!r}\)"
        with pytest.raises(TypeError, match=remedy):
            encoder_of(train).encode(test, float)
        remedied = pd.DataFrame({"when": test["when"].dt.tz_localize(zone)})
        np.testing.assert_array_equal(encoder_of(train).encode(remedied, float), encoder_of(train).encode(train, float))


def test_missing_dates_are_missing_numbers():
    Z = encoded_dates(pd.DataFrame({"when": HOURS.where(HOURS.index != 3)}))
    assert Z.loc[3].tolist() == [0, 1] + [0] * 6
    encoder = encoder_of(pd.DataFrame({"when": HOURS}))
    for nothing in (pd.Series([None], dtype=object), pd.Series([pd.NaT]), pd.Series([np.nan])):
        assert not encoder.encode(pd.DataFrame({"when": nothing}), float).any()


def test_zones_that_differ_by_row_are_refused_by_name():
    mixed = pd.Series([datetime(2023, 1, 1), pd.Timestamp("2023-01-01", tz="UTC")], dtype=object)
    with pytest.raises(TypeError, match=r"Column 'when' of X .*to_datetime\(utc=True\)"):
        encoder_of(pd.DataFrame({"when": mixed}))


def test_seconds_have_bins_as_other_numbers():
    encoder = encoder_of(pd.DataFrame({"when": HOURS}), numeric_encoding="piecewise_linear", n_bins=4)
    assert encoder.feature_names[:6] == ["when_bin1", "when_bin2", "when_bin3", "when_bin4", "when", "when_hour_sin"]


def test_a_date_may_be_chosen_as_a_category():
    frame = pd.DataFrame({"when": pd.to_datetime(["2023-01-01", "2023-01-02", "2023-01-03"])})
    assert encoder_of(frame, categorical_features=["when"]).n_inputs == 3


def test_a_time_zone_that_is_not_known_here_is_named():
    column = DatetimeColumn(NumberColumn(0.0, 1.0), ("hour",), "Nowhere/Land")
    values = pd.Series(pd.date_range("2020", periods=3, tz="UTC"))
    with pytest.raises((KeyError, ValueError), match="Nowhere/Land"):
        inputs_of(column, values)
    with pytest.raises(ValueError, match="give the name of a time zone"):
        DatetimeColumn(NumberColumn(0.0, 1.0), ("hour",), "dateutil//etc/passwd")


@pytest.mark.parametrize("kind", ["datetime64[s]", "timedelta64[s]"])
def test_dates_beyond_64_bits_of_microseconds_are_refused_by_name(kind):
    far = pd.DataFrame({"a": [1.0, 2.0], "far": np.array([0, 12 * 10**12]).astype(kind)})
    with pytest.raises(TypeError, match=r"Column 'far' of X cannot be read as dates: .* out of its range None"):
        SigmoidMLPRegressor(max_iter=1).fit(far, [0.0, 1.0])
