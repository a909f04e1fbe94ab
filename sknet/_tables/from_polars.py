"""Polars frames become pandas frames at once, without PyArrow, so that all other code knows one kind of frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from sknet._typing import Table


def as_pandas(frame: Table) -> pd.DataFrame:
    """Return a data frame as a pandas frame."""
    if isinstance(frame, pd.DataFrame):
        return frame
    return pd.DataFrame({name: _from_polars(frame.to_series(j)) for j, name in enumerate(frame.columns)})


def _from_polars(column: Table) -> pd.Series:
    """Return a polars column as floats, dates, a categorical, or else objects."""
    dtype = column.dtype
    column = integers_from_polars(column)
    if isinstance(column, pd.Series):  # it was a column of integers or bools
        return column
    if dtype.is_numeric() or str(dtype) in ("Boolean", "Null"):
        return pd.Series(column.cast(float).to_numpy(), copy=False)
    convert = _FROM_POLARS.get(type(dtype).__name__)
    return pd.Series(column.to_list(), dtype=object) if convert is None else convert(column)


def _from_polars_datetime(column: Table) -> pd.Series:
    instants = pd.Series(column.dt.cast_time_unit("us").to_numpy())  # these are in UTC, if there is a time zone
    zone = column.dtype.time_zone
    return instants if zone is None else instants.dt.tz_localize("UTC").dt.tz_convert(zone)


def _from_polars_enum(column: Table) -> pd.Series:
    codes = column.to_physical().cast(float).fill_null(-1.0).to_numpy().astype(np.intp)  # -1: missing, as in pandas
    return pd.Series(pd.Categorical.from_codes(codes, column.dtype.categories.to_list()))


_FROM_POLARS: dict[str, Callable[[Table], pd.Series]] = {
    "Datetime": _from_polars_datetime,
    "Date": lambda column: pd.Series(column.to_numpy().astype("datetime64[s]")),  # pandas has no unit of days
    "Duration": lambda column: pd.Series(column.to_numpy()),
    "Enum": _from_polars_enum,
    "Categorical": lambda column: pd.Series(pd.Categorical(column.to_list())),
}
"""The conversions of polars columns of dates and categories, by the name of their type."""


def integers_from_polars(column: Table) -> Table:
    """Return a polars column of integers or bools without missing values as a Series, and other values as they are.

    If integers from 2**53 on became floats, they would be rounded, and different labels could become equal.
    """
    dtype: Table = getattr(column, "dtype", None)
    if not hasattr(dtype, "is_integer") or column.null_count() or not (dtype.is_integer() or str(dtype) == "Boolean"):
        return column
    try:
        return pd.Series(column.to_numpy(), copy=False)
    except Exception:  # an error of polars, which is not imported: NumPy has no integers of 128 bits
        return pd.Series(column.to_list(), dtype=object)
