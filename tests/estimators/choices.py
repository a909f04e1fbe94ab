"""What a user may choose by name, and the numbers of rows at which defaults change, as the documentation has them."""

from sklearn.utils._param_validation import StrOptions

from sknet import SigmoidMLPRegressor

MIN_EVALUATED_ROWS, SMALL_TABLE_ROWS, MEDIUM_TABLE_ROWS, LARGE_TABLE_ROWS = 40, 500, 5_000, 15_000
FRACTION_HELD_OUT, LARGE_FRACTION_HELD_OUT = 0.15, 0.1  # in general, and from `LARGE_TABLE_ROWS` on
"""The table of docs/defaults.md."""

OPEN_ENDED_SCHEDULES = ["adaptive", "constant", "invscaling"]
"""Those of scikit-learn, which do not know when training ends."""


def names_of(parameter, kind=SigmoidMLPRegressor):
    """The names that a parameter may have, but "auto"."""
    constraints = kind._parameter_constraints[parameter]
    options = [one.options for one in constraints if isinstance(one, StrOptions)]
    return sorted(set().union(*options) - {"auto"})
