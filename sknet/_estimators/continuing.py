"""What `partial_fit` goes on from: the state that the last call left, whatever the new rows are."""

from sknet._estimators.fitted import Fitted
from sknet._estimators.user_warnings import warn
from sknet._model.starting import continued_state
from sknet._tables.messages import short_list
from sknet._tables.novelty import columns_far_from_training
from sknet._training.state import State
from sknet._typing import Table


def continued(earlier: Fitted, fresh: State, X: Table) -> State:
    """Return the state to go on from; warn of columns that lie far outside of what the encoders were learnt from.

    `fresh` is the state of a new run from the published weights.
    """
    if earlier.state is None:
        return fresh
    far = columns_far_from_training(earlier.model.encoder, X)
    if far:
        warn(
            f"Columns {short_list(far)} of X lie far outside of what the first call of partial_fit was given, and are "
            "encoded as it taught: give a first call that is like all rows, or call sknet.stream.prepare with a sample "
            "of them first.",
            RuntimeWarning,
        )
    return continued_state(earlier.state, fresh, earlier.model.output_dtype)
