"""Text that is numbers or dates is named when it is fitted as categories, with what converts it."""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.model_selection import cross_val_score

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._tables import kinds as misread

N = 400
rng = np.random.default_rng(0)
Y = rng.normal(size=N)
QUICK = dict(hidden_layer_sizes=3, max_iter=2, random_state=0)
DAYS = pd.date_range("2026-01-01", periods=60)


def fit(values, **parameters):
    X = pd.DataFrame({"b": Y, "a": values})
    return SigmoidMLPRegressor(**QUICK | parameters).fit(X, Y)


def drawn(levels):
    return rng.choice(np.array(levels, dtype=object), N)


NUMBERS = drawn([*map(str, range(97)), "?"])
PRICES = drawn([f"${price:,}" for price in range(900, 97_900, 1_000)])
TO_DIGITS = "pd.to_numeric(X['a'].str.replace('[^-+.0-9]', '', regex=True))"
QUESTION_MARK = ", errors='coerce'), which makes ['?'] missing. If"

MISREAD = {
    "one question mark": (NUMBERS, "pd.to_numeric(X['a']" + QUESTION_MARK),
    "missing and unused": (pd.Series(NUMBERS).mask(Y > 1), "pd.to_numeric(X['a']" + QUESTION_MARK),
    "prices": (PRICES, TO_DIGITS),
    "millions": (drawn([f"{k},234,567" for k in range(1, 31)]), TO_DIGITS),
    "thousands with fractions": (drawn([f"{k},234.50" for k in range(1, 31)]), TO_DIGITS),
    "spaces for thousands": (drawn([f"{k} 234" for k in range(1, 31)]), TO_DIGITS),
    "weights": (drawn([f"{k}.5 kg" for k in range(30)]), TO_DIGITS),
    "units before a space": (drawn([f"{k}kg" + " " * (k % 2) for k in range(30)]), TO_DIGITS),
    "shares": (drawn([f"{k} %" for k in range(-15, 15)]), TO_DIGITS),
    "losses": (drawn([f"-${k}" if k % 2 else f"$-{k}" for k in range(30)]), TO_DIGITS),
    "slashes": (drawn(DAYS.strftime("%Y/%m/%d")), "pd.to_datetime(X['a'], format='%Y/%m/%d')"),
    "days, one unknown": (
        drawn([*DAYS.strftime("%Y-%m-%d"), "?"]), "pd.to_datetime(X['a'], format='ISO8601'" + QUESTION_MARK,
    ),
    "German days": (drawn(DAYS.strftime("%d.%m.%Y")), "pd.to_datetime(X['a'], format='%d.%m.%Y')"),
    "German times": (drawn(DAYS.strftime("%d.%m.%Y 10:30")), "pd.to_datetime(X['a'], format='%d.%m.%Y %H:%M')"),
    "American days": (drawn(DAYS.strftime("%m/%d/%y")), "pd.to_datetime(X['a'], format='%m/%d/%y')"),
    "months": (drawn(pd.date_range("2020", periods=30, freq="MS").strftime("%Y-%m")), "format='%Y-%m')"),
    "months in words": (drawn(DAYS.strftime("%d %b %Y")), "format='%d %b %Y')"),
    "years in digits": (drawn(DAYS.strftime("%Y%m%d")), "pd.to_numeric(X['a'])"),
}  # fmt: skip
UNCLEAR = {
    "decimal commas": (
        drawn([f"{k},125" for k in range(30)]),
        "25' may be a decimal comma, or it may separate thousands",
    ),
    "all commas alike": (
        drawn([f"{k},125" for k in range(1, 31)]),
        "25' may be a decimal comma, or it may separate thousands",
    ),
    "first days": (
        drawn(pd.date_range("2018", periods=30, freq="MS").strftime("%d.%m.%Y")),
        "may be in either order: convert it with pd.to_datetime(X['a'], format='%d.%m.%Y') or with format='%m.%d.%Y'.",
    ),
    "a misspelt number": (drawn([*map(str, range(97)), "9O"]), "The value '9O' cannot be converted: correct such"),
    "two signs": (drawn([*(f"${k}" for k in range(1, 31)), "-$-5"]), "The value '-$-5' cannot be converted"),
    "other digits": (drawn([f"{k} kg" for k in range(30)] + ["٣ kg"]), "The value '٣ kg' cannot be converted"),
    "no such day": (drawn([*DAYS.strftime("%Y-%m-%d"), "2026-02-30"]), "The value '2026-02-30' cannot be converted"),
    "some offsets": (
        drawn([f"{day:%Y-%m-%dT%H:%M}" + "Z" * (k % 2) for k, day in enumerate(DAYS)]),
        "Some of these dates have an offset from UTC, and others have none",
    ),
    "two formats": (
        drawn([f"{day:%d.%m.%Y}" if k % 2 else f"{day:%Y/%m/%d}" for k, day in enumerate(DAYS)]),
        "No single format reads all of these dates",
    ),
}


@pytest.mark.parametrize("kind", MISREAD | UNCLEAR)
def test_the_column_and_what_converts_it_are_named(kind):
    values, advice = (MISREAD | UNCLEAR)[kind]
    with pytest.warns(UserWarning, match="Column 'a' of X is text whose values are numbers or dates") as caught:
        fit(values)
    assert len(caught) == 1 and advice in str(caught[0].message) and caught[0].filename == __file__
    with warnings.catch_warnings():  # named as a category, it is one
        warnings.simplefilter("error")
        fit(values, categorical_features=["from_dtype", "a"])


@pytest.mark.parametrize("kind", MISREAD)
def test_what_is_named_converts_all_values_of_the_column(kind):
    values = pd.Series(MISREAD[kind][0], dtype=object)
    with pytest.warns(UserWarning, match="text whose values are numbers or dates") as caught:
        fit(values)
    (call,) = re.findall(r"Convert it with (pd\.to_\w+\(.*?\))(?:\. If|, which)", str(caught[0].message))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        converted = eval(call, {"pd": pd, "X": pd.DataFrame({"a": values})})
    np.testing.assert_array_equal(converted.isna(), values.isna() | (values == "?"))
    assert converted.dtype.kind in "fiM" and converted.nunique() == values[values != "?"].nunique()


@pytest.mark.parametrize("kind", UNCLEAR)
def test_no_call_is_named_where_its_result_may_be_wrong(kind):
    with pytest.warns(UserWarning, match="text whose values are numbers or dates") as caught:
        fit(UNCLEAR[kind][0])
    assert "Convert it with" not in str(caught[0].message)


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"])
def test_days_and_months_are_not_swapped(written):
    X = pd.DataFrame({"a": DAYS.strftime(written)})
    with pytest.warns(UserWarning, match="text whose values are numbers or dates") as caught:
        fit(X["a"].to_numpy()[np.arange(N) % len(X)])
    (call,) = re.findall(r"pd\.to_datetime\(.*?\)", str(caught[0].message))
    assert (eval(call, {"pd": pd, "X": X}) == DAYS).all()


def test_a_rare_value_of_many_is_not_lost(monkeypatch):
    """A sample of the categories decides whether the column is looked at, and all of them whether the call is named."""
    monkeypatch.setattr(misread, "MAX_CATEGORIES_TRIED", 10)
    with pytest.warns(UserWarning, match="The value '10O' cannot be converted"):
        fit(drawn([*map(str, range(97)), "10O"]))


@pytest.mark.parametrize("values", [
    drawn([f"c{k}" for k in range(97)]), drawn([*map(str, range(19))]), pd.Categorical(rng.integers(0, 97, N)),
    rng.integers(0, 97, N), rng.choice(DAYS, N), drawn([f"1.{k}.{k}" for k in range(30)]),
    drawn([f"1.{k}.3 beta" for k in range(30)]),
    drawn([f"{day:%Y-%m-%d}" + " 10:00" * (k % 2) for k, day in enumerate(DAYS)]),
    pd.Series(pd.arrays.ArrowExtensionArray(pa.array(drawn(DAYS.strftime("%Y-%m-%d"))).dictionary_encode())),
    drawn([f"{k}-{k + 9}" for k in range(30)]), drawn([*map(str, range(30)), *(f"c{k}" for k in range(30))]),
    drawn([f"{k},5" for k in range(30)]), drawn([f"{k}{'ABC'[k % 3]}" for k in range(30)]),
    np.where(Y > 0, None, np.nan), pd.Categorical(NUMBERS),
], ids=[
    "text", "few", "codes", "integers", "dates", "versions", "beta versions", "days and times", "arrow",
    "ranges", "half", "commas", "letters", "nothing", "type",
])  # fmt: skip
def test_other_columns_are_none_of_its_business(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(values)


def test_what_is_meant_can_be_said_by_the_type():
    with pytest.warns(UserWarning, match="is text") as caught:
        fit(NUMBERS)
    assert "X['a'].astype('category')" in str(caught[0].message)


def test_it_comes_once_in_a_cross_validation():
    frame = pd.DataFrame({"b": Y, "code": NUMBERS})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        cross_val_score(SigmoidMLPRegressor(**QUICK), frame, Y, cv=3)
    assert len([one for one in caught if "Column 'code'" in str(one.message)]) == 1


def test_polars_and_the_first_partial_fit():
    frame = pl.DataFrame({"a": NUMBERS.tolist(), "b": Y})
    with pytest.warns(UserWarning, match="Column 'a' of X is text"):
        net = SigmoidMLPClassifier(**QUICK).partial_fit(frame, Y > 0, classes=[False, True])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.partial_fit(frame, Y > 0)


def test_as_an_error_it_leaves_the_estimator_as_it_was():
    net = fit(DAYS[rng.integers(0, 60, N)])
    frame = pd.DataFrame({"b": Y, "a": DAYS[rng.integers(0, 60, N)]})
    before = net.predict(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="Column 'a'"):
            net.fit(frame.assign(a=NUMBERS), Y)
    np.testing.assert_array_equal(net.predict(frame), before)
