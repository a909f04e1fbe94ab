"""How a user's scorer rates each epoch's model on the held-out rows."""

from collections.abc import Callable

from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring

from sknet._estimators.fitted import Fitted
from sknet._model.heads import Head
from sknet._model.model import Model
from sknet._model.threads import suitable_threads
from sknet._tables.rows import Rows


def score_on(
    estimator: BaseEstimator, validation: Rows, head: Head, fitted_with: Callable[[Model], Fitted]
) -> Callable[[Model], float]:
    """Return a function model -> score, by a scikit-learn scorer on a snapshot of the estimator."""
    # a copy for the scorer to call `predict` on: the estimator itself stays as it was until the fit ends
    probe = object.__new__(type(estimator))
    probe.__dict__.update(vars(estimator))
    scorer = check_scoring(probe, estimator.scoring)
    X = validation.in_memory().X  # a scorer may do with it whatever an array can
    weights = {} if validation.weight is None else {"sample_weight": validation.weight}
    y = head.as_given(validation.y)

    def score(model: Model) -> float:
        probe._fitted = fitted_with(model)
        try:
            with suitable_threads(None):  # it may wait for other threads
                return float(scorer(probe, X, y, **weights))
        except TypeError as error:
            if "sample_weight" not in str(error):
                raise
            raise ValueError(
                f"scoring={estimator.scoring!r} takes no sample_weight, but rows or classes are weighted: choose "
                "another, or make it of a function that takes the keyword sample_weight."
            ) from error

    return score
