"""Whether probabilities are calibrated: how many predictions each model expects to be right, and how many are.

    python -m tests.benchmarks.calibration

The tables of classes outside the lists that the defaults were chosen by, their three splits, and models without
tuning, as `tests.benchmarks.tables` has them. A model expects the mean of its largest probabilities to be right. "By
chance" is how far the two would be apart, given ours, if each prediction were right with its very probability.
"""

import warnings

import numpy as np

from tests.benchmarks.tables import chosen, measure, sources
from tests.benchmarks.tables.models import MODELS

COMPARED = ("sknet", "linear model", "scikit-learn's MLP", "HistGradientBoosting", "LightGBM", "CatBoost")
N_SPLITS = 3


def expected_and_right(data: sources.Table, model: str, number: int) -> tuple[float, float, float]:
    """The share expected to be right, the share that is, and their distance by chance."""
    train, test = measure.random_rows(data, number)
    y = data.y.astype(str).to_numpy(dtype=object)
    estimator = MODELS[model](False, number).fit(data.X.iloc[train], y[train])
    probability = estimator.predict_proba(data.X.iloc[test])
    largest = probability.max(axis=1)
    right = np.asarray(estimator.classes_, dtype=str)[probability.argmax(axis=1)] == y[test]
    drawn = np.random.default_rng(0).random((1000, len(test))) < largest
    return largest.mean(), right.mean(), abs(drawn.mean(axis=1) - largest.mean()).mean()


def main() -> None:
    warnings.simplefilter("ignore")
    found = chosen.drawn()
    names = found["name"][(found["task"] == "classification") & ~found["used"]]
    tables = [sources.load(name) for name in names]
    print(
        f"{len(tables)} tables, {N_SPLITS} splits: mean of expected - right, mean distance, by chance, furthest table"
    )
    for model in COMPARED:
        each = np.array(
            [[expected_and_right(data, model, number) for number in range(N_SPLITS)] for data in tables]
        )  # (tables, splits, 3)
        apart = each[..., 0] - each[..., 1]
        distance = abs(apart).mean(axis=1)
        furthest = f"{distance.max():.3f} ({names.iloc[distance.argmax()]})"
        print(f"{model:22s} {apart.mean():+.3f} {distance.mean():.3f} {each[..., 2].mean():.3f} {furthest}", flush=True)


if __name__ == "__main__":
    main()
