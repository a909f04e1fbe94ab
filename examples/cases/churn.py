"""
Customers who leave: the program
================================

Which customers of a telephone company are about to leave, and who should get an offer to stay? This program goes from
the raw table to a model in service. It checks the probabilities, chooses a threshold by costs, explains predictions,
saves the model, runs it by ONNX, and watches new rows for drift. The company is fictional (``SOURCES.md`` in
``examples/data``).
"""

import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import FixedThresholdClassifier, train_test_split
from sklearn.neighbors import NearestNeighbors

import sknet

customers = pd.read_csv(Path(__file__).parents[1] / "data" / "customers.csv")
X, y = customers.drop(columns="left"), customers["left"]
X_train, X_new, y_train, y_new = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
print(f"{len(X)} customers, {(y == 'yes').mean():.0%} left; {len(X_train)} to learn from, {len(X_new)} to check with")
print(X.iloc[0].to_string())

# %%
# A fit
# -----
#
# The table stays as it is: text, numbers, and no entry for ``security`` where a customer has no internet. A constant
# probability is the baseline.

net = sknet.SigmoidMLPClassifier(random_state=0).fit(X_train, y_train)
baseline = DummyClassifier().fit(X_train, y_train)
for name, model in {"baseline": baseline, "network": net}.items():
    print(f"{name}: log-loss {log_loss(y_new, model.predict_proba(X_new)):.3f}, right {model.score(X_new, y_new):.0%}")

# %%
# Are the probabilities right?
# ----------------------------
#
# Sort the new customers by their probability to leave, and compare fifths of them.

leaves = (y_new == "yes").to_numpy()
probability = net.predict_proba(X_new)[:, 1]
fifth = pd.qcut(probability, 5, labels=["lowest", "low", "middle", "high", "highest"])
check = pd.DataFrame({"expected": probability, "left": leaves}).groupby(fifth, observed=True).mean()
print(check.map("{:.0%}".format).to_string())

# %%
# Who gets an offer?
# ------------------
#
# A customer who leaves costs 300. An offer costs 40, and keeps one in two of those who would leave. It pays if
# ``probability * 0.5 * 300 > 40``.

LOSS, OFFER, KEPT = 300.0, 40.0, 0.5
threshold = OFFER / (KEPT * LOSS)


def cost(gets_offer):
    """Return the mean cost of a new customer."""
    return np.mean(gets_offer * OFFER + leaves * LOSS * np.where(gets_offer, 1 - KEPT, 1.0))


choose = FixedThresholdClassifier(FrozenEstimator(net), threshold=threshold, pos_label="yes").fit(X_train, y_train)
gets_offer = choose.predict(X_new) == "yes"
print(f"from {threshold:.2f} on: an offer to {gets_offer.mean():.0%} of all", end=" ")
print(f"and {gets_offer[leaves].mean():.0%} of those who leave")
print("cost of a customer:")
rules = {"no offers": leaves < 0, "an offer to all": leaves >= 0, "at 0.5": probability > 0.5, "by costs": gets_offer}
for name, rule in rules.items():
    print(f"  {name}: {cost(rule):.1f}")

thresholds = np.linspace(0.0, 0.95, 96)
costs = [cost(probability > value) for value in thresholds]
_, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained")
left.plot(thresholds, costs, color="#14606b")
left.axvline(threshold, color="#c2571a", ls="--", label=f"by costs: {threshold:.2f}")
left.axhline(cost(leaves < 0), color="0.6", ls=":", label="no offers")
left.set(xlabel="an offer from this probability on", ylabel="cost of a customer", title="What the threshold costs")
left.legend(frameon=False)
right.plot([0, 1], [0, 1], color="0.7", lw=1, label="as many as expected")
right.plot(check["expected"], check["left"], "o-", color="#14606b", label="fifths of the new customers")
right.set(xlabel="expected to leave", ylabel="left", title="Are the probabilities right?", xlim=(0, 1), ylim=(0, 1))
right.legend(frameon=False)
plt.show()

# %%
# Whose decision is clear?
# ------------------------
#
# ``predict_set`` returns both answers where the network cannot tell. Somebody may call these customers.

sets = net.predict_set(X_new, coverage=0.9)
named = ["stays", "leaves", "cannot tell"]
kinds = np.where(sets.all(axis=1), 2, sets[:, 1])
for code, name in enumerate(named):
    rows = kinds == code
    print(f"{name}: {rows.mean():.0%} of the customers, of whom {leaves[rows].mean():.0%} left")
shares = [sets[leaves == answer, answer].mean() for answer in (0, 1)]
print(f"sets that hold the true answer: {shares[0]:.0%} of those who stay, {shares[1]:.0%} of those who leave")

# %%
# Why?
# ----
#
# The contributions of columns add up to the log-odds of leaving, minus their mean. Explain the customer with the
# highest probability, and then take the mean size of contributions over all.

explanation = net.explain(X_new, background=X_train)
row = int(probability.argmax())
reasons = pd.Series(explanation.values[row], X.columns).sort_values(key=np.abs, ascending=False).head(5)
print(f"this customer leaves with probability {probability[row]:.2f}, because of")
for column, value in reasons.items():
    print(f"  {column} = {X_new.iloc[row][column]}: {value:+.2f}")
print("for all customers:")
print(explanation.importance().sort_values(ascending=False).head(5).round(2).to_string())

# %%
# Save it, and run it without Python
# ----------------------------------
#
# A program in another language can run the ONNX file.

with tempfile.TemporaryDirectory() as folder:
    try:
        sknet.save(net, Path(folder, "churn.safetensors"))
        loaded = sknet.load(Path(folder, "churn.safetensors"))
        print("loaded, the same bits:", bool((loaded.predict_proba(X_new)[:, 1] == probability).all()))
    except ImportError:
        print("Files need safetensors: `pip install safetensors`")
try:
    import onnxruntime

    from sknet.export import feeds_of, to_onnx

    session = onnxruntime.InferenceSession(to_onnx(net, X_train).SerializeToString())
    _, served = session.run(None, feeds_of(net, X_new))
    print("onnxruntime: the same to five digits:", np.allclose(served[:, 1], probability, atol=1e-5))
except ImportError:
    print("ONNX is not installed here: `pip install skl2onnx onnxruntime`")

# %%
# Watch the rows of later months
# ------------------------------
#
# Three things can be seen before anybody knows who has left. ``predict`` warns if a column has only unknown categories.
# Rows far from all training rows are new combinations. And the mean probability moves. The later months are made here,
# by changing the new customers.

neighbours = NearestNeighbors(n_neighbors=5).fit(net.activations(X_train)[0])


def novelty(rows):
    """Return how far each row is from its five nearest training rows, in the table as the network sees it."""
    return neighbours.kneighbors(net.activations(rows)[0])[0].mean(axis=1)


usual = np.quantile(novelty(X_new), 0.95)
months = {
    "as before": X_new,
    "charges 30% higher": X_new.assign(monthly_charge=1.3 * X_new["monthly_charge"]),
    "contracts renamed": X_new.assign(contract=X_new["contract"].str.upper()),
}
for name, rows in months.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mean = net.predict_proba(rows)[:, 1].mean()
        far = np.mean(novelty(rows) > usual)
    print(f"{name}: {far:.0%} of the rows are unusual, {mean:.0%} expected to leave")
    for message in {str(warning.message) for warning in caught}:
        print("  warning:", message)
