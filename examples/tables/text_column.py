"""
Sentences next to numbers
=========================

Each row is a public name of NumPy, SciPy, pandas or scikit-learn, such as a function: a sentence of its documentation,
its number of parameters, and the length of its documentation. Which library is it from? The sentence is a
column like any other.
"""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.signal
import scipy.special
import scipy.stats
import sklearn.metrics
import sklearn.preprocessing
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPClassifier


def describe(library, *modules):
    """A row for each public name of these modules that says what it is for."""
    rows = {}
    for module in modules:
        for name in sorted(vars(module)):
            text = "" if name.startswith("_") else inspect.getdoc(getattr(module, name)) or ""
            sentences = [part for part in text.split("\n\n") if len(part.split()) > 4 and "(" not in part]
            if sentences:
                sentence = re.sub(r"\s+", " ", sentences[0])
                n_parameters = len(re.findall(r"^\w+ : ", text, flags=re.MULTILINE))
                rows[sentence] = (sentence, n_parameters, text.count("\n"), library)
    return list(rows.values())


rows = [
    *describe("numpy", np, np.linalg, np.fft),
    *describe("pandas", pd.DataFrame, pd.Series, pd),
    *describe("scikit-learn", sklearn.metrics, sklearn.preprocessing, sklearn.model_selection),
    *describe("scipy", scipy.stats, scipy.signal, scipy.special),
]
X = pd.DataFrame(rows, columns=["sentence", "parameters", "lines", "library"])
y = X.pop("library")
print(X.sample(4, random_state=0).to_string(index=False, max_colwidth=60))

# %%
# What the sentence adds
# ----------------------
#
# You need no setting. A column of strings is free text if most of them differ and they have three words or more on
# average.

X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
net = SigmoidMLPClassifier(random_state=0).fit(X_train, y_train)
numbers = ["parameters", "lines"]
without = SigmoidMLPClassifier(random_state=0).fit(X_train[numbers], y_train)
print("text columns:", net.resolved_params_["text_features"])
print(
    f"right with the sentence: {net.score(X_test, y_test):.2f}, without: {without.score(X_test[numbers], y_test):.2f}"
)

# %%
# What becomes of it
# ------------------
#
# The column becomes thirty inputs, each a direction of letter groups that go together. ``inputs_`` has the weight of
# every group in each direction. The groups with the largest weights show what a direction is about.

inputs = net.inputs_[net.inputs_["kind"] == "text"]
for name, terms in inputs["level"][:4].items():
    weights = pd.DataFrame.from_dict(terms, orient="index", columns=["idf", "weight"])["weight"]
    print(f"{name}: most {weights.nlargest(6).index.tolist()}, least {weights.nsmallest(6).index.tolist()}")

# %%
# Two of these directions: SciPy's random variables lie apart, and so do arithmetic and comparisons of pandas. The other
# directions help to separate the rest.

Z = pd.DataFrame(net.activations(X_test)[0], columns=net.network_feature_names_)
for library, rows_of in Z.groupby(y_test.to_numpy()):
    plt.scatter(rows_of["sentence_1"], rows_of["sentence_2"], s=12, alpha=0.7, label=library)
plt.xlabel("sentence_1")
plt.ylabel("sentence_2")
plt.legend()
plt.title("Two components of a column of sentences")
plt.tight_layout()
plt.show()
