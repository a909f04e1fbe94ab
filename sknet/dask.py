"""Estimators for dask DataFrames and Arrays, which the workers of a cluster fit. Predictions are lazy.

The table stays on the workers, which encode it once. Each training step adds up the gradients that the workers compute
for their rows. The extra "dask" installs dask and distributed; `import sknet` imports neither.
"""

from collections.abc import Callable
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from sknet._dask.table import PartitionedTable
from sknet._estimators.base import BaseSigmoidMLP
from sknet._estimators.classifier import SigmoidMLPClassifier as LocalClassifier
from sknet._estimators.fitted import FittedAttribute, fitted_of, publish
from sknet._estimators.parameters import ClassifierParameters, RegressorParameters, check_resumable
from sknet._estimators.prediction_methods import SCORES
from sknet._estimators.read_data import FitArguments, drop_zero_weights, read_sample_weight
from sknet._estimators.regressor import SigmoidMLPRegressor as LocalRegressor
from sknet._estimators.saving import Estimator
from sknet._estimators.sklearn_api import ClassifierMixin, RegressorMixin, fit_context, with_callbacks
from sknet._model.heads import LabelHead, RegressionHead
from sknet._packages import explain_missing_package
from sknet._typing import Array, Target

with explain_missing_package("sknet.dask", "'dask[dataframe,distributed]'"):
    from dask.base import compute

    from sknet._dask.collections import Collection, keep_rows, open_tables, predict_lazily

__all__ = ["SigmoidMLPClassifier", "SigmoidMLPRegressor"]


class _OnWorkers(BaseSigmoidMLP):
    """The base of both estimators: it fits on workers, predicts lazily, and converts to the local estimator."""

    _local: ClassVar[type[Estimator]]  # the class for tables in memory

    @with_callbacks
    @fit_context
    def fit(
        self,
        X: Collection,
        y: Target,
        sample_weight: Target = None,
        *,
        X_val: Collection = None,
        y_val: Target = None,
        sample_weight_val: Target = None,
        groups: Target = None,
    ) -> Self:
        """Fit the network on the workers of the current dask client.

        The table is not checked for rows in the order of time and for identifiers.

        Parameters
        ----------
        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table. A data frame may hold numbers, categories, text and dates. Values
            may be missing. Partitions stay on their workers. The rows of `y` and of the
            weights must be in the order in which the partitions of `X` follow each
            other.

        y : dask or NumPy array, Series or DataFrame of shape (n_samples,) or (n_samples, n_outputs)
            The targets. Like weights and groups, they are loaded into the memory of
            this process.

        sample_weight : dask or NumPy array or Series of shape (n_samples,), default=None
            Sample weights. Rows of weight 0 are ignored, whatever they hold.

        X_val : dask DataFrame or Array of shape (n_val, n_features), default=None
            Your own validation rows, for early stopping.

        y_val : dask or NumPy array, Series or DataFrame, default=None
            Targets of the validation rows.

        sample_weight_val : dask or NumPy array or Series of shape (n_val,), default=None
            Sample weights of the validation rows.

        groups : dask or NumPy array or Series of shape (n_samples,), default=None
            Group of each row. Rows of one group are held out together.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data, a parameter or a weight is invalid, or if training diverges.
            Also if there is no client. The estimator then stays as it was.
        RuntimeError
            If there is no worker within 60 seconds. To change the time, use
            `dask.config.set({"sknet.workers": seconds})`.
        """
        arguments = FitArguments(
            X, y, sample_weight, X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val, groups=groups
        )
        return self._train_on_workers(self._fit, arguments)

    @with_callbacks
    @fit_context
    def resume(
        self,
        path: str | PathLike[str],
        X: Collection,
        y: Target,
        sample_weight: Target = None,
        *,
        X_val: Collection = None,
        y_val: Target = None,
        sample_weight_val: Target = None,
        groups: Target = None,
    ) -> Self:
        """Continue an interrupted `fit` from a file written by `sknet.Checkpoint`.

        Pass the same data in the same partitions, and use the same parameters, as in
        the interrupted run. The number of workers may differ.

        Parameters
        ----------
        path : str or path-like
            The file.

        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table.

        y : dask or NumPy array, Series or DataFrame of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : dask or NumPy array or Series of shape (n_samples,), default=None
            Sample weights.

        X_val : dask DataFrame or Array of shape (n_val, n_features), default=None
            Your own validation rows.

        y_val : dask or NumPy array, Series or DataFrame, default=None
            Targets of the validation rows.

        sample_weight_val : dask or NumPy array or Series of shape (n_val,), default=None
            Sample weights of the validation rows.

        groups : dask or NumPy array or Series of shape (n_samples,), default=None
            Group of each row.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_resumable(self.solver)
        arguments = FitArguments(
            X, y, sample_weight, X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val, groups=groups
        )
        return self._train_on_workers(partial(self._resume, path), arguments)

    def _train_on_workers(self, train: Callable[[FitArguments], Self], remote: FitArguments) -> Self:
        """Open the tables on their workers, load targets, weights and groups into this process, and train."""
        with open_tables(*(X for X in (remote.X, remote.X_val) if X is not None)) as (X, *validation):
            # collections are computed, all at once, and other values stay as they are
            y, weight, y_val, weight_val, groups = compute(
                remote.y, remote.sample_weight, remote.y_val, remote.sample_weight_val, remote.groups, traverse=False
            )
            X_val = validation[0] if validation else None
            return train(
                FitArguments(X, y, weight, X_val=X_val, y_val=y_val, sample_weight_val=weight_val, groups=groups)
            )

    def to_local(self) -> Estimator:
        """Return an estimator for tables in memory, with the same parameters and the same fit.

        Returns
        -------
        estimator : sknet.SigmoidMLPClassifier or sknet.SigmoidMLPRegressor
            The fitted estimator, which needs no dask.
        """
        local = self._local(**self.get_params(deep=False))
        publish(local, fitted_of(self))
        local._outputs_for_scorer = self._outputs_for_scorer
        return local

    def predict(self, X: Collection) -> Collection:
        """Predict, lazily.

        Parameters
        ----------
        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table.

        Returns
        -------
        y : dask Series, DataFrame or Array of shape (n_samples,) or (n_samples, n_outputs)
            The predictions of the local estimator. If `X` is a data frame, they have
            its index and divisions.
        """
        return self._predict_lazily(X, "predict")

    def _predict_lazily(self, X: Collection, method: str, *arguments: object) -> Collection:
        """Return predictions by a method of the local estimator, not yet computed except for a scorer's table."""
        local = self.to_local()
        if isinstance(X, PartitionedTable):  # rows that a fit has held out, for a scorer
            return getattr(local, method)(X, *arguments)
        return predict_lazily(local, X, method, *arguments)

    def score(self, X: Collection, y: Target, sample_weight: Target = None) -> float:
        """Return the score of the local estimator: accuracy, R², or D² of the pinball loss.

        Parameters
        ----------
        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table.

        y : dask or NumPy array, Series or DataFrame of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : dask or NumPy array or Series of shape (n_samples,), default=None
            Sample weights. Rows of weight 0 may hold anything.

        Returns
        -------
        score : float
            At most 1.
        """
        head = fitted_of(self).model.head
        y, weight = compute(y, sample_weight, traverse=False)
        read = read_sample_weight(y, weight)
        if read is not None and not read.all():  # rows of weight 0 may hold anything
            X, y, weight = keep_rows(X, read > 0.0), drop_zero_weights(y, read), read[read > 0.0]
        (predictions,) = compute(self.predict(X), traverse=False)
        return SCORES[self._head_class](head, np.asarray(predictions), y, weight)


class SigmoidMLPClassifier(ClassifierMixin, _OnWorkers, ClassifierParameters):
    """Multi-layer perceptron classifier for dask collections, trained by the workers of a cluster.

    It uses the current client. Parameters and defaults are those of
    :class:`sknet.SigmoidMLPClassifier`, except that `batch_size="proportional"` is
    n_samples // 32 up to 8,192 rows, because each step costs calls to the workers.

    For the same rows in the same order, held-out rows and folds are the same as with
    the local estimator. Members and folds train at the same time, up to eight networks. `oof_prediction_`
    is an array in this process, in the order of the rows of `X`.

    See Also
    --------
    sknet.SigmoidMLPClassifier : The local estimator, which documents the parameters.

    Examples
    --------
    >>> from distributed import Client  # doctest: +SKIP
    >>> from sknet.dask import SigmoidMLPClassifier  # doctest: +SKIP
    >>> client = Client()  # doctest: +SKIP
    >>> net = SigmoidMLPClassifier(random_state=0).fit(df.drop(columns="label"), df["label"])  # doctest: +SKIP
    >>> net.predict_proba(new).to_parquet("predictions")  # doctest: +SKIP
    """

    _head_class = LabelHead
    _local = LocalClassifier
    if not TYPE_CHECKING:
        score = _OnWorkers.score  # replaces the mixin's

    classes_: FittedAttribute[Array | list[Array]] = LocalClassifier.classes_

    def predict_proba(self, X: Collection) -> Collection | list[Collection]:
        """Predict the probability of each class, lazily.

        Parameters
        ----------
        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table.

        Returns
        -------
        p : dask DataFrame or Array of shape (n_samples, n_classes), or a list of such
            The probabilities. The columns of a data frame are the classes.
        """
        return self._predict_lazily(X, "predict_proba")

    def predict_set(self, X: Collection, coverage: float = 0.9, per_class: bool = False) -> Collection:
        """Predict the set of classes that cannot be ruled out, lazily.

        Parameters
        ----------
        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table.

        coverage : float, default=0.9
            As in `sknet.SigmoidMLPClassifier.predict_set`.

        per_class : bool, default=False
            As in `sknet.SigmoidMLPClassifier.predict_set`.

        Returns
        -------
        sets : dask DataFrame or Array of bool of shape (n_samples, n_classes)
            True for the classes in the row's set. The columns of a data frame are the
            classes.
        """
        return self._predict_lazily(X, "predict_set", coverage, per_class)


class SigmoidMLPRegressor(RegressorMixin, _OnWorkers, RegressorParameters):
    """Multi-layer perceptron regressor for dask collections, trained by the workers of a cluster.

    It uses the current client. Parameters and defaults are those of
    :class:`sknet.SigmoidMLPRegressor`, except that `batch_size="proportional"` is
    n_samples // 32 up to 8,192 rows, because each step costs calls to the workers.

    For the same rows in the same order, held-out rows and folds are the same as with
    the local estimator. Members and folds train at the same time, up to eight networks. `oof_prediction_`
    is an array in this process, in the order of the rows of `X`.

    See Also
    --------
    sknet.SigmoidMLPRegressor : The local estimator, which documents the parameters.

    Examples
    --------
    >>> from distributed import Client  # doctest: +SKIP
    >>> from sknet.dask import SigmoidMLPRegressor  # doctest: +SKIP
    >>> client = Client()  # doctest: +SKIP
    >>> net = SigmoidMLPRegressor(solver="lbfgs").fit(X, y)  # doctest: +SKIP
    >>> local = net.to_local()  # doctest: +SKIP
    """

    _head_class = RegressionHead
    _local = LocalRegressor
    if not TYPE_CHECKING:
        score = _OnWorkers.score  # replaces the mixin's, which is R² for any loss

    def predict_interval(self, X: Collection, coverage: float = 0.9) -> Collection:
        """Predict an interval for each target, lazily.

        Parameters
        ----------
        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table.

        coverage : float, default=0.9
            As in `sknet.SigmoidMLPRegressor.predict_interval`.

        Returns
        -------
        interval : dask DataFrame or Array of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper ends. The columns of a data frame are "lower" and "upper";
            with several outputs, there is a level above them with the number of the
            output.
        """
        return self._predict_lazily(X, "predict_interval", coverage)

    def predict_quantiles(self, X: Collection, quantiles: ArrayLike) -> Collection:
        """Predict quantiles of the target, lazily.

        Parameters
        ----------
        X : dask DataFrame or Array of shape (n_samples, n_features)
            The table.

        quantiles : float or array-like of shape (n_levels,)
            As in `sknet.SigmoidMLPRegressor.predict_quantiles`.

        Returns
        -------
        y : dask DataFrame or Array of shape (n_samples, n_levels)
            The quantiles. The columns of a data frame are named after their
            probabilities.
        """
        return self._predict_lazily(X, "predict_quantiles", quantiles)
