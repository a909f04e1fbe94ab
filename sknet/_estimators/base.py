"""What both estimators share: `fit` and `predict`, told as a short story.

Conventions
-----------
X : (n, d)           the user's table
inputs : (n, m)      the encoded, scaled table: what the network is fed
raw : (n, k)         the network's output before the loss's link
coefs_[l] : (fan_in, fan_out)      intercepts_[l] : (fan_out,)
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sknet._estimators import assembly
from sknet._estimators.callbacks import Callbacks, CallbackSupportMixin, Observers, Printer
from sknet._estimators.inputs import (
    AUTO_EARLY_STOPPING,
    Data,
    float_type,
    hold_out,
    read_table,
    read_weight,
    take_rows,
    warn_of_few,
)
from sknet._network.losses import Loss
from sknet._network.network import Network
from sknet._network.objective import Objective
from sknet._network.parameters import Layout
from sknet._tables.encoding import learn_encoder
from sknet._training.result import DivergedError, Epoch, Result, StopReason
from sknet._training.state import State

Array = npt.NDArray[Any]

PREDICT_ROWS = 2048
"""Rows predicted at once: enough for fast matrix products, few enough to stay in the cache."""


def is_first_order(estimator: Any) -> bool:
    """Whether the estimator has `partial_fit`."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class BaseSigmoidMLP(CallbackSupportMixin, BaseEstimator, ABC):
    """What classifier and regressor have in common."""

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
    ) -> Self:
        """Train, on a draft that replaces this estimator once all has gone well.

        Order of calls: read, learn the target, hold out, learn the tables,
        encode, assemble, train, publish.
        """
        draft = self._draft()
        again = hasattr(self, "coefs_") and (incremental or self.warm_start)
        data = draft._read(X, y, sample_weight, reset=not again)
        data = draft._keep_target(data, incremental) if again else draft._learn_target(data, classes)
        draft._draw_seeds(again)
        training, validation, patient = draft._split(data, held_out, incremental)
        if not again:
            draft._learn_tables(training)
        run, state = draft._prepare(training, validation, again, incremental)
        watchers = self._watchers(draft, run, state, X, y, sample_weight, validation is not None, incremental)
        result = draft._train(run, state, watchers)
        draft._publish(run, state, result, validated=validation is not None, incremental=incremental)
        self._become(draft)
        for watcher in watchers:
            if isinstance(watcher, Callbacks):
                watcher.finish(state)
        self._report(result, quiet=incremental or not patient)
        return self

    def _draft(self) -> Self:
        """Return a copy of this estimator to work on; arrays are shared, and none is written to."""
        draft: Self = object.__new__(type(self))
        vars(draft).update({name: value for name, value in vars(self).items() if name not in _OF_CALLBACKS})
        return draft

    def _become(self, draft: Self) -> None:
        """Take over everything the draft has learnt."""
        kept = {name: value for name, value in vars(self).items() if name in _OF_CALLBACKS}
        vars(self).clear()
        vars(self).update(vars(draft) | kept)

    def _read(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Data:
        """Check the data and drop rows of weight 0."""
        if isinstance(self.hidden_layer_sizes, str):
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r}: the first positional argument is "
                f"hidden_layer_sizes; write loss={self.hidden_layer_sizes!r} for the loss."
            )
        table = read_table(self, X, reset=reset)
        target = self._read_target(self._require(y))
        _check_rows(table, target)
        return Data(table, target, read_weight(sample_weight, len(target))).without_weightless()

    def _require(self, y: Any) -> Any:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        return y

    def _draw_seeds(self, again: bool) -> None:
        """Set _seeds: of the first weights, of the held-out rows and of the shuffling.

        A warm start keeps the held-out rows: they never enter the training part.
        """
        if again and getattr(self, "_state", None) is not None:
            return
        source = check_random_state(self.random_state)
        seeds = [int(seed) for seed in source.randint(np.iinfo(np.int32).max, size=3)]
        self._seeds = [seeds[0], self._seeds[1], seeds[2]] if again else seeds

    def _split(
        self, data: Data, held_out: tuple[Any, Any, Any], incremental: bool
    ) -> tuple[Data, Data | None, bool]:
        """Return the training part, the validation part, and whether training may complain of not converging."""
        given = self._read_held_out(*held_out)
        if incremental or given is not None:
            return data, given, True
        if self.early_stopping is False or (self.early_stopping == "auto" and len(data) < AUTO_EARLY_STOPPING):
            return data, None, True
        rows = hold_out(len(data), self._strata(data.y), self.validation_fraction, self._seeds[1], data)
        if rows is None:
            if self.early_stopping is True:
                warn_of_few(len(data), self.validation_fraction)
            return data, None, False
        return data.take(rows[0]), data.take(rows[1]), True

    def _read_held_out(self, X: Any, y: Any, sample_weight: Any) -> Data | None:
        """Check a validation set of the user's own."""
        if X is None and y is None:
            if sample_weight is not None:
                raise ValueError("sample_weight_val is provided, but X_val and y_val were not provided.")
            return None
        if y is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if X is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if self.early_stopping is False:
            raise ValueError(
                "X_val and y_val are passed to fit while at the same time early_stopping is False. "
                "When passing X_val and y_val to fit, early_stopping should be set to either 'auto' or True."
            )
        table, target = read_table(self, X, reset=False), self._read_target(y)
        _check_rows(table, target)
        return Data(table, target, read_weight(sample_weight, len(target), "sample_weight_val")).without_weightless()

    def _learn_tables(self, training: Data) -> None:
        """Set _encoder, _arithmetic, _float: how the table becomes the network's input, and in which type."""
        self._float = float_type(training.X)
        self._arithmetic = assembly.arithmetic(self, len(training))
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
        n_rows = assembly.buffer_rows(self, len(data))
        inputs = assembly.encode_inputs(data.X, self._encoder, dtype, n_rows)
        weight, total = assembly.normalise(data.weight, len(data), dtype)
        return assembly.Encoded(inputs, self._encode_target(data.y, dtype, training=training), weight, total)

    def _prepare(
        self, training: Data, validation: Data | None, again: bool, incremental: bool
    ) -> tuple[assembly.Assembly, State]:
        """Assemble the run and the state that it starts from. Sets: _loss, _activations, n_outputs_."""
        hidden = assembly.hidden_sizes(self)
        activations = assembly.hidden_activations(self, len(hidden))
        loss, n_outputs = self._make_loss()
        layout = Layout((self._encoder.n_inputs, *hidden, n_outputs))
        assembly.refuse_too_large(layout, self._arithmetic)
        encoded = self._encode(training, training=True)
        if not again:
            self._start(layout, activations, encoded)
        elif [W.shape for W in self.coefs_] != layout.shapes:
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} asks for weights of shapes {layout.shapes}, but "
                f"training goes on from {[W.shape for W in self.coefs_]}: keep the layers, or set warm_start=False."
            )
        self._loss, self._activations = loss, activations
        begun = getattr(self, "_state", None) if again and incremental else None
        run = assembly.assemble(
            self, layout, activations, loss, encoded, self._monitor(validation),
            dtype=self._arithmetic,
            n_epochs=(begun.epoch if begun else 0) + 1 if incremental else self.max_iter,
            patient=not incremental,
        )  # fmt: skip
        return run, self._resumed(begun) if begun else self._new_state(run, again)

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

    def _new_state(self, run: assembly.Assembly, again: bool) -> State:
        """Return the state of a new run, from the weights there are."""
        theta = run.layout.pack(self.coefs_, self.intercepts_, self._arithmetic)
        return run.new_state(theta, np.random.default_rng(self._seeds[2]))

    def _resumed(self, state: State) -> State:
        """Return a copy of a kept state, its theta rebuilt from the weights there are."""
        layout = Layout((self.coefs_[0].shape[0], *(b.size for b in self.intercepts_)))
        theta = layout.pack(self.coefs_, self.intercepts_, self._arithmetic)
        state.theta = theta if state.best is None else state.theta
        return state.copy()

    def _train(self, run: assembly.Assembly, state: State, watchers: list[Any]) -> Result:
        """Run the training loop; a run that diverges becomes the user's error."""
        observer = None if not watchers else watchers[0] if len(watchers) == 1 else Observers(watchers)
        try:
            return run.train(state, observer)
        except DivergedError as error:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to "
                f"be preprocessed. Training diverged in epoch {error.epoch} with "
                f"learning_rate_init={self.learning_rate_init:g}: try learning_rate_init="
                f"{self.learning_rate_init / 10:g}, clip_norm=1.0 or input_scaling='robust'."
            ) from None

    # --- validation --------------------------------------------------------------------------------------------------

    def _monitor(self, validation: Data | None) -> Any:
        """Return a function (objective, theta) -> (loss, score) on the validation part."""
        if validation is None:
            return None
        held_out = self._encode(validation, training=False)

        def monitor(objective: Objective, theta: Array) -> tuple[float, float]:
            loss = objective.value(theta, held_out.inputs, held_out.target, held_out.weight)
            return loss, -loss if self.scoring == "loss" else score(theta)

        if self.scoring == "loss":
            return monitor
        probe = self._draft()
        scorer = check_scoring(probe, self.scoring)
        layout = Layout((self._encoder.n_inputs, *assembly.hidden_sizes(self), self._make_loss()[1]))
        weights = {} if validation.weight is None else {"sample_weight": validation.weight}

        def score(theta: Array) -> float:
            probe.coefs_, probe.intercepts_ = layout.views(theta)
            return float(scorer(probe, validation.X, validation.y, **weights))

        return monitor

    # --- who watches, and what is left afterwards --------------------------------------------------------------------

    def _watchers(
        self,
        draft: Self,
        run: assembly.Assembly,
        state: State,
        X: Any,
        y: Any,
        sample_weight: Any,
        validated: bool,
        incremental: bool,
    ) -> list[Any]:
        """Return who is told of epochs: nobody, unless there are callbacks or `verbose` is set."""
        watchers: list[Any] = [Printer(state.epoch, validated)] if self.verbose else []
        if incremental or not hasattr(self, "_init_callback_context"):
            return watchers
        if getattr(self, "_skl_callbacks", None) or hasattr(self, "_parent_callback_ctx"):
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            data = {"X": X, "y": y, "metadata": metadata}

            def fitted(now: State) -> dict[str, Any]:
                snapshot = draft._draft()
                snapshot._publish(run, now.copy(), Result(StopReason.FINISHED, now.epoch), validated, incremental)
                return vars(snapshot)

            watchers.append(Callbacks(self, data, fitted, self.max_iter))
        return watchers

    def _publish(
        self, run: assembly.Assembly, state: State, result: Result, validated: bool, incremental: bool
    ) -> None:
        """Set every fitted attribute."""
        theta = state.theta if state.best is None else state.best.theta
        coefs, intercepts = run.layout.views(theta.astype(self._float))
        self.coefs_, self.intercepts_ = [W.copy() for W in coefs], [b.copy() for b in intercepts]
        self.n_layers_, self.n_outputs_ = len(run.layout.sizes), run.layout.sizes[-1]
        self.out_activation_ = self._loss.out_activation
        history = state.history[state.epoch - result.n_epochs :] if incremental else state.history
        self._history = [*self._history, *history]
        self.n_iter_ = result.n_epochs
        self.t_ += run.problem.n_samples * result.n_epochs
        self._set_curves(validated)
        unfinished = incremental or result.reason is StopReason.INTERRUPTED
        self._state = state if unfinished else None

    def _set_curves(self, validated: bool) -> None:
        """Set loss_, loss_curve_, best_loss_, validation_scores_ and best_validation_score_ from the history."""
        self.loss_curve_ = [epoch.loss for epoch in self._history]
        self.loss_ = self.loss_curve_[-1]
        scores = [epoch.validation_score for epoch in self._history]
        self.validation_scores_ = scores if validated else None
        self.best_validation_score_ = float(np.nanmax([-np.inf, *scores])) if validated else None
        self.best_loss_ = None if validated else min(self.loss_curve_)

    def _report(self, result: Result, quiet: bool) -> None:
        """Warn where training did not end as it should; tell why it ended if `verbose`."""
        text = result.reason.value.format(**self.get_params(deep=False), message=result.message)
        if result.reason is StopReason.INTERRUPTED:
            warnings.warn(text, stacklevel=4)
        elif result.reason in (StopReason.MAX_ITER, StopReason.LINE_SEARCH) and not quiet:
            warnings.warn(_COMPLAINTS[self.solver == "lbfgs"](text, result), ConvergenceWarning, stacklevel=4)
        elif self.verbose and not quiet:
            print(f"{text} Stopping.")

    # --- predict -----------------------------------------------------------------------------------------------------

    def _raw_outputs(self, X: Any) -> Array:
        """Return the raw outputs, in the input's float type, a piece at a time."""
        check_is_fitted(self)
        table = read_table(self, X, reset=False)
        raw = np.empty((_n_rows(table), self.n_outputs_), self._float)
        for rows, network, coefs, intercepts in self._passes(table, len(raw)):
            inputs = self._encoder.encode(take_rows(table, rows), self._arithmetic)
            raw[rows] = network.forward(inputs, coefs, intercepts)
        return raw

    def _passes(self, table: Any, n: int) -> Iterator[tuple[slice, Network, list[Array], list[Array]]]:
        """Yield pieces of n rows with a network to pass them through, in the arithmetic of training."""
        sizes = (self.coefs_[0].shape[0], *(b.size for b in self.intercepts_))
        network = Network(sizes, self._activations, min(n, PREDICT_ROWS), self._arithmetic, backward=False)
        coefs = [W.astype(self._arithmetic, copy=False) for W in self.coefs_]
        intercepts = [b.astype(self._arithmetic, copy=False) for b in self.intercepts_]
        for start in range(0, n, PREDICT_ROWS):
            yield slice(start, min(start + PREDICT_ROWS, n)), network, coefs, intercepts

    def _predictions(self, X: Any) -> Array:
        """Return the raw outputs after the loss's link."""
        raw = self._raw_outputs(X)
        self._loss.link(raw)
        return raw

    # --- a look inside -----------------------------------------------------------------------------------------------

    def activations(self, X: Any) -> list[Any]:
        """Compute every layer's output.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        outputs : list of arrays of shape (n_samples, layer size), length n_layers_
            The encoded, scaled input; each hidden layer's output; the
            network's output after its output activation.
        """
        check_is_fitted(self)
        table = read_table(self, X, reset=False)
        inputs = self._encoder.encode(table, self._arithmetic)
        outputs = [inputs.astype(self._float, copy=False)]
        outputs += [np.empty((inputs.shape[0], b.size), self._float) for b in self.intercepts_]
        for rows, network, coefs, intercepts in self._passes(table, inputs.shape[0]):
            raw = network.forward(inputs[rows], coefs, intercepts)
            for whole, piece in zip(outputs[1:], [*network.outputs(), raw], strict=True):
                whole[rows] = piece
        self._loss.link(outputs[-1])
        return outputs

    def backpropagate(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[float, list[Array], list[Array]]:
        """Compute the training objective and its gradient at the present weights.

        The penalty and class weights are in, dropout is off, and all rows
        passed count as one batch. Values are those of the scaled target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        loss : float
            The weighted mean loss plus the penalty.

        coef_grads : list of arrays, shaped like coefs_
            Derivatives of the loss with respect to the weights.

        intercept_grads : list of arrays, shaped like intercepts_
            Derivatives of the loss with respect to the biases.
        """
        check_is_fitted(self)
        draft = self._draft()
        data = draft._keep_target(draft._read(X, y, sample_weight, reset=False), incremental=True)
        layout = Layout((self.coefs_[0].shape[0], *(b.size for b in self.intercepts_)))
        run = assembly.assemble(
            draft, layout, self._activations, self._loss, draft._encode(data, training=True), None,
            dtype=self._arithmetic, n_epochs=1, patient=False,
        )  # fmt: skip
        theta = layout.pack(self.coefs_, self.intercepts_, self._arithmetic)
        gradient = np.zeros_like(theta)
        loss = run.full_gradient(theta, gradient)
        coef_grads, intercept_grads = layout.views(gradient.astype(self._float, copy=False))
        return loss, coef_grads, intercept_grads

    @property
    def network_feature_names_(self) -> Array:
        """A name for each input of the network, length coefs_[0].shape[0]."""
        check_is_fitted(self)
        return np.asarray(self._encoder.feature_names, dtype=object)

    @property
    def history_(self) -> Any:
        """A DataFrame, one row an epoch: losses, score, learning rate, gradient norm, seconds."""
        check_is_fitted(self)
        import pandas as pd

        return pd.DataFrame(self._history, columns=list(Epoch.__dataclass_fields__)).rename_axis("epoch")

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


def _n_rows(table: Any) -> int:
    return int(table.shape[0])


def _check_rows(table: Any, target: Array) -> None:
    if _n_rows(table) != len(target):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: [{_n_rows(table)}, {len(target)}]"
        )
