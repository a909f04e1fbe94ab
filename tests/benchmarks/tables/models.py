"""The models that are compared, each with its own defaults; three are tuned as well.

LightGBM and scikit-learn's network by the best of 20 settings on a quarter of the training rows, HistGradientBoosting
by its number of trees, which four folds choose. All are then fitted again to every row.

`sknet` gets the table as it is, and so do HistGradientBoosting, LightGBM and CatBoost, which handle categories
themselves. The linear model and scikit-learn's network get numbers imputed and scaled, categories one-hot, and a
scaled target. RealMLP and TabM come from pytabkit; for probabilities its page says: no label smoothing, epochs chosen
by the log-loss, and temperature scaling.
"""

import re
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import loguniform
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    KFold,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor


def sknet(is_regression: bool, seed: int) -> BaseEstimator:
    return (SigmoidMLPRegressor if is_regression else SigmoidMLPClassifier)(random_state=seed)


def linear(is_regression: bool, seed: int) -> BaseEstimator:
    if is_regression:
        return scaled(RidgeCV(alphas=[10**k for k in range(-3, 5)]))
    return scaled(LogisticRegressionCV(scoring="neg_log_loss", max_iter=1000))


def mlp(is_regression: bool, seed: int) -> BaseEstimator:
    if is_regression:
        network = MLPRegressor(random_state=seed)
        return scaled(TransformedTargetRegressor(network, transformer=StandardScaler()))
    return scaled(MLPClassifier(random_state=seed))


def mlp_tuned(is_regression: bool, seed: int) -> BaseEstimator:
    """The best of 20 random settings on a quarter of the rows, each with early stopping."""
    network = (MLPRegressor if is_regression else MLPClassifier)(early_stopping=True, random_state=seed)
    settings = {
        "hidden_layer_sizes": [(50,), (100,), (200,), (100, 100), (200, 100)],
        "activation": ["relu", "tanh"],
        "alpha": loguniform(1e-5, 10),
        "learning_rate_init": loguniform(3e-4, 0.03),
        "batch_size": [32, 64, 128],
    }
    split = (ShuffleSplit if is_regression else StratifiedShuffleSplit)(1, test_size=0.25, random_state=seed)
    scoring = "neg_mean_squared_error" if is_regression else "neg_log_loss"
    search = RandomizedSearchCV(network, settings, n_iter=20, cv=split, scoring=scoring, random_state=seed)
    return scaled(TransformedTargetRegressor(search, transformer=StandardScaler()) if is_regression else search)


def hist_gradient_boosting(is_regression: bool, seed: int) -> BaseEstimator:
    trees = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    return make_pipeline(FunctionTransformer(codes_of_many_levels), trees(random_state=seed))


def hist_gradient_boosting_tuned(is_regression: bool, seed: int) -> BaseEstimator:
    return make_pipeline(FunctionTransformer(codes_of_many_levels), TreesByFolds(is_regression, seed))


class TreesByFolds(BaseEstimator):
    """HistGradientBoosting with as many trees, of 1,000 at most, as four folds need on average."""

    def __init__(self, is_regression: bool, seed: int) -> None:
        self.is_regression, self.seed = is_regression, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "TreesByFolds":
        trees = HistGradientBoostingRegressor if self.is_regression else HistGradientBoostingClassifier
        folds = (KFold if self.is_regression else StratifiedKFold)(4, shuffle=True, random_state=self.seed)
        numbers = []
        for fit, left in folds.split(X, y):
            model = trees(max_iter=1000, early_stopping=True, n_iter_no_change=20, random_state=self.seed)
            model.fit(X.iloc[fit], y[fit], X_val=X.iloc[left], y_val=y[left])
            numbers.append(np.argmax(model.validation_score_))  # [0]: no tree
        n_trees = max(1, round(np.mean(numbers)))
        self.model_ = trees(max_iter=n_trees, early_stopping=False, random_state=self.seed).fit(X, y)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict(X)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict_proba(X)

    @property
    def classes_(self) -> np.ndarray:
        return self.model_.classes_


def lightgbm(is_regression: bool, seed: int) -> BaseEstimator:
    from lightgbm import LGBMClassifier, LGBMRegressor

    trees = LGBMRegressor if is_regression else LGBMClassifier
    return make_pipeline(FunctionTransformer(plain_names), trees(random_state=seed, n_jobs=1, verbose=-1))


def lightgbm_tuned(is_regression: bool, seed: int) -> BaseEstimator:
    return make_pipeline(FunctionTransformer(plain_names), TunedLightGBM(is_regression, seed))


class TunedLightGBM(BaseEstimator):
    """The best of the defaults and 19 random settings, by a quarter of the rows; fitted again to all rows.

    Each setting has as many trees, of 1,000 at most, as are best for that quarter, and a tenth more for all rows.
    """

    N_SETTINGS = 20

    def __init__(self, is_regression: bool, seed: int) -> None:
        self.is_regression, self.seed = is_regression, seed

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "TunedLightGBM":
        strata = None if self.is_regression else y
        parts = train_test_split(X, y, test_size=0.25, random_state=self.seed, stratify=strata)
        rng = np.random.default_rng(self.seed)
        settings = [{}] + [random_lightgbm(rng) for _ in range(self.N_SETTINGS - 1)]
        tried = [(*self.try_setting(parts, setting), place) for place, setting in enumerate(settings)]
        _, n_trees, best = min(tried)
        self.model_ = self.make(settings[best], max(1, int(1.1 * n_trees))).fit(X, y)
        return self

    def try_setting(self, parts: list, setting: dict) -> tuple[float, int]:
        """Return the loss on the quarter, and the number of trees."""
        from lightgbm import early_stopping

        X, X_left, y, y_left = parts
        model = self.make(setting, 1000).fit(
            X, y, eval_set=[(X_left, y_left)], callbacks=[early_stopping(30, verbose=False)]
        )
        if self.is_regression:
            loss = float(np.mean((model.predict(X_left) - y_left) ** 2))
        else:
            P = np.clip(model.predict_proba(X_left), 1e-7, 1)
            loss = log_loss(y_left, P / P.sum(axis=1, keepdims=True), labels=model.classes_)
        return loss, model.best_iteration_

    def make(self, setting: dict, n_trees: int) -> BaseEstimator:
        from lightgbm import LGBMClassifier, LGBMRegressor

        trees = LGBMRegressor if self.is_regression else LGBMClassifier
        return trees(n_estimators=n_trees, random_state=self.seed, n_jobs=1, verbose=-1, **setting)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict(X)

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model_.predict_proba(X)

    @property
    def classes_(self) -> np.ndarray:
        return self.model_.classes_


def random_lightgbm(rng: np.random.Generator) -> dict[str, object]:
    """Draw a setting: sizes, rates and strengths evenly by their logarithms."""

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return {
        "num_leaves": round(between(4, 128)),
        "learning_rate": between(0.02, 0.2),
        "min_child_samples": round(between(2, 64)),
        "colsample_bytree": rng.uniform(0.4, 1.0),
        "subsample": rng.uniform(0.5, 1.0),
        "subsample_freq": 1,
        "reg_lambda": between(1e-4, 30),
        "cat_smooth": between(1, 200),
        "cat_l2": between(0.01, 100),
        "max_bin": int(rng.choice([63, 127, 255])),
    }


def catboost(is_regression: bool, seed: int) -> BaseEstimator:
    from catboost import CatBoostClassifier, CatBoostRegressor

    class NativeCategories(CatBoostRegressor if is_regression else CatBoostClassifier):
        """CatBoost wants the names of the categories' columns, and text for what is missing there."""

        def fit(self, X: pd.DataFrame, y: pd.Series, **keywords: object) -> "NativeCategories":
            return super().fit(with_text(X), y, cat_features=list(categories(X)), **keywords)

        def predict(self, X: pd.DataFrame, *args: object, **keywords: object) -> object:
            return super().predict(with_text(X), *args, **keywords)

        def predict_proba(self, X: pd.DataFrame) -> object:
            return super().predict_proba(with_text(X))

    return NativeCategories(random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False)


def realmlp(is_regression: bool, seed: int, **settings: object) -> BaseEstimator:
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    return from_pytabkit(
        RealMLP_TD_Classifier, RealMLP_TD_Regressor, is_regression, seed, {"use_ls": False}, **settings
    )


def realmlp_s(is_regression: bool, seed: int) -> BaseEstimator:
    from pytabkit import RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor

    return from_pytabkit(RealMLP_TD_S_Classifier, RealMLP_TD_S_Regressor, is_regression, seed, {"use_ls": False})


def tabm(is_regression: bool, seed: int) -> BaseEstimator:
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    return from_pytabkit(TabM_D_Classifier, TabM_D_Regressor, is_regression, seed)


MODELS: dict[str, Callable[[bool, int], BaseEstimator]] = {
    "sknet": sknet,
    "linear model": linear,
    "scikit-learn's MLP": mlp,
    "scikit-learn's MLP, tuned": mlp_tuned,
    "HistGradientBoosting": hist_gradient_boosting,
    "HistGradientBoosting, tuned": hist_gradient_boosting_tuned,
    "LightGBM": lightgbm,
    "LightGBM, tuned": lightgbm_tuned,
    "CatBoost": catboost,
    "RealMLP-TD-S": realmlp_s,
    "RealMLP-TD": realmlp,
    "RealMLP-TD, bagged": partial(realmlp, n_cv=5),  # five networks: the way to ensemble that pytabkit's page names
    "TabM": tabm,
}
PACKAGES = {
    "sknet": "sknet-mlp",
    "LightGBM": "lightgbm",
    "LightGBM, tuned": "lightgbm",
    "CatBoost": "catboost",
    "RealMLP-TD-S": "pytabkit",
    "RealMLP-TD": "pytabkit",
    "RealMLP-TD, bagged": "pytabkit",
    "TabM": "pytabkit",
}  # the others are scikit-learn's


def categories(X: pd.DataFrame) -> pd.Index:
    return X.select_dtypes("category").columns


def with_text(X: pd.DataFrame) -> pd.DataFrame:
    return X.assign(**{c: X[c].astype(object).where(X[c].notna(), "missing") for c in categories(X)})


def codes_of_many_levels(X: pd.DataFrame) -> pd.DataFrame:
    """HistGradientBoosting takes up to 255 levels: a column of more is given as numbers."""
    return X.assign(**{c: X[c].cat.codes.astype(float) for c in categories(X) if len(X[c].cat.categories) > 255})


def plain_names(X: pd.DataFrame) -> pd.DataFrame:
    """LightGBM takes no special characters in names."""
    return X.set_axis([f"{re.sub(r'[^A-Za-z0-9_]', '_', c)}_{i}" for i, c in enumerate(X.columns)], axis=1)


def scaled(model: BaseEstimator) -> BaseEstimator:
    """Put in front what networks and linear models need: imputed and scaled numbers, one column per category."""
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    text = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=3, sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (text, make_column_selector(dtype_include="category")),
    )
    return make_pipeline(columns, model)


def from_pytabkit(
    classifier: type,
    regressor: type,
    is_regression: bool,
    seed: int,
    for_log_loss: dict[str, object] | None = None,
    **settings: object,
) -> BaseEstimator:
    common = {"device": "cpu", "n_threads": 1, "random_state": seed} | settings
    if is_regression:
        model = regressor(**common)
    else:
        model = classifier(
            val_metric_name="cross_entropy", calibration_method="ts-mix", **(for_log_loss or {}), **common
        )
    numbers = make_column_transformer(  # pytabkit takes no missing numbers
        (SimpleImputer(strategy="median"), make_column_selector(dtype_include="number")),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    return make_pipeline(numbers.set_output(transform="pandas"), model)
