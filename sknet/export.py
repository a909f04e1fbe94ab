"""Fitted estimators in other formats, and from them: ONNX, PyTorch, scikit-learn.

Each format needs packages of its own, the extras "onnx" and "torch"; `import sknet` imports none of them.
"""

from typing import TYPE_CHECKING

from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.fitted import require_fitted
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._estimators.saving import Estimator
from sknet._export.parts import ExportError
from sknet._model.machine import needed
from sknet._model.model import Model
from sknet._typing import Table

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = [
    "ExportError",
    "register_onnx_converters",
    "to_onnx",
]

_ESTIMATORS = (SigmoidMLPClassifier, SigmoidMLPRegressor)


def _model_of(estimator: object) -> Model:
    """Return the model of a fitted estimator."""
    if not isinstance(estimator, _ESTIMATORS):
        raise TypeError(
            f"sknet.export takes SigmoidMLPClassifier and SigmoidMLPRegressor, and {type(estimator).__name__} is "
            "neither."
        )
    return require_fitted(estimator).model


# --- ONNX ------------------------------------------------------------------------------------------------------------


def register_onnx_converters() -> None:
    """Tell skl2onnx how to convert the estimators of this package.

    Once called, `skl2onnx.to_onnx` and `skl2onnx.convert_sklearn` take them,
    alone and inside a `Pipeline`, a `ColumnTransformer`, a search or an ensemble.

    Raises
    ------
    ImportError
        If skl2onnx is not installed: the extra "onnx" has it.
    """
    with needed("sknet.export.register_onnx_converters", "skl2onnx", extra="onnx"):
        from sknet._export import onnx
    onnx.register(_ESTIMATORS, _model_of)


def to_onnx(
    estimator: Estimator, X: Table = None, *, initial_types: object = None, target_opset: int | None = None
) -> "ModelProto":
    """Return a fitted estimator as an ONNX model, its encoding of the raw table included.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        A fitted one.

    X : {array-like, DataFrame} of shape (n_samples, n_features), default=None
        A table like those to predict, whose types the graph's inputs get: one
        input "X" for an array, one of shape (n, 1) per column, by its name,
        for a data frame. Rows do not matter; one is enough.

    initial_types : list of (str, skl2onnx type), default=None
        The graph's inputs, instead of X. Several are taken in the order of the
        table's columns.

    target_opset : int, default=None
        The version of ONNX's operators; None for the latest that skl2onnx
        knows.

    Returns
    -------
    onnx_model : onnx.ModelProto
        Its outputs are "label" and "probabilities" of a classifier (of several
        target columns "probabilities_0", "probabilities_1", ...), "variable" of
        a regressor, of shape (n, n_outputs). A missing number is NaN, a missing
        text the empty string. Outputs are in float64 if an input is.

    Raises
    ------
    ExportError
        If ONNX cannot say what the estimator does: an activation or a link of
        your own, or labels of several types. A `ValueError`.
    ImportError
        If skl2onnx is not installed: the extra "onnx" has it.
    """
    model = _model_of(estimator)
    if X is None and initial_types is None:
        raise ValueError("to_onnx needs to know the types of the columns: pass X, one row will do, or initial_types.")
    with needed("sknet.export.to_onnx", "skl2onnx", extra="onnx"):
        from sknet._export import onnx
    onnx.register(_ESTIMATORS, _model_of)
    return onnx.convert(estimator, model, X, initial_types, target_opset)
