"""Columns of text that hold numbers, dates or durations: the warning names them, and a call that converts them."""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._tables import advice
from tests.estimators.data import QUICK

N = 400
rng = np.random.default_rng(0)
Y = rng.normal(size=N)
DAYS = pd.date_range("2026-01-01", periods=60)


def fit(values, **parameters):
    X = pd.DataFrame({"b": Y, "a": values})
    return SigmoidMLPRegressor(**QUICK | parameters).fit(X, Y)


def drawn(values):
    return rng.choice(np.array(values, dtype=object), N)


NUMBERS = drawn([*map(str, range(97)), "?"])
PRICES = drawn([f"${price:,}" for price in range(900, 1_940_900, 20_000)])  # a million has two commas
TO_DIGITS = "pd.to_numeric(X['a'].str.replace('[^-+.0-9]', '', regex=True))"
FROM_DECIMAL_COMMAS = "pd.to_numeric(X['a'].str.replace('[^-+,0-9]', '', regex=True).str.replace(',', '.'))"
QUESTION_MARK = ", errors='coerce'), which makes ['?'] missing. If"

MISREAD = {
    "one question mark": (NUMBERS, "pd.to_numeric(X['a']" + QUESTION_MARK),
    "missing and unused": (pd.Series(NUMBERS).mask(Y > 1), "pd.to_numeric(X['a']" + QUESTION_MARK),
    "prices": (PRICES, TO_DIGITS),
    "thousands and a million": (drawn([*(f"{k},170" for k in range(1, 31)), "1,234,567"]), TO_DIGITS),
    "points of decimals": (drawn([f"{k}.50 €" for k in range(30)]), TO_DIGITS),
    "three decimals, one below one": (drawn([f"{k}.250 kg" for k in range(30)]), TO_DIGITS),
    "millions": (drawn([f"{k},234,567" for k in range(1, 31)]), TO_DIGITS),
    "thousands with fractions": (drawn([f"{k},234.50" for k in range(1, 31)]), TO_DIGITS),
    "spaces for thousands": (drawn([f"{k} 234" for k in range(1, 31)]), TO_DIGITS),
    "weights": (drawn([f"{k}.5 kg" for k in range(30)]), TO_DIGITS),
    "units with a slash": (drawn([f"{k}.2 mg/dl" for k in range(30)]), TO_DIGITS),
    "degrees": (drawn([f"{k}.5 °C" for k in range(30)]), TO_DIGITS),
    "units before a space": (drawn([f"{k}kg" + " " * (k % 2) for k in range(30)]), TO_DIGITS),
    "shares": (drawn([f"{k} %" for k in range(-15, 15)]), TO_DIGITS),
    "decimal commas": (drawn([*(f"{k},{k % 10}" for k in range(-15, 15)), "7", "1234,125"]), FROM_DECIMAL_COMMAS),
    "points for thousands": (
        drawn([*(f"{k}.234,50" for k in range(1, 31)), "0,125", "5.000"]), FROM_DECIMAL_COMMAS,
    ),
    "euros": (drawn([f"1 {k:03},{k:02} €" for k in range(30)]), FROM_DECIMAL_COMMAS),
    "francs": (drawn([f"CHF {k}.50" for k in range(30)]), TO_DIGITS),
    "francs after the number": (drawn([f"{k} CHF" for k in range(30)]), TO_DIGITS + ", in units of 'CHF'"),
    "apostrophes": (drawn([f"{k}'234'567.5" for k in range(1, 31)]), TO_DIGITS),
    "narrow spaces": (drawn([f"{k}\u202f234\u00a0567,5" for k in range(1, 31)]), FROM_DECIMAL_COMMAS),
    "points and millions": (drawn([*(f"{k}.234.170" for k in range(1, 31)), "950.000"]), FROM_DECIMAL_COMMAS),
    "thousands": (drawn([f"{k}k" for k in range(1, 31)]), TO_DIGITS + ", in units of 'k'"),
    "areas": (
        drawn([f"{k}.2 cm2" for k in range(30)]),
        "pd.to_numeric(X['a'].str.replace('cm2', '').str.replace('[^-+.0-9]', '', regex=True)), in units of 'cm2'",
    ),
    "conductances": (drawn([f"{k}.1 S/cm" for k in range(30)]), TO_DIGITS + ", in units of 'S/cm'"),
    "minus signs of typesetting": (
        drawn([f"{'−' * (k % 2)}{k}" for k in range(30)]),
        "pd.to_numeric(X['a'].str.replace('−', '-').str.replace('[^-+.0-9]', '', regex=True))",
    ),
    "losses in parentheses": (
        drawn([f"({k}.5)" if k % 2 else f"{k}.5" for k in range(30)]),
        "pd.to_numeric(X['a'].str.replace('(', '-').str.replace('[^-+.0-9]', '', regex=True))",
    ),
    "losses": (drawn([f"-${k}" if k % 2 else f"$-{k}" for k in range(30)]), TO_DIGITS),
    "slashes": (drawn(DAYS.strftime("%Y/%m/%d")), "pd.to_datetime(X['a'], format='ISO8601')"),
    "days, one unknown": (
        drawn([*DAYS.strftime("%Y-%m-%d"), "?"]), "pd.to_datetime(X['a'], format='ISO8601'" + QUESTION_MARK,
    ),
    "German days": (drawn(DAYS.strftime("%d.%m.%Y")), "pd.to_datetime(X['a'], format='%d.%m.%Y')"),
    "German times": (drawn(DAYS.strftime("%d.%m.%Y 10:30")), "pd.to_datetime(X['a'], format='%d.%m.%Y %H:%M')"),
    "American days": (drawn(DAYS.strftime("%m/%d/%y")), "pd.to_datetime(X['a'], format='%m/%d/%y')"),
    "months": (drawn(pd.date_range("2020", periods=30, freq="MS").strftime("%Y-%m")), "format='ISO8601')"),
    "months in words": (drawn(DAYS.strftime("%d %b %Y")), "format='%d %b %Y')"),
    "months in words, short years": (drawn(DAYS.strftime("%d-%b-%y")), "format='%d-%b-%y')"),
    "months first": (drawn(DAYS.strftime("%B %d %Y")), "format='%B %d %Y')"),
    "afternoons": (drawn(DAYS.strftime("%m/%d/%Y 02:30 PM")), "format='%m/%d/%Y %I:%M %p')"),
    "years in digits": (drawn(DAYS.strftime("%Y%m%d")), "pd.to_numeric(X['a'])"),
    "durations": (drawn(pd.to_timedelta(np.arange(30) * 9999, unit="s").astype(str)), "pd.to_timedelta(X['a'])"),
    "times of day": (
        drawn([f"{k % 24:02}:{k}:{k}.5" for k in range(10, 40)] + ["?"]), "pd.to_timedelta(X['a']" + QUESTION_MARK,
    ),
}  # fmt: skip
UNCLEAR = {
    "three decimals": (
        drawn([f"{k},125" for k in range(30)]),
        "25' may be a decimal comma, or it may separate thousands",
    ),
    "all commas alike": (
        drawn([f"{k},125" for k in range(1, 31)]),
        "25' may be a decimal comma, or it may separate thousands",
    ),
    "a whole number beside commas": (
        drawn([*(f"{k},170" for k in range(1, 31)), "7"]),
        "may be a decimal comma, or it may separate thousands",
    ),
    "prices below and above a thousand": (
        drawn([*(f"{k}.250 €" for k in range(1, 31)), "950 €"]),
        ".250 €' may be a decimal point, or it may separate thousands",
    ),
    "three decimals after points": (
        drawn([f"{k}.250" for k in range(1, 31)]),
        "may be a decimal point, or it may separate thousands",
    ),
    "commas of both kinds": (
        drawn([*(f"{k},5" for k in range(30)), "1.5"]),
        "may be a decimal comma, or it may separate thousands",
    ),
    "first days": (
        drawn(pd.date_range("2018", periods=30, freq="MS").strftime("%d.%m.%Y")),
        "or several formats read them differently: convert the column with pd.to_datetime(X['a'], format=...)",
    ),
    "a misspelt number": (drawn([*map(str, range(97)), "9O"]), "The value '9O' cannot be converted: correct such"),
    "two signs": (drawn([*(f"${k}" for k in range(1, 31)), "-$-5"]), "The value '-$-5' cannot be converted"),
    "other digits": (drawn([f"{k} kg" for k in range(30)] + ["٣ kg"]), "The value '٣ kg' cannot be converted"),
    "no such day": (drawn([*DAYS.strftime("%Y-%m-%d"), "2026-02-30"]), "No format reads all of these dates"),
    "some offsets": (
        drawn([f"{day:%Y-%m-%dT%H:%M}" + "Z" * (k % 2) for k, day in enumerate(DAYS)]),
        "No format reads all of these dates",
    ),
    "hours or minutes": (
        drawn([f"{k}:{k}" for k in range(10, 40)]),
        "convert it with pd.to_timedelta(X['a'] + ':00'). If they are minutes and seconds, convert it with "
        "pd.to_timedelta('00:' + X['a']). If",
    ),
    "two formats": (
        drawn([f"{day:%d.%m.%Y}" if k % 2 else f"{day:%Y/%m/%d}" for k, day in enumerate(DAYS)]),
        "No format reads all of these dates",
    ),
}


@pytest.mark.parametrize("kind", MISREAD | UNCLEAR)
def test_the_column_and_what_converts_it_are_named(kind):
    values, remedy = (MISREAD | UNCLEAR)[kind]
    what = "dates" if "date" in remedy or "format=" in remedy else "numbers"
    what = "durations" if "timedelta" in remedy else what
    with pytest.warns(UserWarning, match=f"Column 'a' of X is text whose values are {what}, but") as caught:
        fit(values)
    assert len(caught) == 1
    assert remedy in str(caught[0].message)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():  # named as a category, it is one
        warnings.simplefilter("error")
        fit(values, categorical_features=["from_dtype", "a"])


@pytest.mark.parametrize("values", [
    [f"{k},{k % 10}" for k in range(N)], pd.date_range("1990", periods=N).strftime("%d.%m.%Y"),
], ids=["decimal commas", "days"])  # fmt: skip
def test_a_column_is_named_once_even_if_all_its_values_differ(values):
    with pytest.warns(UserWarning) as caught:
        fit(values)
    assert [re.match("Column 'a' of X is text whose values are", str(each.message)) is None for each in caught] == [
        False
    ]


@pytest.mark.parametrize("kind", MISREAD)
def test_the_named_call_converts_all_values_of_the_column(kind):
    values = pd.Series(MISREAD[kind][0], dtype=object)
    with pytest.warns(UserWarning, match="text whose values are") as caught:
        fit(values)
    (call,) = re.findall(r"Convert it with (pd\.to_\w+\(.*?\))(?:\. If|, which|, in units)", str(caught[0].message))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        converted = eval(call, {"pd": pd, "X": pd.DataFrame({"a": values})})
    np.testing.assert_array_equal(converted.isna(), values.isna() | (values == "?"))
    assert converted.dtype.kind in "fiMm"
    assert converted.nunique() == values[values != "?"].nunique()


@pytest.mark.parametrize("kind", UNCLEAR)
def test_no_call_is_named_where_its_result_may_be_wrong(kind):
    with pytest.warns(UserWarning, match="text whose values are") as caught:
        fit(UNCLEAR[kind][0])
    assert "Convert it with" not in str(caught[0].message)


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"])
def test_days_and_months_are_not_swapped(written):
    X = pd.DataFrame({"a": DAYS.strftime(written)})
    with pytest.warns(UserWarning, match="text whose values are") as caught:
        fit(X["a"].to_numpy()[np.arange(N) % len(X)])
    (call,) = re.findall(r"pd\.to_datetime\(.*?\)", str(caught[0].message))
    assert (eval(call, {"pd": pd, "X": X}) == DAYS).all()


def test_a_rare_value_of_many_is_not_lost(monkeypatch):
    """A sample of the categories decides whether the column is looked at, and all of them whether the call is named."""
    monkeypatch.setattr(advice, "MAX_CATEGORIES_TRIED", 10)
    with pytest.warns(UserWarning, match="The value '10O' cannot be converted"):
        fit([*map(str, range(97)), "10O"] * 4 + ["0"] * 8)


@pytest.mark.parametrize("values", [
    drawn([f"c{k}" for k in range(97)]), drawn([*map(str, range(19))]), pd.Categorical(rng.integers(0, 97, N)),
    rng.integers(0, 97, N), rng.choice(DAYS, N), drawn([f"1.{k}.{k}" for k in range(30)]),
    drawn([f"1.{k}.3 beta" for k in range(30)]),
    drawn([f"{day:%Y-%m-%d}" + " 10:00" * (k % 2) for k, day in enumerate(DAYS)]),
    pd.Series(pd.arrays.ArrowExtensionArray(pa.array(drawn(DAYS.strftime("%Y-%m-%d"))).dictionary_encode())),
    drawn([f"{k}-{k + 9}" for k in range(30)]), drawn([*map(str, range(30)), *(f"c{k}" for k in range(30))]),
    drawn([f"{k},5,1" for k in range(30)]), drawn([f"1.2{k}.345.678" for k in range(30)]),
    drawn([f"{k}{'ABC'[k % 3]}" for k in range(30)]), drawn([f"({k})" for k in range(30)]),
    drawn([f"A-{k}" for k in range(30)]), drawn([f"+49 89 {k}-0" for k in range(30)]),
    drawn([f"SKU {k}" for k in range(30)]),
    np.where(Y > 0, None, np.nan), pd.Categorical(NUMBERS),
], ids=[
    "text", "few", "codes", "integers", "dates", "versions", "beta versions", "days and times", "arrow",
    "ranges", "half", "lists", "addresses", "letters", "references", "products", "telephones", "stock",
    "nothing", "type",
])  # fmt: skip
def test_other_columns_give_no_warning(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(values)


def test_the_warning_names_the_type_that_makes_a_category():
    with pytest.warns(UserWarning, match="is text") as caught:
        fit(NUMBERS)
    assert "X['a'].astype('category')" in str(caught[0].message)


def test_polars_and_the_first_partial_fit():
    frame = pl.DataFrame({"a": NUMBERS.tolist(), "b": Y})
    with pytest.warns(UserWarning, match="Column 'a' of X is text"):
        net = SigmoidMLPClassifier(**QUICK).partial_fit(frame, Y > 0, classes=[False, True])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.partial_fit(frame, Y > 0)


@pytest.mark.parametrize(("texts", "numbers"), [
    ([f"{k} kg" for k in range(60)], range(60)),
    ([f"{k},5 kg" for k in range(60)], np.arange(60) + 0.5),
    ([f" {k}" for k in range(59)] + ["?"], [*range(59), None]),
], ids=["units", "decimal commas", "numbers"])  # fmt: skip
def test_a_polars_column_is_converted_by_calls_of_polars(texts, numbers):
    frame = pl.DataFrame({"a": texts, "b": np.arange(60.0)})
    with pytest.warns(UserWarning, match="Column 'a' of X is text whose values are numbers") as caught:
        SigmoidMLPClassifier(**QUICK).fit(frame, np.arange(60) % 2)
    (call,) = re.findall(r"Convert it with (X.*?\))(?:\. If|, which|, in units)", str(caught[0].message))
    converted = eval(call, {"pl": pl, "X": frame})
    assert converted.to_list() == list(numbers)


@pytest.mark.parametrize("form", advice.DATE_FORMATS[1:])
def test_a_polars_column_of_dates_is_converted_by_calls_of_polars(form):
    days = pd.date_range("2026-01-31", periods=60, freq="31D").to_series()
    texts = [*days.dt.strftime(form), "?"]
    frame = pl.DataFrame({"a": texts, "b": np.arange(61.0)})
    with pytest.warns(UserWarning, match="Column 'a' of X is text whose values are dates") as caught:
        SigmoidMLPClassifier(**QUICK).fit(frame, np.arange(61) % 2)
    (call,) = re.findall(r"Convert it with (X.*?\)), which makes", str(caught[0].message))
    expected = pd.to_datetime(pd.Series(texts), format=form, errors="coerce")
    assert eval(call, {"pl": pl, "X": frame}).to_list() == [day.to_pydatetime() for day in expected[:-1]] + [None]


@pytest.mark.parametrize(("texts", "call_pattern"), [
    ([f"{k} days 00:{k}:00" for k in range(10, 60)], r"pd\.to_timedelta\(.*?\)\)"),
    ([f"{k % 24}:{k}" for k in range(10, 60)], r"pd\.to_timedelta\(\(X\['a'\] \+ ':00'\)\.to_list\(\)\)"),
    ([f"{k % 24}:{k}" for k in range(10, 60)], r"pd\.to_timedelta\(\('00:' \+ X\['a'\]\)\.to_list\(\)\)"),
], ids=["days", "hours", "minutes"])  # fmt: skip
def test_a_polars_column_of_durations_is_converted(texts, call_pattern):
    frame = pl.DataFrame({"a": texts, "b": np.arange(50.0)})
    with pytest.warns(UserWarning, match="Column 'a' of X is text whose values are durations") as caught:
        SigmoidMLPClassifier(**QUICK).fit(frame, np.arange(50) % 2)
    converted = eval(re.search(call_pattern, str(caught[0].message))[0], {"pd": pd, "X": frame})
    assert (np.diff(converted.total_seconds()[:10]) > 0).all()
    with warnings.catch_warnings(action="error"):
        SigmoidMLPClassifier(**QUICK).fit(frame.with_columns(a=pl.Series(converted)), np.arange(50) % 2)


def test_no_call_of_polars_is_offered_for_dates_that_only_a_parser_of_iso_8601_reads():
    texts = [*DAYS.strftime("%Y-%m-%dT%H:%M:%S"), "?"]
    with pytest.warns(UserWarning, match=r"convert the column with X\['a'\]\.str\.to_datetime\(\.\.\.\) and the right"):
        SigmoidMLPClassifier(**QUICK).fit(pl.DataFrame({"a": texts, "b": np.arange(61.0)}), np.arange(61) % 2)


def test_a_polars_column_becomes_a_category_by_a_call_of_polars():
    frame = pl.DataFrame({"a": NUMBERS.tolist()})
    with pytest.warns(UserWarning, match="Column 'a' of X is text") as caught:
        SigmoidMLPClassifier(**QUICK).fit(frame, Y > 0)
    (call,) = re.findall(r"If it is a category, use (X.*?\)) or", str(caught[0].message))
    assert eval(call, {"pl": pl, "X": frame}).dtype == pl.Categorical


def test_a_column_with_a_number_as_its_name_is_converted():
    frame = pd.DataFrame({0: [f"{k} kg" for k in range(60)], 1: np.arange(60.0)})
    with pytest.warns(UserWarning, match="Column '0' of X is text whose values are numbers") as caught:
        SigmoidMLPClassifier(**QUICK).fit(frame, np.arange(60) % 2)
    (number, category) = re.findall(
        r"(?:Convert it with|If it is a category, use) (.*?\))(?:, in| or)", str(caught[0].message)
    )
    assert eval(number, {"pd": pd, "X": frame}).tolist() == list(range(60))
    assert eval(category, {"X": frame}).dtype == "category"


def test_a_warning_raised_as_an_error_leaves_the_estimator_as_before():
    rng = np.random.default_rng(1)
    net = fit(DAYS[rng.integers(0, 60, N)])
    frame = pd.DataFrame({"b": Y, "a": DAYS[rng.integers(0, 60, N)]})
    before = net.predict(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="Column 'a'"):
            net.fit(frame.assign(a=NUMBERS), Y)
    np.testing.assert_array_equal(net.predict(frame), before)
