"""
A series that grows
===================

These weekly sales grow by about a fifth each year, and depend on the season. The network learns from seven years. In
the next three years, it forecasts each value four weeks ahead. Most of these values are larger than any that it has
seen. There, its predictions level off, because sigmoids do. sknet does not warn you, and the errors on held-out rows do
not show it.

The remedy is a target that does not grow, such as the ratio of the value to the last known one. If a series grows by
the same amount each year, use the difference.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import TimeSeriesSplit

from sknet import SigmoidMLPRegressor

AHEAD = 4
rng = np.random.default_rng(0)
week = pd.date_range("2016-01-03", periods=520, freq="W")
growth = 0.2 * np.arange(520) / 52 + np.cumsum(rng.normal(scale=0.01, size=520))
season = 0.25 * np.sin(2 * np.pi * week.day_of_year / 365.25)
sales = pd.Series(100 * np.exp(growth + season + rng.normal(scale=0.03, size=520)), index=week)

# %%
# The target is the value four weeks ahead, its difference from the last value, or its ratio to the last value. The
# inputs are transformed in the same way. Ratios do not grow. Differences do, but less than values.

last, target = sales, sales.shift(-AHEAD)
lags = pd.DataFrame({f"{lag} weeks before": sales.shift(lag) for lag in (1, 2, 4, 48)})
calendar = (week + pd.Timedelta(weeks=AHEAD)).day_of_year.to_numpy()
ways = {  # the inputs, the target, and how a prediction becomes sales
    "values": (lags.assign(last=last), target, lambda y: y),
    "differences": (lags.sub(last, axis=0), target - last, lambda y: last + y),
    "ratios": (np.log(lags.div(last, axis=0)), np.log(target / last), lambda y: last * np.exp(y)),
}
known = target.notna() & lags.notna().all(axis=1)
past, new = known & (week < "2023"), known & (week >= "2023-02")

forecasts = {"the last value": last[new]}
for name, (X, y, to_sales) in ways.items():
    net = SigmoidMLPRegressor(early_stopping="folds", validation_fraction=TimeSeriesSplit(4), random_state=0)
    X = X.assign(calendar=calendar)
    net.fit(X[past], y[past])
    forecasts[name] = to_sales(pd.Series(net.predict(X), index=week))[new]
for name, forecast in forecasts.items():
    print(f"{name:15} mean error {mean_absolute_error(target[new], forecast):5.1f}")
largest = target[past].max()
print(f"largest value learnt from {largest:.0f}; of the new ones {np.mean(target[new] > largest):.0%} are larger")

# %%

figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
when = week + pd.Timedelta(weeks=AHEAD)
ax.plot(when[known], target[known], ".", ms=3, color="0.6", label="measured")
ax.axhline(largest, color="0.6", ls=":", lw=1)
for name, color in {"values": "#c2571a", "differences": "#d9b382", "ratios": "#14606b"}.items():
    ax.plot(when[new], forecasts[name], color=color, label=f"forecast by {name}")
ax.axvspan(when[new][0], when[new][-1], color="0.5", alpha=0.08, lw=0)
ax.set(ylabel="sales of a week", title="Beyond the dotted line nothing was learnt")
ax.legend(frameon=False)
plt.show()
