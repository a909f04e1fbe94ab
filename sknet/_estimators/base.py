"""What both estimators share: `fit`, `resume` and `partial_fit`, by the same five steps.

They read the data, plan the fit, select the epoch, train the networks side by side, and publish what these have learnt
with one assignment. A call that fails has changed nothing, because nothing was touched.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state

from sknet._estimators.callbacks import (
    CallbackSupportMixin,
    Watchers,
    has_checkpoint,
    refuse_unresumable,
    watchers_of_epoch,
    watchers_of_fit,
)
from sknet._estimators.constraints import LARGEST, LOSSES, MAY_BE_NUMBERS, SIZES, InvalidParameterError
from sknet._estimators.continuing import continued
from sknet._estimators.documentation import Documented
from sknet._estimators.facts import Facts
from sknet._estimators.fit_run import FitRun, Predict, Seeds, member_seeds
from sknet._estimators.fitted import Fitted, FittedAttributes, while_training
from sknet._estimators.read_data import Columns, FitArguments, read_rows, read_validation
from sknet._estimators.reporting import (
    print_end,
    refuse_or_warn_of_identifiers,
    report,
    warn_of_few_rows,
    warn_of_groups_of_one_class,
    warn_of_outcome,
    warn_of_rows_seen,
    why_diverged,
)
from sknet._estimators.resolve import evaluates, facts_of, resolve, target_settings
from sknet._estimators.scoring import score_on
from sknet._estimators.user_warnings import warn
from sknet._model.heads import Head, parse_again, without_absent_labels
from sknet._model.matrices import Encoding, encode_rows, encode_validation, learn_encoding
from sknet._model.network_run import start_run
from sknet._model.selection import FoldNetworks, select_epoch
from sknet._model.settings import Settings
from sknet._model.starting import refuse_other_weights
from sknet._storage import checkpoints
from sknet._tables.rows import Rows
from sknet._tables.splitting import split_validation
from sknet._training.result import DivergedError, Result, StopReason
from sknet._typing import Array, Table, Target

LearnHead = Callable[..., tuple[Head, Array]]


@dataclass(frozen=True)
class ReadData:
    """What a call was given, checked."""

    head: Head
    rows: Rows  # of positive weight
    columns: Columns
    validation: Rows | None = None  # the user's own


@dataclass(frozen=True)
class Plan:
    """What a call will do: its settings, its seeds, and the rows that evaluate each epoch."""

    settings: Settings
    resolved: dict[str, object]
    seeds: Seeds
    by_folds: bool = False
    held_out: tuple[Array, Array] | None = None  # numbers of the rows to train on, and of those held out
    lacks_validation: bool = False  # whether rows were to be held out, and are too few
    is_increment: bool = False  # whether it is one epoch of `partial_fit`


class BaseSigmoidMLP(FittedAttributes, Documented, CallbackSupportMixin, BaseEstimator):
    """What classifier and regressor have in common; each derives from this and from its parameters."""

    _learn_head: ClassVar[LearnHead]  # (y, target settings, classes) -> head, parsed y
    _predictions: ClassVar[Predict]  # (model, table) -> numbers, or probabilities

    # --- three ways to train -----------------------------------------------------------------------------------------

    def _fit(self, arguments: FitArguments) -> Self:
        """Train new networks or, in a warm start, the one that there is."""
        earlier = self._fitted if self.warm_start else None
        data = self._read(arguments, earlier)
        plan = self._plan(data, earlier, self._seeds(earlier))
        run = self._assemble(data, plan, earlier)
        return self._train_and_publish(run, self._watchers(arguments, run, plan), plan)

    def _resume(self, path: str | PathLike[str], arguments: FitArguments) -> Self:
        """Continue the run that a checkpoint file holds."""
        refuse_unresumable(self.solver, self.n_members)
        saved = checkpoints.read(path)
        saved.refuse_other(type(self).__name__, 0 if self._fitted is None else self._fitted.n_samples_seen)
        earlier = self._fitted if saved.origin.seen_before else None
        data = self._read(arguments, earlier)
        plan = self._plan(data, earlier, saved.origin.seeds, is_resumed=True)
        run = self._assemble(data, plan, earlier)
        run.start_from([saved.state_for(run.origin(), run.first_states()[0])])
        return self._train_and_publish(run, self._watchers(arguments, run, plan), plan)

    def _partial_fit(self, X: Table, y: Target, sample_weight: Target, classes: Target = None) -> Self:
        """Train one epoch, over all rows given."""
        self._validate_params()
        earlier = self._fitted
        data = self._read(FitArguments(X, y, sample_weight), earlier, classes=classes, anew=False)
        epochs_done = 0 if earlier is None or earlier.state is None else earlier.state.epoch
        plan = self._plan_increment(data, earlier)
        run = self._assemble(data, plan, earlier, until=epochs_done + 1)
        states = run.first_states()
        run.start_from(states if earlier is None else [continued(earlier, states[0], data.rows.X)])
        return self._train_and_publish(run, watchers_of_epoch(self, run), plan)

    # --- 1. read -----------------------------------------------------------------------------------------------------

    def _read(
        self, arguments: FitArguments, earlier: Fitted | None, *, classes: Target = None, anew: bool = True
    ) -> ReadData:
        """Check the data and parse y; fold class weights in and drop rows of weight 0."""
        settings, name = target_settings(self), type(self).__name__
        if earlier is None:
            parse = partial(type(self)._learn_head, settings=settings, classes=classes)
            head, rows, columns = read_rows(arguments, name, None, parse, self.categorical_features)
            if rows.original is not None and classes is None:  # a label that only dropped rows had is not a class
                head, rows = without_absent_labels(head, rows)
        else:
            parse = partial(parse_again, earlier.model.head, settings, type(self)._learn_head if anew else None)
            head, rows, columns = read_rows(arguments, name, earlier.columns, parse)
        if settings.class_weight is not None:  # a class weight of 0 drops rows, as a sample weight of 0 does
            rows = rows.with_weight(head.weigh(rows.y, rows.weight)).without_zero_weights()
        validation = None
        if arguments.has_validation:
            validation = read_validation(arguments, name, head, columns, self.early_stopping)
        return ReadData(head, rows, columns, validation)

    # --- 2. plan -----------------------------------------------------------------------------------------------------

    def _plan(self, data: ReadData, earlier: Fitted | None, seeds: Seeds, *, is_resumed: bool = False) -> Plan:
        """Choose the rows that evaluate each epoch, and answer every "auto"."""
        rows, head, n = data.rows, data.head, len(data.rows)
        how = evaluates(self, n) if data.validation is None else None
        if how is not None:
            warn_of_groups_of_one_class(head.strata(rows.y), rows.groups)
        by_folds, held_out, lacks_validation = how == "folds", None, False
        if how is not None and how != "folds":
            held_out = split_validation(rows, head.strata(rows.y), how, seeds[1], head.restore_y)
            lacks_validation = held_out is None
            if lacks_validation and self.early_stopping != "auto":
                warn_of_few_rows(n, how)
            if held_out is not None and earlier is not None:
                warn_of_rows_seen(earlier, n, how)
        n_held_out = 0 if held_out is None else len(held_out[1])
        facts = Facts(
            n - n_held_out,
            "folds" if by_folds else held_out is not None or data.validation is not None,
            n_held_out=n_held_out if data.validation is None else len(data.validation),
            earlier=None if earlier is None else earlier.resolved,
            has_checkpoint=is_resumed or has_checkpoint(self),
        )
        settings, resolved = self._resolve(rows, facts, seeds)
        return Plan(settings, resolved, seeds, by_folds, held_out, lacks_validation)

    def _plan_increment(self, data: ReadData, earlier: Fitted | None) -> Plan:
        """Answer every "auto" for one more epoch."""
        before = None if earlier is None else earlier.resolved
        facts = Facts(len(data.rows), validated=False, increment=True, earlier=before)
        seeds = self._seeds(earlier)
        settings, resolved = self._resolve(data.rows, facts, seeds)
        return Plan(settings, resolved, seeds, is_increment=True)

    def _resolve(self, rows: Rows, facts: Facts, seeds: Seeds) -> tuple[Settings, dict[str, object]]:
        """Answer every "auto" for the rows of a table."""
        if not isinstance(self.batch_size, str) and self.batch_size > facts.n_rows and self.solver != "lbfgs":
            warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)
        return self._resolved(facts_of(self, rows, facts, seeds[1]))

    def _resolved(self, facts: Facts) -> tuple[Settings, dict[str, object]]:
        """Answer every "auto"; return the settings, and all parameters, those that a subclass adds or leaves out included."""
        settings, parameters = resolve(self, facts)
        return settings, self.get_params(deep=False) | vars(parameters)

    def _seeds(self, earlier: Fitted | None) -> Seeds:
        """Draw the seeds of the first weights, of the held-out rows and of what training draws.

        A warm start keeps the held-out rows: they never enter the training part.
        """
        if earlier is not None and earlier.state is not None:
            return earlier.seeds
        source = check_random_state(deepcopy(self.random_state))  # `_publish` advances the original
        first, held_out, training = source.randint(np.iinfo(np.int32).max, size=3).tolist()
        return first, held_out if earlier is None else earlier.seeds[1], training

    def _assemble(self, data: ReadData, plan: Plan, earlier: Fitted | None, *, until: int | None = None) -> FitRun:
        """Learn the encoding, encode the table once, and put the networks together that share it."""
        rows, settings = data.rows, plan.settings
        has_validation = data.validation is not None or plan.held_out is not None
        if self.solver == "lbfgs" and not has_validation:  # full batches: the order and number of rows do not matter
            rows = rows.merge_duplicates()
        if earlier is None:
            encoding = learn_encoding(settings, data.head, rows, data.columns.float_type, plan.seeds[1])
            refuse_or_warn_of_identifiers(encoding.encoder)
        else:
            model = earlier.model
            encoding = Encoding(model.encoder, data.head, model.compute_dtype, model.output_dtype)
        encoded = encode_rows(encoding, rows, cross_fit=settings.table.category_encoding != "one_hot")
        training, validation, table = encoded, None, data.validation
        if data.validation is not None:
            validation = encode_validation(encoding, data.validation)
        elif plan.held_out is not None:
            training, validation = encoded.take(plan.held_out[0]), encoded.take(plan.held_out[1])
            table = rows.take(plan.held_out[1])
        # one epoch of `partial_fit` never stops early, but "adaptive" must count epochs without improvement
        networks = [
            start_run(
                settings, encoding, training, validation, sees_bins=sees_bins, until=until,
                may_stop_early=until is None or self.learning_rate == "adaptive",
            )
            for sees_bins in settings.sees_bins
        ]  # fmt: skip
        if earlier is not None:
            refuse_other_weights(networks[0].layout, earlier.model.network, settings.network.init)
        run = FitRun(
            name=type(self).__name__,
            resolved=plan.resolved,
            settings=settings,
            seeds=plan.seeds,
            columns=data.columns,
            encoding=encoding,
            rows=rows,
            n_split=0 if plan.held_out is None else len(rows),
            given_validation=table,
            validation=validation,
            earlier=earlier,
            networks=networks,
            keeps_out_of_fold=self.early_stopping == "folds",
        )
        if table is not None and self.scoring != "loss":
            fitted_with = while_training(plan.resolved, data.columns, plan.seeds)
            run.rate_by(score_on(self, table, encoding.head, fitted_with))
        if plan.by_folds:
            strata, seeds = data.head.strata(rows.y), member_seeds(plan.seeds, len(networks))
            run.folds = FoldNetworks(
                settings, encoding, encoded, strata=strata, groups=rows.groups, fold_seed=plan.seeds[1], seeds=seeds
            )
        return run

    # --- 3. select, 4. train, 5. publish ---------------------------------------------------------------------------

    def _train_and_publish(self, run: FitRun, watchers: Watchers | None, plan: Plan) -> Self:
        """Let folds select the epoch, train the networks, and publish what they have learnt."""
        before = self._fitted
        try:
            result = self._select_and_train(run, watchers)
            self._report_and_publish(run, result, plan, watchers)
        except DivergedError as error:
            raise ValueError(why_diverged(self, error, run)) from None
        except KeyboardInterrupt as interrupt:
            # one that comes while an error is being handled finds states that may be torn
            if not run.has_whole_epoch or self._fitted is not before or interrupt.__context__ is not None:
                raise
            undefined = any(state.scores_undefined for state in run.states)
            interrupted = Result(StopReason.INTERRUPTED, run.last_epoch.number, scores_undefined=undefined)
            self._report_and_publish(run, interrupted, plan)
        return self

    def _watchers(self, arguments: FitArguments, run: FitRun, plan: Plan) -> Watchers | None:
        n_epochs = self.max_iter - (run.states[0].epoch if run.states else 0)
        return watchers_of_fit(
            self, arguments, run, n_epochs=max(n_epochs, 0), by_folds=plan.by_folds, rated=run.validation is not None
        )

    def _select_and_train(self, run: FitRun, watchers: Watchers | None) -> Result:
        """Train the networks of the folds, if there are any, and those that learn from all rows."""
        in_threads = isinstance(self.scoring, str) and self.scoring == "loss"  # a scorer is the user's own code
        if run.folds is not None:
            resumed, run.states = run.states, []  # of a resumed run, which goes on when the folds have chosen again
            selection = select_epoch(run.folds, None if resumed else watchers)
            if selection.cut_short is not None:
                return Result(selection.cut_short, selection.n_epochs)
            run.train_as(selection)
            run.states = resumed
        if not run.states:
            run.start_from(run.first_states())
        return run.train(watchers, in_threads=in_threads)

    def _report_and_publish(self, run: FitRun, result: Result, plan: Plan, watchers: Watchers | None = None) -> None:
        """Tell all who watch and warn of what went wrong; publish last, so that an error there changes nothing."""
        is_interrupted = result.reason is StopReason.INTERRUPTED
        fitted = run.published(self._predictions, may_go_on=is_interrupted or plan.is_increment)
        if watchers is not None:
            watchers.finish(fitted)
        if plan.is_increment:
            if is_interrupted:
                report(self, result)
        else:
            if self.verbose and not plan.lacks_validation:
                print_end(run.resolved, result)
            report(self, result, quiet=plan.lacks_validation, among_folds=not run.states)
            warn_of_outcome(self, fitted, zip(run.networks, run.states, strict=bool(run.states)))
        self._publish(fitted)

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
        tags.input_tags.sparse = self.n_members in (1, "auto")  # several networks take dense tables
        tags.input_tags.allow_nan = True
        return tags
