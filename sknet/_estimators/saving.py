"""Save estimators to files and load them: parameters and fitted values, by name."""

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.fitted import FITTED_CLASSES, Fitted, fitted_of, publish
from sknet._estimators.parameters import check_parameters, plain_parameters
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._estimators.sklearn_api import warn
from sknet._model.model import Model
from sknet._storage import files
from sknet._storage.pack import classes_by_name
from sknet._training.gains import split_theta
from sknet._training.solver import State
from sknet._typing import Array, DType

Estimator = SigmoidMLPClassifier | SigmoidMLPRegressor

ESTIMATORS: dict[str, type[Estimator]] = {"classifier": SigmoidMLPClassifier, "regressor": SigmoidMLPRegressor}
"""The estimators for tables in memory, by their names in files; those of `sknet.dask` have `to_local()`."""

SAVE_NAME = "sknet.save"
"""The name of the public function in error messages, as opposed to `Checkpoint`."""

PICKLE_ENDINGS = (".pkl", ".pickle")
"""Endings of files that users would read with pickle or joblib."""


def require_estimator(estimator: object, module: str) -> Estimator:
    """Return an estimator that was passed to a public module; raise if it is not one for tables in memory."""
    if not isinstance(estimator, Estimator):
        raise TypeError(
            f"{module} takes SigmoidMLPClassifier and SigmoidMLPRegressor, and {type(estimator).__name__} is neither."
        )
    return estimator


@dataclass(frozen=True)
class SavedEstimator:
    """The content of a file: an estimator's name, parameters and fitted values."""

    estimator: str
    parameters: dict[str, object]
    fitted: Fitted


_FILE_CLASSES = FITTED_CLASSES | classes_by_name(SavedEstimator)
"""The classes of values in a file, by name."""


def save(estimator: Estimator, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator to a file.

    The file has the format safetensors: arrays are tensors, everything else is text. It
    contains no pickle, so loading it is safe wherever it comes from. An existing file
    is replaced only when the new file is complete, and keeps its permissions. A path
    that leads to something other than a file, such as a pipe, is an error.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The fitted estimator. Pieces of your own (activations, losses, optimizers,
        schedules, `init`, scorers, splitters) are saved by name only; pass them to
        `load`.
        Callbacks, metadata requests and `set_output` are not saved.

    path : str or path-like
        The file, usually with the ending `.safetensors`.

    Raises
    ------
    ValueError
        If the estimator holds labels that are neither numbers nor text, or two pieces
        of your own with the same name.
    OSError
        If the file cannot be written. An existing file then stays as it was.

    Warns
    -----
    UserWarning
        If the name ends in `.pkl` or `.pickle`, since the file is not a pickle.

    See Also
    --------
    load : Load the estimator.

    Examples
    --------
    >>> import sknet
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = sknet.SigmoidMLPClassifier(random_state=0).fit(X, y)
    >>> sknet.save(classifier, "iris.safetensors")  # doctest: +SKIP
    >>> sknet.load("iris.safetensors").predict(X[:1])  # doctest: +SKIP
    array([0])
    """
    names = {estimator_class: name for name, estimator_class in ESTIMATORS.items()}
    name = names.get(type(estimator))
    if name is None:
        raise TypeError(
            f"sknet.save writes SigmoidMLPClassifier and SigmoidMLPRegressor, not {type(estimator).__name__}: save the "
            "fitted network inside a pipeline or a search, or use joblib or skops for the whole."
        )
    fitted = fitted_of(estimator)
    ending = files.as_path(path).suffix
    if ending.lower() in PICKLE_ENDINGS:
        warn(
            f"The name {str(path)!r} ends in {ending!r}, but sknet.save writes a safetensors file, which only "
            "sknet.load reads: choose the ending '.safetensors'.",
            UserWarning,
        )
    parameters = plain_parameters(estimator.get_params(deep=False))
    files.write(path, SavedEstimator(name, parameters, fitted), _FILE_CLASSES, SAVE_NAME)


def load(path: str | os.PathLike[str], custom: Mapping[str, object] | None = None) -> Estimator:
    """Load a fitted estimator from a file written by `save`.

    The file may come from anywhere. Nothing that it names is imported or called, sizes
    and types are checked, and a damaged file is refused.

    Parameters
    ----------
    path : str or path-like
        The file.

    custom : mapping of str to object, default=None
        Pieces of your own that the file needs, such as an activation or a loss. The
        keys are their names, which the error message gives: the `name`, the `__name__`
        or the name of the class.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The fitted estimator. You can train it further. Its predictions equal those of
        the saved one, bit for bit. If an older version of sknet wrote the file, they
        are equal up to rounding.

    Raises
    ------
    ModelFileError
        If the file was not written by `save`, is damaged, holds something that only
        later versions of sknet know, was written before version 0.1.0, or needs a piece
        of your own that was not passed. It is a `ValueError`.
    TypeError
        If `custom` is not a mapping.
    OSError
        If the file does not exist or cannot be read.

    See Also
    --------
    save : Save an estimator.
    """
    return files.read(path, SAVE_NAME, _FILE_CLASSES, _loaded_estimator, custom)


def _loaded_estimator(saved: object) -> Estimator:
    """Return the estimator that a file holds."""
    if not isinstance(saved, SavedEstimator):
        raise ValueError("it does not hold an estimator")
    estimator_class: type[Estimator] = ESTIMATORS[saved.estimator]
    names = estimator_class().get_params(deep=False).keys()
    resolved = saved.fitted.resolved
    for values in (saved.parameters, resolved):
        if unknown := values.keys() - names:
            raise ValueError(f"it sets parameters that are not known here: {', '.join(sorted(unknown))}")
        if missing := names - values.keys():
            raise ValueError(f"it lacks parameters: {', '.join(sorted(missing))}")
    estimator = estimator_class(**saved.parameters)  # type: ignore[arg-type]
    # training continues with these values, and does not check them again
    check_parameters(saved.estimator, resolved, estimator._parameter_constraints)
    publish(estimator, saved.fitted)
    check_loaded(estimator, saved.fitted)
    return estimator


def check_loaded(estimator: Estimator, fitted: Fitted) -> None:
    """Raise if the fitted values of a loaded estimator contradict each other; predicts a row of missing values."""
    head = fitted.model.head
    names = fitted.schema.names
    if type(head) is not estimator._head_class:
        raise ValueError("the target belongs to another kind of estimator")
    head.check_loaded()
    _check_weights(fitted.model)
    if fitted.state is not None:
        _check_state(fitted.state, fitted.model)
    _check_learnt_values(fitted)
    row = np.full((1, fitted.schema.n), np.nan)
    table = row if names is None else pd.DataFrame(row, columns=names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted: Array | list[Array] = estimator.predict(table)
        if isinstance(estimator, SigmoidMLPClassifier):
            predicted = estimator.predict_proba(table)
        if fitted.out_of_fold is not None:
            _check_out_of_fold(fitted.out_of_fold, predicted)
        if fitted.residuals is not None:
            coverage = 1e-3  # one held-out row is enough for such a low coverage
            if isinstance(estimator, SigmoidMLPClassifier):
                estimator.predict_set(table, coverage=coverage)
            else:
                estimator.predict_interval(table, coverage=coverage)
                if head.loss.levels or head.n_outputs == 1:
                    estimator.predict_quantiles(table, head.loss.levels or 0.5)


def _check_weights(model: Model) -> None:
    """Raise for weights that do not fit the encoder, the target or each other, which broadcasting could hide."""
    network = model.network
    dtype = model.encoding.output_dtype
    sizes = [model.encoder.n_inputs, *(b.size for b in network.intercepts[:-1]), model.head.n_outputs]
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        _check_array(f"fitted.model.network.coefs.{i}", network.coefs[i], (fan_in, fan_out), dtype)
        _check_array(f"fitted.model.network.intercepts.{i}", network.intercepts[i], (fan_out,), dtype)


def _check_state(state: State, model: Model) -> None:
    """Raise for vectors of a state whose length is not that of theta."""
    layout = model.network.layout
    dtype = model.encoding.compute_dtype
    _, log_gains = split_theta(state.theta, layout.n_parameters)
    n_gains = layout.sizes[0] if log_gains.size == layout.sizes[0] else 0
    shape = (layout.n_parameters + n_gains,)
    # theta may hold gains only, if its weights are published: see `pruned_state`
    of_theta = (n_gains,) if state.theta.size == n_gains else shape
    _check_array("fitted.state.theta", state.theta, of_theta, dtype)
    vectors = {f"moments.{i}": moment for i, moment in enumerate(state.moments)}
    if state.average is not None:
        vectors["average"] = state.average
    if state.best.kept is not None:
        vectors["best.kept"] = state.best.kept
    for name, vector in vectors.items():
        _check_array(f"fitted.state.{name}", vector, shape, dtype)


def _check_out_of_fold(out_of_fold: Array | list[Array], predicted: Array | list[Array]) -> None:
    """Raise for out-of-fold predictions whose shapes do not match a prediction."""
    shapes, predicted_shapes = (
        [array.shape for array in (value if isinstance(value, list) else [value])] for value in (out_of_fold, predicted)
    )
    n_rows = {shape[:1] for shape in shapes}
    if len(n_rows) != 1 or [shape[1:] for shape in shapes] != [shape[1:] for shape in predicted_shapes]:
        raise ValueError(f"its array fitted.out_of_fold has shape {shapes}, which predictions do not have")


def _check_array(name: str, array: Array, shape: tuple[int, ...], dtype: DType) -> None:
    """Raise for an array of another shape or dtype; `name` is its name in the file."""
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"its array {name} has dtype {array.dtype} and shape {array.shape}, not {dtype} and {shape}")


def _check_learnt_values(fitted: Fitted) -> None:
    """Raise for fitted values that fit cannot learn, which predicting a row of missing values may not reveal."""
    encoder = fitted.model.encoder
    learnt: dict[str, object] = {
        f"column {column_name!r}": column
        for column_name, column in zip(encoder.column_names, encoder.columns, strict=True)
    }
    learnt["the columns' importances"] = fitted.importances
    for what, value in learnt.items():
        if not all(np.isfinite(floats).all() for floats in _floats_in(value)):
            raise ValueError(f"what was learnt about {what} holds NaN or infinity")
    # limits of targets and residuals may be infinite
    if any(np.isnan(floats).any() for floats in _floats_in(fitted.residuals)):
        raise ValueError("the residuals of held-out rows hold NaN")


def _floats_in(value: object) -> Iterator[float | Array]:
    """Yield the floats and float arrays in a fitted value, at all depths."""
    if isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _floats_in(getattr(value, field.name))
    elif isinstance(value, tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _floats_in(item)
