"""What does not go together is refused, with the name of the parameter and the remedy."""

import pytest
from sklearn.model_selection import ShuffleSplit

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.parameters import refuse_conflicts_with_folds, refuse_conflicts_with_solver
from sknet._estimators.resolve import suits_folds

OF_HELD_OUT_ROWS = {"scoring": "accuracy", "warm_start": True}


@pytest.mark.parametrize("name", [*OF_HELD_OUT_ROWS, "solver"])
def test_folds_or_held_out_rows(name):
    value = OF_HELD_OUT_ROWS.get(name, "lbfgs")
    net = SigmoidMLPClassifier(**{name: value})
    assert not suits_folds(net) and suits_folds(SigmoidMLPClassifier())
    with pytest.raises(ValueError, match=rf"early_stopping='folds' does not go with {name}=.*early_stopping=True"):
        refuse_conflicts_with_folds(net)
    net.set_params(validation_fraction=ShuffleSplit())
    with pytest.raises(ValueError, match=rf"=ShuffleSplit.* gives folds, which do not go with {name}=.*give a share"):
        refuse_conflicts_with_folds(net)
    refuse_conflicts_with_folds(SigmoidMLPClassifier(validation_fraction=ShuffleSplit()))


def test_folds_need_a_schedule_that_ends():
    assert not suits_folds(SigmoidMLPClassifier(learning_rate="constant"))
    with pytest.raises(ValueError, match="does not go with learning_rate="):
        refuse_conflicts_with_folds(SigmoidMLPClassifier(learning_rate="constant"))


@pytest.mark.parametrize("parameters", [{"dropout": 0.1}, {"max_norm": 2.0}, {"input_gains": True}])
def test_what_lbfgs_does_not_have(parameters):
    resolved = {"solver": "lbfgs", "dropout": 0.0, "input_gains": False}
    with pytest.raises(ValueError, match="does not go with solver='lbfgs'"):
        refuse_conflicts_with_solver(SigmoidMLPRegressor(**resolved | parameters))
    refuse_conflicts_with_solver(SigmoidMLPRegressor(**resolved))
    refuse_conflicts_with_solver(SigmoidMLPRegressor(**parameters))
