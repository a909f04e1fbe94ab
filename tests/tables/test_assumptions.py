"""Rows in the order of time and identifiers are found in made tables; exchangeable rows and smooth numbers are not."""

import numpy as np
import pandas as pd
import pytest

from sknet._tables import assumptions
from sknet._tables.assumptions import (
    MAX_ROWS_CHECKED,
    Signs,
    behaves_like_identifier,
    codes_of_ordered_dates,
    count_copies,
    find_signs,
    rows_in_time_order,
)
from sknet._tables.group_effects import CheckedTarget, OtherColumns
from sknet._tables.kinds import ColumnChoices, survey_columns

# --- made series -----------------------------------------------------------------------------------------------------

SIGNALS = {
    "trend": lambda rng, n: np.linspace(0, rng.uniform(2, 4), n),
    "season": lambda rng, n: 1.4 * np.sin(2 * np.pi * np.arange(n) / rng.uniform(n / 4, n / 2)),
    "short season": lambda rng, n: 1.4 * np.sin(2 * np.pi * np.arange(n) / 24),
    "slow noise": lambda rng, n: autoregressive(rng, n, 0.97),
    "random walk": lambda rng, n: np.cumsum(rng.normal(size=n)) * 3 / np.sqrt(n),
}
"""What makes targets near in time alike."""


def autoregressive(rng, n, memory):
    series = np.empty(n)
    series[0] = rng.normal()
    for i, shock in enumerate(rng.normal(size=n - 1) * np.sqrt(1 - memory**2)):
        series[i + 1] = memory * series[i] + shock
    return series


def plain(rng, signal):
    y = signal(rng, 400)
    return np.arange(400.0), y + rng.normal(size=400), OtherColumns()


def with_columns(rng, signal):
    x = rng.normal(size=(600, 3))
    y = signal(rng, 600) + np.sin(2 * x[:, 0]) + x[:, 1] + rng.normal(size=600)
    return np.arange(600.0), y, OtherColumns(list(x.T))


def panel(rng, signal):
    """Twelve shops on each of sixty days: neighbouring rows are different shops."""
    day, shop = np.divmod(np.arange(720), 12)
    y = signal(rng, 60)[day] + 3 * rng.normal(size=12)[shop] + rng.normal(size=720)
    return day.astype(float), y, OtherColumns([], [shop])


def classes(rng, signal):
    latent = signal(rng, 800) + 0.7 * rng.normal(size=800)
    labels = np.digitize(latent, np.quantile(latent, [0.4, 0.8]))
    return np.arange(800.0), np.eye(3)[labels], OtherColumns()


def numbered_panel(rng, signal):
    """The shops of a panel have numbers."""
    day, y, columns = panel(rng, signal)
    return day, y, OtherColumns([columns.categories[0].astype(float)])


FORMS = (plain, with_columns, panel, numbered_panel, classes)
TABLES_WITH_TIME = [(signal, form) for signal in SIGNALS for form in FORMS]


def series(signal, form, seed):
    """Dates in seconds, targets as a matrix, and the other columns."""
    days, y, columns = form(np.random.default_rng(seed), SIGNALS[signal])
    return 86400 * days, y.reshape(len(y), -1), columns


def checked(y, columns):
    return CheckedTarget(y, columns)


def test_time_is_found_in_nine_of_ten_series_with_a_trend_a_season_or_slow_noise():
    assert len(TABLES_WITH_TIME) == 25
    found = [
        rows_in_time_order(seconds, checked(y, columns))
        for signal, form in TABLES_WITH_TIME
        for seconds, y, columns in (series(signal, form, seed) for seed in range(3))
    ]
    assert np.mean(found) >= 0.9


def test_time_is_not_found_if_rows_were_collected_day_by_day_but_have_no_order():
    """The dates stay in order, and the rows besides them are shuffled."""
    found = []
    for signal, form in TABLES_WITH_TIME:
        for seed in range(4):
            seconds, y, columns = series(signal, form, seed)
            order = np.random.default_rng(seed).permutation(len(y))
            numbers, categories = ([values[order] for values in kind] for kind in (columns.numbers, columns.categories))
            found.append(rows_in_time_order(seconds, checked(y[order], OtherColumns(numbers, categories))))
    assert len(found) == 100
    assert sum(found) <= 1


def test_time_is_not_found_in_shuffled_rows():
    seconds, y, columns = series("trend", plain, 0)
    order = np.random.default_rng(0).permutation(len(y))
    assert rows_in_time_order(seconds, checked(y, columns))
    assert rows_in_time_order(-seconds, checked(y, columns))
    assert not rows_in_time_order(seconds[order], checked(y[order], columns))


def test_targets_that_another_column_explains_are_not_alike_in_time():
    rng = np.random.default_rng(0)
    temperature = np.sin(np.arange(900) / 20)
    y = (3 * np.maximum(temperature, 0) + rng.normal(size=900))[:, np.newaxis]
    assert rows_in_time_order(np.arange(900.0), checked(y, OtherColumns()))
    assert not rows_in_time_order(np.arange(900.0), checked(y, OtherColumns([temperature])))


@pytest.mark.parametrize("form", ["number", "category"])
def test_a_column_that_follows_time_explains_nothing(form):
    """The year is known, but not what later years bring."""
    rng = np.random.default_rng(1)
    year = np.arange(900) // 60
    y = (2 * rng.normal(size=15)[year] + rng.normal(size=900))[:, np.newaxis]
    columns = OtherColumns([year.astype(float)]) if form == "number" else OtherColumns([], [year])
    assert rows_in_time_order(np.arange(900.0), checked(y, columns))


def test_the_order_of_dates():
    days = np.arange(30.0)
    np.testing.assert_array_equal(codes_of_ordered_dates(np.repeat(days, 2)), np.repeat(np.arange(30), 2))
    np.testing.assert_array_equal(codes_of_ordered_dates(-days), np.arange(30))
    assert codes_of_ordered_dates(np.roll(days, 1)) is None  # it falls once, and rises
    assert codes_of_ordered_dates(np.repeat(days[:19], 5)) is None  # too few dates
    assert codes_of_ordered_dates(np.full(30, np.nan)) is None
    with_gaps = np.where(np.isin(days, [0, 7]), np.nan, days)
    np.testing.assert_array_equal(codes_of_ordered_dates(with_gaps)[[0, 1, 6, 7, 8]], [0, 0, 5, 5, 6])


# --- made identifiers ------------------------------------------------------------------------------------------------


def even(rng, n_ids):
    return np.arange(n_ids) + 1000, np.full(n_ids, 20)


def with_gaps(rng, n_ids):
    return np.sort(rng.choice(10**6, n_ids, replace=False)), rng.poisson(15, n_ids) + 2


def identified(rng, n_ids, form):
    """Numbers, targets and columns of a table in which each identifier has an effect of its own."""
    identifiers, counts = (with_gaps if form == "gaps" else even)(rng, n_ids)
    numbers = rng.permutation(np.repeat(identifiers, counts)).astype(float)
    effect = dict(zip(identifiers, rng.normal(size=n_ids), strict=True))
    x = rng.normal(size=len(numbers))
    latent = np.array([effect[number] for number in numbers]) + (0.7 * rng.standard_t(3, len(numbers)))
    y = latent + {"columns": 1.5 * np.sin(x)}.get(form, 0.0)
    targets = {"classes": np.eye(3)[np.digitize(latent, [-0.5, 0.8])], "skewed": np.exp(y)[:, np.newaxis]}
    return numbers, targets.get(form, y[:, np.newaxis]), OtherColumns([numbers, x])


TABLES_WITH_IDENTIFIERS = [
    (n_ids, form) for n_ids in (30, 60, 120, 300) for form in ("plain", "columns", "gaps", "classes", "skewed")
]


def test_nine_of_ten_identifiers_are_found():
    assert len(TABLES_WITH_IDENTIFIERS) == 20
    found = [
        behaves_like_identifier(numbers, checked(y, columns))
        for n_ids, form in TABLES_WITH_IDENTIFIERS
        for numbers, y, columns in (identified(np.random.default_rng(seed), n_ids, form) for seed in range(3))
    ]
    assert np.mean(found) >= 0.9


NUMBERS = {
    "age": lambda rng, n: rng.integers(18, 90, n),
    "year": lambda rng, n: 2020 - rng.geometric(0.05, n),
    "price": lambda rng, n: np.round(rng.lognormal(4, 0.5, n), -1),
    "count": lambda rng, n: rng.negative_binomial(1, 0.05, n),
    "day of the year": lambda rng, n: rng.integers(1, 366, n),
    "percent": lambda rng, n: np.clip(np.round(rng.normal(60, 15, n)), 0, 100),
}

SMOOTH = {
    "nothing": lambda z, rng: 0 * z,
    "parabola": lambda z, rng: rng.normal() * z + rng.normal() * z**2,
    "growth": lambda z, rng: np.exp(np.clip(z, -3, 3)),
    "logarithm": lambda z, rng: 2 * np.log1p(z - z.min()),
    "cycle": lambda z, rng: 2 * np.sin(rng.uniform(0.5, 4) * z),
    "kink": lambda z, rng: 2 * np.abs(z - rng.normal()),
}

NOISE = {
    "even": lambda z, rng: rng.normal(size=len(z)),
    "growing": lambda z, rng: rng.normal(size=len(z)) * np.exp(np.clip(z, -3, 3)),
    "heavy tails": lambda z, rng: rng.standard_t(2, len(z)),
    "skewed": lambda z, rng: rng.exponential(size=len(z)),
}


def pick(table, rng):
    return list(table.values())[rng.integers(len(table))]


def smooth_table(rng):
    """A number that y depends on smoothly or not at all, and columns that correlate with the number."""
    n = int(rng.choice([200, 500, 1000, 3000]))
    numbers = pick(NUMBERS, rng)(rng, n).astype(float)
    z = (numbers - numbers.mean()) / numbers.std()
    x = rng.normal(size=n) + rng.choice([0.0, 1.0, 2.0]) * z
    category = np.digitize(z + rng.normal(size=n), [-1.5, -0.5, 0.5, 1.5])
    y = rng.choice([0.3, 1.0, 3.0]) * pick(SMOOTH, rng)(z, rng) + rng.choice([0.3, 1.0, 2.0]) * pick(NOISE, rng)(z, rng)
    y += rng.choice([0.0, 1.0]) * pick(SMOOTH, rng)(x, rng) + rng.choice([0.0, 1.0]) * np.sin(2 * category)
    if rng.random() < 0.3:
        y = y > np.quantile(y, rng.choice([0.2, 0.5, 0.8]))
    return numbers, y[:, np.newaxis].astype(float), OtherColumns([numbers, x], [category])


def test_no_smooth_or_random_number_is_an_identifier():
    rng = np.random.default_rng(0)
    found = [
        behaves_like_identifier(numbers, checked(y, columns))
        for numbers, y, columns in (smooth_table(rng) for _ in range(1000))
    ]
    assert sum(found) == 0


def test_numbers_that_are_no_integers_or_hardly_repeat_are_not_checked():
    numbers, y, columns = identified(np.random.default_rng(0), 60, "plain")
    assert behaves_like_identifier(numbers, checked(y, columns))
    assert not behaves_like_identifier(numbers + 0.5, checked(y, columns))
    assert not behaves_like_identifier(np.arange(len(y), dtype=float), checked(y, columns))
    assert not behaves_like_identifier(numbers > 1030, checked(y, columns))  # booleans
    assert not behaves_like_identifier(np.full(len(y), np.nan), checked(y, columns))


def test_identifiers_may_be_missing():
    numbers, y, columns = identified(np.random.default_rng(0), 60, "plain")
    numbers[::5] = np.nan
    assert behaves_like_identifier(numbers, checked(y, columns))


@pytest.mark.parametrize("gap", [2, 10**9])
def test_numbers_with_gaps_between_them_have_the_same_groups(gap):
    numbers = identified(np.random.default_rng(0), 60, "plain")[0]
    near = assumptions.equal_integers(numbers)
    far = assumptions.equal_integers(numbers * gap)
    np.testing.assert_array_equal(near.codes, far.codes)
    np.testing.assert_array_equal(near.counts, far.counts)
    np.testing.assert_array_equal(near.values * gap, far.values)


def patients(seed, n_patients, n_labs=0):
    """Visits of patients that differ; their ages, and some laboratory values, are the same at each visit."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n_patients), rng.integers(3, 11, n_patients))
    numbers = [rng.choice(10**6, n_patients, replace=False), rng.integers(20, 85, n_patients)]
    of_patient = np.column_stack([*numbers, rng.normal(size=(n_patients, n_labs))])
    dose = rng.normal(size=len(patient))
    y = (
        0.03 * of_patient[patient, 1]
        + 0.7 * dose
        + rng.normal(size=n_patients)[patient]
        + rng.normal(size=len(patient))
    )
    return np.column_stack([of_patient[patient], dose]), y


@pytest.mark.parametrize("n_patients", [50, 150, 500])
def test_an_age_that_is_the_same_in_all_rows_of_a_patient_is_not_named(n_patients):
    found = [signs_of(*patients(seed, n_patients)).identifiers for seed in range(10)]
    assert set(sum(found, ())) == {0}


@pytest.mark.parametrize("n_patients", [50, 150, 500])
def test_an_age_that_is_the_same_in_all_rows_of_a_group_is_not_named(n_patients):
    tables = [patients(seed, n_patients) for seed in range(10)]
    assert not any(signs_of(X[:, 1:], y, groups=pd.factorize(X[:, 0])[0]).identifiers for X, y in tables)


def test_the_number_of_the_group_is_named():
    X, y = patients(0, 150)
    assert signs_of(X, y, groups=pd.factorize(X[:, 0])[0]).identifiers == (0,)


def test_patients_are_found_beside_many_columns_that_are_the_same_in_all_of_their_rows():
    found = [signs_of(*patients(seed, 100, n_labs=10)).identifiers for seed in range(10)]
    assert found.count((0,)) >= 9


def test_two_identifiers_that_do_not_determine_each_other_are_both_found():
    rng = np.random.default_rng(0)
    shop, product = rng.integers(60, size=2000), rng.integers(90, size=2000)
    y = rng.normal(size=60)[shop] + rng.normal(size=90)[product] + rng.normal(size=2000)
    assert signs_of(np.column_stack([shop, product, rng.normal(size=2000)]), y).identifiers == (0, 1)


# --- tables ----------------------------------------------------------------------------------------------------------


def signs_of(table, y, *, groups=None, rows=slice(None), checks_time=True):
    survey = survey_columns(table, ColumnChoices())
    return find_signs(table, rows, np.reshape(y, (len(y), -1))[rows], survey, groups, checks_time=checks_time)


@pytest.fixture
def table():
    seconds, y, columns = series("trend", with_columns, 0)
    numbers = np.random.default_rng(0).integers(40, size=len(y))
    y = y[:, 0] + 1.5 * np.random.default_rng(1).normal(size=40)[numbers]
    dates = pd.to_datetime(seconds, unit="s")
    shop = pd.Series(np.arange(len(y)) % 3).map({0: "a", 1: "b", 2: None})
    return pd.DataFrame({"x": columns.numbers[1], "shop": shop, "date": dates, "id": numbers}), y


def test_the_columns_of_a_frame_are_found(table):
    X, y = table
    assert signs_of(X, y) == Signs(time=2, is_falling=False, identifiers=(3,))
    assert signs_of(X.assign(date=X["date"].astype(str)), y).time == 2
    assert signs_of(X[::-1], y[::-1]) == Signs(time=2, is_falling=True, identifiers=(3,))
    assert signs_of(X, y, checks_time=False) == Signs(time=None, is_falling=False, identifiers=(3,))
    assert signs_of(X.assign(date=X["date"].dt.tz_localize("UTC")), y).time == 2


def test_dates_are_in_order_only_if_those_of_rows_that_are_not_checked_are(table):
    (X, y), second = table, slice(0, None, 2)
    twice = np.repeat(np.arange(len(y)), 2)
    X, y = X.iloc[twice], y[twice]
    assert signs_of(X, y, rows=second).time == 2
    dates = X["date"].to_numpy().copy()
    dates[[101, 201]] = dates[[201, 101]]
    assert signs_of(X.assign(date=dates), y, rows=second).time is None
    assert signs_of(X.assign(date=dates, other=X["date"]), y, rows=second).time == 4


def test_the_identifiers_of_an_array_are_found(table):
    X, y = table
    array = X[["x", "id"]].to_numpy()
    assert signs_of(array, y).identifiers == signs_of(array.astype(np.float32), y).identifiers == (1,)


def test_durations_and_dates_that_the_user_makes_categories_are_no_dates(table):
    X, y = table
    assert signs_of(X.assign(date=X["date"] - X["date"][0]), y).time is None
    assert signs_of(X.assign(date=X["date"].astype(str).astype("category")), y).time is None


def test_tables_of_many_integers_are_not_checked(table):
    X, y = table
    image = np.random.default_rng(0).integers(256, size=(len(y), assumptions.MAX_NUMBERS_CHECKED))
    assert signs_of(np.column_stack([X["id"], image]), y).identifiers == ()


# --- copies ----------------------------------------------------------------------------------------------------------


def repeated(table, n):
    """A table, and its first n rows once more."""
    return table.iloc[np.r_[: len(table), :n]]


def test_copies_of_rows_are_counted():
    rng = np.random.default_rng(4)
    fine = pd.DataFrame({"a": rng.normal(size=300), "b": rng.exponential(size=300), "c": rng.choice(list("xyz"), 300)})
    same = np.zeros((400, 1))
    assert count_copies(repeated(fine, 100), same) == 100
    assert count_copies(repeated(fine[["a", "b"]], 100).to_numpy(), same) == 100
    assert count_copies(repeated(fine, 20), same[:320]) == 0  # too few
    assert count_copies(repeated(fine, 100), np.arange(400.0)[:, np.newaxis]) == 0  # other targets


@pytest.mark.parametrize("columns", [
    {"a": np.arange(300) % 3, "b": np.arange(300) % 2}, {"a": np.arange(300)}, {"a": np.full(300, np.nan)},
    {"a": np.arange(300) // 30, "b": np.arange(300) // 30}, {"a": np.arange(300), "b": [["a list"]] * 300},
], ids=["coarse", "a single column", "missing", "few rows many times", "lists"])  # fmt: skip
def test_rows_that_may_agree_by_chance_are_no_copies(columns):
    assert count_copies(repeated(pd.DataFrame(columns), 100), np.zeros((400, 1))) == 0


def test_a_large_table_is_not_searched_for_copies():
    n = MAX_ROWS_CHECKED + 1
    assert count_copies(np.zeros((n, 2)) + np.arange(n)[:, np.newaxis] // 2, np.zeros((n, 1))) == 0
