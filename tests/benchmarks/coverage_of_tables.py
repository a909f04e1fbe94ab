"""Whether intervals and prediction sets hold nine in ten targets of real tables, with default parameters.

    python -m tests.benchmarks.coverage_of_tables [--splits N] [--tables N]

The tables are those of the second draw, the smallest first. Their splits are as `tests.benchmarks.tables` has them; its
first lines say what to install. A line of the output is a table: its rows, the mean share of test targets inside, the
least share of a split, or of a class in a split, and the size: the mean width over the range of the middle nine tenths
of the training targets, or the mean number of classes in a set. "Explained" is the variance that the shares of fits
would have by chance, over the one they have: first by the number of test rows, then also by that of held-out rows.
"""

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.benchmarks.tables import measure, second
from tests.benchmarks.tables.sources import Table

COVERAGE = 0.9
LOW = 0.85


@dataclass(frozen=True)
class Covered:
    """What one fit covers; for numbers, all targets are one class."""

    share: float
    of_classes: np.ndarray
    size: float
    n_test: int
    n_held_out: int

    @property
    def variance_of_test_rows(self) -> float:
        return COVERAGE * (1 - COVERAGE) / self.n_test

    @property
    def variance_of_held_out_rows(self) -> float:
        return COVERAGE * (1 - COVERAGE) / self.n_held_out


def covered(data: Table, number: int) -> Covered:
    """Fit the training rows of one split, and count the test targets inside.

    "auto" becomes "folds" in tables of this size; if it is set, `oof_prediction_` tells which rows were held out.
    """
    train, test = measure.random_rows(data, number)
    X, X_test = data.X.iloc[train], data.X.iloc[test]
    if data.is_regression:
        y, y_test = data.y.to_numpy(float)[train], data.y.to_numpy(float)[test]
        model = SigmoidMLPRegressor(early_stopping="folds", random_state=number).fit(X, y)
        low, high = model.predict_interval(X_test, COVERAGE).T
        is_inside, code = (low <= y_test) & (y_test <= high), np.zeros(len(test), int)
        size = np.mean(high - low) / np.diff(np.quantile(y, [0.05, 0.95])).item()
    else:
        labels = data.y.astype(str).to_numpy(dtype=object)
        model = SigmoidMLPClassifier(early_stopping="folds", random_state=number).fit(X, labels[train])
        sets = model.predict_set(X_test, COVERAGE)
        code = np.searchsorted(model.classes_, labels[test])
        is_inside, size = sets[np.arange(len(test)), code], sets.sum(axis=1).mean()
    is_held_out = ~np.isnan(model.oof_prediction_.reshape(len(train), -1)).any(axis=1)
    counts = np.bincount(code)
    of_classes = (np.bincount(code, is_inside) / np.maximum(counts, 1))[counts > 0]
    return Covered(is_inside.mean(), of_classes, size, len(test), is_held_out.sum())


def summary(fits: list[list[Covered]]) -> str:
    """What the shares of tables say; `fits` has one list of splits for each table."""
    of_fits = np.array([[fit.share for fit in splits] for splits in fits])  # (tables, splits)
    shares = of_fits.mean(axis=1)
    every = [fit for splits in fits for fit in splits]
    by_test_rows = np.mean([fit.variance_of_test_rows for fit in every])
    by_both = by_test_rows + np.mean([fit.variance_of_held_out_rows for fit in every])
    sizes = [np.mean([fit.size for fit in splits]) for splits in fits]
    of_classes = np.mean([np.mean(fit.of_classes) for fit in every])
    return (
        f"{len(fits)} tables: mean {shares.mean():.3f} (standard error {shares.std(ddof=1) / len(fits) ** 0.5:.3f}), "
        f"median {np.median(shares):.3f}, {shares.min():.3f} to {shares.max():.3f}, "
        f"{(shares < LOW).sum()} below {LOW}; "
        f"{of_fits.size} fits: {of_fits.min():.3f} to {of_fits.max():.3f}, {(of_fits < LOW).sum()} below {LOW}; "
        f"classes {of_classes:.3f}; size {np.mean(sizes):.2f}, "
        f"median {np.median(sizes):.2f}; fits deviate by {of_fits.std(ddof=1):.3f}, "
        f"explained {by_test_rows / of_fits.var(ddof=1):.2f}, {by_both / of_fits.var(ddof=1):.2f}"
    )


def measured(names: list[str], n_splits: int) -> Iterator[list[Covered]]:
    """The fits of each table, which are printed as they come."""
    for name in names:
        data = second.load(name)
        splits = [covered(data, number) for number in range(n_splits)]
        share, size = (np.mean([getattr(fit, field) for fit in splits]) for field in ("share", "size"))
        least = min(fit.of_classes.min() for fit in splits)
        print(f"{name:40s}{len(data.X):7d}{share:7.3f}{least:7.3f}{size:7.2f}", flush=True)
        yield splits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--tables", type=int, help="how many of each task, the smallest ones first; default: all")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    drawn = second.drawn().sort_values("rows", kind="stable")
    for task, shown in (("regression", "intervals"), ("classification", "prediction sets")):
        names = list(drawn["name"][drawn["task"] == task])[: options.tables]
        fits = list(measured(names, options.splits))
        half = len(fits) // 2
        for label, part in ((shown, fits), ("  smaller half", fits[:half]), ("  larger half", fits[half:])):
            if len(part) > 1:
                print(f"{label}: {summary(part)}", flush=True)


if __name__ == "__main__":
    main()
