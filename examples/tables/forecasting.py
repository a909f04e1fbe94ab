"""
Forecasting several series
==========================

This program forecasts the highest and lowest temperature of a day in Seattle, 1, 3 and 7 days ahead. Each row is one
forecast: the series, the number of days ahead, the day, and the last values. One network learns all forecasts.

Rows of the same days share their weather. If single rows are held out, the network learns from rows that are almost the
same. It then trains for too long, and its intervals cover too little of the next year. Hold out whole weeks with
``groups``, or use ``TimeSeriesSplit``, which learns from the past and tests on what follows.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit

from sknet import SigmoidMLPRegressor

weather = pd.read_csv(Path(__file__).parents[1] / "data" / "weather.csv", parse_dates=["date"]).set_index("date")


def forecasts(name, ahead):
    """Return one row for each day on which a forecast of a series is made."""
    values = weather[name]
    lags = {f"{lag} days ago": values.shift(lag) for lag in (0, 1, 2, 6)}
    day = values.index + pd.Timedelta(days=ahead)
    table = pd.DataFrame({"series": name, "days ahead": ahead, "day": day, **lags, "target": values.shift(-ahead)})
    table["week's mean"] = values.rolling(7).mean()
    table["rain"] = weather["precipitation"].rolling(3).sum()
    return table.dropna()


rows = pd.concat([forecasts(name, ahead) for name in ("temp_max", "temp_min") for ahead in (1, 3, 7)])
rows = rows.sort_index(kind="stable")  # in order of time, as TimeSeriesSplit needs them
X, y = rows.drop(columns="target"), rows["target"]
past, new = rows["day"] < "2015", rows.index >= "2015"
print(f"{past.sum()} rows to learn from, {new.sum()} of the year that follows")

# %%
# Three ways to hold out rows, and boosted trees
# ----------------------------------------------

weeks = X.index[past].to_period("W").astype(str)
by_time = SigmoidMLPRegressor(early_stopping="folds", validation_fraction=TimeSeriesSplit(4), random_state=0)
nets = {
    "single rows": SigmoidMLPRegressor(random_state=0).fit(X[past], y[past]),
    "groups=weeks": SigmoidMLPRegressor(random_state=0).fit(X[past], y[past], groups=weeks),
    "TimeSeriesSplit(4)": by_time.fit(X[past], y[past]),
}
inside = {}
for name, net in nets.items():
    low, high = net.predict_interval(X[new], coverage=0.9).T
    inside[name] = (low <= y[new]) & (y[new] <= high)
    error = mean_absolute_error(y[new], net.predict(X[new]))
    print(f"{name:18} error {error:.2f} °C, {inside[name].mean():.0%} in 90% intervals, {net.best_epoch_} epochs")

codes = X.assign(series=X["series"].astype("category"), day=X["day"].dt.day_of_year)
trees = HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0).fit(codes[past], y[past])
print(f"HistGradientBoosting error {mean_absolute_error(y[new], trees.predict(codes[new])):.2f} °C")
print(f"the last value       error {mean_absolute_error(y[new], X.loc[new, '0 days ago']):.2f} °C")

# %%
# Forecasts for a week ahead, and the share of new targets inside the intervals by the number of days ahead

week_ahead = new & (rows["series"] == "temp_max") & (rows["days ahead"] == 7)
figure, (line, bars) = plt.subplots(1, 2, figsize=(10, 3.8), width_ratios=(2, 1), layout="constrained")
low, high = by_time.predict_interval(X[week_ahead], coverage=0.9).T
line.fill_between(X.loc[week_ahead, "day"], low, high, color="#14606b", alpha=0.2, lw=0, label="90% interval")
line.plot(X.loc[week_ahead, "day"], by_time.predict(X[week_ahead]), color="#14606b", label="forecast, a week before")
line.plot(X.loc[week_ahead, "day"], y[week_ahead], ".", ms=3, color="#c2571a", label="measured")
line.set(ylabel="highest temperature of the day, °C")
line.legend(frameon=False)
shares = pd.DataFrame({name: held.groupby(X.loc[new, "days ahead"]).mean() for name, held in inside.items()})
shares.plot.bar(ax=bars, color=["#c2571a", "0.6", "#14606b"], rot=0)
bars.axhline(0.9, color="0.3", ls=":")
bars.set(ylabel="share inside the 90% intervals", ylim=(0.5, 1.0))
bars.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, fontsize=8, columnspacing=1.0)
plt.show()
