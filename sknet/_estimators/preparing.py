"""`partial_fit` over chunks: encoders learnt from a sample first."""

from sknet._estimators.base import BaseSigmoidMLP
from sknet._estimators.parameters import is_first_order
from sknet._estimators.read_data import Given
from sknet._typing import Table, Target


def prepare_encoders(
    estimator: BaseSigmoidMLP, X: Table, y: Target, sample_weight: Target = None, classes: Target = None
) -> None:
    """Learn encoders and draw the first weights, without a step."""
    is_first_order(estimator)
    estimator._validate_params()
    head, rows, columns = estimator._read(Given(X, y, sample_weight), None, classes=classes, anew=False)
    begun = estimator._assemble(rows, None, head, columns, None, estimator._seeds(None), until=1)
    estimator._publish(begun.fitted_from(begun.first_state(), 0))
