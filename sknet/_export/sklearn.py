"""A model as a pipeline of scikit-learn's own parts.

What a transformer returns and what the network takes differ by a linear map, which goes into the first layer: a
category's inputs from its one-hot columns, and three times the sine of an arc tangent, which is the smooth clip.

Conventions
-----------
features : (n, f)     what a transformer returns
inputs : (n, m)       the network's input: features @ M + c, with M : (f, m) and c : (m,)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sknet._export.parts import ExportError, activation_in, inputs_by_level, kind_in, networks_of, parts_of
from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Model
from sknet._tables.columns import Column
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import NumberColumn
from sknet._typing import Array, Table

TARGET = "scikit-learn"

ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh", "relu": "relu", "identity": "identity"}
"""scikit-learn's names."""

MISSING = "missing value"
"""The text that stands for a missing one; a level of this name is not to be told from it."""


@dataclass(frozen=True)
class Piece:
    """A transformer of some columns, and the linear map from its features to the network's inputs."""

    name: str
    transformer: object  # fitted together with the others, then set
    places: list[int]  # of its columns in the table
    starts: list[int]  # of the network's inputs that it gives
    M: Array
    c: Array
    learnt: Callable[[object], None] = lambda transformer: None  # sets what fit would learn


Placed = tuple[int, int, Column]  # place in the table, first input, column


# --- numbers ---------------------------------------------------------------------------------------------------------


def _numbers(placed: Sequence[tuple[int, int, NumberColumn]]) -> Iterator[Piece]:
    for clip in (False, True):
        alike = [one for one in placed if one[2].clip == clip]
        if alike:
            yield _scaled(alike, clip)
    marked = [one for one in placed if one[2].has_missing_indicator]
    if marked:
        places, starts = [place for place, _, _ in marked], [start + 1 for _, start, _ in marked]
        identity = np.eye(len(marked)), np.zeros(len(marked))
        yield Piece("missing", MissingIndicator(features="all"), places, starts, *identity)


def _scaled(placed: Sequence[tuple[int, int, NumberColumn]], clip: bool) -> Piece:
    """Impute, centre and scale; z / sqrt(1 + (z/3)²) is 3 sin(arctan(z/3))."""
    columns = [column for _, _, column in placed]
    scale = np.array([column.scale for column in columns])
    center = np.array([column.center for column in columns])
    width = 3.0 if clip else 1.0
    steps = [SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()]
    if clip:
        steps += [FunctionTransformer(f, feature_names_out="one-to-one") for f in (np.arctan, np.sin)]

    def learnt(pipeline: Pipeline) -> None:
        imputer, scaler = pipeline[0], pipeline[1]
        imputer.statistics_ = center
        scaler.mean_ = np.where([column.shift for column in columns], center, 0.0)
        scaler.scale_ = np.where(scale == 0.0, 1.0, width / np.where(scale == 0.0, 1.0, scale))
        scaler.var_ = scaler.scale_**2

    M = np.diag(np.where(scale == 0.0, 0.0, width))
    places, starts = [place for place, _, _ in placed], [start for _, start, _ in placed]
    return Piece("clipped" if clip else "numbers", make_pipeline(*steps), places, starts, M, np.zeros(len(M)), learnt)


# --- categories ------------------------------------------------------------------------------------------------------


def _categories(placed: Sequence[tuple[int, int, CategoryColumn]]) -> Iterator[Piece]:
    for place, start, column in placed:
        inputs = inputs_by_level(column)
        unseen, missing = inputs[-2], inputs[-1:]
        rows = [inputs[:-2], missing] if column.has_missing else [inputs[:-2]]
        starts = list(range(start, start + column.n_inputs))
        yield Piece(f"category {place}", _one_hot(column), [place], starts, np.vstack(rows) - unseen, unseen)


def _one_hot(column: CategoryColumn) -> object:
    """Return a transformer with a column for each level, and for missing values if training had any."""
    numbers = as_numbers(column)
    if numbers is not None:
        known = np.array([*numbers, np.nan] if column.has_missing else numbers)
        return OneHotEncoder(categories=[known], handle_unknown="ignore", sparse_output=False)
    levels = [*column.levels, MISSING] if column.has_missing else list(column.levels)
    imputers = [
        SimpleImputer(missing_values=missing, strategy="constant", fill_value=MISSING, keep_empty_features=True)
        for missing in (np.nan, None)
    ]
    encoder = OneHotEncoder(categories=[np.array(levels, dtype=object)], handle_unknown="ignore", sparse_output=False)
    return make_pipeline(*imputers, encoder)


def as_numbers(column: CategoryColumn) -> list[float] | None:
    """Return levels as numbers if all of them are: scikit-learn tells 1 from "1"."""
    try:
        numbers = [float(level) for level in column.levels]
    except ValueError:
        return None
    return numbers if all(a < b for a, b in pairwise(numbers)) else None


CONVERTERS: dict[type, Callable[..., Iterator[Piece]]] = {NumberColumn: _numbers, CategoryColumn: _categories}
"""The transformers that stand for the columns of each kind."""


# --- the table -------------------------------------------------------------------------------------------------------


def _pieces(model: Model) -> list[Piece]:
    encoder = model.encoder
    starts = np.cumsum([0, *(column.n_inputs for column in encoder.columns)]).tolist()
    placed = list(zip(range(encoder.n_columns), starts, encoder.columns, strict=False))
    kinds = {
        type(column): kind_in(CONVERTERS, column, f"Column {encoder.column_names[place]!r}", TARGET)
        for place, _, column in placed
    }
    return [
        piece for kind, convert in kinds.items() for piece in convert([one for one in placed if type(one[2]) is kind])
    ]


def _transformer(model: Model, pieces: Sequence[Piece], names: Array | None) -> ColumnTransformer:
    """Return a fitted transformer of the table: fitted to a row of its kind, then told what was learnt."""
    transformer = ColumnTransformer([(p.name, p.transformer, p.places) for p in pieces], sparse_threshold=0.0)
    transformer.fit(_row(model, names))
    for piece in pieces:
        piece.learnt(transformer.named_transformers_[piece.name])
    return transformer


def _row(model: Model, names: Array | None) -> Table:
    """Return a row of such a table."""
    values = [
        column.levels[0] if isinstance(column, CategoryColumn) and column.levels and as_numbers(column) is None else 0.0
        for column in model.encoder.columns
    ]
    if names is not None:
        return pd.DataFrame({name: [value] for name, value in zip(names, values, strict=True)})
    return np.array([values], dtype=object if any(isinstance(value, str) for value in values) else np.float64)


# --- the network -----------------------------------------------------------------------------------------------------


def pipeline_of(model: Model, names: Array | None) -> Pipeline:
    """Return a fitted pipeline with the same predictions."""
    pieces = _pieces(model)
    network = _network(model, pieces)
    return make_pipeline(_transformer(model, pieces, names), network)


def _network(model: Model, pieces: Sequence[Piece]) -> MLPClassifier | MLPRegressor:
    """Return scikit-learn's network with our weights, after a step that makes all else that it has when fitted."""
    networks = networks_of(model)
    if len(networks) > 1:
        raise ExportError("scikit-learn's networks have one member: use one of `members_`, ONNX or sknet.save.")
    coefs = [W.astype(np.float64) for W in networks[0].coefs]
    intercepts = [b.astype(np.float64) for b in networks[0].intercepts]
    first = coefs[0]
    intercepts[0] = intercepts[0] + sum(piece.c @ first[piece.starts] for piece in pieces)
    coefs[0] = np.vstack([piece.M @ first[piece.starts] for piece in pieces])
    activations = {activation_in(ACTIVATIONS, activation, TARGET) for activation in networks[0].activations}
    if len(activations) > 1:
        several = ", ".join(sorted(activations))
        raise ExportError(f"scikit-learn's networks have one activation for all layers, and this one has {several}.")
    sizes = tuple(len(b) for b in intercepts[:-1])
    how = {"hidden_layer_sizes": sizes, "activation": activations.pop() if activations else "identity", "max_iter": 1}
    mlp, scale, shift = kind_in(HEADS, model.head, "The head", TARGET)(model.head, how, np.zeros((1, len(coefs[0]))))
    coefs[-1], intercepts[-1] = coefs[-1] * scale, intercepts[-1] * scale + shift
    mlp.coefs_, mlp.intercepts_ = coefs, intercepts
    return mlp


Outputs = tuple[MLPClassifier | MLPRegressor, Array | float, Array | float]
"""A network, and the scale and the shift that come after its last layer."""


def _classifier(head: LabelHead, how: dict[str, object], row: Array) -> Outputs:
    links = {link for _, link in parts_of(head, TARGET)}
    kind, classes = head.labels.kind, head.labels.classes
    if kind == "multioutput" or len(classes) < 2 or links != {"softmax" if kind == "multiclass" else "logistic"}:
        raise ExportError(
            f"scikit-learn's network has no {kind} target of {len(classes)} classes or outputs with "
            f"loss={head.loss.name!r}: it has one label per row, of two or more, with 'log_loss', or an indicator "
            "matrix. Use ONNX or sknet.save."
        )
    y = head.labels.take(np.zeros((1, len(head.labels.levels)), dtype=int))
    return MLPClassifier(**how).partial_fit(row, y, classes=classes), 1.0, 0.0


def _regressor(head: NumberHead, how: dict[str, object], row: Array) -> Outputs:
    """Leave the targets' scale to the last layer."""
    ((_, link),) = parts_of(head, TARGET)
    if link not in _LOSSES:
        raise ExportError("scikit-learn's network predicts no several quantiles: export one level, or use ONNX.")
    scaler, y = head.numbers.scaler, np.ones((1, head.n_outputs))
    mlp = MLPRegressor(loss=_LOSSES[link], **how).partial_fit(row, y[:, 0] if head.numbers.flat else y)
    return mlp, scaler.scale, scaler.mean


_LOSSES = {"identity": "squared_error", "exp": "poisson"}
"""scikit-learn's loss with each link."""

HEADS: dict[type, Callable[..., Outputs]] = {LabelHead: _classifier, NumberHead: _regressor}
"""The network that stands for each kind of head."""
