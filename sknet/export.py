"""Convert fitted estimators to ONNX and PyTorch, and PyTorch layers back.

An ONNX graph takes the raw table, PyTorch layers take the encoded one. The extras "onnx" and "torch" install what each
format needs; `import sknet` imports none of it.
"""

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from sknet._estimators.fitted import fitted_of
from sknet._estimators.saving import ESTIMATORS, Estimator, require_estimator
from sknet._export import ExportError, feeds
from sknet._model.model import Model
from sknet._packages import explain_missing_package
from sknet._tables.raw_table import is_frame, is_sparse
from sknet._typing import Array, Table

if TYPE_CHECKING:
    import torch
    from onnx import ModelProto
    from onnxruntime import InferenceSession

__all__ = ["ExportError", "feeds_of", "from_torch", "register_onnx_converters", "to_onnx", "to_torch"]


def _model_of(estimator: object) -> Model:
    """Return the model of a fitted estimator."""
    return fitted_of(require_estimator(estimator, "sknet.export")).model


# --- ONNX ------------------------------------------------------------------------------------------------------------


def register_onnx_converters() -> None:
    """Register converters for the estimators with skl2onnx.

    `skl2onnx.to_onnx` and `skl2onnx.convert_sklearn` can then convert them, alone, at the
    end of a `Pipeline` (also behind a `ColumnTransformer`), and inside a search or an
    ensemble. A graph has no `transform`: a network that is a step before the last, or
    inside a `ColumnTransformer` or a `FeatureUnion`, raises an `ExportError`.

    Raises
    ------
    ImportError
        If skl2onnx is not installed. The extra "onnx" includes it.
    """
    with explain_missing_package("sknet.export.register_onnx_converters", "skl2onnx"):
        from sknet._export import onnx
    onnx.register([*ESTIMATORS.values()], _model_of)


def to_onnx(
    estimator: Estimator, X: Table = None, *, initial_types: object = None, target_opset: int | None = None
) -> "ModelProto":
    """Convert a fitted estimator to ONNX, including the encoding of the raw table.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The fitted estimator.

    X : {array-like, DataFrame} of shape (n_samples, n_features), default=None
        A table like those that you will predict, which determines the inputs of the
        graph. One row is enough. For an array, the graph has one input, "X". For a data
        frame, it has one input of shape (n, 1) per column, with the name of the column,
        in which `_` replaces spaces and special characters. If an output or another
        input already has this name, skl2onnx appends a number.

    initial_types : list of (str, skl2onnx type), default=None
        The inputs of the graph, instead of `X`. Several inputs must be in the order of
        the columns.

    target_opset : int, default=None
        Version of the ONNX operators; None is the latest that skl2onnx knows.

    Returns
    -------
    onnx_model : onnx.ModelProto
        The outputs of a classifier are "label" and "probabilities" ("probabilities_0",
        "probabilities_1", … for several columns of classes). The output of a regressor
        is "variable", of shape (n, n_outputs). Outputs are float64 if an input is.
        Labels are text, int64 or float64. Boolean labels become the int64 labels 0 and 1.

        In the inputs, a missing number is NaN, a missing text is the empty string, and
        a category is the text that `str` gives. Dates are int64 nanoseconds since 1970,
        and durations are int64 nanoseconds. A missing date or duration is the lowest
        int64, as in NumPy and pandas. `feeds_of` converts a table to this form.

    Raises
    ------
    ExportError
        If ONNX cannot express the estimator: free text, dates with a time zone, scaling
        by quantiles, an activation or a link of your own, labels of several types, or
        integer labels from 2**63 on, or a category that is the empty text beside missing
        values. It is a `ValueError`.
    ImportError
        If skl2onnx is not installed. The extra "onnx" includes it.
    """
    model = _model_of(estimator)
    if X is None and initial_types is None:
        raise ValueError("to_onnx needs to know the types of the columns: pass X, one row will do, or initial_types.")
    with explain_missing_package("sknet.export.to_onnx", "skl2onnx"):
        from sknet._export import onnx
    onnx.register([*ESTIMATORS.values()], _model_of)  # registering twice changes nothing
    return onnx.convert(estimator, model, X, initial_types, target_opset)


def feeds_of(model: "Estimator | InferenceSession", X: Table) -> dict[str, Array]:
    """Convert a table to the inputs of an ONNX session.

    Pass the result to the session: ``session.run(None, feeds_of(model, X))``.

    Parameters
    ----------
    model : estimator or onnxruntime.InferenceSession
        The estimator that `to_onnx` converted, if the columns of `X` have the same
        types as at the conversion. Otherwise, and for a pipeline, pass the session,
        which knows its inputs.

    X : {array-like, DataFrame} of shape (n_samples, n_features)
        The rows to predict, as the estimator takes them.

    Returns
    -------
    feeds : dict of str to ndarray
        The value of each input, by its name: an array of shape (n_samples, 1) per
        column of a data frame, or the whole array. Missing values and dates are as in
        `to_onnx`.

    Raises
    ------
    ExportError
        If an input cannot hold a column: missing values or fractions for an input of
        integers, or dates outside the years 1677 to 2262. Also if the columns of `X`
        are not the inputs of the graph. It is a `ValueError`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sknet import SigmoidMLPRegressor
    >>> from sknet.export import feeds_of
    >>> X = pd.DataFrame({"size": [1.0, np.nan], "town": ["Rome", None], "day": ["2026-01-31", None]})
    >>> net = SigmoidMLPRegressor(2, max_iter=1, early_stopping=False).fit(X, [0.0, 1.0])
    >>> for name, feed in feeds_of(net, X).items():
    ...     print(name, feed.dtype, feed.ravel())
    size float64 [ 1. nan]
    town object ['Rome' '']
    day int64 [ 1769817600000000000 -9223372036854775808]
    """
    X = X if is_frame(X) else X.toarray() if is_sparse(X) else np.asarray(X)
    if hasattr(model, "get_inputs"):
        return feeds.feeds_from(X, feeds.session_inputs(model))
    return feeds.feeds_from(X, feeds.model_inputs(X, _model_of(model)))


# --- PyTorch ---------------------------------------------------------------------------------------------------------


def to_torch(estimator: Estimator) -> "torch.nn.Sequential":
    """Convert the network of a fitted estimator to PyTorch layers.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The fitted estimator.

    Returns
    -------
    module : torch.nn.Sequential
        `Linear` layers with copies of the weights, in their float type, and the
        activations between them. Its input is the encoded table,
        `estimator.activations(X)[0]`. Its output, of shape (n, n_outputs), is the raw
        output of the network: the `decision_function` of a classifier, or the scaled
        predictions of a regressor before the link.

    Raises
    ------
    ExportError
        If an activation is your own. It is a `ValueError`.
    ImportError
        If PyTorch is not installed. The extra "torch" includes it.
    """
    network = _model_of(estimator).network
    with explain_missing_package("sknet.export.to_torch", "torch"):
        from sknet._export.torch import layers_of
    return layers_of(network)


def from_torch(module: "torch.nn.Sequential", like: Estimator) -> Estimator:
    """Create an estimator with the weights of PyTorch layers.

    Parameters
    ----------
    module : torch.nn.Sequential
        The layers that `to_torch(like)` returned, after further training. They may
        include `Dropout` layers.

    like : SigmoidMLPClassifier or SigmoidMLPRegressor
        A fitted estimator. The new estimator encodes tables and decodes outputs in the
        same way.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The fitted estimator.

    Raises
    ------
    ExportError
        If the module has other layers. It is a `ValueError`.
    ImportError
        If PyTorch is not installed. The extra "torch" includes it.
    """
    network = _model_of(like).network
    with explain_missing_package("sknet.export.from_torch", "torch"):
        from sknet._export.torch import weights_of
    if not callable(getattr(module, "children", None)):
        raise TypeError(f"module={module!r} is no torch.nn.Sequential: pass the layers that to_torch(like) returned.")
    coefs, intercepts = weights_of(module, network)
    estimator = deepcopy(like)
    # this publishes a new `Fitted`, without the residuals of the old weights
    estimator.coefs_, estimator.intercepts_ = coefs, intercepts
    return estimator
