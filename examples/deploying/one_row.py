"""
One row fast
============

A service often gets one record at a time, as a dict. The network needs little time to predict it. Creating and reading
a data frame of one row takes longer. An array, with codes in place of categories, is several times as fast, and ONNX
more than ten times. The predictions are the same, up to rounding.
"""

from pathlib import Path
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from sknet import SigmoidMLPClassifier
from sknet.export import to_onnx

penguins = pd.read_csv(Path(__file__).parents[1] / "data" / "penguins.csv")
X, y = penguins.drop(columns="species"), penguins["species"]
record = X.iloc[0].to_dict()
print(record)

# %%
# A data frame

net = SigmoidMLPClassifier(random_state=0).fit(X, y)


def from_frame():
    return net.predict_proba(pd.DataFrame([record]))


# %%
# An array holds codes instead of text. In alphabetical order, they give the same network as the text.
# ``categorical_features`` says which columns these are. Keep the codes with the model.

codes = {
    name: {level: code for code, level in enumerate(sorted(X[name].dropna().unique()))} for name in ["island", "sex"]
}
numbers = X.assign(**{name: X[name].map(code) for name, code in codes.items()}).to_numpy(float)
categories = [X.columns.get_loc(name) for name in codes]
array_net = SigmoidMLPClassifier(categorical_features=categories, random_state=0).fit(numbers, y)


def from_array():
    row = [codes[name].get(value, np.nan) if name in codes else value for name, value in record.items()]
    return array_net.predict_proba(np.array([row], dtype=float))


# %%
# ONNX has one input per column, of shape (1, 1). The empty string stands for missing text. ``feeds_of`` makes these
# inputs from a table, but for a single record the code below is faster.

session = onnxruntime.InferenceSession(to_onnx(net, X).SerializeToString())
kinds = {"tensor(string)": object, "tensor(double)": "float64", "tensor(float)": "float32", "tensor(int64)": "int64"}
inputs = [(feed.name, name, kinds[feed.type]) for feed, name in zip(session.get_inputs(), X.columns, strict=True)]


def from_onnx():
    feeds = {}
    for feed, name, kind in inputs:
        is_missing_text = record[name] is None and kind is object
        feeds[feed] = np.array([["" if is_missing_text else record[name]]], dtype=kind)
    return session.run(["probabilities"], feeds)[0]


# %%
# Boosted trees, for comparison, from a data frame with categories

dtypes = {name: pd.CategoricalDtype(list(codes[name])) for name in codes}
trees = HistGradientBoostingClassifier(categorical_features="from_dtype").fit(X.astype(dtypes), y)


def from_trees():
    return trees.predict_proba(pd.DataFrame([record]).astype(dtypes))


# %%

assert np.allclose(from_onnx(), from_frame(), atol=1e-5)
assert np.allclose(from_array(), from_frame(), atol=1e-5)
ways = {"trees, data frame": from_trees, "data frame": from_frame, "array": from_array, "ONNX": from_onnx}
times = {name: 1000 * min(repeat(way, number=20, repeat=5)) / 20 for name, way in ways.items()}
for name, time in times.items():
    print(f"{name:18} {time:6.2f} ms")

figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
bars = ax.barh(list(times), list(times.values()), color=["#d9b382", *3 * ["#14606b"]])
ax.bar_label(bars, fmt=" %.2f")
ax.set(xscale="log", xlabel="milliseconds for one record")
ax.margins(x=0.2)
plt.show()
