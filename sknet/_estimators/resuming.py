"""Runs that go on: from what an estimator keeps, for `partial_fit`, or from a checkpoint's file.

Conventions
-----------
theta : (p,)       all parameters, in the type of the arithmetic
coefs_, intercepts_ : the published parameters, in the estimator's own float type
"""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sknet._estimators import assembly, checkpoint
from sknet._estimators.callbacks import with_callbacks
from sknet._estimators.checkpoint import Origin, Saved
from sknet._estimators.constraints import fit_context
from sknet._estimators.inputs import Data
from sknet._training import minibatch
from sknet._training.result import Result, StopReason
from sknet._training.state import State

Array = npt.NDArray[Any]


class Resumable:
    """The part of an estimator that takes a run up where it was left."""

    coefs_: list[Array]
    intercepts_: list[Array]
    t_: int
    solver: str
    _arithmetic: np.dtype[Any]
    _float: np.dtype[Any]
    _seeds: list[int]
    _validated: bool
    _layout: Any
    _fit: Any
    _draft: Any

    # --- a state kept in memory ------------------------------------------------------------------------------------

    def _new_state(self, run: assembly.Assembly) -> State:
        """Return the state of a new run, from the weights there are."""
        return run.new_state(self._packed(self._arithmetic), np.random.default_rng(self._seeds[2]))

    def _packed(self, dtype: np.dtype[Any]) -> Array:
        return self._layout().pack(self.coefs_, self.intercepts_, dtype)

    def _kept(self, state: State) -> State:
        """Return what must be kept of a state beside the published weights and the history.

        Where rows were held out, training goes on from the weights that were
        published, the best ones.
        """
        exact = np.can_cast(self._arithmetic, self._float)
        published = self._validated or (exact and state.average is None)
        theta = np.empty(0, self._arithmetic) if published else state.theta
        average = None if exact or self._validated else state.average
        return replace(state, theta=theta, average=average, best=None, history=[])

    def _resumed(self, kept: State, run: assembly.Assembly) -> State:
        """Return a copy of a kept state for `partial_fit`; weights that were set by hand since then count."""
        state, fresh = kept.copy(), self._new_state(run)
        if len(state.moments) != len(fresh.moments):  # another solver has been set
            return replace(fresh, epoch=state.epoch, seen=state.seen, rng=state.rng)
        if run.averaged:
            state.average = self._precise(state.average, fresh.theta)
            state.theta = state.theta if state.theta.size else fresh.theta
        else:
            state.theta, state.average = self._precise(state.theta, fresh.theta), None
        return state

    def _precise(self, kept: Array | None, published: Array) -> Array:
        """Return what was kept if it was published, with its last digits, else the published weights."""
        same = kept is not None and np.array_equal(kept.astype(self._float), published.astype(self._float))
        return kept if same and kept is not None else published.copy()

    def _so_far(self, run: assembly.Assembly, state: State) -> dict[str, Any]:
        """Return the attributes of an estimator whose `fit` would end here, in copies."""
        snapshot = self._draft()
        snapshot._publish(run, state, Result(StopReason.FINISHED, state.epoch), incremental=False)
        return vars(snapshot)

    # --- a state in a file -----------------------------------------------------------------------------------------

    @with_callbacks
    @fit_context
    def resume(
        self,
        path: Any,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Take up a run that `Checkpoint` has written, and train until it ends.

        The estimator must have the parameters, and the data must be those, of
        the run that was interrupted; it then equals, bit for bit, the
        estimator that the uninterrupted run would have given. A larger
        `max_iter` lets the run go on for longer.

        Parameters
        ----------
        path : str or path-like
            The file.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            The validation set of one's own, if the run had one.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows, if the run had them.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the file is not a checkpoint, or is one of other data, layers
            or another solver. The estimator is then what it was before.
        """
        checkpoint.refuse_lbfgs(self.solver)
        saved = checkpoint.read(path)
        held_out = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, held_out, groups=groups, saved=self._accepted(saved))

    def _accepted(self, saved: Saved) -> Saved:
        """Return what was read if this estimator can go on from it."""
        origin = saved.origin
        for name, there, here in (("a", origin.estimator, type(self).__name__), ("solver", origin.solver, self.solver)):
            if there != here:
                raise ValueError(f"{saved.path} holds a run of {name} {there}, and this is {here}.")
        if origin.seen_before and getattr(self, "t_", 0) != origin.seen_before:
            raise ValueError(
                f"{saved.path} holds a warm start: call resume on the estimator that it began from (t_ is "
                f"{origin.seen_before} there, {getattr(self, 't_', 0)} here)."
            )
        return saved

    def _origin(self, run: assembly.Assembly, data: Data, validation: Data | None) -> Origin:
        """Return what must be the same where this run is taken up again."""
        return Origin(
            type(self).__name__, self.solver, list(run.layout.sizes), self._arithmetic.name, self._seeds, self.t_,
            checkpoint.fingerprint(data, validation),
        )  # fmt: skip


def state_of(saved: Saved, now: Origin) -> State:
    """Return the state in a checkpoint, which must fit the run that is to go on."""
    there = saved.origin
    if there.sizes != now.sizes:
        raise ValueError(
            f"{saved.path} holds a network of layers {tuple(there.sizes)}, and this one has {tuple(now.sizes)}: "
            "resume with the same hidden_layer_sizes and data."
        )
    other = [name for name, value in there.data.items() if now.data[name] != value]
    if other:
        raise ValueError(f"{saved.path} was written in training on other data: {', '.join(other)} differs.")
    if there.dtype != now.dtype:
        raise ValueError(f"{saved.path} holds a run in {there.dtype}, and this one computes in {now.dtype}: set dtype.")
    return State.from_arrays(saved.arrays)


def train_rest(run: assembly.Assembly, state: State, observer: minibatch.Observer | None) -> Result:
    """Train what is left of a run, which may be nothing; its epochs are counted from the first one."""
    reason = minibatch.spent(run.problem, run.plan, state) if isinstance(run.plan, minibatch.Plan) else None
    result = run.train(state, observer) if reason is None else Result(reason, 0)
    return replace(result, n_epochs=state.epoch)
