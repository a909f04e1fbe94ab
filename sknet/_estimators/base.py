"""What both estimators share: `fit`, `partial_fit` and `resume`, three short methods over the same parts.

Each reads its parameters and data, resolves every "auto", trains a model and publishes it with one assignment. A call
that fails has changed nothing, because nothing was touched.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from os import PathLike
from typing import ClassVar, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state

from sknet._estimators.callbacks import CallbackSupportMixin, refuse_unresumable, watchers_of_epoch, watchers_of_fit
from sknet._estimators.constraints import LARGEST, LOSSES, MAY_BE_NUMBERS, SIZES, InvalidParameterError
from sknet._estimators.continuing import continued
from sknet._estimators.documentation import Documented
from sknet._estimators.fitted import Fitted, FittedAttributes, while_training
from sknet._estimators.parameters import CommonParameters
from sknet._estimators.read_data import Columns, Given, read_rows, read_validation
from sknet._estimators.reporting import (
    print_end,
    refuse_or_warn_of_identifiers,
    report,
    warn,
    warn_of_few_rows,
    warn_of_groups_of_one_class,
    warn_of_outcome,
    warn_of_rows_seen,
    why_diverged,
)
from sknet._estimators.resolve import evaluates, resolve_for, target_settings
from sknet._estimators.scoring import score_on
from sknet._model.encodings import choose_encoding
from sknet._model.fitting import TrainingRun, prepare
from sknet._model.folds import limited_by_folds
from sknet._model.heads import Head, NumberHead, parse_again, without_absent_labels
from sknet._model.intervals import errors_on
from sknet._model.model import Model
from sknet._model.settings import Settings
from sknet._storage import checkpoints
from sknet._tables.rows import Rows
from sknet._tables.splitting import split
from sknet._training.result import DivergedError, Epoch, Result, StopReason
from sknet._training.state import History, State
from sknet._typing import Array, Table, Target

LearnHead = Callable[..., tuple[Head, Array]]
Seeds = tuple[int, int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Begun:
    """A run that is about to start, and what its end will need."""

    run: TrainingRun
    rows: Rows  # all of them, before some were held out
    validation: Rows | None
    columns: Columns
    seeds: Seeds  # of the first weights, of the held-out rows, of what training draws
    resolved: dict[str, object]
    earlier: Fitted | None  # what the run continues from
    name: str  # of the estimator

    def first_state(self) -> State:
        """Return the state that the run starts from: weights of its own, or of an earlier fit."""
        if self.earlier is None:
            return self.run.first_state((self.seeds[0], self.seeds[2]))
        return self.run.state_from(self.earlier.model.network, self.seeds[2])

    def fitted(self, model: Model, n_epochs: int, epochs: list[Epoch], state: State | None = None) -> Fitted:
        """Return what an estimator publishes."""
        history, seen = History((tuple(epochs),) if epochs else ()), self.run.problem.n_samples * n_epochs
        if self.earlier is not None:
            history, seen = self.earlier.history.extended(epochs), seen + self.earlier.n_samples_seen
        judged, n = self.validation is not None, len(self.rows.y)
        n = n if judged and self.run.problem.n_samples < n else 0  # of which some were held out
        return Fitted(model, self.resolved, self.columns, history, n_epochs, seen, judged, self.seeds, state, None, n)

    def fitted_at(self, state: State) -> Fitted:
        """Return what `fit` would leave if it ended here, in copies; but for the errors of held-out rows."""
        return self.fitted(self.run.trained(state), state.epoch, state.history)

    def left_by(self, state: State, interrupted: bool) -> Fitted:
        """Return what `fit` leaves; after an interrupt, training may go on."""
        model, kept = self.run.trained(state), self.run.kept(state) if interrupted else None
        fitted = self.fitted(model, state.epoch, state.history, kept)
        if self.validation is None or not isinstance(model.head, NumberHead):
            return fitted
        return replace(fitted, errors=errors_on(model, model.head, self.validation))

    def fitted_from(self, state: State, start: int) -> Fitted:
        """Return what `partial_fit` leaves after the epochs from `start` on: training may go on."""
        n, done = state.epoch - start, len(state.history)
        return self.fitted(self.run.trained(state), n, state.history[done - n :], self.run.kept(state))

    def origin(self) -> checkpoints.Origin:
        """Return what must be the same where this run is taken up again."""
        return checkpoints.Origin(
            self.name, str(self.resolved["solver"]), list(self.run.layout.sizes), self.run.tables.compute_dtype.name,
            list(self.seeds), 0 if self.earlier is None else self.earlier.n_samples_seen,
            checkpoints.fingerprint(self.rows, self.validation), checkpoints.described(self.resolved),
        )  # fmt: skip


class BaseSigmoidMLP(FittedAttributes, Documented, CallbackSupportMixin, BaseEstimator):
    """What classifier and regressor have in common; each derives from this and from its parameters."""

    _learn_head: ClassVar[LearnHead]  # (y, target settings, classes) -> head, parsed y
    _predictions: ClassVar[Callable[..., Array | list[Array]]]  # (model, table) -> numbers, or probabilities

    # --- three ways to train -----------------------------------------------------------------------------------------

    def _fit(self, given: Given) -> Self:
        """Train a new network or, in a warm start, the one that there is."""
        begun = self._begin(given, self._fitted if self.warm_start else None)
        return self._complete(given, begun, begun.first_state())

    def _resume(self, path: str | PathLike[str], given: Given) -> Self:
        """Continue the run that a checkpoint file holds."""
        refuse_unresumable(self.solver, self.n_members)
        saved = checkpoints.read(path)
        saved.refuse_other(type(self).__name__, self.solver, 0 if self._fitted is None else self._fitted.n_samples_seen)
        begun = self._begin(given, self._fitted if saved.origin.seen_before else None, saved.origin.seeds)
        return self._complete(given, begun, saved.state_for(begun.origin()))

    def _partial_fit(self, X: Table, y: Target, sample_weight: Target, classes: Target = None) -> Self:
        """Train one epoch, over all rows given."""
        self._validate_params()
        earlier = self._fitted
        head, rows, columns = self._read(Given(X, y, sample_weight), earlier, classes=classes, anew=False)
        epochs_done = 0 if earlier is None or earlier.state is None else earlier.state.epoch
        begun = self._assemble(rows, None, head, columns, earlier, self._seeds(earlier), until=epochs_done + 1)
        state = begun.first_state()
        if earlier is not None:
            state = continued(earlier, state, rows.X)
        start = state.epoch

        def train_and_publish() -> None:
            result = self._undiverged(begun.run, partial(begun.run.train, state, watchers_of_epoch(self)))
            fitted = begun.fitted_from(state, start)
            if result.reason is StopReason.INTERRUPTED:
                report(self, result)
            self._publish(fitted)

        self._finished(train_and_publish, [state], lambda: begun.fitted_from(state, start))
        return self

    # --- their parts: before the first step -------------------------------------------------------------------------

    def _begin(self, given: Given, earlier: Fitted | None, seeds: list[int] | None = None) -> Begun:
        """Read, hold out, resolve and assemble: all that comes before the first step of `fit` and `resume`."""
        head, rows, columns = self._read(given, earlier)
        drawn = self._seeds(earlier) if seeds is None else (seeds[0], seeds[1], seeds[2])
        parts: tuple[Rows, Rows | None] = rows, None
        if given.X_val is not None or given.y_val is not None or given.sample_weight_val is not None:
            parts = rows, read_validation(given, type(self).__name__, head, columns, self.early_stopping)
        how = evaluates(self, len(rows.y)) if parts[1] is None else None
        if how is not None:
            warn_of_groups_of_one_class(head.strata(rows.y), rows.groups)
        if how is not None and how != "folds":
            parts = split(rows, head.strata(rows.y), how, drawn[1], head.as_given) or parts  # too few: trained without
            if parts[1] is None and self.early_stopping != "auto":
                warn_of_few_rows(len(rows.y), how)
            if parts[1] is not None and earlier is not None:
                warn_of_rows_seen(earlier, len(rows.y), how)
        return replace(self._assemble(*parts, head, columns, earlier, drawn, by_folds=how == "folds"), rows=rows)

    def _read(
        self, given: Given, earlier: Fitted | None, *, classes: Target = None, anew: bool = True
    ) -> tuple[Head, Rows, Columns]:
        """Check the data and parse y; fold class weights in and drop rows of weight 0."""
        settings = target_settings(self)
        if earlier is None:
            parse = partial(type(self)._learn_head, settings=settings, classes=classes)
            head, rows, columns = read_rows(given, type(self).__name__, None, parse, self.categorical_features)
            if rows.whole is not None and classes is None:  # a label that only dropped rows had is not a class
                head, rows = without_absent_labels(head, rows)
        else:
            parse = partial(parse_again, earlier.model.head, settings, type(self)._learn_head if anew else None)
            head, rows, columns = read_rows(given, type(self).__name__, earlier.columns, parse)
        if settings.class_weight is not None:  # a class weight of 0 drops rows, as a sample weight of 0 does
            rows = rows.weighted(head.weigh(rows.y, rows.weight)).without_weightless()
        return head, rows, columns

    def _seeds(self, earlier: Fitted | None) -> Seeds:
        """Draw the seeds of the first weights, of the held-out rows and of what training draws.

        A warm start keeps the held-out rows: they never enter the training part.
        """
        if earlier is not None and earlier.state is not None:
            return earlier.seeds
        source = check_random_state(deepcopy(self.random_state))  # `_publish` advances the original
        first, held_out, training = source.randint(np.iinfo(np.int32).max, size=3).tolist()
        return first, held_out if earlier is None else earlier.seeds[1], training

    def _as_resolved(self, parameters: CommonParameters, settings: Settings) -> dict[str, object]:
        """Return all parameters as they were resolved, those that a subclass adds or leaves out included."""
        chosen_later = {"numeric_encoding": settings.table.numeric_encoding}
        return self.get_params(deep=False) | vars(parameters) | chosen_later

    def _assemble(
        self, training: Rows, validation: Rows | None, head: Head, columns: Columns, earlier: Fitted | None,
        seeds: Seeds, until: int | None = None, by_folds: bool = False,
    ) -> Begun:  # fmt: skip
        """Resolve every "auto", learn the tables and put the run together."""
        if validation is None and self.solver == "lbfgs":  # full batches: the order and number of rows do not matter
            training = training.merged()
        before = None if earlier is None else earlier.resolved
        settings, parameters = resolve_for(self, training, validation, by_folds, before, until is not None)
        if settings.table.numeric_encoding == "auto":
            settings = choose_encoding(settings, head, training, validation, seeds, columns.float_type)
        resolved = self._as_resolved(parameters, settings)
        if not isinstance(self.batch_size, str) and self.batch_size > len(training.y) and self.solver != "lbfgs":
            warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)
        score = None
        if validation is not None and self.scoring != "loss":
            score = score_on(self, validation, head, while_training(resolved, columns, seeds))
        # one epoch of `partial_fit` never stops early, but "adaptive" must count epochs without improvement
        run = prepare(
            settings, head, training, validation, score, output_dtype=columns.float_type,
            earlier=None if earlier is None else earlier.model, until=until,
            may_stop_early=until is None or self.learning_rate == "adaptive",
        )  # fmt: skip
        if earlier is None:
            refuse_or_warn_of_identifiers(run.tables.encoder)
        if by_folds:
            run = self._undiverged(run, partial(limited_by_folds, run, head, training, seeds))
        return Begun(run, training, validation, columns, seeds, resolved, earlier, type(self).__name__)

    # --- their parts: training, and what is left -------------------------------------------------------------------

    def _complete(self, given: Given, begun: Begun, state: State) -> Self:
        """Train what is left of a run, which may be nothing, and publish the outcome."""
        lacking = begun.validation is None and evaluates(self, len(begun.rows.y)) not in (None, "folds")
        train_and_publish = partial(self._train_and_publish, given, begun, state, lacking)
        self._finished(train_and_publish, [state], lambda: begun.left_by(state, True))
        return self

    def _train_and_publish(self, given: Given, begun: Begun, state: State, lacks_validation: bool) -> None:
        """Train, tell all who watch, and publish what has been learnt."""
        run, n_epochs, validated = begun.run, max(self.max_iter - state.epoch, 0), begun.validation is not None
        watchers = None
        if self.verbose or getattr(self, "_skl_callbacks", ()):
            watchers = watchers_of_fit(self, given, begun, n_epochs=n_epochs, validated=validated)
        # only a resumed run has epochs behind it, and may have ended already
        done = run.solver.exhausted(run.problem, state) if state.epoch else None
        result = self._undiverged(run, partial(run.train, state, watchers)) if done is None else Result(done, 0)
        fitted = begun.left_by(state, result.reason is StopReason.INTERRUPTED)
        if watchers is not None:
            watchers.finish(fitted)
        result = replace(result, n_epochs=state.epoch)
        if self.verbose and not lacks_validation:
            print_end(begun.resolved, result)
        report(self, result, quiet=lacks_validation)
        warn_of_outcome(self, fitted, [(run, state)])
        self._publish(fitted)  # last: where the output is closed, or a warning is an error, nothing has changed

    def _finished(self, train: Callable[[], None], states: Sequence[State], kept: Callable[[], Fitted]) -> None:
        """Train and publish; an interrupt that comes when all have done whole epochs publishes what `kept` returns."""
        before, starts = self._fitted, list(map(attrgetter("epoch"), states))
        try:
            train()
            return
        except KeyboardInterrupt as interrupt:
            done = [state.epoch - start for state, start in zip(states, starts, strict=True)]
            # one that comes while an error is being handled finds a state that may be torn
            if not all(done) or self._fitted is not before or interrupt.__context__ is not None:
                raise
        undefined = any(state.scores_undefined for state in states)
        result, fitted = Result(StopReason.INTERRUPTED, max(done), scores_undefined=undefined), kept()
        report(self, result)
        self._publish(fitted)

    def _undiverged(self, run: TrainingRun, train: Callable[[], T]) -> T:
        """Train; where it diverges, raise an error that says what to try."""
        try:
            return train()
        except DivergedError as error:
            raise ValueError(why_diverged(self, error, run)) from None

    def _publish(self, fitted: Fitted) -> None:
        """Make the estimator the fitted one, in one assignment: at no moment is it half changed."""
        drawn = self._fitted is None or fitted.seeds is not self._fitted.seeds
        self._fitted = fitted
        if drawn and isinstance(self.random_state, np.random.RandomState):
            self.random_state.randint(np.iinfo(np.int32).max, size=3)  # as `_seeds` did on a copy

    # --- scikit-learn's contract -------------------------------------------------------------------------------------

    def _validate_params(self) -> None:
        """Check every parameter, as scikit-learn does; refuse what passes for something else."""
        given: dict[str, object] = self.get_params(deep=False)
        sizes, rate = given.get("hidden_layer_sizes"), given.get("learning_rate")
        if isinstance(sizes, str):
            is_loss = sizes in LOSSES
            remedy = f"write loss={sizes!r} for the loss" if is_loss else "give an int, or one for each layer, (96, 32)"
            raise InvalidParameterError(
                f"hidden_layer_sizes={sizes!r} is text, and is the first positional argument: {remedy}."
            )
        if isinstance(rate, int | float | np.number) and not isinstance(rate, bool):
            raise InvalidParameterError(
                f"learning_rate={rate!r} is the name of a schedule, or a function: give the number as "
                f"learning_rate_init={rate!r}."
            )
        for name, value in given.items():
            if isinstance(value, bool | np.bool_) and name in MAY_BE_NUMBERS:
                raise InvalidParameterError(f"{name}={value!r} is a bool, and a number is expected: give a number.")
            if isinstance(value, set | frozenset):
                raise InvalidParameterError(f"{name}={value!r} is a set, which has no order: give a list.")
            if isinstance(value, np.ndarray) and value.ndim == 0:
                raise InvalidParameterError(f"{name}={value!r} is a 0-d array: give {name}={value.item()!r}.")
            for number in value if isinstance(value, list | tuple) else [value]:
                if isinstance(number, int) and abs(number) >= LARGEST and name not in SIZES:
                    raise InvalidParameterError(f"{name} holds an integer of more than 63 bits: give a smaller one.")
        super()._validate_params()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags
