"""What `explain` returns: the columns' contributions to each prediction.

Conventions
-----------
n rows, d columns, k outputs.

values : (n, d), or (n, d, k) for several outputs      base_values : (n,), or (n, k)      data : (n, d)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sknet._typing import Array

if TYPE_CHECKING:
    import shap


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Contributions of the columns to the outputs of each row, returned by `explain`.

    The contributions of a row add up to its output minus the base value, which is the
    mean output of the background.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_outputs)
        The contributions, in the units that `explain` describes.

    base_values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The mean output of the background, repeated for each row.

    data : ndarray of shape (n_samples, n_features)
        The explained rows.

    feature_names : list of str
        Names of the columns.

    output_names : list of str
        Names of the outputs: classes, numbers of targets, or quantile levels.

    is_additive : bool, default=False
        Whether the contribution of a column depends on that column alone, as with
        `interaction_cst="no_interactions"`. Another background then shifts all
        contributions of a column by the same constant.

    output_descriptions : sequence of str, default=()
        What each output is, for the labels of plots: "log-odds of 'yes'", "prediction".
        By default, plots use the names of the outputs.

    See Also
    --------
    ShapeFunctionDisplay : Contributions of a column as a curve over its values.
    ExplanationDisplay : Plot of the mean contributions and of one row.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknet import SigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = SigmoidMLPRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> explanation = net.explain(X.head(50), background=X)
    >>> explanation
    Explanation(50 rows, 10 columns, 1 output)
    >>> explanation.importance().sort_values().index[-1] in ("bmi", "s5")
    True
    """

    values: Array
    base_values: Array
    data: Array
    feature_names: list[str]
    output_names: list[str]
    is_additive: bool = False
    output_descriptions: Sequence[str] = ()

    def description_of(self, output: int) -> str:
        """Return what an output is: "log-odds of 'yes'".

        Parameters
        ----------
        output : int
            Number of the output.

        Returns
        -------
        description : str
            Its description, or by default its name.
        """
        return (self.output_descriptions or self.output_names)[output]

    def __repr__(self) -> str:
        n, k = len(self.values), len(self.output_names)
        return f"Explanation({n} row{'s' * (n != 1)}, {len(self.feature_names)} columns, {k} output{'s' * (k != 1)})"

    def importance(self) -> pd.Series:
        """Return the mean absolute contribution of each column.

        Returns
        -------
        importance : Series of shape (n_features,)
            The mean over rows and outputs, in the order of the table.
        """
        all_but_columns = tuple(axis for axis in range(self.values.ndim) if axis != 1)
        return pd.Series(np.abs(self.values).mean(axis=all_but_columns), index=self.feature_names, name="importance")

    def to_shap(self) -> "shap.Explanation":
        """Convert the explanation to an object of SHAP, for its plots.

        Returns
        -------
        explanation : shap.Explanation
            Input of `shap.plots.bar`, `beeswarm`, `waterfall` and others. With several
            outputs, select one by `[..., j]`.

        Raises
        ------
        ImportError
            If shap is not installed.
        """
        try:
            import shap
        except ImportError as error:
            raise ImportError(f"to_shap needs the package shap ({error}): install it with pip install shap.") from error
        columns = list(self.data.T)
        return shap.Explanation(
            self.values,
            self.base_values,
            np.column_stack(
                [_numbers_or_ranks(column) for column in columns]
            ),  # by which plots colour and place points
            display_data=np.column_stack([_to_display(column) for column in columns]),
            feature_names=self.feature_names,
            output_names=self.output_names if self.values.ndim == 3 else None,
        )


def _numbers_or_ranks(column: Array) -> Array:
    """Return a column of numbers as it is, and ranks for other values; NaN for missing values."""
    values = pd.Series(column).infer_objects()
    if not pd.api.types.is_numeric_dtype(values):  # booleans are
        try:
            values = values.rank(method="dense")
        except TypeError:  # categories of several types have no order: sort them as text
            values = values.astype(str).where(values.notna()).rank(method="dense")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _to_display(column: Array) -> Array:
    """Return a column of numbers as it is, and other values as text."""
    values = pd.Series(column).infer_objects()
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return (values if is_number else values.astype(str)).to_numpy(dtype=object)
