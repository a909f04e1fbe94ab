"""
Claims of an insurer
====================

How many claims will a motor policy have, and what will they cost? This program goes from policies to a premium: rates
with an exposure, several years of the same policy, a comparison with a generalised linear model on the next year,
totals, curves, and the mean of several fits. The portfolio is simulated, so the true premium is known. The page
``docs/guide/counts.md`` explains rates and weights.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from sknet import SigmoidMLPRegressor

# %%
# Four years of policies
# ----------------------
#
# A row is a policy in a year. Young and old drivers have more claims, and young drivers of powerful cars even more. A
# policy also has something of its own that no column shows. The last year is for testing.

rng = np.random.default_rng(0)
N_POLICIES, YEARS = 4_000, 4
one = pd.DataFrame(
    {
        "driver_age": rng.integers(18, 85, N_POLICIES),
        "power_kw": rng.gamma(9.0, 10.0, N_POLICIES).round(),
        "region": rng.choice(["city", "coast", "mountains", "plain"], N_POLICIES, p=[0.3, 0.2, 0.1, 0.4]),
        "km_per_year": (rng.lognormal(9.3, 0.5, N_POLICIES) / 500).round() * 500,
    }
)
policy = np.repeat(np.arange(N_POLICIES), YEARS)
year = np.tile(np.arange(2022, 2022 + YEARS), N_POLICIES)
X = one.iloc[policy].reset_index(drop=True)
X["driver_age"] += year - 2022
exposure = np.where(rng.random(len(X)) < 0.7, 1.0, rng.uniform(0.1, 1.0, len(X)).round(2))  # in years


def true_rate(X):
    """Return the expected number of claims in a year, but for what is a policy's own."""
    by_age = ((X["driver_age"] - 48) / 22) ** 2 * 0.45
    young_and_fast = 0.9 * (X["driver_age"] < 27) * (X["power_kw"] > 100)
    by_region = X["region"].map({"city": 0.45, "coast": 0.1, "mountains": 0.25, "plain": 0.0})
    return 0.05 * np.exp(by_age + young_and_fast + by_region + 0.35 * np.log(X["km_per_year"] / 10_000))


own = rng.gamma(4.0, 1.0 / 4.0, N_POLICIES)[policy]  # with a mean of 1
claims = rng.poisson(exposure * own * true_rate(X))
past, next_year = year < 2025, year == 2025
print(f"{past.sum():,} rows with {claims[past].sum():,} claims to learn from, {claims[next_year].sum()} claims after")

# %%
# Rates, with the exposure as weight
# ----------------------------------
#
# The target is the rate, claims divided by exposure, and the exposure is the weight. ``groups`` keeps the years of a
# policy together where rows are held out. A claim rate does not fall with the distance: ``monotonic_cst`` says so.

rate = claims / exposure


def fit(seed):
    net = SigmoidMLPRegressor(loss="poisson", monotonic_cst={"km_per_year": 1}, random_state=seed)
    return net.fit(X[past], rate[past], sample_weight=exposure[past], groups=policy[past])


net = fit(0)
print(f"claims {claims[past].sum()}, expected {(exposure * net.predict(X))[past].sum():.0f}")

# %%
# Beside a generalised linear model
# ---------------------------------
#
# An actuary would give it curves for the numbers. It has no interaction unless somebody thinks of it. D² compares the
# deviance with that of the mean rate. Even the true rates are far from 1, since claims are random.

columns = make_column_transformer(
    (SplineTransformer(n_knots=6), ["driver_age", "power_kw", "km_per_year"]), (OneHotEncoder(), ["region"])
)
linear = make_pipeline(columns, PoissonRegressor(alpha=1e-4, max_iter=1000))
linear.fit(X[past], rate[past], poissonregressor__sample_weight=exposure[past])


def d2(rates):
    """Return D² of predicted rates in the next year."""
    return d2_tweedie_score(rate[next_year], rates, sample_weight=exposure[next_year], power=1)


each = [net.predict(X[next_year]), *(fit(seed).predict(X[next_year]) for seed in (1, 2, 3))]
rates = np.mean(each, axis=0)
candidates = {
    "generalised linear model with splines": linear.predict(X[next_year]),
    "network": each[0],
    "mean of four networks": rates,
    "true rates": true_rate(X[next_year]),
}
for name, predicted in candidates.items():
    print(f"{name}: D² {d2(predicted):.3f}")
spread = np.median(np.std(each, axis=0, ddof=1) / rates)
print(f"standard deviation between seeds, of the median policy: {spread:.0%} of its rate")

# %%
# Is each tenth of the policies priced right?
# -------------------------------------------
#
# Sort the policies of the next year by their predicted rate, and compare the rate of each tenth with what was observed.
# An observed number of claims has a standard deviation of about its square root.

expected = exposure[next_year] * rates
tenth = pd.qcut(rates, 10, labels=False)
lift = pd.DataFrame({"policies": 1, "expected": expected, "claims": claims[next_year]}).groupby(tenth).sum()
print(lift.round().astype(int).to_string())

years = pd.Series(exposure[next_year]).groupby(tenth).sum()
_, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
ax.errorbar(lift.index + 1, lift["claims"] / years, 2.0 * np.sqrt(lift["claims"]) / years, fmt="o", label="observed")
ax.plot(lift.index + 1, lift["expected"] / years, color="#14606b", label="expected")
ax.set(xlabel="tenth of the policies", ylabel="claims per year", title="The next year")
ax.legend(frameon=False, loc="upper left")
plt.show()

# %%
# How the rate depends on the driver
# ----------------------------------
#
# The mean prediction as the age changes, for slow and for fast cars, beside the truth. The network finds that powerful
# cars matter for young drivers. It does not reach the true height, since few claims are theirs.

ages = np.arange(18, 86)
young_and_fast = past & (X["driver_age"] < 27).to_numpy() & (X["power_kw"] > 100).to_numpy()
print(f"claims of young drivers of powerful cars to learn from: {claims[young_and_fast].sum()}")
table = X[next_year].head(200)
_, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
for label, power, color in (("120 kW", 120, "#c2571a"), ("60 kW", 60, "#14606b")):
    grid = [table.assign(driver_age=age, power_kw=float(power)) for age in ages]
    ax.plot(ages, [net.predict(rows).mean() for rows in grid], color=color, label=f"network, {label}")
    ax.plot(ages, [true_rate(rows).mean() for rows in grid], color=color, ls=":", label=f"truth, {label}")
ax.set(xlabel="age of the driver", ylabel="claims per year", title="Young drivers of powerful cars")
ax.legend(frameon=False)
plt.show()

# %%
# What a claim costs, and the premium
# -----------------------------------
#
# A second model learns the mean cost of a claim from the rows with claims; their number is its weight. The premium is
# rate times cost. Over all policies, costs differ from premiums by chance: the standard deviation of some 400 claims is
# 5% of their number, and their costs vary, too.

true_cost = 900.0 * (X["power_kw"] / 90.0) ** 0.5
cost = np.zeros(len(X))
has_claims = claims > 0
cost[has_claims] = rng.gamma(1.5 * claims[has_claims], true_cost[has_claims] / 1.5)  # of all claims of a row
train = past & has_claims
severity = SigmoidMLPRegressor(loss="gamma", random_state=0)
severity.fit(X[train], (cost / np.maximum(claims, 1))[train], sample_weight=claims[train], groups=policy[train])
premium = rates * severity.predict(X[next_year])
paid = exposure[next_year] * premium
print(f"premiums from {premium.min():.0f} to {premium.max():.0f} a year, with a mean of {premium.mean():.0f}")
print(f"correlation with the true premium: {np.corrcoef(premium, (true_rate(X) * true_cost)[next_year])[0, 1]:.2f}")
print(f"costs of the next year over premiums: {cost[next_year].sum() / paid.sum():.2f}")
