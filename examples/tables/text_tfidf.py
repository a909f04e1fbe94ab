"""
Text as TF-IDF
==============

Paragraphs from the documentation of NumPy, SciPy, pandas and scikit-learn become a sparse table of word weights
(TF-IDF). The network takes the sparse table and keeps it sparse.
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
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknet import SigmoidMLPClassifier


def first_sentences(*modules):
    """Return the first two paragraphs of text about each public name of these modules."""
    found = set()
    for module in modules:
        for name in sorted(vars(module)):
            text = "" if name.startswith("_") else inspect.getdoc(getattr(module, name)) or ""
            paragraphs = [part for part in text.split("\n\n") if len(part.split()) > 4 and "(" not in part]
            found.update(re.sub(r"\s+", " ", part) for part in paragraphs[:2])
    return sorted(found)


libraries = {
    "numpy": first_sentences(np, np.linalg, np.fft),
    "pandas": first_sentences(pd.DataFrame, pd.Series, pd),
    "scikit-learn": first_sentences(sklearn.metrics, sklearn.preprocessing, sklearn.model_selection),
    "scipy": first_sentences(scipy.stats, scipy.signal, scipy.special),
}
texts = [text for found in libraries.values() for text in found]
labels = [library for library, found in libraries.items() for _ in found]
print({library: len(found) for library, found in libraries.items()})

# %%

train_texts, test_texts, train_labels, test_labels = train_test_split(texts, labels, stratify=labels, random_state=0)
net = SigmoidMLPClassifier(32, dropout=0.3, max_iter=30, random_state=0)
model = make_pipeline(TfidfVectorizer(sublinear_tf=True, min_df=2), net).fit(train_texts, train_labels)
print(f"{net.n_features_in_} words; right: {model.score(test_texts, test_labels):.2f}")
print(model.predict(["the mean of an array along an axis", "drop the rows of a DataFrame", "cross-validated score"]))

# %%

ConfusionMatrixDisplay.from_estimator(
    model, test_texts, test_labels, normalize="true", cmap="GnBu", colorbar=False, xticks_rotation=30
)
plt.title("Sentences by library")
plt.tight_layout()
plt.show()
