"""
Credit default and loss
=======================

Which loans will default, and how much will be lost? This program goes from applications to expected losses with a
model that can be audited: a sum of curves, one for each column, whose directions are given. It learns from two years of
loans, is compared on the next one, and is recalibrated when defaults rise. The loans are simulated, so the true
probabilities are known.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from sknet import ShapeFunctionDisplay, SigmoidMLPClassifier, SigmoidMLPRegressor

# %%
# Three years of loans
# --------------------
#
# A row is a loan, and rows are in the order of the months in which the loans began. In the third year, the odds of a
# default are half as high again, for a reason that no column shows.

rng = np.random.default_rng(0)
n = 9_000
month = np.sort(rng.integers(0, 36, n))
X = pd.DataFrame(
    {
        "income": rng.lognormal(10.4, 0.45, n).round(-2),
        "loan_to_value": rng.beta(6.0, 2.5, n).round(3),
        "late_payments": rng.poisson(0.4, n),
        "years_employed": rng.gamma(1.5, 4.0, n).round(1),
        "purpose": rng.choice(["car", "house", "business", "education"], n, p=[0.4, 0.3, 0.15, 0.15]),
    }
)


def log_odds(X, month):
    """Return the true log-odds of a default."""
    by_purpose = X["purpose"].map({"car": 0.0, "house": -0.5, "business": 0.7, "education": 0.1})
    by_income = -0.9 * np.tanh((np.log(X["income"]) - 10.4) / 0.4)
    by_value = 5.0 * (X["loan_to_value"] - 0.75).clip(lower=0.0)
    by_employment = 0.8 * np.exp(-X["years_employed"] / 2.0)
    late = 0.9 * np.minimum(X["late_payments"], 3)
    return (-3.7 + by_purpose + by_income + by_value + by_employment + late + 0.4 * (month >= 24)).to_numpy()


probability = expit(log_odds(X, month))
default = rng.random(n) < probability
past, third_year = month < 24, month >= 24
print(f"{past.sum():,} loans with {default[past].sum()} defaults to learn from, {default[third_year].sum()} after")

# %%
# An additive, monotone network
# -----------------------------
#
# ``monotonic_cst`` gives the directions that an auditor expects, and ``interaction_cst="no_interactions"`` makes the
# model a sum of curves in log-odds. Later loans choose the epoch: ``TimeSeriesSplit`` holds out later rows only.

directions = {"income": -1, "loan_to_value": 1, "late_payments": 1, "years_employed": -1}


def network(seed, **settings):
    """Return a network with curves that have directions."""
    rules = dict(interaction_cst="no_interactions", monotonic_cst=directions)
    return SigmoidMLPClassifier(**(rules | settings), validation_fraction=TimeSeriesSplit(4), random_state=seed)


scorecard = network(0).fit(X[past], default[past])
display = ShapeFunctionDisplay.from_estimator(scorecard, X[past])
plt.show()

# %%
# Beside other models
# -------------------
#
# The others are the mean of four such networks, a network without these rules, a logistic regression with splines, and
# boosting that stops early. The Gini coefficient, 2 AUC - 1, measures how well a model ranks the third year's loans.
#
# The true log-odds are a sum of curves, so rules cost nothing. A logistic regression with splines is as good here,
# and nobody ranks much better than by the true probabilities. What the network adds are the directions: between the
# knots, a spline may go down where it should go up.

numbers = list(directions)
columns = make_column_transformer((SplineTransformer(n_knots=5), numbers), (OneHotEncoder(), ["purpose"]))
models = {
    "scorecard": scorecard,
    "mean of four scorecards": VotingClassifier([(f"net{seed}", network(seed)) for seed in range(4)], voting="soft"),
    "network without these rules": network(0, interaction_cst=None, monotonic_cst=None),
    "logistic regression with splines": make_pipeline(columns, LogisticRegression(C=1.0, max_iter=2000)),
    "boosting": HistGradientBoostingClassifier(
        categorical_features="from_dtype", early_stopping=True, learning_rate=0.05, random_state=0
    ),
}
predicted = {}
for name, model in models.items():
    frame = X.astype({"purpose": "category"}) if name == "boosting" else X
    model.fit(frame[past], default[past])
    predicted[name] = model.predict_proba(frame[third_year])[:, 1]
predicted["true probabilities"] = probability[third_year]
observed = default[third_year]
for name, p in predicted.items():
    gini = 2.0 * roc_auc_score(observed, p) - 1.0
    print(f"{name}: Gini {gini:.3f}, log-loss {log_loss(observed, p):.4f}, mean probability {p.mean():.3f}")
print(f"defaults of the third year: {observed.mean():.3f}")

each = [net.predict_proba(X[third_year])[:, 1] for net in models["mean of four scorecards"].estimators_]
spread = np.median(np.std(each, axis=0, ddof=1) / np.mean(each, axis=0))
print(f"standard deviation between seeds, of the median loan: {spread:.0%} of its probability")

# %%
# Recalibration
# -------------
#
# All models predict the level of the first two years. The first quarter of the third year shows how far it has risen: a
# constant added to the log-odds makes its expected defaults equal to the observed ones. Ranks stay the same.

pd_of_loan = predicted["mean of four scorecards"]
quarter = month[third_year] < 27


def excess(shift):
    """Return the expected minus the observed defaults of the quarter."""
    return expit(logit(pd_of_loan[quarter]) + shift).sum() - observed[quarter].sum()


shift = brentq(excess, -3.0, 3.0)
recalibrated = expit(logit(pd_of_loan) + shift)
print(f"added to the log-odds: {shift:.2f}, from {observed[quarter].sum()} defaults")
for name, p in (("before", pd_of_loan[~quarter]), ("after", recalibrated[~quarter])):
    print(f"{name}: expected {p.sum():.0f} of {observed[~quarter].sum()} later defaults", end=", ")
    print(f"log-loss {log_loss(observed[~quarter], p):.4f}")

# %%
# Loss given default
# ------------------
#
# The share of a loan that is lost (loss given default) is known for loans that defaulted, and often 0. The page
# ``docs/guide/shares.md`` has a loss for shares; squared error is enough here. The expected loss of a loan is its
# probability of default times this share times its amount.

amount = (X["income"] * rng.uniform(0.2, 3.0, n)).round(-2).to_numpy()
mean_share = expit(6.0 * (X["loan_to_value"] - 0.8) + 0.6 * (X["purpose"] == "business")).to_numpy()
lost_share = np.where(rng.random(n) < 0.25, 0.0, rng.beta(3.0 * mean_share, 3.0 * (1.0 - mean_share)))
train = past & default
severity = SigmoidMLPRegressor(validation_fraction=TimeSeriesSplit(4), random_state=0).fit(X[train], lost_share[train])
share = np.clip(severity.predict(X[third_year]), 0.0, 1.0)
later = third_year & (month >= 27)
expected_loss = (recalibrated * share * amount[third_year])[~quarter]
loss = (default * lost_share * amount)[later]
print(f"expected losses {expected_loss.sum() / 1e6:.2f} million, observed {loss.sum() / 1e6:.2f} million")

# %%
# Monitoring
# ----------
#
# Compare expected and observed defaults every quarter. The bars are two standard deviations of the number of defaults,
# if the recalibrated probabilities are right.

quarter_of_loan = month[third_year] // 3 - 8
by_quarter = pd.DataFrame(
    {
        "before": pd_of_loan,
        "after": recalibrated,
        "observed": observed,
        "variance": recalibrated * (1.0 - recalibrated),
    }
).groupby(quarter_of_loan + 1)
table = by_quarter.sum()
print(table.drop(columns="variance").round().astype(int).to_string())
_, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
ax.errorbar(
    table.index, table["after"], 2.0 * np.sqrt(table["variance"]), fmt="o", color="#14606b", label="recalibrated"
)
ax.plot(table.index, table["before"], "o", color="#9a9a9a", label="of the first two years")
ax.plot(table.index, table["observed"], "x", color="#c2571a", label="observed")
ax.set(
    xlabel="quarter of the third year", ylabel="defaults", title="Expected and observed defaults", xticks=table.index
)
ax.legend(frameon=False)
plt.show()
