"""Text that is numbers or dates is named when it is fitted as categories, with what converts it."""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import cross_val_score

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

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

MISREAD = {
    "one question mark": (NUMBERS, "pd.to_numeric(X['a'], errors='coerce')"),
    "missing and unused": (pd.Series(NUMBERS).mask(Y > 1), "pd.to_numeric(X['a'], errors='coerce')"),
    "prices": (PRICES, "pd.to_numeric(X['a'].str.replace('[$€£%, ]', '', regex=True), errors='coerce')"),
    "weights": (
        drawn([f"{k}.5 kg" for k in range(30)]),
        "pd.to_numeric(X['a'].str.removesuffix(' kg'), errors='coerce')",
    ),
    "shares": (drawn([f"{k} %" for k in range(30)]), "str.replace"),
    "days, one unknown": (drawn([*DAYS.strftime("%Y-%m-%d"), "?"]), "pd.to_datetime(X['a'], errors='coerce')"),
    "slashes": (drawn(DAYS.strftime("%Y/%m/%d")), "pd.to_datetime(X['a'], errors='coerce')"),
    "German days": (drawn(DAYS.strftime("%d.%m.%Y")), "pd.to_datetime(X['a'], errors='coerce', dayfirst=True)"),
    "American days": (drawn(DAYS.strftime("%m/%d/%y")), "pd.to_datetime(X['a'], errors='coerce')"),
    "months": (drawn(pd.date_range("2020", periods=30, freq="MS").strftime("%Y-%m")), "pd.to_datetime"),
    "months in words": (drawn(DAYS.strftime("%d %b %Y")), "pd.to_datetime"),
    "days and times": (drawn([f"{day:%Y-%m-%d}" + " 10:00" * (k % 2) for k, day in enumerate(DAYS)]), "pd.to_datetime"),
    "years in digits": (drawn(DAYS.strftime("%Y%m%d")), "pd.to_numeric"),
}


@pytest.mark.parametrize("kind", MISREAD)
def test_the_column_and_what_converts_it_are_named(kind):
    values, remedy = MISREAD[kind]
    with pytest.warns(UserWarning, match="Column 'a' of X is text whose values are numbers or dates") as caught:
        fit(values)
    assert len(caught) == 1 and remedy in str(caught[0].message) and caught[0].filename == __file__
    with warnings.catch_warnings():  # named as a category, it is one
        warnings.simplefilter("error")
        fit(values, categorical_features=["from_dtype", "a"])


@pytest.mark.parametrize("kind", ["one question mark", "prices", "weights", "days, one unknown"])
def test_what_is_named_converts_the_column(kind):
    values, remedy = MISREAD[kind]
    X = pd.DataFrame({"a": pd.Series(values, dtype=object)})
    converted = eval(remedy, {"pd": pd, "X": X})
    assert converted.notna().mean() > 0.9 and converted.dtype.kind in "fiM"


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"])
def test_days_and_months_are_not_swapped(written):
    X = pd.DataFrame({"a": DAYS.strftime(written)})
    with pytest.warns(UserWarning, match="text whose values are numbers or dates") as caught:
        fit(X["a"].to_numpy()[np.arange(N) % len(X)])
    (call,) = re.findall(r"pd\.to_datetime\(.*?\)", str(caught[0].message))
    assert (eval(call, {"pd": pd, "X": X}) == DAYS).all()


@pytest.mark.parametrize("values", [
    drawn([f"c{k}" for k in range(97)]), drawn([*map(str, range(19))]), pd.Categorical(rng.integers(0, 97, N)),
    rng.integers(0, 97, N), rng.choice(DAYS, N), drawn([f"1.{k}.{k}" for k in range(30)]),
    drawn([f"{k}-{k + 9}" for k in range(30)]), drawn([*map(str, range(30)), *(f"c{k}" for k in range(30))]),
    drawn([f"{k},5" for k in range(30)]), drawn([f"{k}{'ABC'[k % 3]}" for k in range(30)]),
    np.where(Y > 0, None, np.nan), pd.Categorical(NUMBERS),
], ids=[
    "text", "few", "codes", "integers", "dates", "versions", "ranges", "half", "commas", "letters", "nothing", "type",
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
