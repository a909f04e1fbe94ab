"""A text-like sparse table, 20,000 x 50,000, 100 non-zeros a row, 20 classes: scikit-learn's time / ours."""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, in_turns, ratio
from tests.benchmarks.networks import FIXED, quietly

EPOCHS = 5


def figures(quick: bool) -> Iterator[Figure]:
    n, d = (5_000, 20_000) if quick else (20_000, 50_000)
    X, y = table(n + n // 4, d)
    train, test = slice(n), slice(n, None)
    unscaled = FIXED | {"input_scaling": None}  # the rows have length 1, as a TfidfVectorizer leaves them
    models = {
        "scikit-learn": MLPClassifier(100, activation="logistic", max_iter=EPOCHS, random_state=0),
        "ours": SigmoidMLPClassifier(100, max_iter=EPOCHS, batch_size=200, random_state=0, **unscaled),
    }
    tasks = {name: quietly(lambda model=model: model.fit(X[train], y[train])) for name, model in models.items()}
    seconds = in_turns(tasks, 1 if quick else 2)
    yield ratio("fit, 100 sigmoid units, 5 epochs", seconds["scikit-learn"], seconds["ours"], ">= 10")
    losses = [np.array([log_loss(y[test], models[name].predict_proba(X[test]))]) for name in ("ours", "scikit-learn")]
    yield ratio("held-out loss after them, ours / scikit-learn's", *losses, "<= 1")


def table(n: int, d: int) -> tuple[sp.csr_array, np.ndarray]:
    """Words drawn by Zipf's law, a fifth of them from the class's own part of the vocabulary."""
    rng = np.random.default_rng(0)
    y = rng.integers(20, size=n)
    words = np.floor(d ** rng.random((n, 100))).astype(int) - 1  # P(word) ~ 1 / rank
    own = rng.random((n, 100)) < 0.2
    words[own] = (words[own] * 7 + 1009 * np.repeat(y, own.sum(axis=1))) % d
    rows = np.repeat(np.arange(n), 100)
    X = sp.csr_array((np.ones(n * 100), (rows, words.ravel())), shape=(n, d))
    return TfidfTransformer(sublinear_tf=True).fit_transform(X), y
