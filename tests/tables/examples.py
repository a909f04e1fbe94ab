"""Parts of the tables' room that tests of other rooms start from: what was learnt of columns, and rows."""

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pandas as pd

from sknet._tables.categories import CategoryColumn
from sknet._tables.column import ColumnSettings, WeightsAndTarget
from sknet._tables.dates import CYCLES
from sknet._tables.encoder import TableEncoder, learn_encoder
from sknet._tables.from_polars import as_pandas
from sknet._tables.kinds import ColumnChoices, Survey, survey_columns
from sknet._tables.labels import as_labels
from sknet._tables.numbers import SCALINGS, NumberColumn
from sknet._tables.sampling import cross_fit_folds
from sknet._tables.target_statistics import columns_with_means, statistics_by_column
from sknet._tables.targets import read_regression_target
from sknet._tables.text import TextColumn

DATE_CYCLES = [*CYCLES]


def number_column(centre=0.0, factor=1.0, **how):
    return NumberColumn(centre, factor, **how)


def outliers_bent_above(centre):
    """For a while, columns of numbers are scaled by their deviation, and bent if their centre is larger."""

    def learn(*values):
        return [replace(column, bend=column.centre > centre) for column in SCALINGS["standard"](*values)]

    return patch.dict(SCALINGS, robust=learn)


def category_column(*categories, **how):
    return CategoryColumn(categories, **how)


def suffixes(column):
    """What follows the column's name in the name of each input."""
    return tuple(each.suffix for each in column.input_descriptions)


def table_encoder(*columns, names=None):
    """An encoder of these columns, learnt from no table."""
    return TableEncoder(names, columns)


def inputs_of(column, values, dtype=float):
    """The inputs of values of a column, which is "c" in messages."""
    return TableEncoder(("c",), (column,)).encode(pd.DataFrame({"c": values}), dtype)


def column_settings(**changes):
    """Settings that make the fewest inputs, with these changes."""
    plain = {
        "input_scaling": "robust",
        "numeric_encoding": "raw",
        "n_bins": 8,
        "max_categories": 100,
        "category_encoding": "one_hot",
        "keeps_all_categories": False,
        "text_components": 30,
    }
    return ColumnSettings(**plain | changes)


def encoder_of(table, categorical_features="from_dtype", text_features=None, *, weight=None, target=None, **settings):
    """What is learnt from a table; `settings` are the parameters for columns."""
    survey = survey_columns(table, ColumnChoices(categorical_features, text_features))
    return learn_encoder(table, column_settings(**settings), survey, WeightsAndTarget(weight, target))


def target_statistics(encoder, *arguments):
    """What an encoder's columns learn of the target."""
    return statistics_by_column(encoder.columns, *arguments)


def with_target_statistics(encoder, statistics):
    """An encoder with the target means of these statistics."""
    return encoder.with_columns(columns_with_means(encoder.columns, statistics))


def survey_of_numbers(n):
    """What a table of n numbers is."""
    return Survey((), dict.fromkeys(range(n), "number"))


def survey_of(table):
    """What the columns of a table are."""
    return survey_columns(table, ColumnChoices())


def column_choices(categorical_features="from_dtype", text_features=None):
    """Which columns a user has chosen to be categories and texts."""
    return ColumnChoices(categorical_features, text_features)


def pandas_of(frame):
    """A data frame of another library as tables are read."""
    return as_pandas(frame)


def read_labels(y):
    """Labels as they are read: an array."""
    return as_labels(y)


def read_numbers(y):
    """Targets that are numbers as they are read: (n,) or (n, k)."""
    target, is_flat = read_regression_target(y)
    return target[:, 0] if is_flat else target


def encoding_folds_of(target):
    """The part that each of all rows is in where target means are cross-fitted."""
    return cross_fit_folds(target, np.arange(len(target)), len(target))


@contextmanager
def count_texts():
    """Count the texts that are encoded meanwhile, in a list of one number for each call."""
    counts, write = [], TextColumn.encode_into

    def counted(column, values, *more):
        counts.append(len(values))
        write(column, values, *more)

    with patch.object(TextColumn, "encode_into", counted):
        yield counts
