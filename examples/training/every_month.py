"""
New rows every month
====================

A model of tomorrow's temperature gets thirty new rows each month, for two years. Fitting it again to all rows takes
less than a second. ``partial_fit`` with only the new rows forgets the other seasons, so its errors are more than twice
as large. It does not forget them if you mix old rows with the new ones and use a small learning rate.
"""

from copy import deepcopy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknet import SigmoidMLPRegressor

weather = pd.read_csv(Path(__file__).parents[1] / "data" / "weather.csv", parse_dates=["date"])
rows = weather.assign(target=weather["temp_max"].shift(-1)).dropna()
X, y = rows.drop(columns="target"), rows["target"]
month = X["date"].dt.to_period("M")
months = pd.period_range("2014-01", "2015-12", freq="M")
rng = np.random.default_rng(0)


def fit_anew(model, seen, new):
    return clone(model).fit(X[seen], y[seen])


def go_on(model, seen, new):
    return model.partial_fit(X[new], y[new])


def go_on_with_old_rows(model, seen, new):
    old = rng.choice(np.flatnonzero(seen & ~new), 300, replace=False)
    chosen = np.concatenate([np.flatnonzero(new), old])
    return model.set_params(learning_rate_init=0.0005).partial_fit(X.iloc[chosen], y.iloc[chosen])


def do_nothing(model, seen, new):
    return model


def without_dates(X):
    """Return the table as the trees want it: categories and numbers."""
    kinds = pd.CategoricalDtype(["drizzle", "fog", "rain", "snow", "sun"])
    return X.assign(date=X["date"].dt.day_of_year, weather=X["weather"].astype(kinds))


net = SigmoidMLPRegressor(validation_fraction=TimeSeriesSplit(4), random_state=0)
trees = make_pipeline(
    FunctionTransformer(without_dates), HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
)
ways = {
    "fit anew": (net, fit_anew),
    "partial_fit, old rows too, small rate": (net, go_on_with_old_rows),
    "partial_fit, the new rows": (net, go_on),
    "nothing": (net, do_nothing),
    "HistGradientBoosting, fit anew": (trees, fit_anew),
}

# %%
# Each model forecasts a month, and then gets the rows of that month.

first = month < months[0]
fitted = {id(model): clone(model).fit(X[first], y[first]) for model in (net, trees)}
errors = pd.DataFrame(index=months)
for name, (start, update) in ways.items():
    model = deepcopy(fitted[id(start)])
    for now in months:
        errors.loc[now, name] = (model.predict(X[month == now]) - y[month == now]).abs().mean()
        model = update(model, month <= now, month == now)
print(errors.mean().round(2).to_string())

# %%

ax = errors.rolling(3).mean().plot(figsize=(7, 3.8), color=["#14606b", "#6aa5ad", "#c2571a", "0.6", "#d9b382"])
ax.set(xlabel="", ylabel="mean error of three months, °C", title="The next day's highest temperature")
ax.legend(frameon=False, fontsize=8)
plt.tight_layout()
plt.show()
