"""Predictions of dask collections, partition by partition, when they are asked for.

Conventions
-----------
values : (n,), (n, k) or (n, k, 2)     what is predicted for n rows of a partition
like : the same for no rows            tells the type and shape of all
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Protocol
from uuid import uuid4

import dask.array as da
import numpy as np
import pandas as pd
from dask.delayed import delayed

from sknet._dask.collections import Collection, check_collection
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.intervals import interval_ends
from sknet._model.model import Model
from sknet._typing import Array, Table


class Predicts(Protocol):
    """An estimator: what `predict_lazily` asks of it."""

    def predict(self, X: Table) -> Array:
        """Predict."""


def predict_lazily(estimator: Predicts, model: Model, X: Collection, method: str, *arguments: object) -> Collection:
    """Return predictions of a collection; a list of them where there is one for each output.

    Parameters
    ----------
    estimator : estimator
        Its `method` is called with each partition and the arguments.
    model : Model
        The estimator's.
    X : dask DataFrame or Array
    method : {"predict", "predict_proba", "predict_set", "predict_interval", "predict_quantiles"}

    Returns
    -------
    dask Series, DataFrame or Array, or a list of such
    """
    X = check_collection(X)
    if X.shape[1] != model.encoder.n_columns:
        raise ValueError(f"X has {X.shape[1]} columns, and fit saw {model.encoder.n_columns}.")
    # what the head makes of one row of zeros has the type and shape of all predictions: dask asks for these in advance
    raw = np.zeros((1, model.head.n_outputs), model.output_dtype)
    like = _EXAMPLE_OUTPUTS[method](model, raw, *arguments)
    # one value for all tasks; with a name, dask need not hash the weights
    shared = delayed(estimator, name=f"{type(estimator).__name__}-{uuid4().hex}", traverse=False)
    is_list = isinstance(like, list)
    examples = like if is_list else [like]
    predictions = [
        _map(_Predict(method, arguments, output if is_list else None, example[:0], names), X, shared)
        for output, (example, names) in enumerate(
            zip(examples, _columns(model, method, examples, arguments), strict=True)
        )
    ]
    return predictions if is_list else predictions[0]


def _map(predict: _Predict, X: Collection, shared: object) -> Collection:
    """Return the collection of what `predict` will give for each partition of X; nothing is computed yet."""
    if not isinstance(X, da.Array):
        return X.map_partitions(predict, shared, meta=predict.framed(predict.like, None))
    X = X.rechunk({1: -1})  # all columns in each chunk
    like, rows = predict.like, X.chunks[0]
    # dask must be told which axes a chunk of predictions has: (rows, d) becomes (rows,), (rows, k) or (rows, k, 2)
    if like.ndim == 1:
        return X.map_blocks(predict, shared, drop_axis=1, dtype=like.dtype, meta=like)
    chunks = (rows, *((size,) for size in like.shape[1:]))
    return X.map_blocks(
        predict, shared, chunks=chunks, new_axis=list(range(2, like.ndim)) or None, dtype=like.dtype, meta=like
    )


class _Predict:
    """Predicts one partition of a collection: the function of tasks, named after the method."""

    def __init__(
        self, method: str, arguments: tuple[object, ...], output: int | None, like: Array, names: pd.Index | None
    ) -> None:
        self.method, self.arguments, self.like, self.names = method, arguments, like, names
        self.output = output  # which of the list that the method returns; None where it returns an array
        self.__name__ = f"sknet-{method}"  # of its tasks

    def __call__(self, partition: Table, estimator: Predicts) -> Table:
        """Predict a partition, which may be empty."""
        values = self.like  # no rows
        if len(partition):
            values = getattr(estimator, self.method)(partition, *self.arguments)
            values = values if self.output is None else values[self.output]
        return self.framed(values, partition.index) if hasattr(partition, "index") else values

    def framed(self, values: Array, index: pd.Index | None) -> pd.Series | pd.DataFrame:
        """Return values with the index of the partition, as a Series or a frame."""
        if values.ndim == 1:
            return pd.Series(values, index=index)
        return pd.DataFrame(values.reshape(len(values), prod(values.shape[1:])), index=index, columns=self.names)


def _columns(model: Model, method: str, examples: list[Array], arguments: tuple[object, ...]) -> list[pd.Index | None]:
    """Return, for each output, the names of the predicted data frame's columns; None where a Series is predicted."""
    if method in ("predict_proba", "predict_set") and isinstance(model.head, LabelHead):
        classes = model.head.labels.classes
        return list(map(pd.Index, classes)) if isinstance(classes, list) else [pd.Index(classes)]
    ends = ["lower", "upper"]
    if method == "predict_interval":
        k = examples[0].shape[1]
        return [pd.Index(ends) if examples[0].ndim == 2 else pd.MultiIndex.from_product([range(k), ends])]
    if method == "predict_quantiles":
        return [pd.Index(np.asarray(arguments[0]))]  # the quantiles' levels
    return [None if examples[0].ndim == 1 else pd.RangeIndex(examples[0].shape[1])]


def _probabilities(model: Model, raw: Array, *_: object) -> Array | list[Array]:
    if not isinstance(model.head, LabelHead):
        raise TypeError("a head of numbers has no probabilities")
    return model.head.probabilities(model.head.output_probabilities(raw))


def _sets(model: Model, raw: Array, *_: object) -> Array:
    return np.asarray(_probabilities(model, raw)) > 0.0


def _interval(model: Model, raw: Array, *_: object) -> Array:
    if not isinstance(model.head, RegressionHead):
        raise TypeError("a head of labels has no intervals")
    predictions = model.head.predict(raw)
    ends = interval_ends(model.head, predictions).astype(predictions.dtype)
    return ends[:, 0] if model.head.regression_target.flat else ends


def _quantiles(model: Model, raw: Array, levels: Array) -> Array:
    return np.zeros((1, len(levels)), model.head.predict(raw).dtype)


_EXAMPLE_OUTPUTS: dict[str, Callable[..., Any]] = {
    "predict": lambda model, raw: model.head.predict(raw),
    "predict_proba": _probabilities,
    "predict_set": _sets,
    "predict_interval": _interval,
    "predict_quantiles": _quantiles,
}
"""By method, a function of the model, one row's raw outputs and the method's arguments.

Its output has the type and shape of all.
"""
