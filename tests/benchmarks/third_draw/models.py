"""The models of the third list: the others' table gets plain columns, and boosted trees and sknet can also be tuned.

Dates become days, months, weekdays and hours, and text the 30 leading components of its words (TF-IDF), for all but
sknet, which reads both itself. The rest of the preparation is `tables.models`.

Tuned by five folds: the defaults and 29 random settings of a space. Boosted trees stop early in each fold, and are
fitted again to all rows with the folds' mean number of trees. Their spaces are TabArena's (Erickson et al. 2025,
arXiv:2506.16791, with 2,000 trees at most, where TabArena has 10,000). sknet has a space of its own.

"Stopped early" is what many people do without tuning: a fifth of the training rows choose the number of trees, of
1,000 at most (CatBoost's default), and the trees are not fitted again.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import TweedieRegressor
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknet import SigmoidMLPRegressor
from tests.benchmarks.tables import models as plain

N_SETTINGS, N_FOLDS = 30, 5
MAX_TREES, PATIENCE = 2000, 50
N_COMPONENTS = 30
Maker = Callable[[bool, int], BaseEstimator]


class PlainColumns(TransformerMixin, BaseEstimator):
    """Numbers and categories in place of dates and text."""

    def fit(self, X: pd.DataFrame, y: object = None) -> "PlainColumns":
        self.words_ = {}
        for column in X.select_dtypes(exclude=["number", "category", "datetime"]):
            words = TfidfVectorizer(sublinear_tf=True, min_df=2, max_features=20_000)
            n_words = words.fit_transform(X[column].fillna("")).shape[1]
            self.words_[column] = make_pipeline(words, TruncatedSVD(min(N_COMPONENTS, n_words - 1), random_state=0))
            self.words_[column].fit(X[column].fillna(""))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        parts = [X.select_dtypes(["number", "category"])]
        for column in X.select_dtypes("datetime"):
            dates = X[column].dt
            days = (X[column] - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
            found = {"days": days, "month": dates.month, "weekday": dates.day_of_week, "hour": dates.hour}
            parts.append(pd.DataFrame(found).astype(float).add_prefix(f"{column} "))
        for column, components in self.words_.items():
            found = components.transform(X[column].fillna(""))
            parts.append(pd.DataFrame(found, index=X.index).add_prefix(f"{column} "))
        return pd.concat(parts, axis=1)


def prepared(make: Maker) -> Maker:
    return lambda is_regression, seed: make_pipeline(PlainColumns(), make(is_regression, seed))


class Labels(BaseEstimator):
    """XGBoost wants classes as numbers."""

    def __init__(self, trees: BaseEstimator) -> None:
        self.trees = trees

    def fit(self, X: pd.DataFrame, y: np.ndarray, eval_set: list | None = None) -> "Labels":
        self.classes_, codes = np.unique(y.astype(str), return_inverse=True)
        sets = eval_set and [
            (X_left, np.searchsorted(self.classes_, y_left.astype(str))) for X_left, y_left in eval_set
        ]
        self.trees.fit(X, codes, eval_set=sets, verbose=False)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.trees.predict_proba(X)


def xgboost_trees(is_regression: bool, seed: int, **settings: object) -> BaseEstimator:
    from xgboost import XGBClassifier, XGBRegressor

    common = {"random_state": seed, "n_jobs": 1, "enable_categorical": True} | settings
    return XGBRegressor(**common) if is_regression else Labels(XGBClassifier(**common))


def xgboost(is_regression: bool, seed: int, **settings: object) -> BaseEstimator:
    return make_pipeline(FunctionTransformer(plain.plain_names), xgboost_trees(is_regression, seed, **settings))


def with_settings(make: Maker, **settings: object) -> Maker:
    """The model of `make` with other parameters of its last step."""

    def changed(is_regression: bool, seed: int) -> BaseEstimator:
        model = make(is_regression, seed)
        (model.steps[-1][1] if hasattr(model, "steps") else model).set_params(**settings)
        return model

    return changed


# -- the losses of counts, of positive and of half-positive targets


def generalized_linear(power: float, is_regression: bool, seed: int) -> BaseEstimator:
    """A generalized linear model with a logarithmic link, and the penalty that five folds choose by the deviance."""
    model = TweedieRegressor(power=power, link="log", solver="newton-cholesky", max_iter=1000)
    return plain.scaled(GridSearchCV(model, {"alpha": [10.0**k for k in range(-4, 3)]}))


class FromTheMean(BaseEstimator):
    """CatBoost's trees, which start from a prediction of 1 by themselves, start from the mean, as LightGBM's do."""

    def __init__(self, loss: str, seed: int) -> None:
        self.loss, self.seed = loss, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "FromTheMean":
        self.start_ = float(np.log(np.mean(y)))
        trees = plain.catboost(True, self.seed).set_params(loss_function=self.loss)
        self.trees_ = trees.fit(X, y, baseline=np.full(len(y), self.start_))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.exp(self.start_ + self.trees_.predict(X, prediction_type="RawFormulaVal"))


OWN_LOSSES: dict[str, dict[str, Maker]] = {
    loss: {
        "sknet, own loss": lambda _, seed, loss=loss: SigmoidMLPRegressor(loss=loss, random_state=seed),
        "LightGBM, own loss": prepared(with_settings(plain.lightgbm, objective=loss)),
        "CatBoost, own loss": prepared(with_settings(plain.catboost, loss_function=catboost_loss)),
        "CatBoost, from the mean, own loss": prepared(lambda _, seed, loss=catboost_loss: FromTheMean(loss, seed)),
        "XGBoost, own loss": prepared(partial(xgboost, objective=xgboost_loss)),
        "linear model, own loss": prepared(partial(generalized_linear, power)),
    }
    for loss, catboost_loss, xgboost_loss, power in (
        ("poisson", "Poisson", "count:poisson", 1),
        ("gamma", "Tweedie:variance_power=1.99", "reg:gamma", 2),
        ("tweedie", "Tweedie:variance_power=1.5", "reg:tweedie", 1.5),
    )
}
"""By kind of target, models with its loss. CatBoost has no loss of gamma's: its Tweedie comes near."""
for _loss in ("poisson", "gamma"):
    OWN_LOSSES[_loss]["HistGradientBoosting, own loss"] = prepared(
        lambda _, seed, loss=_loss: make_pipeline(
            FunctionTransformer(plain.codes_of_many_levels), HistGradientBoostingRegressor(loss=loss, random_state=seed)
        )
    )


# -- tuning


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw evenly by the logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def whole(rng: np.random.Generator, low: int, high: int) -> int:
    """Draw a whole number evenly by the logarithm."""
    return min(high, int(between(rng, low, high + 1)))


def lightgbm_setting(rng: np.random.Generator) -> dict[str, object]:
    return {
        "learning_rate": between(rng, 5e-3, 0.1),
        "colsample_bytree": rng.uniform(0.4, 1.0),
        "subsample": rng.uniform(0.7, 1.0),
        "subsample_freq": 1,
        "num_leaves": whole(rng, 2, 200),
        "min_child_samples": whole(rng, 1, 64),
        "extra_trees": bool(rng.integers(2)),
        "min_data_per_group": whole(rng, 2, 100),
        "cat_l2": between(rng, 5e-3, 2),
        "cat_smooth": between(rng, 1e-3, 100),
        "max_cat_to_onehot": whole(rng, 8, 100),
        "reg_alpha": rng.uniform(1e-4, 1.0),
        "reg_lambda": rng.uniform(1e-4, 2.0),
    }


def catboost_setting(rng: np.random.Generator) -> dict[str, object]:
    return {
        "learning_rate": between(rng, 5e-3, 0.1),
        "bootstrap_type": "Bernoulli",
        "subsample": rng.uniform(0.7, 1.0),
        "grow_policy": str(rng.choice(["SymmetricTree", "Depthwise"])),
        "depth": int(rng.integers(4, 9)),
        "colsample_bylevel": rng.uniform(0.85, 1.0),
        "l2_leaf_reg": between(rng, 1e-4, 5),
        "leaf_estimation_iterations": whole(rng, 1, 20),
        "one_hot_max_size": whole(rng, 8, 100),
        "model_size_reg": between(rng, 0.1, 1.5),
        "max_ctr_complexity": int(rng.integers(2, 6)),
        "boosting_type": "Plain",
        "max_bin": 254,
    }


def xgboost_setting(rng: np.random.Generator) -> dict[str, object]:
    return {
        "learning_rate": between(rng, 5e-3, 0.1),
        "max_depth": whole(rng, 4, 10),
        "min_child_weight": between(rng, 1e-3, 5),
        "subsample": rng.uniform(0.6, 1.0),
        "colsample_bylevel": rng.uniform(0.6, 1.0),
        "colsample_bynode": rng.uniform(0.6, 1.0),
        "reg_alpha": rng.uniform(1e-4, 5),
        "reg_lambda": rng.uniform(1e-4, 5),
        "grow_policy": str(rng.choice(["depthwise", "lossguide"])),
        "max_cat_to_onehot": whole(rng, 8, 100),
        "max_leaves": whole(rng, 8, 1024),
    }


def sknet_setting(rng: np.random.Generator) -> dict[str, object]:
    sizes = [(64,), (128,), (256,), (96, 32), (192, 64)]
    return {
        "hidden_layer_sizes": sizes[rng.integers(len(sizes))],
        "learning_rate_init": between(rng, 5e-3, 0.04),
        "alpha": between(rng, 1e-3, 1),
        "dropout": float(rng.choice([0.0, 0.1, 0.2])),
        "numeric_encoding": str(rng.choice(["auto", "raw", "piecewise_linear"])),
        "category_encoding": str(rng.choice(["auto", "one_hot", "both"])),
        "activation": str(rng.choice(["sigmoid", "sigmoid", "relu"])),
    }


class Tuned(BaseEstimator):
    """The best of the defaults and random settings by the mean loss over five folds, fitted again to all rows.

    `make(is_regression, seed, **setting)` returns a model; `fit_in_fold` fits one with a look at the held-out rows, and
    returns its number of trees, or None. Folds keep groups together, if `groups` are given.
    """

    max_trees = MAX_TREES

    def __init__(self, is_regression: bool, seed: int, make: Callable, draw: Callable | None, kind: str) -> None:
        self.is_regression, self.seed, self.make, self.draw, self.kind = is_regression, seed, make, draw, kind

    def fit(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray | None = None) -> "Tuned":
        rng = np.random.default_rng(self.seed)
        settings = [{}] + [self.draw(rng) for _ in range(N_SETTINGS - 1)]
        splits = self.folds(X, y, groups)
        tried = [self.mean_loss(X, y, splits, setting) for setting in settings]
        best = int(np.argmin([loss for loss, _ in tried]))
        self.model_ = self.make(self.is_regression, self.seed, **settings[best], **tried[best][1]).fit(X, y)
        return self

    def folds(self, X: pd.DataFrame, y: np.ndarray, groups: np.ndarray | None) -> list:
        if groups is not None:
            return list(GroupKFold(N_FOLDS, shuffle=True, random_state=self.seed).split(X, y, groups))
        folds = (KFold if self.is_regression else StratifiedKFold)(N_FOLDS, shuffle=True, random_state=self.seed)
        return list(folds.split(X, y))

    def mean_loss(self, X: pd.DataFrame, y: np.ndarray, splits: list, setting: dict) -> tuple[float, dict]:
        """The mean loss, and what the folds found out: the number of trees."""
        losses, numbers = [], []
        for train, left in splits:
            model, n_trees = self.fit_in_fold(X.iloc[train], y[train], X.iloc[left], y[left], setting)
            losses.append(self.loss(model, X.iloc[left], y[left]))
            numbers.append(n_trees)
        more = {} if numbers[0] is None else {TREES[self.kind]: max(1, round(float(np.mean(numbers))))}
        return float(np.mean(losses)), more

    def fit_in_fold(self, X: pd.DataFrame, y: np.ndarray, X_left: pd.DataFrame, y_left: np.ndarray, setting: dict):
        seen = self.is_regression or set(y_left) <= set(y)
        more = {} if self.kind == "sknet" else {TREES[self.kind]: self.max_trees}
        if self.kind == "xgboost" and seen:
            more["early_stopping_rounds"] = PATIENCE
        model = self.make(self.is_regression, self.seed, **setting, **more)
        if self.kind == "sknet" or not seen:
            return model.fit(X, y), None if self.kind == "sknet" else self.max_trees
        if self.kind == "lightgbm":
            from lightgbm import early_stopping

            model.fit(X, y, eval_set=[(X_left, y_left)], callbacks=[early_stopping(PATIENCE, verbose=False)])
            return model, model.best_iteration_
        if self.kind == "catboost":
            model.fit(X, y, eval_set=(plain.with_text(X_left), y_left), early_stopping_rounds=PATIENCE)
            return model, model.tree_count_
        model.fit(X, y, eval_set=[(X_left, y_left)], **({"verbose": False} if self.is_regression else {}))
        return model, getattr(model, "trees", model).best_iteration + 1

    def loss(self, model: BaseEstimator, X: pd.DataFrame, y: np.ndarray) -> float:
        if self.is_regression:
            return float(np.mean((np.ravel(model.predict(X)) - y) ** 2))
        every = np.unique(np.r_[np.asarray(model.classes_, dtype=str), y.astype(str)])
        P = np.full((len(y), len(every)), 1e-7)
        P[:, np.searchsorted(every, np.asarray(model.classes_, dtype=str))] = np.clip(model.predict_proba(X), 1e-7, 1)
        return log_loss(y.astype(str), P / P.sum(axis=1, keepdims=True), labels=every)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict(X)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict_proba(X)

    @property
    def classes_(self) -> np.ndarray:
        return self.model_.classes_


class StoppedEarly(Tuned):
    """The defaults, with the number of trees that is best for a fifth of the rows; no settings are drawn."""

    max_trees = 1000

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "StoppedEarly":
        train, left = self.folds(X, y, None)[0]
        self.model_, _ = self.fit_in_fold(X.iloc[train], y[train], X.iloc[left], y[left], {})
        return self


TREES = {"lightgbm": "n_estimators", "catboost": "iterations", "xgboost": "n_estimators"}


def tuned_trees(kind: str, make: Callable, draw: Callable | None, tuned: type[Tuned] = Tuned) -> Maker:
    def model(is_regression: bool, seed: int) -> BaseEstimator:
        names = FunctionTransformer(plain.plain_names)
        return make_pipeline(PlainColumns(), names, tuned(is_regression, seed, make, draw, kind))

    return model


def lightgbm_trees(is_regression: bool, seed: int, **settings: object) -> BaseEstimator:
    return plain.lightgbm(is_regression, seed).steps[-1][1].set_params(**settings)


def catboost_trees(is_regression: bool, seed: int, **settings: object) -> BaseEstimator:
    return plain.catboost(is_regression, seed).set_params(**settings)


def sknet_network(is_regression: bool, seed: int, **settings: object) -> BaseEstimator:
    return plain.sknet(is_regression, seed).set_params(**settings)


DEFAULTS: dict[str, Maker] = {
    "sknet": plain.sknet,
    "LightGBM": prepared(plain.lightgbm),
    "CatBoost": prepared(plain.catboost),
    "XGBoost": prepared(xgboost),
    "HistGradientBoosting": prepared(plain.hist_gradient_boosting),
    "scikit-learn's MLP": prepared(plain.mlp),
    "linear model": prepared(plain.linear),
}
TUNED: dict[str, Maker] = {
    "sknet, tuned": lambda is_regression, seed: Tuned(is_regression, seed, sknet_network, sknet_setting, "sknet"),
    "LightGBM, tuned": tuned_trees("lightgbm", lightgbm_trees, lightgbm_setting),
    "CatBoost, tuned": tuned_trees("catboost", catboost_trees, catboost_setting),
    "XGBoost, tuned": tuned_trees("xgboost", xgboost_trees, xgboost_setting),
}
STOPPED_EARLY: dict[str, Maker] = {
    "LightGBM, stopped early": tuned_trees("lightgbm", lightgbm_trees, None, StoppedEarly),
    "CatBoost, stopped early": tuned_trees("catboost", catboost_trees, None, StoppedEarly),
}
PACKAGES = plain.PACKAGES | {"XGBoost": "xgboost"}
