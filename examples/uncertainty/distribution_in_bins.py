"""
A distribution in bins
======================

The whole distribution of a number, as bins with probabilities, and its score. The bins lie between quantiles: the
target is between the 1% and the 2% quantile with a probability of 1%. `ScoringBench
<https://github.com/jonaslandsgesell/ScoringBench>`_ ranks models by such distributions (arXiv 2603.29928). The class
below is made for it: it has the methods that ``scoringbench/univariate/wrappers/base.py`` asks for at commit 49f0d7a4.
The page ``docs/guide/tabarena.md`` says how to add the class.

Run it with ``python examples/uncertainty/distribution_in_bins.py``. ScoringBench need not be installed.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPRegressor

try:
    from scoringbench.univariate.wrappers.base import DistributionPrediction, ProbabilisticWrapper
except ImportError:
    DistributionPrediction, ProbabilisticWrapper = SimpleNamespace, object

LEVELS = np.arange(1, 100) / 100  # these need 99 held-out rows


class SknetWrapper(ProbabilisticWrapper):
    """Its parameters are the regressor's."""

    def __init__(self, **parameters):
        self.model = SigmoidMLPRegressor(**parameters)

    def fit(self, X, y):
        self._y_train_range = (float(np.min(y)), float(np.max(y)))  # as the base class stores it
        self.model.fit(X, y)
        return self

    def predict(self, X):
        return self.model.predict(X)

    def predict_distribution(self, X):
        quantiles = self.model.predict_quantiles(X, LEVELS)
        # the outer bins have no width: nobody knows how far the tails go
        edges = np.column_stack([quantiles[:, 0], quantiles, quantiles[:, -1]])
        return DistributionPrediction(
            probas=np.tile(np.diff(LEVELS, prepend=0, append=1), (len(edges), 1)),
            bin_edges=edges,
            bin_midpoints=(edges[:, 1:] + edges[:, :-1]) / 2,
            mean=self.predict(X),
            train_range=self._y_train_range,
        )


# %%
# The continuous ranked probability score (CRPS) compares the distribution function with a step at the target: it is the
# integral of their squared distance. Within a bin, the function is a straight line. Twice the pinball loss, averaged
# over all levels, is the same score. With 99 levels, both are close.


def ranked_probability_score(distribution, y):
    edges = distribution.bin_edges
    below = np.cumsum(np.column_stack([np.zeros(len(y)), distribution.probas]), axis=1)
    at_target = [np.interp(*row) for row in zip(y, edges, below, strict=True)]
    points, below = np.sort(np.column_stack([edges, y])), np.sort(np.column_stack([below, at_target]))
    distance = below[:, :-1] - (points[:, :-1] >= y[:, np.newaxis])
    ends = distance + np.diff(below)
    return np.sum(np.diff(points) * (distance**2 + distance * ends + ends**2) / 3, axis=1).mean()


def main():
    cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv").drop(columns="name")
    train, test = train_test_split(cars, random_state=0)
    target = test["miles_per_gallon"].to_numpy()
    test = test.drop(columns="miles_per_gallon")
    model = SknetWrapper(random_state=0).fit(train.drop(columns="miles_per_gallon"), train["miles_per_gallon"])
    found = model.predict_distribution(test)
    print(f"{found.probas.shape[1]} bins in each of {len(test)} rows")
    print(f"first row: 10% each below {found.bin_edges[0, 10]:.1f} and above {found.bin_edges[0, 90]:.1f}, ", end="")
    print(f"mean {found.mean[0]:.1f}, and in truth {target[0]:.1f}")
    print(f"CRPS: {ranked_probability_score(found, target):.3f}")
    quantiles = found.bin_edges[:, 1:-1].T
    losses = [mean_pinball_loss(target, q, alpha=level) for q, level in zip(quantiles, LEVELS, strict=True)]
    print(f"twice the mean pinball loss: {2 * np.mean(losses):.3f}")


if __name__ == "__main__":
    main()
