"""
Time to event
=============

How long do 686 patients live without a recurrence after an operation for breast cancer? More than half had no
recurrence until they were last seen. Their time to a recurrence is *censored*: it is unknown, but longer than the time
for which they were watched. With ``loss="poisson"``, the target is the number of events per time, and the weight is the
time for which a patient was watched.

The second part cuts the time of each patient into half years, so that the rate can change with time, and draws survival
curves.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold

from sknet import SigmoidMLPRegressor

patients = pd.read_csv(Path(__file__).parents[1] / "data" / "gbsg2.csv")
X = patients.drop(columns=["days", "event"])
years, event = patients["days"] / 365.25, patients["event"]
print(f"{len(X)} patients, {event.sum()} events in {years.sum():.0f} years")


def concordance(years, event, risk):
    """Return the share of pairs in which the one with the earlier event has the higher risk (Harrell's C)."""
    comparable = (years.to_numpy()[:, np.newaxis] < years.to_numpy()) & (event.to_numpy()[:, np.newaxis] == 1)
    difference = np.sign(risk[:, np.newaxis] - risk)
    return 0.5 + 0.5 * difference[comparable].mean()


# %%
# Who is at risk
# --------------
#
# The network is compared with trees with the same loss, and with Cox's model if statsmodels is installed.

net = SigmoidMLPRegressor(loss="poisson", random_state=0)
categories = X.select_dtypes(exclude="number").columns
coded = X.astype(dict.fromkeys(categories, "category"))
trees = HistGradientBoostingRegressor(loss="poisson", categorical_features="from_dtype", random_state=0)


def rates(model, X, train, test):
    """Return what a model expects, in events per year, of patients that it has not seen."""
    target, weight = event.iloc[train] / years.iloc[train], years.iloc[train]
    return model.fit(X.iloc[train], target, sample_weight=weight).predict(X.iloc[test])


def cox(train, test):
    """Return the logarithm of the relative hazards of Cox's model."""
    from statsmodels.duration.hazard_regression import PHReg

    numbers = pd.get_dummies(X, drop_first=True, dtype=float)
    numbers = (numbers - numbers.iloc[train].mean()) / numbers.iloc[train].std()
    fitted = PHReg(years.iloc[train], numbers.iloc[train], status=event.iloc[train]).fit()
    return numbers.iloc[test].to_numpy() @ fitted.params


models = {
    "SigmoidMLPRegressor": lambda train, test: rates(net, X, train, test),
    "HistGradientBoosting": lambda train, test: rates(trees, coded, train, test),
    "Cox": cox,
}
for name, risk in models.items():
    try:
        found = [
            concordance(years.iloc[test], event.iloc[test], risk(train, test))
            for train, test in KFold(5, shuffle=True, random_state=0).split(X)
        ]
        print(f"{name}: concordance {np.mean(found):.3f}")
    except ImportError:
        print(f"{name}: needs statsmodels")

# %%
# When: one row per half year of each patient
# -------------------------------------------
#
# The start of the half year is one more column. ``groups`` keeps the rows of a patient together.

WIDTH = 0.5


def half_years(X, years, event):
    """Return the rows, what happened per year in each, and for how long each was watched."""
    periods = np.ceil(years / WIDTH).astype(int)
    rows = X.loc[X.index.repeat(periods)]
    start = WIDTH * rows.groupby(level=0).cumcount()
    watched = np.minimum(years[rows.index] - start, WIDTH)
    happened = event[rows.index] * (years[rows.index] <= start + WIDTH)
    return rows.assign(start=start), happened / watched, watched


starts = np.arange(0.0, 6.0, WIDTH)
survival = pd.DataFrame(index=X.index, columns=starts + WIDTH, dtype=float)  # the chance of no event until then
for train, test in KFold(5, shuffle=True, random_state=0).split(X):
    rows, rate, watched = half_years(X.iloc[train], years.iloc[train], event.iloc[train])
    net.fit(rows, rate, sample_weight=watched, groups=rows.index)
    expected = np.column_stack([net.predict(X.iloc[test].assign(start=start)) for start in starts])
    survival.iloc[test] = np.exp(-WIDTH * np.cumsum(expected, axis=1))


def kaplan_meier(years, event):
    """Return the times at which patients were last seen, and the share without an event by then."""
    order = np.argsort(years.to_numpy())
    at_risk = np.arange(len(years), 0, -1)
    return years.to_numpy()[order], np.cumprod(1 - event.to_numpy()[order] / at_risk)


figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
thirds = pd.qcut(survival[3.0], 3, labels=["high risk", "middle", "low risk"])
for name, color in zip(thirds.cat.categories, ("#c2571a", "0.5", "#14606b"), strict=True):
    found, share = kaplan_meier(years[thirds == name], event[thirds == name])
    mean = survival[thirds == name].mean()
    ax.step(found, share, where="post", color=color, label=name)
    ax.plot([0, *mean.index], [1, *mean], ":", color=color)
    after = share[np.searchsorted(found, 3.0) - 1]
    print(f"{name}: after 3 years {mean[3.0]:.0%} expected without an event, {after:.0%} were")
ax.plot([], [], ":", color="k", label="expected")
ax.set(
    xlabel="years", ylabel="without recurrence or death", ylim=(0, 1), title="Patients that the network had not seen"
)
ax.legend(frameon=False, ncols=2, loc="lower left")
plt.show()
