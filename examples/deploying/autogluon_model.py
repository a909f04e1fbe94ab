"""
A model for AutoGluon
=====================

AutoGluon trains models of many libraries on one table and combines them. A class of a dozen lines adds sknet to its
models, and to TabArena, which compares models through the same interface. The class passes columns on unchanged,
because sknet handles categories, missing values and the number of epochs itself.

You need AutoGluon: ``pip install "autogluon.tabular[lightgbm]"``. Version 1.6.3 needs pandas before 2.4.
"""

import tempfile
from pathlib import Path

import pandas as pd

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

try:
    from autogluon.core.models import AbstractModel
    from autogluon.tabular import TabularPredictor
except ImportError:
    AbstractModel, TabularPredictor = object, None


class SknetModel(AbstractModel):
    """AutoGluon's hyperparameters are the estimator's parameters."""

    ag_key = "SKNET"
    ag_name = "Sknet"
    seed_name = "random_state"  # AutoGluon sets it
    _supported_problem_types = ("binary", "multiclass", "regression")

    def _fit(self, X, y, sample_weight=None, **context):
        # the epochs are chosen by held-out rows or folds of X: AutoGluon's X_val and y_val only evaluate
        estimator = SigmoidMLPRegressor if self.problem_type == "regression" else SigmoidMLPClassifier
        X = self.preprocess(X, is_train=True)
        self.model = estimator(**self._get_model_params()).fit(X, y, sample_weight=sample_weight)

    def _get_default_auxiliary_params(self):
        columns = {"valid_raw_types": ["bool", "int", "float", "category"]}  # text, too, comes as categories
        return super()._get_default_auxiliary_params() | columns


# %%
# sknet and AutoGluon's LightGBM, each with its defaults, on three kinds of target. Higher is better: errors have a
# minus.


def compare(table, target, metric):
    test = table.sample(frac=0.25, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(target, eval_metric=metric, path=folder, verbosity=0)
        models = {SknetModel: {}, "GBM": {}}
        predictor.fit(table.drop(test.index), hyperparameters=models, fit_weighted_ensemble=False)
        scores = predictor.leaderboard(test).set_index("model")["score_test"]
    print(f"{target}, {predictor.problem_type}, {metric}:", scores.round(3).to_dict())


if TabularPredictor is None:
    print('AutoGluon is not installed here: pip install "autogluon.tabular[lightgbm]"')
else:
    data = Path(__file__).parents[1] / "data"
    penguins = pd.read_csv(data / "penguins.csv").dropna(subset=["sex"])
    compare(pd.read_csv(data / "cars.csv").drop(columns="name"), "miles_per_gallon", "root_mean_squared_error")
    compare(penguins, "sex", "log_loss")
    compare(penguins, "species", "log_loss")
