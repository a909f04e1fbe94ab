"""Fitted estimators in other formats, and from them: ONNX, PyTorch, scikit-learn.

Each format needs packages of its own, the extras "onnx" and "torch"; `import sknet` imports none of them.
"""

from typing import TYPE_CHECKING

from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.fitted import require_fitted
from sknet._estimators.rebuilt import estimator_of, with_network
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._estimators.saving import Estimator
from sknet._export import bare
from sknet._export.parts import ExportError
from sknet._model.machine import needed
from sknet._model.model import Model
from sknet._typing import Table, Target

if TYPE_CHECKING:
    import torch
    from onnx import ModelProto
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline

__all__ = [
    "ExportError",
    "from_sklearn",
    "from_torch",
    "register_onnx_converters",
    "to_onnx",
    "to_sklearn",
    "to_torch",
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
        text the empty string. Dates, and spans of time, are int64 nanoseconds
        (of dates since 1970, in UTC where there is a time zone), a missing one
        the least int64, as NumPy and pandas hold them. Outputs are in float64
        if an input is.

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


# --- PyTorch ---------------------------------------------------------------------------------------------------------


def to_torch(estimator: Estimator) -> "torch.nn.Module":
    """Return a fitted estimator as a PyTorch module, its encoding of the table included.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        A fitted one.

    Returns
    -------
    module : torch.nn.Module
        `module(numbers, codes)` returns what `predict_proba`, or a regressor's
        `predict`, returns; `module.raw(numbers, codes)` what comes before the
        link, for training. `numbers`, of shape (n, columns of numbers), holds
        them as they are in the table, of dates their seconds since 1970, of
        spans of time their seconds, NaN where one is missing; `codes`, of shape
        (n, columns of categories), the place of each level among those that
        were learnt, their count for any other, -1 where it is missing. Columns
        that are left out are in neither. `module.read(X)` returns both for a
        raw table. `module.network` is a
        `torch.nn.Sequential`; trained on, it comes back by `from_torch`.

    Raises
    ------
    ExportError
        If an activation or a link is one of your own. A `ValueError`.
    ImportError
        If PyTorch is not installed: the extra "torch" has it.
    """
    model = _model_of(estimator)
    with needed("sknet.export.to_torch", "torch", extra="torch"):
        from sknet._export.torch import TableNetwork
    return TableNetwork(model)


def from_torch(module: "torch.nn.Module", like: Estimator | None = None, *, classes: Target = None) -> Estimator:
    """Return an estimator whose network is that of PyTorch's layers.

    Parameters
    ----------
    module : torch.nn.Sequential
        Linear layers with one activation between each two. A sigmoid or a
        softmax at the end of a classifier's is its link, and is left out, as
        is dropout.

    like : SigmoidMLPClassifier or SigmoidMLPRegressor, default=None
        A fitted estimator: the new one encodes tables, and decodes outputs, as
        this does. The layers are those of `to_torch(like).network`, trained on.

    classes : array-like of shape (n_classes,), default=None
        Without `like`, the labels of a classifier, in the order of the outputs.
        Without either it is a regressor. The network's input then is the table
        as it is, columns of numbers alone.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        A fitted one.

    Raises
    ------
    ExportError
        If the module holds other layers. A `ValueError`.
    ImportError
        If PyTorch is not installed: the extra "torch" has it.
    """
    with needed("sknet.export.from_torch", "torch", extra="torch"):
        from sknet._export.torch_layers import read_layers
    if not callable(getattr(module, "modules", None)):
        raise TypeError(f"module={module!r} is no torch.nn.Module: pass a Sequential of Linear layers and activations.")
    if like is not None:
        _model_of(like)
        return with_network(like, read_layers(module, classifies=isinstance(like, SigmoidMLPClassifier)))
    network = read_layers(module, classifies=classes is not None)
    return estimator_of(bare.of_numbers(network) if classes is None else bare.of_labels(network, classes), {})


# --- scikit-learn ----------------------------------------------------------------------------------------------------


def to_sklearn(estimator: Estimator) -> "Pipeline":
    """Return a fitted estimator as a pipeline of scikit-learn's own parts.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        A fitted one.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        A `ColumnTransformer` and an `MLPClassifier` or `MLPRegressor`, fitted,
        with the same predictions in float64. It needs no sknet.

    Raises
    ------
    ExportError
        If scikit-learn has nothing for the columns, the activations, the loss
        or the targets: it knows no dates, and one activation for all layers, of
        identity, logistic, tanh and relu. A `ValueError`.
    """
    from sknet._export import sklearn

    return sklearn.pipeline_of(_model_of(estimator), require_fitted(estimator).columns.names)


def from_sklearn(fitted: "Pipeline | MLPClassifier | MLPRegressor") -> Estimator:
    """Return an estimator that predicts what scikit-learn's network does.

    Parameters
    ----------
    fitted : MLPClassifier, MLPRegressor or Pipeline
        A fitted network, or a pipeline that ends with one, after any of
        `SimpleImputer` (without indicators), `StandardScaler`, `RobustScaler`,
        `MinMaxScaler` and `MaxAbsScaler`.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        A fitted one, with scikit-learn's parameters where sknet has them.

    Raises
    ------
    ExportError
        If the pipeline holds other steps. A `ValueError`.
    """
    from sknet._export.sklearn_networks import read_pipeline

    found = read_pipeline(fitted)
    return estimator_of(
        found.model, found.parameters, found.names, losses=found.loss_curve, n_iter=found.n_iter,
        n_samples_seen=found.n_samples_seen,
    )  # fmt: skip
