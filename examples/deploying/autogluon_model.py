"""
A model for AutoGluon
=====================

AutoGluon trains models of many libraries on one table and combines them. This class adds sknet to its models, and to
TabArena, which compares models through the same interface. sknet handles categories and missing values itself, so the
class passes columns on unchanged. It uses what AutoGluon hands to a model: the rows that AutoGluon holds out choose the
epoch, a callback stops training before the time limit, and BLAS gets only the threads that AutoGluon allows.

You need AutoGluon 1.6: ``pip install "autogluon.tabular[lightgbm]"``. Version 1.6.3 needs pandas before 2.4. The
callback needs scikit-learn 1.9. The page ``docs/guide/tabarena.md`` says how to submit the model to TabArena.
"""

import tempfile
import time
from pathlib import Path
from typing import ClassVar

import pandas as pd
from threadpoolctl import threadpool_limits

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

try:
    from autogluon.common.space import Categorical, Real
    from autogluon.core.models import AbstractModel
    from autogluon.tabular import TabularPredictor
except ImportError:
    AbstractModel, TabularPredictor = object, None


class TimeLimit:
    """A callback that stops training if another epoch would end after the time limit."""

    def __init__(self, seconds):
        self.start = self.last = time.monotonic()
        self.end, self.longest = self.start + seconds, 0.0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        now = time.monotonic()
        self.longest, self.last = max(self.longest, now - self.last), now
        return now + self.longest > self.end


class SknetModel(AbstractModel):
    """AutoGluon's hyperparameters are the estimator's parameters."""

    ag_key = "SKNET"
    ag_name = "Sknet"
    ag_priority = 65
    seed_name = "random_state"  # AutoGluon sets it
    _supported_problem_types: ClassVar = ["binary", "multiclass", "regression"]
    _default_auxiliary_params_extra: ClassVar = {"valid_raw_types": ["bool", "int", "float", "category"]}
    default_resources_physical_cores_only = True
    warmup_modules: ClassVar = ("sknet",)  # TabArena imports it before it measures time, and fits with this:
    cheap_hyperparameters: ClassVar = {"max_iter": 2}

    def _more_tags(self):
        return {"can_refit_full": False}  # it gives no held-out rows, and sknet would hold out its own

    def _estimator_class(self):
        return SigmoidMLPRegressor if self.problem_type == "regression" else SigmoidMLPClassifier

    def _fit(
        self, X, y, X_val=None, y_val=None, time_limit=None, num_cpus=1, sample_weight=None, sample_weight_val=None,
        **context,
    ):  # fmt: skip
        callbacks = [] if time_limit is None else [TimeLimit(0.95 * time_limit)]  # some time is left to save the model
        X = self.preprocess(X, y=y)
        rows = {"sample_weight": sample_weight}
        if X_val is not None:  # without these rows, sknet holds out rows of its own
            rows |= {"X_val": self.preprocess(X_val), "y_val": y_val, "sample_weight_val": sample_weight_val}
        self.model = self._estimator_class()(**self._get_model_params()).set_callbacks(*callbacks)
        with threadpool_limits(num_cpus):
            self.model.fit(X, y, **rows)
        self.model.set_callbacks()  # the saved model needs none

    def _set_default_params(self):
        # sknet's own defaults, so that AutoGluon's reports list them
        for name, value in self._estimator_class()().get_params().items():
            if name != self.seed_name:
                self._set_default_param_value(name, value)

    def _get_default_searchspace(self):
        return search_space()

    @classmethod
    def _estimate_memory_usage_static(cls, *, X, **context):
        # measured: 250 MB for a process, and up to 3.9 times a table of numbers or dates for a fit
        return int(300e6 + 4 * X.memory_usage(deep=True).sum())


def search_space():
    """Return the hyperparameters that a search tries. The defaults are sknet's."""
    return {
        "hidden_layer_sizes": Categorical("auto", 32, 64, 256, 512),
        "alpha": Real(1e-4, 1.0, default=0.01, log=True),
        "dropout": Categorical("auto", 0.0, 0.2, 0.4),
        "weight_decay": Categorical("auto", 0.0, 0.1, 0.3),
        "learning_rate_init": Real(0.002, 0.05, default=0.015, log=True),
        "numeric_encoding": Categorical("auto", "raw", "piecewise_linear"),
    }


# %%
# sknet and AutoGluon's LightGBM, each with its defaults, on three kinds of target. As TabArena does, AutoGluon trains
# each model eight times. Each time, it holds out another eighth of the rows, and the model learns from the rest. Higher
# is better: errors have a minus.


def compare(table, target, metric):
    test = table.sample(frac=0.25, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(target, eval_metric=metric, path=folder, verbosity=0).fit(
            table.drop(test.index),
            hyperparameters={SknetModel: {}, "GBM": {}},
            num_bag_folds=8,
            ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},  # without Ray
            time_limit=60,
            num_cpus=1,
            fit_weighted_ensemble=False,
        )
        print(f"{target}: {predictor.problem_type}, {metric}")
        print(predictor.leaderboard(test)[["model", "score_test", "score_val"]].round(3).to_string(index=False))


if __name__ == "__main__" and TabularPredictor is None:
    print('AutoGluon is not installed here: pip install "autogluon.tabular[lightgbm]"')
elif __name__ == "__main__":
    data = Path(__file__).parents[1] / "data"
    compare(pd.read_csv(data / "cars.csv").drop(columns="name"), "miles_per_gallon", "root_mean_squared_error")
    compare(pd.read_csv(data / "customers.csv"), "left", "log_loss")
    compare(pd.read_csv(data / "penguins.csv"), "species", "log_loss")
