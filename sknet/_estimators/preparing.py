"""`partial_fit` over chunks: encoders learnt from a sample first."""

from sknet._estimators.base import BaseSigmoidMLP
from sknet._estimators.parameters import has_partial_fit
from sknet._estimators.read_data import FitArguments
from sknet._typing import Table, Target


def prepare_encoders(
    estimator: BaseSigmoidMLP, X: Table, y: Target, sample_weight: Target = None, classes: Target = None
) -> None:
    """Learn encoders and draw the first weights, without a step."""
    has_partial_fit(estimator)
    estimator._validate_params()
    data = estimator._read(FitArguments(X, y, sample_weight), None, classes=classes, anew=False)
    run = estimator._assemble(data, estimator._plan_increment(data, None), None, until=1)
    run.start_from(run.first_states())
    estimator._publish(run.final_result(estimator._predictions, may_go_on=True))
