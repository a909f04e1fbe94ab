"""
Survival curves from labels that may be missing
===============================================

Will a patient be alive and without a recurrence in half a year, in one year, in five? This program cuts time into half
years. One label a half year says whether the event happened in it. The label is missing after the event, and after
the patient was last seen: the loss leaves missing labels out. One network predicts all labels. Each probability is the
*hazard* of a half year, given no event before it, and their complements multiply to a survival curve.

:doc:`Another program <time_to_event>` predicts rates, for which the exact days count. Labels need no assumption about
the rate within a half year, and every curve comes from one prediction.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from sknet import SigmoidMLPClassifier

try:  # python -m pip install scikit-survival
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv
except ImportError:
    CoxPHSurvivalAnalysis = None

patients = pd.read_csv(Path(__file__).parents[1] / "data" / "gbsg2.csv")
X = patients.drop(columns=["days", "event"])
years, event = patients["days"].to_numpy() / 365.25, patients["event"].to_numpy() == 1
ends = np.arange(0.5, 5.5, 0.5)  # of the half years

# %%
# The labels
# ----------
#
# A patient who was last seen within a half year, without an event, counts as free of it if at least half of the time
# was watched. Otherwise the label is missing. If all labels of a patient are missing, ``fit`` does not get the row.


def labels_of(years, event):
    """Return one label for each half year, (rows, half years): 1 for an event, 0 for none, NaN if it is not known."""
    survived = years[:, np.newaxis] >= np.where(event[:, np.newaxis], ends, ends - 0.25)
    happened = ~survived & event[:, np.newaxis] & (years[:, np.newaxis] > ends - 0.5)
    return np.select([survived, happened], [0.0, 1.0], np.nan)


labels = labels_of(years, event)
for row in (2, 73):
    print(f"{years[row]:.1f} years,", "event:" if event[row] else "last seen:", labels[row])
has_label = ~np.isnan(labels).all(axis=1)

# %%
# Curves for patients that the model has not seen
# -----------------------------------------------
#
# scikit-survival's Cox model needs numbers, so its table has zeros and ones for the categories.


def by_network(train, test):
    train = train[has_label[train]]
    net = SigmoidMLPClassifier(random_state=0).fit(X.iloc[train], labels[train])
    return np.cumprod(1 - net.predict_proba(X.iloc[test]), axis=1)


def by_cox(train, test):
    numbers = pd.get_dummies(X, drop_first=True, dtype=float)
    cox = CoxPHSurvivalAnalysis().fit(numbers.iloc[train], Surv.from_arrays(event[train], years[train]))
    return np.array([curve(ends) for curve in cox.predict_survival_function(numbers.iloc[test])])


models = {"sknet": by_network} | ({"Cox (scikit-survival)": by_cox} if CoxPHSurvivalAnalysis else {})
folds = list(KFold(5, shuffle=True, random_state=0).split(X))
survival = {name: np.empty(labels.shape) for name in models}
for name, curves_of in models.items():
    for train, test in folds:
        survival[name][test] = curves_of(train, test)

# %%
# How good they are
# -----------------
#
# The concordance index is the share of pairs in which the patient with the earlier event had the lower expected
# survival: 1 is best, 0.5 is chance. Here, the survival is the mean of the curve.


def concordance_index(years, event, survival):
    comparable = event[:, np.newaxis] & (years[:, np.newaxis] < years)
    difference = np.sign(survival - survival[:, np.newaxis])
    return 0.5 + 0.5 * difference[comparable].mean()


for name, curves in survival.items():
    found = [concordance_index(years[test], event[test], curves[test].mean(axis=1)) for _, test in folds]
    print(f"{name}: concordance {np.mean(found):.3f} ± {np.std(found):.3f} (five folds)")

# %%
# The patients are divided into thirds by the network's expected survival. Steps are the observed survival of a third
# (Kaplan–Meier), with markers for the mean of its curves.


def kaplan_meier(years, event):
    """Return the times at which patients were last seen, and the share without an event by then."""
    order = np.argsort(years)
    return years[order], np.cumprod(1 - event[order] / np.arange(len(years), 0, -1))


figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
thirds = pd.qcut(survival["sknet"].mean(axis=1), 3, labels=["high risk", "middle", "low risk"])
for third, color in zip(thirds.categories, ("#c2571a", "0.5", "#14606b"), strict=True):
    here = thirds == third
    times, share = kaplan_meier(years[here], event[here])
    ax.step(times, share, where="post", color=color, lw=1.2, label=f"{third}, observed")
    observed = share[np.searchsorted(times, 3.0) - 1]
    expected = {name: curves[here][:, ends == 3.0].mean() for name, curves in survival.items()}
    told = ", ".join(f"{name} {chance:.0%}" for name, chance in expected.items())
    print(f"{third}: {observed:.0%} without an event after 3 years; expected by {told}")
    for (_, curves), marker in zip(survival.items(), "ox", strict=False):
        ax.plot(ends, curves[here].mean(axis=0), marker, color=color, ms=6, mfc="none")
for name, marker in zip(survival, "ox", strict=False):
    ax.plot([], [], marker, color="k", mfc="none", label=f"{name}, expected")
ax.set(xlabel="years", ylabel="without recurrence or death", xlim=(0, 5.2), ylim=(0, 1))
ax.set_title("Patients that the model had not seen")
ax.legend(frameon=False, loc="lower left")
plt.show()
