"""What `partial_fit` goes on from: the state that the last call left, whatever the new rows are."""

from sknet._estimators.fitted import Fitted
from sknet._estimators.user_warnings import warn
from sknet._model.starting import state_to_continue_from
from sknet._tables.frames import shortened
from sknet._tables.novelty import far_columns
from sknet._training.state import State
from sknet._typing import Table


def continued(earlier: Fitted, fresh: State, X: Table) -> State:
    """Return the state to go on from; warn of columns that lie far outside of what the encoders were learnt from.

    `fresh` is the state of a new run from the published weights.
    """
    if earlier.state is None:
        return fresh
    far = far_columns(earlier.model.encoder, X)
    if far:
        warn(
            f"Columns {shortened(far)} of X lie far outside of what the first call of partial_fit was given, and are "
            "encoded as it taught: give a first call that is like all rows, or call sknet.stream.prepare with a sample "
            "of them first.",
            RuntimeWarning,
        )
    return state_to_continue_from(earlier.state, fresh, earlier.model.output_dtype)
