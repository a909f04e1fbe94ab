"""Columns of new rows whose values are unlike those of the training rows.

Conventions
-----------
X : (n, d)                 array, CSR matrix or data frame
weight : (n,) or None      sample weights, positive; None is ones
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sknet._tables.categories import one_hot_inputs
from sknet._tables.encoding import TableEncoder
from sknet._tables.numbers import jointly_scaled_number
from sknet._tables.read import category_key, column_as_floats, column_at, is_sparse, read_categories, take_rows
from sknet._typing import Array, Table

MAX_ROWS_COMPARED = 1000
"""This many rows, evenly spaced, or up to twice as many, are compared: their median is accurate enough."""

MIN_UNKNOWN_VALUES = 20
"""Columns with fewer values are not checked: all of them might be unknown by chance."""

MAX_CHANCE_OF_INFREQUENT = 1e-6
"""A column is not reported if all its categories may have been infrequent in training with a higher probability."""

MAX_MEDIAN_DISTANCE = 10.0
"""A column is far from training if its median is more than this many scales from its centre."""


def columns_far_from_training(encoder: TableEncoder, X: Table) -> list[str]:
    """Return the names of columns whose median is far from the centre, or in which most categories are unknown."""
    if is_sparse(X):
        return []
    sample = take_rows(X, np.arange(0, X.shape[0], max(1, X.shape[0] // MAX_ROWS_COMPARED)))
    far_names = []
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        number, one_hot = jointly_scaled_number(column), one_hot_inputs(column)
        # without `shift`, the factor is not one over a distance from the centre
        if number is not None and number.shift:
            numbers = column_as_floats(column_at(sample, j), name)
            numbers = numbers[np.isfinite(numbers)]  # encoding raises for infinite values
            with np.errstate(over="ignore"):
                distance = abs(float(np.median(numbers)) - number.center) * number.factor if len(numbers) else 0.0
            if distance > MAX_MEDIAN_DISTANCE:
                far_names.append(name)
        elif one_hot is not None and not (one_hot.has_infrequent or column.reason_if_left_out):
            codes, keys = read_categories(column_at(sample, j))
            # the code −1 of a missing value picks the last entry: it is not unknown
            unknown = np.array([*(key not in one_hot.categories for key in keys), False])[codes]
            if unknown.mean() > 0.5:
                far_names.append(name)
    return far_names


def rescale_constant_columns(encoder: TableEncoder, X: Table, weight: Array | None) -> tuple[TableEncoder, list[str]]:
    """Return the encoder with constant columns scaled by the values of new rows, and the names of these columns."""
    columns, names = list(encoder.columns), []
    constant = [j for j, column in enumerate(columns) if column.is_constant]
    if constant and is_sparse(X):
        X = X.tocsc()  # reading a column of a CSC matrix is fast
    for j in constant:
        name = encoder.column_names[j]
        columns[j] = columns[j].with_scale_of(column_at(X, j), name, weight)
        if not columns[j].is_constant:
            names.append(name)
    return (TableEncoder(encoder.names, tuple(columns)) if names else encoder), names


def columns_of_unknown_categories(encoder: TableEncoder, X: Table) -> list[str]:
    """Return the names of columns of categories in which none of many values is known.

    Usually the first value is known, so that this check takes hardly any time. The encoder does not store which
    categories were infrequent, but only their share. If this share is large, all values may be such categories.
    """
    if encoder.is_numeric or is_sparse(X) or X.shape[0] < MIN_UNKNOWN_VALUES:
        return []
    unknown_names = []
    first = take_rows(X, slice(0, MIN_UNKNOWN_VALUES))
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        categories = column.categories
        if not categories:
            continue
        if any(category_key(value) in categories for value in column_at(first, j).tolist()):
            continue  # nearly always after the first value
        codes, keys = read_categories(column_at(X, j))
        codes = codes[codes >= 0]
        # the probability that all categories were infrequent in training
        chance = column.infrequent_share ** len(np.unique(codes))
        if (
            len(codes) >= MIN_UNKNOWN_VALUES
            and not np.isin(keys, categories)[codes].any()
            and chance <= MAX_CHANCE_OF_INFREQUENT
        ):
            unknown_names.append(name)
    return unknown_names


def columns_without_dates(encoder: TableEncoder, X: Table) -> list[str]:
    """Return the names of columns in which fit had dates as text, and none of many new texts is a date."""
    if encoder.is_numeric or is_sparse(X) or X.shape[0] < MIN_UNKNOWN_VALUES:
        return []
    first = take_rows(X, slice(0, MIN_UNKNOWN_VALUES))
    return [
        name
        for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True))
        if column.n_unread(column_at(first, j), name)  # nearly always 0, so that the other values are not read
        and column.n_unread(values := column_at(X, j), name) == np.count_nonzero(pd.notna(values)) >= MIN_UNKNOWN_VALUES
    ]
