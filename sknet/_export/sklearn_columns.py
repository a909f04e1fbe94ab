"""Columns of a table as scikit-learn's transformers: each simple kind has one, if scikit-learn can say what it does.

A linear map makes of a transformer's features the network's inputs: a category's of its one-hot columns, bins of the
hats of a spline.

Conventions
-----------
features : (n, f)     what a transformer returns
inputs : (n, m)       the network's input: features @ M + c, with M : (f, m) and c : (m,)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import cast

import numpy as np
import pandas as pd
from scipy.linalg import block_diag
from scipy.special import ndtri
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from sknet._export.parts import ExportError, inputs_by_level
from sknet._export.simple_columns import Bins, Missing, Placed, simple_columns
from sknet._tables.columns import Column
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import LEVELS, QuantileColumn
from sknet._tables.columns.target import TargetColumn
from sknet._tables.encoding import TableEncoder
from sknet._typing import Array, Table

TARGET = "scikit-learn"

MISSING = "missing value"
"""The text that stands for a missing one; a level of this name is not to be told from it."""

TRUTHS = {"True", "False"}

WORDS_FOR_MISSING = ["<NA>", "None", "nan"]
"""What is written for missing values beside truth values."""


@dataclass(frozen=True)
class Piece:
    """A transformer of some columns, and the linear map from its features to the network's inputs."""

    name: str
    transformer: object  # fitted together with the others, then set
    places: list[int]  # of its columns in the table
    inputs: list[int]  # of the network, that it gives
    M: Array
    c: Array
    learnt: Callable[[object], None] = lambda transformer: None  # sets what fit would learn


def _piece(
    name: str, transformer: object, placed: Sequence[Placed], M: Array | None = None,
    learnt: Callable[[object], None] = lambda transformer: None, c: Array | None = None,
) -> Piece:  # fmt: skip
    """Return a piece whose features, if nothing else is said, are the inputs."""
    inputs = [place for one in placed for place in one.inputs]
    return Piece(
        name, transformer, [one.place for one in placed], inputs, np.eye(len(inputs)) if M is None else M,
        np.zeros(len(inputs)) if c is None else c, learnt,
    )  # fmt: skip


# --- numbers ---------------------------------------------------------------------------------------------------------


def _missing(placed: Sequence[Placed]) -> Iterator[Piece]:
    yield _piece("missing", MissingIndicator(features="all"), placed)


def _numbers(placed: Sequence[Placed]) -> Iterator[Piece]:
    for bend in (False, True):
        alike = [one for one in placed if cast(NumberColumn, one.column).bend == bend]
        if alike:
            yield _scaled(alike, bend)


def _scaled(placed: Sequence[Placed], bend: bool) -> Piece:
    """Impute, centre and scale; bend outliers to 3 asinh(z/3)."""
    columns = [cast(NumberColumn, one.column) for one in placed]
    scale = np.array([column.scale for column in columns])
    center = np.array([column.center for column in columns])
    width = 3.0 if bend else 1.0
    steps = [_imputer(), StandardScaler()]
    if bend:
        steps.append(FunctionTransformer(np.arcsinh, feature_names_out="one-to-one"))

    def learnt(pipeline: Pipeline) -> None:
        imputer, scaler = pipeline[0], pipeline[1]
        imputer.statistics_ = center
        scaler.mean_ = np.where([column.shift for column in columns], center, 0.0)
        scaler.scale_ = np.where(scale == 0.0, 1.0, width / np.where(scale == 0.0, 1.0, scale))
        scaler.var_ = scaler.scale_**2

    M = np.diag(np.where(scale == 0.0, 0.0, width))
    return _piece("bent" if bend else "numbers", make_pipeline(*steps), placed, M, learnt)


def _imputer() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _bins(placed: Sequence[Placed]) -> Iterator[Piece]:
    """Write bins by hats, 1 at an edge and 0 at all others: a bin is the sum of those from its upper edge on."""
    for n_bins, group in groupby(sorted(placed, key=_n_inputs), key=_n_inputs):
        alike = list(group)
        columns = [cast(Bins, one.column) for one in alike]
        knots = np.column_stack([column.edges for column in columns])
        hats = SplineTransformer(degree=1, knots=knots, extrapolation="constant")
        fill = np.array([column.fill for column in columns])

        def learnt(pipeline: Pipeline, fill: Array = fill) -> None:
            pipeline[0].statistics_ = fill

        M = block_diag(*[np.tri(n_bins + 1, n_bins, -1)] * len(columns))
        yield _piece(f"bins of {n_bins}", make_pipeline(_imputer(), hats), alike, M, learnt)


def _n_inputs(placed: Placed) -> int:
    return placed.column.n_inputs


def _quantiles(placed: Sequence[Placed]) -> Iterator[Piece]:
    """Write normal scores; what lies beyond the training values gets those of the ends."""
    highest = float(ndtri(1.0 - 0.5 * LEVELS[1]))
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -highest, "a_max": highest})
    zero = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    quantiles = np.column_stack([cast(QuantileColumn, one.column).quantiles for one in placed])
    # scikit-learn gives all that is near the least or the largest quantile share 0 or 1: these are outside
    beyond = 1.0 + np.abs(quantiles[[0, -1]])
    widened = np.vstack([quantiles[:1] - beyond[:1], quantiles, quantiles[-1:] + beyond[1:]])

    def learnt(pipeline: Pipeline) -> None:
        scores = pipeline[0]
        scores.quantiles_, scores.references_ = widened, np.concatenate([[0.0], LEVELS, [1.0]])
        scores.n_quantiles = scores.n_quantiles_ = len(widened)

    scores = QuantileTransformer(n_quantiles=1, output_distribution="normal")
    yield _piece("quantiles", make_pipeline(scores, clip, zero), placed, learnt=learnt)


# --- categories ------------------------------------------------------------------------------------------------------


def _categories(placed: Sequence[Placed]) -> Iterator[Piece]:
    for one in placed:
        column = cast(CategoryColumn, one.column)
        name = f"category {one.place}"
        inputs = inputs_by_level(column)
        unseen = inputs[-2]
        if not column.levels:
            yield _piece(name, FunctionTransformer(pd.isna), [one], inputs[-1:] - unseen, c=unseen)
            continue
        known = _known(column, column.has_missing)
        encoder = OneHotEncoder(categories=[known.values], handle_unknown="ignore", sparse_output=False)
        yield _piece(name, known.before(encoder), [one], inputs[known.lines] - unseen, c=unseen)


def _means(placed: Sequence[Placed]) -> Iterator[Piece]:
    """Write the target's means, as those of several classes where the target has several columns."""
    for one in placed:
        column = cast(TargetColumn, one.column)
        known, table = _known(column, True), inputs_by_level(column)

        def learnt(pipeline: Pipeline, lines: Array = table[known.lines], other: Array = table[-2]) -> None:
            encoder = pipeline[-1]
            encoder.encodings_, encoder.target_mean_ = list(lines.T), other[0] if len(other) == 1 else other
            if len(other) > 1:
                encoder.target_type = encoder.target_type_ = "multiclass"
                encoder.classes_ = np.arange(len(other))

        encoder = TargetEncoder(categories=[known.values], target_type="continuous")
        yield _piece(f"means {one.place}", known.before(encoder), [one], learnt=learnt)


@dataclass(frozen=True)
class Known:
    """Levels as scikit-learn is told of them: in order, a missing value among them as one more."""

    values: Array  # numbers, or text
    lines: list[int]  # of each among those of `inputs_by_level`
    steps: tuple[object, ...]  # give missing text a name

    def before(self, encoder: object) -> Pipeline:
        """Return a pipeline of what must come first and the encoder."""
        return make_pipeline(*self.steps, encoder)


def _known(column: CategoryColumn | TargetColumn, has_missing: bool) -> Known:
    numbers = as_numbers(column.levels)
    places = range(len(column.levels)) if numbers is None else np.argsort(numbers).tolist()
    lines = [*places, *[len(column.levels) + 1] * has_missing]
    if numbers is not None:
        return Known(np.array([*sorted(numbers), *[np.nan] * has_missing]), lines, ())
    if set(column.levels) <= TRUTHS:  # as such or as text
        missing_too = WORDS_FOR_MISSING if has_missing else []
        lines = [*places, *[len(column.levels) + 1] * len(missing_too)]
        as_text = FunctionTransformer(np.asarray, kw_args={"dtype": str})
        return Known(np.array([*column.levels, *missing_too], dtype=object), lines, (as_text,))
    imputers = [
        SimpleImputer(missing_values=missing, strategy="constant", fill_value=MISSING, keep_empty_features=True)
        for missing in (np.nan, None)
    ]
    return Known(np.array([*column.levels, *[MISSING] * has_missing], dtype=object), lines, tuple(imputers))


def as_numbers(levels: Sequence[str]) -> list[float] | None:
    """Return levels as numbers if all of them are: scikit-learn tells 1 from "1"."""
    try:
        numbers = [float(level) for level in levels]
    except ValueError:
        return None
    return numbers if all(map(isfinite, numbers)) and len(set(numbers)) == len(numbers) else None


CONVERTERS: dict[type, Callable[[Sequence[Placed]], Iterator[Piece]]] = {
    NumberColumn: _numbers,
    Missing: _missing,
    Bins: _bins,
    QuantileColumn: _quantiles,
    CategoryColumn: _categories,
    TargetColumn: _means,
}
"""The transformers that stand for the columns of each simple kind."""


# --- the table -------------------------------------------------------------------------------------------------------

ROWS = 5
"""Rows that transformers are fitted to before they are told what was learnt: `TargetEncoder` wants so many."""


def pieces_of(encoder: TableEncoder) -> list[Piece]:
    """Return the transformers of a table, and the linear maps behind them."""
    placed = simple_columns(encoder, TARGET)
    dates = [one.name for one in placed if one.of_dates]
    if dates:
        raise ExportError(
            f"Column {dates[0]!r} is one of dates, which {TARGET} has no transformer for: use ONNX or sknet.save, or "
            "turn it into numbers before fit."
        )
    kinds = dict.fromkeys(type(one.column) for one in placed)
    return [piece for kind in kinds for piece in CONVERTERS[kind]([one for one in placed if type(one.column) is kind])]


def transformer_of(encoder: TableEncoder, pieces: Sequence[Piece], names: Array | None) -> ColumnTransformer:
    """Return a fitted transformer of the table: fitted to rows of its kind, then told what was learnt."""
    transformer = ColumnTransformer([(p.name, p.transformer, p.places) for p in pieces], sparse_threshold=0.0)
    transformer.fit(_rows(encoder, names), np.zeros(ROWS))
    for piece in pieces:
        piece.learnt(transformer.named_transformers_[piece.name])
    return transformer


def _rows(encoder: TableEncoder, names: Array | None) -> Table:
    """Return rows of such a table."""
    values = [_value_of(column) for column in encoder.columns]
    if names is not None:
        return pd.DataFrame({name: [value] * ROWS for name, value in zip(names, values, strict=True)})
    return np.array([values] * ROWS, dtype=object if any(isinstance(value, str) for value in values) else np.float64)


def _value_of(column: Column) -> object:
    levels = column.levels if isinstance(column, CategoryColumn | TargetColumn) else ()
    return levels[0] if levels and as_numbers(levels) is None else 0.0
