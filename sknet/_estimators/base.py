"""The steps of `fit`, `resume` and `partial_fit`, for both estimators.

They read the data, plan the fit, select the epoch, train the networks side by side, and publish what these have learnt
with one assignment. So a call that fails changes nothing.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from typing import ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state

from sknet._estimators.auto import Facts, evaluation_method
from sknet._estimators.callbacks import (
    CallbackSupportMixin,
    Observers,
    has_checkpoint,
    observers_of_fit,
    observers_of_partial_fit,
    refuse_unresumable,
)
from sknet._estimators.conflicts import refuse_for_increments, refuse_with_own_validation, refuse_with_temperature
from sknet._estimators.constraints import refuse_misread_values
from sknet._estimators.documentation import DocumentationLinkMixin
from sknet._estimators.fit_run import Evaluation, FitRun, Plan, Seeds, Task, member_seeds
from sknet._estimators.fitted import Fitted, FittedAttributes
from sknet._estimators.parameters import (
    RegressorParameters,
    column_choices,
    copy_containers,
    has_partial_fit,
    solver_name_or_class,
)
from sknet._estimators.phases import FoldPhase, TrainPhase, draw_states, states_from_weights
from sknet._estimators.read_data import Columns, FitArguments, read_rows, read_validation
from sknet._estimators.reporting import (
    print_end,
    refuse_or_warn_of_left_out,
    warn_of_far_columns,
    warn_of_few_rows,
    warn_of_groups_of_one_class,
    warn_of_misread_columns,
    warn_of_rescaled_columns,
    warn_of_rows_seen,
    warn_of_stop_reason,
    warn_of_useless_result,
    why_diverged,
)
from sknet._estimators.resolve import resolve, target_settings
from sknet._estimators.user_warnings import warn
from sknet._model.heads import Head
from sknet._model.importances import importance_rows
from sknet._model.matrices import encode_rows, encode_validation, encoding_of, learn_encoding
from sknet._model.network_trainer import make_trainer, refuse_networks_beyond_memory
from sknet._model.selection import FoldNetworks, draw_folds, folds_of_splits
from sknet._model.settings import Settings
from sknet._model.starting import refuse_other_weights, state_to_continue_from
from sknet._storage import checkpoints
from sknet._tables.novelty import rescale_constant_columns
from sknet._tables.rows import Rows
from sknet._tables.splitting import split_validation, splits_of_splitter
from sknet._tables.survey import survey_columns
from sknet._training.result import DivergedError, Result, StopReason
from sknet._typing import Table, Target


@dataclass(frozen=True)
class ReadData:
    """The data of a call, checked."""

    head: Head
    rows: Rows  # of positive weight
    columns: Columns
    passed: FitArguments  # as the user gave them, rows of weight 0 too
    validation: Rows | None = None  # X_val and y_val; not the rows that are held out, which `Plan` chooses


class BaseSigmoidMLP(FittedAttributes, DocumentationLinkMixin, CallbackSupportMixin, BaseEstimator):
    """Trains estimators of both tasks; each derives from this class and from its parameters."""

    _task: ClassVar[Task]

    # --- three ways to train -----------------------------------------------------------------------------------------

    def _fit(self, arguments: FitArguments) -> Self:
        """Train new networks or, in a warm start, the one that there is."""
        refuse_with_temperature(self)
        earlier = self._fitted if self.warm_start else None
        data = self._read(arguments, earlier)
        plan = self._plan(data, earlier, self._seeds(earlier))
        run = self._assemble(data, plan, earlier)
        return self._train_and_publish(run, self._observers(arguments, run))

    def _resume(self, path: str | PathLike[str], arguments: FitArguments) -> Self:
        """Continue the run that a checkpoint file holds."""
        refuse_with_temperature(self)
        refuse_unresumable(self.solver, self.n_members)
        saved = checkpoints.read_checkpoint(path)
        saved.refuse_other_estimator(type(self).__name__, 0 if self._fitted is None else self._fitted.n_samples_seen)
        earlier = self._fitted if saved.origin.seen_before else None  # of a warm start, what it began from
        data = self._read(arguments, earlier)
        plan = self._plan(data, earlier, Seeds(*saved.origin.seeds), is_resumed=True)
        run = self._assemble(data, plan, earlier)
        run.training.continue_from(saved.state_to_resume(run.origin(), run.training.states[0]), is_resumed=True)
        return self._train_and_publish(run, self._observers(arguments, run))

    def _partial_fit(self, X: Table, y: Target, sample_weight: Target, classes: Target = None) -> Self:
        """Train one epoch, over all rows given."""
        self._validate_params()
        refuse_for_increments(self)
        earlier = self._fitted
        data = self._read(FitArguments(X, y, sample_weight), earlier, classes=classes, anew=False)
        # a `fit` that has ended keeps no state: the weights are those of `fit`, the moments and the epochs start anew
        epochs_done = 0 if earlier is None or earlier.state is None else earlier.state.epoch
        plan = self._plan_increment(data, earlier)
        run = self._assemble(data, plan, earlier, end_epoch=epochs_done + 1)
        if earlier is not None and earlier.state is not None:
            warn_of_far_columns(earlier.model.encoder, data.rows.X.rows_in_memory())
            same_solver = solver_name_or_class(self.solver) == solver_name_or_class(earlier.resolved["solver"])
            fresh, dtype = run.training.states[0], earlier.model.output_dtype
            state = state_to_continue_from(earlier.state, fresh, dtype, keep_moments=same_solver)
            run.training.continue_from(state)
        return self._train_and_publish(run, observers_of_partial_fit(self, run))

    def _prepare(self, X: Table, y: Target, sample_weight: Target, classes: Target) -> None:
        """Learn encoders from a sample and draw the first weights, for `partial_fit` to go on from."""
        has_partial_fit(self)  # raises if not
        self._validate_params()
        refuse_for_increments(self)
        data = self._read(FitArguments(X, y, sample_weight), None, classes=classes, anew=False)
        run = self._assemble(data, self._plan_increment(data, None), None, end_epoch=1)
        self._publish(run.final_result(self._task, may_go_on=True))

    # --- 1. read -----------------------------------------------------------------------------------------------------

    def _read(
        self, arguments: FitArguments, earlier: Fitted | None, *, classes: Target = None, anew: bool = True
    ) -> ReadData:
        """Check the data and parse y; multiply by class weights and drop rows of weight 0.

        `anew`, where training goes on: whether the table is a whole one, so that y must have all of the earlier labels.
        """
        settings, name = target_settings(self), type(self).__name__
        known, columns = (None, arguments.columns) if earlier is None else (earlier.model.head, earlier.columns)
        if known is not None and not anew:
            head, rows, columns = read_rows(
                arguments, name, columns, lambda y: (known.with_settings(settings), known.read(y))
            )
        else:
            learn = partial(self._task.learn_head, settings=settings, classes=classes)
            head, rows, columns = read_rows(arguments, name, columns, learn, column_choices(self))
            if known is not None:
                known.refuse_other_target(head)
                head = known.with_settings(settings)
        if settings.class_weight is not None:  # a class weight of 0 drops rows, as a sample weight of 0 does
            rows = rows.with_weight(head.apply_class_weight(rows.y, rows.weight)).without_zero_weights()
        validation = None
        if arguments.has_validation:
            refuse_with_own_validation(self)
            validation = read_validation(arguments, name, head, columns, self.early_stopping)
        return ReadData(head, rows, columns, arguments, validation)

    # --- 2. plan -----------------------------------------------------------------------------------------------------

    def _plan(self, data: ReadData, earlier: Fitted | None, seeds: Seeds, *, is_resumed: bool = False) -> Plan:
        """Choose what evaluates each epoch, answer every "auto", and learn how the table is encoded."""
        evaluation = self._choose_evaluation(data, earlier, seeds)
        held_out = evaluation.held_out
        n_held_out = 0 if held_out is None else len(held_out[1])
        facts = Facts(
            len(data.rows) - n_held_out,
            "folds" if evaluation.folds is not None else held_out is not None or data.validation is not None,
            n_held_out=n_held_out if data.validation is None else len(data.validation),
            earlier_parameters=None if earlier is None else earlier.resolved,
            has_checkpoint=is_resumed or has_checkpoint(self),
        )
        return self._complete_plan(data, earlier, seeds, facts, evaluation)

    def _plan_increment(self, data: ReadData, earlier: Fitted | None) -> Plan:
        """Answer every "auto" for one more epoch, and learn how the table is encoded if it is the first."""
        facts = Facts(
            len(data.rows),
            validated=False,
            began_with_increments=earlier is None or earlier.began_with_increments,
            earlier_parameters=None if earlier is None else earlier.resolved,
        )
        return self._complete_plan(data, earlier, self._seeds(earlier), facts, Evaluation(), is_partial_fit=True)

    def _choose_evaluation(self, data: ReadData, earlier: Fitted | None, seeds: Seeds) -> Evaluation:
        """Choose the rows of the table that evaluate each epoch, if no others were passed: some, or folds of all."""
        rows, n = data.rows, len(data.rows)
        method = None if data.validation is not None else evaluation_method(self, n, rows.X.limits)
        if method is None:
            return Evaluation()
        is_regression = isinstance(self, RegressorParameters)
        if method != "folds" and not isinstance(method, float):  # a splitter of the user
            passed = data.passed.X, data.passed.y, data.passed.groups
            splits = splits_of_splitter(method, rows, seeds.rows, passed)
            return Evaluation(folds=folds_of_splits(n, splits, rows.groups, is_regression=is_regression))
        strata = data.head.strata(rows.y)
        warn_of_groups_of_one_class(strata, rows.groups)
        if method == "folds":
            return Evaluation(folds=draw_folds(n, strata, rows.groups, seeds.rows, is_regression=is_regression))
        held_out = split_validation(rows, strata, method, seeds.rows)
        if held_out is None:
            if self.early_stopping != "auto":
                warn_of_few_rows(n, method)
            return Evaluation(lacks_validation=True)
        if earlier is not None:
            warn_of_rows_seen(earlier, n, method)
        return Evaluation(held_out=held_out, n_rows_before_split=n)

    def _complete_plan(
        self,
        data: ReadData,
        earlier: Fitted | None,
        seeds: Seeds,
        facts: Facts,
        evaluation: Evaluation,
        *,
        is_partial_fit: bool = False,
    ) -> Plan:
        """Answer every "auto" and learn how the table is encoded, from a sample of it; an earlier encoding stays."""
        rows, facts = data.rows, replace(facts, limits=data.rows.X.limits)
        if not isinstance(self.batch_size, str) and self.batch_size > facts.n_rows and self.solver != "lbfgs":
            warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)
        # full batches of all rows: their order and number do not matter
        if self.solver == "lbfgs" and evaluation.held_out is None and data.validation is None:
            rows = rows.merge_duplicates()
        if earlier is not None:
            settings, resolved = self._resolve(facts)
            encoding = encoding_of(earlier.model, data.head)
            if is_partial_fit:
                encoder, names = rescale_constant_columns(encoding.encoder, rows.X.rows_in_memory(), rows.weight)
                encoding = replace(encoding, encoder=encoder)
                warn_of_rescaled_columns(names)
            return Plan(settings, resolved, seeds, rows, encoding, evaluation, is_partial_fit)
        sample = rows.sample(seeds.rows)
        survey = survey_columns(sample.X, column_choices(self))
        warn_of_misread_columns(survey)
        settings, resolved = self._resolve(replace(facts, columns=survey.summary(self.max_categories)))
        train = None if evaluation.held_out is None else evaluation.held_out[0]
        encoding = learn_encoding(
            settings, data.head, rows, data.columns.float_type, seeds.rows, sample=sample, survey=survey, train=train
        )
        refuse_or_warn_of_left_out(encoding.encoder)
        return Plan(settings, resolved, seeds, rows, encoding, evaluation, is_partial_fit)

    def _resolve(self, facts: Facts) -> tuple[Settings, dict[str, object]]:
        """Answer every "auto"; return the settings, and all parameters, also those that a subclass adds."""
        settings, parameters = resolve(self, facts)
        own = {name: copy_containers(value) for name, value in self.get_params(deep=False).items()}
        return settings, own | vars(parameters)  # the right one wins: the answers

    def _seeds(self, earlier: Fitted | None) -> Seeds:
        """Draw the seeds of a fit; an unfinished run keeps its own.

        A warm start keeps the held-out rows: they never enter the training part.
        """
        if earlier is not None and earlier.state is not None:  # a run that is not over: it goes on
            return Seeds(*earlier.seeds)
        source = check_random_state(deepcopy(self.random_state))  # `_publish` advances the original
        drawn = Seeds(*source.randint(np.iinfo(np.int32).max, size=3).tolist())
        return drawn if earlier is None else drawn._replace(rows=Seeds(*earlier.seeds).rows)

    # --- 3. assemble -------------------------------------------------------------------------------------------------

    def _assemble(self, data: ReadData, plan: Plan, earlier: Fitted | None, *, end_epoch: int | None = None) -> FitRun:
        """Encode the table once, and put the networks together that share it.

        `end_epoch`: the epoch after which training ends, counted as `State.epoch` is; None is `max_iter`.
        """
        rows, settings, encoding = plan.rows, plan.settings, plan.encoding
        folds, held_out = plan.evaluation.folds, plan.evaluation.held_out
        train = None if held_out is None else held_out[0]
        refuse_networks_beyond_memory(settings, encoding, len(rows), 0 if folds is None else len(folds.splits))
        # cross-fitted: a training row whose level is encoded by a mean of targets does not see its own target
        encoded = encode_rows(encoding, rows, cross_fit=settings.table.category_encoding != "one_hot", train=train)
        # an epoch of `partial_fit` may have a row or two, and takes no longer than it must
        few_rows = None if plan.is_partial_fit else importance_rows(rows, encoded, train)
        training, validation, validation_table = encoded, None, data.validation
        if data.validation is not None:
            validation = encode_validation(encoding, data.validation)
        elif held_out is not None:
            training, validation = encoded.take(held_out[0]), encoded.take(held_out[1])
            validation_table = rows.take(held_out[1])
        # one epoch of `partial_fit` never stops early, but "adaptive" must count epochs without improvement
        networks = [
            make_trainer(
                settings, encoding, training, validation, sees_bins=sees_bins, end_epoch=end_epoch,
                may_stop_early=end_epoch is None or self.learning_rate == "adaptive",
            )
            for sees_bins in settings.sees_bins
        ]  # fmt: skip
        seeds = member_seeds(plan.seeds, len(networks))
        if earlier is None:
            first_states = partial(draw_states, networks, seeds)
        else:  # there is one network then: members have been joined
            refuse_other_weights(networks[0].layout, earlier.model.network, settings.network.init)
            first_states = partial(states_from_weights, networks, earlier.model.network, plan.seeds.training)
        run = FitRun(
            estimator_name=type(self).__name__,
            plan=plan,
            columns=data.columns,
            validation_table=validation_table,
            earlier=earlier,
            training=TrainPhase(networks, first_states, validation),
            folds=None if folds is None else FoldPhase(FoldNetworks(settings, encoding, encoded, rows, folds, seeds)),
            keeps_out_of_fold=self.early_stopping == "folds",
            importance_rows=few_rows,
        )
        run.evaluate_by_scorer(self)
        return run

    # --- 4. select, 5. train, 6. publish ---------------------------------------------------------------------------

    def _train_and_publish(self, run: FitRun, observers: Observers | None) -> Self:
        """Let folds select the epoch, train the networks, and publish; after a Ctrl-C, what whole epochs learnt."""
        fitted_before = self._fitted
        try:
            # a scorer is the user's own code, which is not called in several threads
            in_threads = isinstance(self.scoring, str) and self.scoring == "loss"
            result = run.select_and_train(observers, in_threads=in_threads)
            self._report_and_publish(run, result, observers)
        except DivergedError as error:
            raise ValueError(why_diverged(self, error, run)) from None
        except KeyboardInterrupt as interrupt:
            # Nothing is published without a whole epoch of each network, nor twice, where the interrupt came after
            # `_publish`; nor where it came while an error was handled, which may leave an epoch half trained.
            if not run.phase.has_whole_epoch or self._fitted is not fitted_before or interrupt.__context__ is not None:
                raise
            undefined = any(state.scores_undefined for state in run.states)
            interrupted = Result(StopReason.INTERRUPTED, run.last_epoch.number, scores_undefined=undefined)
            self._report_and_publish(run, interrupted)
        return self

    def _observers(self, arguments: FitArguments, run: FitRun) -> Observers | None:
        """Return the observers of a fit that is about to start."""
        n_epochs = self.max_iter - run.training.epochs_before  # of a resumed run
        return observers_of_fit(
            self,
            arguments,
            run,
            n_epochs=max(n_epochs, 0),
            by_folds=run.folds is not None,
            evaluated=run.training.validation is not None,
        )

    def _report_and_publish(self, run: FitRun, result: Result, observers: Observers | None = None) -> None:
        """Call the observers and warn of what went wrong; publish last, so that an error there changes nothing."""
        is_interrupted = result.reason is StopReason.INTERRUPTED
        fitted = run.final_result(self._task, may_go_on=is_interrupted or run.plan.is_partial_fit)
        if observers is not None:
            observers.fit_ended(fitted)
        if run.plan.is_partial_fit:  # one epoch, which ends as planned: only an interrupt is news
            if is_interrupted:
                warn_of_stop_reason(self, result)
        else:
            quiet = run.plan.evaluation.lacks_validation
            if self.verbose and not quiet:
                print_end(run.plan.resolved, result)
            warn_of_stop_reason(self, result, quiet=quiet, among_folds=run.is_among_folds)
            warn_of_useless_result(self, fitted, run.phase.pairs)
        self._publish(fitted)

    def _publish(self, fitted: Fitted) -> None:
        """Make the estimator the fitted one, in one assignment: at no moment is it half changed."""
        # where `_seeds` has drawn nothing, they are the earlier ones
        has_new_seeds = self._fitted is None or fitted.seeds != self._fitted.seeds
        self._fitted = fitted
        if has_new_seeds and isinstance(self.random_state, np.random.RandomState):
            self.random_state.randint(np.iinfo(np.int32).max, size=3)  # as `_seeds` did on a copy

    # --- scikit-learn's contract -------------------------------------------------------------------------------------

    def _validate_params(self) -> None:
        """Check every parameter, as scikit-learn does; refuse values that it takes for something else."""
        refuse_misread_values(type(self).__name__, self.get_params(deep=False), self._parameter_constraints)
        super()._validate_params()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.n_members in (1, "auto")  # several networks take dense tables
        tags.input_tags.allow_nan = True
        return tags
