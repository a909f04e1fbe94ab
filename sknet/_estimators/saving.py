"""Estimators to files and back: parameters and what was fitted, by name."""

import os
from collections.abc import Mapping
from typing import cast

from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.fitted import KINDS, Fitted, require_fitted
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._model.heads import Head, LabelHead, NumberHead
from sknet._model.intervals import HeldOutErrors
from sknet._storage import files, models
from sknet._storage.consistency import refuse_inconsistent
from sknet._storage.files import ModelFileError
from sknet._storage.schema import hints_of

Estimator = SigmoidMLPClassifier | SigmoidMLPRegressor

ESTIMATORS: dict[str, type[Estimator]] = {"classifier": SigmoidMLPClassifier, "regressor": SigmoidMLPRegressor}
"""What a file may hold, by name."""

_HEADS: dict[type, type] = {SigmoidMLPClassifier: LabelHead, SigmoidMLPRegressor: NumberHead}


def save(estimator: Estimator, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to a file.

    The file is in the safetensors format: arrays as tensors, all else as text.
    It holds no pickle, and is safe to load wherever it comes from. What stands
    at `path` is replaced when the new file is whole, and not before.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        A fitted one. Pieces of your own (an activation, a loss, an optimizer,
        a schedule, a scorer, a splitter) are written by name only, and are
        passed to `load` again. Callbacks and metadata requests are not kept.

    path : str or path-like
        The file, by convention with the ending `.safetensors`.

    Raises
    ------
    ImportError
        If the package safetensors is not installed.
    ValueError
        If the estimator holds what a file cannot: labels that are neither
        numbers nor text, or two pieces of your own with one name.
    OSError
        If the file cannot be written; the old one is then as it was.

    See Also
    --------
    load : Read it again.

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
    names = {kind: name for name, kind in ESTIMATORS.items()}
    name = names.get(type(estimator))
    if name is None:
        raise TypeError(
            f"sknet.save writes SigmoidMLPClassifier and SigmoidMLPRegressor, and {type(estimator).__name__} is "
            "neither: of a pipeline or a search save the fitted network alone, or use joblib or skops for the whole."
        )
    fitted = models.pack(require_fitted(estimator), KINDS)
    parameters = models.pack(estimator.get_params(deep=False), KINDS)
    files.write(path, {"estimator": name, "parameters": parameters, "fitted": fitted})


def load(path: str | os.PathLike[str], custom: Mapping[str, object] | None = None) -> Estimator:
    """Read a fitted estimator from a file that `save` has written.

    Nothing that the file names is imported or called, sizes and types are
    checked, and a damaged file is refused: it may come from anywhere.

    Parameters
    ----------
    path : str or path-like
        The file.

    custom : mapping of str to object, default=None
        The pieces of your own that the file names: an activation, a loss, an
        optimizer, a function, by their name, `__name__` or class name.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        Fitted; it predicts what the saved one does, bit for bit, and may be
        trained on.

    Raises
    ------
    ImportError
        If the package safetensors is not installed.
    ModelFileError
        If the file is none of ours, is damaged or written by a later version,
        or names a piece of your own that is not passed. A `ValueError`.
    OSError
        If there is no such file.

    See Also
    --------
    save : Write it.
    """
    for kind in (*KINDS.values(), *ESTIMATORS.values()):
        hints_of(kind)  # annotations are evaluated, once, before there is a file
    tree = files.read(path, custom)
    with files.damage_named(path, "sknet.save"):
        if not isinstance(tree, dict) or tree.keys() != {"estimator", "parameters", "fitted"}:
            raise ValueError("it holds something else than an estimator")
        return _estimator_of(path, tree)


def _estimator_of(path: object, tree: Mapping[str, object]) -> Estimator:
    kind: type = ESTIMATORS[cast(str, tree["estimator"])]
    fitted, parameters = models.unpack(tree["fitted"], KINDS), models.unpack(tree["parameters"], KINDS)
    if not isinstance(fitted, Fitted) or not isinstance(parameters, dict):
        raise TypeError("its parts are not those of an estimator")
    unknown = (parameters.keys() | fitted.resolved.keys()) - hints_of(kind).keys()
    if unknown:
        raise ModelFileError(
            f"{path} sets parameters that this version of sknet does not know: {', '.join(sorted(unknown))}. "
            "Update sknet."
        )
    _refuse_inconsistent(kind, fitted)
    estimator: Estimator = kind(**parameters)
    estimator._fitted = fitted
    return estimator


def _refuse_inconsistent(kind: type, fitted: Fitted) -> None:
    """Raise where the parts of what was fitted do not go together."""
    refuse_inconsistent(fitted.model, fitted.state)
    names, n_columns = fitted.columns.names, fitted.model.encoder.n_columns
    if fitted.columns.n != n_columns or (names is not None and (names.shape, names.dtype.kind) != ((n_columns,), "O")):
        raise ValueError("the table's columns are not those of the encoder")
    if fitted.columns.float_type != fitted.model.output_dtype:
        raise ValueError("the types of the table and of the predictions do not go together")
    if not isinstance(fitted.model.head, _HEADS[kind]):
        raise ValueError("the head is not that of such an estimator")
    if fitted.errors is not None:
        _refuse_errors(fitted.errors, fitted.model.head)


def _refuse_errors(errors: HeldOutErrors, head: Head) -> None:
    quantiles, k = errors.quantiles, 1 if head.loss.levels else head.n_outputs
    if quantiles.dtype.kind != "f" or quantiles.ndim != 2 or len(quantiles) == 0 or quantiles.shape[1] != k:
        raise ValueError("the errors of held-out rows are not those of such predictions")
    if not errors.n_rows > 0.0:
        raise ValueError("the errors are those of no rows")
