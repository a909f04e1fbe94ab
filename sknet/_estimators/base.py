"""What both estimators share: `fit` and `predict`, told as a short story.

Conventions
-----------
X : (n, d)           the user's table
inputs : (n, m)      the encoded, scaled table: what the network is fed
raw : (n, k)         the network's output before the loss's link
coefs_[l] : (fan_in, fan_out)      intercepts_[l] : (fan_out,)
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from sknet._estimators import assembly
from sknet._estimators.automatic import arithmetic
from sknet._estimators.callbacks import CallbackSupportMixin, Watchers, for_hooks
from sknet._estimators.checkpoint import Saved
from sknet._estimators.fitted import FittedNetwork
from sknet._estimators.heldout import monitor_of, split
from sknet._estimators.inputs import Data, float_type, gather, read_table, warn
from sknet._estimators.resuming import Resumable, state_of, train_rest
from sknet._network.losses import Loss
from sknet._network.parameters import Layout
from sknet._tables.encoding import learn_encoder
from sknet._training.result import DivergedError, Result, StopReason
from sknet._training.state import State

Array = npt.NDArray[Any]


def is_first_order(estimator: Any) -> bool:
    """Whether the estimator has `partial_fit`."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class BaseSigmoidMLP(FittedNetwork, Resumable, CallbackSupportMixin, BaseEstimator, ABC):
    """What classifier and regressor have in common."""

    _state: State | None
    _validated: bool  # whether the last call held rows out

    # --- what a concrete estimator says of its targets ---------------------------------------------------------------

    @abstractmethod
    def _read_target(self, y: Any) -> Array:
        """Check y and return it as an array, not yet encoded."""

    @abstractmethod
    def _learn_target(self, data: Data, classes: Any = None) -> Data:
        """Learn labels or scaling; return the data with class weights folded in. Sets: `_target` and what shows it."""

    @abstractmethod
    def _keep_target(self, data: Data, incremental: bool) -> Data:
        """Check y against what was learnt before; return the data with class weights folded in."""

    @abstractmethod
    def _encode_target(self, y: Array, dtype: np.dtype[Any], *, training: bool) -> Array:
        """Return the target matrix, with labels smoothed for training."""

    @abstractmethod
    def _make_loss(self) -> tuple[Loss, int]:
        """Return the loss and the number of raw outputs."""

    @abstractmethod
    def _strata(self, y: Array) -> Array | None:
        """Return what a held-out part must hold its share of, one integer a row."""

    def _scales_temperature(self) -> bool:
        """Whether raw outputs are multiplied by what makes the held-out loss least."""
        return False

    def _output_bias(self, target: Array, weight: Array | None) -> Array | None:
        """Return the output layer's first biases, None to leave them as drawn."""
        return None

    # --- fit ---------------------------------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        held_out: tuple[Any, Any, Any] = (None, None, None),
        *,
        incremental: bool = False,
        classes: Any = None,
        groups: Any = None,
        saved: Saved | None = None,
    ) -> Self:
        """Train, on a draft that replaces this estimator once all has gone well.

        Order of calls: read, learn the target, hold out, learn the tables,
        encode, assemble, train, publish.
        """
        draft = self._draft()
        again = hasattr(self, "coefs_") and (incremental or self.warm_start)
        if saved is not None:
            again = saved.origin.seen_before > 0
        data = draft._read(X, y, sample_weight, groups, reset=not again)
        data = draft._keep_target(data, incremental) if again else draft._learn_target(data, classes)
        draft._draw_seeds(again, saved)
        training, validation, patient = split(draft, data, held_out, incremental)
        draft._validated = validation is not None
        if self.solver == "lbfgs" and validation is None:
            training = training.merged()
        if not again:
            draft._learn_tables(training)
        run, state = draft._prepare(training, validation, again, incremental)
        origin = partial(draft._origin, run, data, validation)
        if saved is not None:
            state = state_of(saved, origin())
        watchers = Watchers(
            self, for_hooks(X, y, sample_weight), partial(draft._so_far, run), origin,
            n_epochs=max(self.max_iter - state.epoch, 0), validated=draft._validated, incremental=incremental,
        )  # fmt: skip
        result = draft._train(run, state, watchers, saved)
        draft._publish(run, state, result, incremental=incremental)
        self._become(draft)
        watchers.finish()
        self._report(result, quiet=incremental or not patient)
        return self

    def _draft(self) -> Self:
        """Return a copy of this estimator to work on; arrays are shared, and none is written to."""
        draft: Self = object.__new__(type(self))
        draft.__dict__.update({name: value for name, value in vars(self).items() if name not in _OF_CALLBACKS})
        return draft

    def _become(self, draft: Self) -> None:
        """Take over everything the draft has learnt."""
        if isinstance(self.random_state, np.random.RandomState) and draft._seeds is not vars(self).get("_seeds"):
            self.random_state.randint(np.iinfo(np.int32).max, size=3)  # as `_draw_seeds` did on a copy
        kept = {name: value for name, value in vars(self).items() if name in _OF_CALLBACKS}
        self.__dict__.clear()
        self.__dict__.update(draft.__dict__ | kept)

    def _read(self, X: Any, y: Any, sample_weight: Any, groups: Any = None, *, reset: bool) -> Data:
        """Check the data and drop rows of weight 0."""
        if isinstance(self.hidden_layer_sizes, str):
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r}: the first positional argument is "
                f"hidden_layer_sizes; write loss={self.hidden_layer_sizes!r} for the loss."
            )
        table = read_table(self, X, reset=reset)
        return gather(table, self._read_target(self._require(y)), sample_weight, groups)

    def _require(self, y: Any) -> Any:
        if y is None:
            raise ValueError(f"This {type(self).__name__} estimator requires y to be passed, but the target y is None.")
        return y

    def _draw_seeds(self, again: bool, saved: Saved | None) -> None:
        """Set _seeds: of the first weights, of the held-out rows and of the shuffling.

        A warm start keeps the held-out rows: they never enter the training part.
        """
        if saved is not None:
            self._seeds = saved.origin.seeds
        if saved is not None or (again and getattr(self, "_state", None) is not None):
            return
        source = check_random_state(deepcopy(self.random_state))  # which moves on only if all goes well
        seeds = [int(seed) for seed in source.randint(np.iinfo(np.int32).max, size=3)]
        self._seeds = [seeds[0], self._seeds[1], seeds[2]] if again else seeds

    def _learn_tables(self, training: Data) -> None:
        """Set _encoder, _arithmetic, _float: how the table becomes the network's input, and in which type."""
        self._float = float_type(training.X)
        self._arithmetic = arithmetic(self, len(training))
        self._encoder = learn_encoder(
            training.X,
            categorical_features=self.categorical_features,
            input_scaling=self.input_scaling,
            weight=training.weight,
            dtype=self._arithmetic,
        )
        self._learn_scale(training)

    def _learn_scale(self, training: Data) -> None:
        """Learn how targets are scaled (regressor)."""

    def _encode(self, data: Data, *, training: bool) -> assembly.Encoded:
        """Turn data into what the network is fed and what it is to give back."""
        dtype = self._arithmetic
        # rows to be judged come in pieces as large as those of the training part, which may be the larger one
        n_rows = assembly.buffer_rows(self, data) if training else min(len(data), assembly.MAX_ROWS)
        inputs = assembly.encode_inputs(data.X, self._encoder, dtype, n_rows)
        weight, total = assembly.normalise(data.weight, len(data), dtype)
        return assembly.Encoded(inputs, self._encode_target(data.y, dtype, training=training), weight, total, n_rows)

    def _encoded(self, X: Any, y: Any, sample_weight: Any) -> assembly.Encoded:
        draft = self._draft()
        return draft._encode(draft._keep_target(draft._read(X, y, sample_weight, reset=False), True), training=True)

    def _prepare(
        self, training: Data, validation: Data | None, again: bool, incremental: bool
    ) -> tuple[assembly.Assembly, State]:
        """Assemble the run and the state that it starts from. Sets: _loss, _activations, n_outputs_."""
        hidden = assembly.hidden_sizes(self)
        activations = assembly.hidden_activations(self, len(hidden))
        loss, n_outputs = self._make_loss()
        layout = Layout((self._encoder.n_inputs, *hidden, n_outputs))
        assembly.refuse_too_large(layout, self._arithmetic)
        assembly.warn_of_clipping(self, len(training))
        encoded = self._encode(training, training=True)
        if not again:
            self._start(layout, activations, encoded)
        elif [W.shape for W in self.coefs_] != layout.shapes:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} asks for weights of shapes {layout.shapes}, but "
                f"training goes on from {[W.shape for W in self.coefs_]}: keep the layers, or set warm_start=False."
            )
        self._loss, self._activations = loss, activations
        self.n_outputs_, self.out_activation_ = n_outputs, loss.out_activation
        begun = getattr(self, "_state", None) if again and incremental else None
        run = assembly.assemble(
            self, layout, activations, loss, encoded, monitor_of(self, layout, validation),
            dtype=self._arithmetic,
            n_epochs=(begun.epoch if begun else 0) + 1 if incremental else self.max_iter,
            patient=not incremental or self.learning_rate == "adaptive",  # whose rate falls by patience
        )  # fmt: skip
        return run, self._resumed(begun, run) if begun else self._new_state(run)

    def _start(self, layout: Layout, activations: Sequence[Any], training: assembly.Encoded) -> None:
        """Set coefs_ and intercepts_ to the first weights and biases."""
        coefs, intercepts = assembly.initial_parameters(
            self, layout, activations, np.random.default_rng(self._seeds[0])
        )
        bias = None if isinstance(self.init, tuple) else self._output_bias(training.target, training.weight)
        if bias is not None:
            intercepts[-1] = intercepts[-1] + bias
        self.coefs_, self.intercepts_ = coefs, intercepts
        self.t_, self._history = 0, []

    def _train(self, run: assembly.Assembly, state: State, watchers: Watchers, saved: Saved | None) -> Result:
        """Run the training loop; a run that diverges becomes the user's error."""
        observer = watchers if watchers else None
        try:
            return run.train(state, observer) if saved is None else train_rest(run, state, observer)
        except DivergedError as error:
            remedy = (
                "solver='lbfgs': check the loss and y, or try input_scaling='robust' or solver='adam'."
                if self.solver == "lbfgs"
                else f"learning_rate_init={self.learning_rate_init:g}: try learning_rate_init="
                f"{self.learning_rate_init / 10:g}, clip_norm=1.0 or input_scaling='robust'."
            )
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to "
                f"be preprocessed. Training diverged in epoch {error.epoch} with {remedy}"
            ) from None

    # --- what is left afterwards -------------------------------------------------------------------------------------

    def _publish(self, run: assembly.Assembly, state: State, result: Result, *, incremental: bool) -> None:
        """Set every fitted attribute."""
        theta = state.parameters if state.best is None else state.best.theta
        coefs, intercepts = run.layout.views(theta)
        self.coefs_, self.intercepts_ = ([part.astype(self._float) for part in parts] for parts in (coefs, intercepts))
        self.n_layers_, self.n_outputs_ = len(run.layout.sizes), run.layout.sizes[-1]
        self.out_activation_ = self._loss.out_activation
        history = state.history[len(state.history) - result.n_epochs :] if incremental else state.history
        self._history = [*self._history, *history]
        self.n_iter_ = result.n_epochs
        self.t_ += run.problem.n_samples * result.n_epochs
        self._set_curves()
        unfinished = incremental or result.reason is StopReason.INTERRUPTED
        self._state = self._kept(state) if unfinished else None

    def _set_curves(self) -> None:
        """Set loss_, loss_curve_, best_loss_, validation_scores_ and best_validation_score_ from the history."""
        self.loss_curve_ = [epoch.loss for epoch in self._history]
        self.loss_ = self.loss_curve_[-1] if self._history else np.nan
        scores = [epoch.validation_score for epoch in self._history]
        self.validation_scores_ = scores if self._validated else None
        self.best_validation_score_ = float(np.nanmax([-np.inf, *scores])) if self._validated else None
        self.best_loss_ = None if self._validated else min(self.loss_curve_, default=np.nan)

    def _report(self, result: Result, quiet: bool) -> None:
        """Warn where training did not end as it should; tell why it ended if `verbose`."""
        text = result.reason.value.format(**vars(self) | {"message": result.message})
        if result.reason is StopReason.INTERRUPTED:
            warn(text, UserWarning)
        elif result.reason in (StopReason.MAX_ITER, StopReason.LINE_SEARCH) and not quiet:
            warn(_COMPLAINTS[self.solver == "lbfgs"](text, result), ConvergenceWarning)
        elif self.verbose and not quiet:
            print(f"{text} Stopping.")

    # --- scikit-learn's contract -------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if "coefs_" not in state:
            return state
        return {name: value for name, value in state.items() if name not in _OF_CALLBACKS}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


_OF_CALLBACKS = {"_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx", "_parent_callback_ctx"}

_COMPLAINTS = {
    False: lambda text, result: f"Stochastic Optimizer: {text}",
    True: lambda text, result: (
        f"lbfgs failed to converge after {result.n_epochs} iteration(s): {result.message}. "
        "Increase max_iter or max_fun, or raise tol."
    ),
}
