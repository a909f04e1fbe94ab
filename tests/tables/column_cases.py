"""Every kind of column with values to learn it from: for their contract, and for what other rooms do with columns."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from sknet._tables.column import Column, ColumnSettings, WeightsAndTarget
from sknet._tables.kinds import KINDS
from sknet._tables.numbers import SCALINGS
from tests.tables.examples import column_settings

N = 120
rng = np.random.default_rng(0)
NUMBERS = pd.Series(np.where(rng.random(N) < 0.2, np.nan, rng.normal(50.0, 9.0, N)))
ZEROS = pd.Series(np.maximum(rng.normal(size=N), 0.0))
FEW = pd.Series(rng.choice(np.array(["a", "b", "c", "d", None], dtype=object), N))
MANY = pd.Series(rng.choice([f"town {i}" for i in range(25)], N), dtype=object).where(rng.random(N) < 0.9, None)
TOWN = pd.Series(np.repeat([f"town {i}" for i in range(25)], 50).astype(object)).where(np.arange(1250) % 9 > 0, None)
TEXTS = pd.Series([" ".join(words) for words in rng.choice(["good", "coffee", "was", "late", "tea"], (N, 5))])
DATES = pd.Series(pd.Timestamp(2023, 1, 2, 1) + pd.to_timedelta(rng.integers(0, 9000, N), unit="h"))
TARGET = rng.normal(size=(N, 2)) + 3.0 * MANY.isin(["town 3", "town 4"]).to_numpy()[:, np.newaxis]


@dataclass(frozen=True)
class ColumnCase:
    """A kind of column, how it is learnt, and values that suit it; its name is c."""

    kind: str
    values: pd.Series
    settings: ColumnSettings = field(default_factory=column_settings)
    weights_repeat: bool = True  # whether a row of weight 2 is learnt as two rows
    target: np.ndarray | None = None
    steps: tuple[tuple[float, float], ...] = ()  # among its bins

    def learn(self, rows=slice(None), weight=None) -> Column:
        """Learn the column from some of the values."""
        target = None if self.target is None else self.target[rows]
        column = KINDS[self.kind].learn(self.values.iloc[rows], "c", self.settings, WeightsAndTarget(weight, target))
        return replace(column, steps=self.steps) if self.steps else column


def categories(values, repeat=False, target=None, **settings):
    return ColumnCase("category", values, column_settings(**settings), repeat, target)


CASES = {
    **{
        f"{what}, {scaling}, {encoding}": ColumnCase(kind, values, column_settings(
            input_scaling=scaling, numeric_encoding=encoding, n_bins=5
        ))
        for what, kind, values in [("number", "number", NUMBERS), ("number with zeros", "number", ZEROS)]
        for scaling in SCALINGS
        for encoding in ("raw", "piecewise_linear")
    },
    "number with steps": ColumnCase("number", NUMBERS, column_settings(
        numeric_encoding="piecewise_linear", n_bins=5
    ), steps=((48.0, 48.5), (60.0, 61.0))),
    "constant": ColumnCase("number", pd.Series(np.full(N, 7.0))),
    "two categories": categories(pd.Series(pd.Categorical(rng.choice(["f", "m"], N))), repeat=True),
    "categories": categories(FEW, repeat=True),
    "rare categories": categories(FEW, max_categories=3, repeat=True),
    "categories and target means": categories(MANY, category_encoding="both", max_categories=6, target=TARGET),
    "target": categories(MANY, category_encoding="target", target=TARGET),
    "nothing of the target": categories(TOWN, target=rng.normal(size=(len(TOWN), 1))),
    "identifier": categories(pd.Series([None, *(f"user {i}" for i in range(N - 1))], dtype=object)),
    "text": ColumnCase("text", TEXTS.where(rng.random(N) < 0.8, None), column_settings(text_components=4)),
    "date": ColumnCase("date", DATES.where(rng.random(N) < 0.8)),
    "date in a zone": ColumnCase("date", DATES.dt.tz_localize("Europe/Berlin")),
    "date with bins": ColumnCase("date", DATES, column_settings(numeric_encoding="piecewise_linear", n_bins=3)),
    "duration": ColumnCase("date", DATES - DATES.min()),
}  # fmt: skip

WRONG = {
    "number": [(np.inf, "contains infinity"), ("x", "should hold numbers")],
    "category": [([1], "what is no category, unhashable")],
    "text": [(5, r"should hold text, but holds 5 \(int\)"), (1.5, "float"), (b"bytes", "bytes"), (["a"], "list"),
             (True, "bool")],
    "date": [("01.02.2023", "should hold d.*pandas.to_"), (1.0, "should hold d.*pandas.to_")],
}  # fmt: skip
"""Values that a learnt column of each kind rejects, with the message."""
