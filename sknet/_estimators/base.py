"""The steps of `fit`, `resume` and `partial_fit`, for both estimators.

They read the data, plan the call, select the epoch, train the networks, and publish the result with one assignment. So
a call that fails changes nothing.
"""

import sys
from functools import partial
from os import PathLike
from typing import ClassVar, Self

from sknet._estimators.assembling import assemble_run
from sknet._estimators.callbacks import (
    Observers,
    observers_of,
    refuse_unresumable_solver,
)
from sknet._estimators.conflicts import (
    refuse_conflicts_with_own_rows,
    refuse_conflicts_with_temperature,
)
from sknet._estimators.constraints import check_parameters
from sknet._estimators.documentation import DocumentationLinkMixin
from sknet._estimators.fit_messages import (
    print_stop_reason,
    warn_of_doubtful_result,
    warn_of_stop_reason,
    why_diverged,
)
from sknet._estimators.fit_run import FitRun, TaskFunctions
from sknet._estimators.fitted import Fitted, FittedAttributes
from sknet._estimators.parameters import CommonParameters, check_has_partial_fit, column_choices
from sknet._estimators.planning import make_plan
from sknet._estimators.read_data import FitArguments, ReadData, read_own_rows, read_rows
from sknet._estimators.resolve import target_settings
from sknet._estimators.sklearn_types import BaseEstimator, CallbackSupportMixin, Tags
from sknet._estimators.start import Start, advance_random_state, draw_start, start_from_checkpoint
from sknet._model.evaluation import NoEvaluation
from sknet._model.train import are_no_better_than_constant
from sknet._storage import checkpoints
from sknet._training.solver import DivergedError, StopReason, TrainingEnd
from sknet._typing import Table, Target


class BaseSigmoidMLP(FittedAttributes, DocumentationLinkMixin, CallbackSupportMixin, BaseEstimator, CommonParameters):
    """Base class of both estimators, which also derive from their parameters."""

    _task: ClassVar[TaskFunctions]

    # --- three ways to train -----------------------------------------------------------------------------------------

    def _fit(self, arguments: FitArguments) -> Self:
        """Train new networks, or in a warm start the fitted network."""
        refuse_conflicts_with_temperature(self)
        with draw_start(self, self._fitted if self.warm_start else None) as start:
            return self._train(start, arguments)

    def _resume(self, path: str | PathLike[str], arguments: FitArguments) -> Self:
        """Continue the run that a checkpoint file holds."""
        refuse_conflicts_with_temperature(self)
        refuse_unresumable_solver(self.solver)
        saved, before = checkpoints.read_checkpoint(path), self._fitted
        saved.check_estimator(type(self).__name__, 0 if before is None else before.n_samples_seen)
        start = start_from_checkpoint(saved, before)
        self._train(start, arguments)
        if (
            before is None or before.seeds != start.seeds.as_tuple()
        ):  # another estimator drew the seeds of the interrupted run
            advance_random_state(self)
        return self

    def _partial_fit(self, X: Table, y: Target, sample_weight: Target, classes: Target = None) -> Self:
        """Train one epoch over all given rows."""
        self._validate_params()
        with draw_start(self, self._fitted, is_increment=True) as start:
            return self._train(start, FitArguments(X, y, sample_weight, classes=classes))

    def _prepare(self, X: Table, y: Target, sample_weight: Target, classes: Target) -> None:
        """Learn encoders from a sample and draw the first weights, for `partial_fit` to continue from."""
        check_has_partial_fit(self)  # raises if not
        self._validate_params()
        with draw_start(self, None, is_increment=True) as start:
            run = self._assemble(start, FitArguments(X, y, sample_weight, classes=classes))
            self._publish(run.final_fitted(run.outcome(), self._task, keeps_state=True))

    def _train(self, start: Start, arguments: FitArguments) -> Self:
        """Train from a start on the given data, and publish the result."""
        run = self._assemble(start, arguments)
        return self._train_and_publish(run, observers_of(self, arguments, run))

    def _assemble(self, start: Start, arguments: FitArguments) -> FitRun:
        """Read the data, plan the call, and make its networks."""
        return assemble_run(self, make_plan(self, self._read(start, arguments), start))

    # --- 1. read -----------------------------------------------------------------------------------------------------

    def _read(self, start: Start, arguments: FitArguments) -> ReadData:
        """Check the data, parse y, apply class weights, and drop rows of weight 0."""
        settings, name = target_settings(self), type(self).__name__
        learn = partial(self._task.learn_head, settings=settings, classes=arguments.classes)
        if start.earlier is None:
            head, rows, columns = read_rows(arguments, name, arguments.columns, learn, column_choices(self))
        else:
            known = start.earlier.model.head
            # the rows of `partial_fit` may lack classes, but a warm start must have all of them
            head, rows, columns = read_rows(
                arguments,
                name,
                start.earlier.columns,
                (lambda y: (known, known.read(y))) if start.is_increment else learn,
            )
            known.refuse_other_classes(head)
            head = known.with_settings(settings)
        if settings.class_weight is not None:  # rows whose class weight is 0 are dropped too
            rows = rows.with_weight(head.apply_class_weight(rows.y, rows.weight)).without_zero_weights()
        held_out = None
        if arguments.has_own_rows:
            refuse_conflicts_with_own_rows(self)
            held_out = read_own_rows(arguments, name, head, columns, self.early_stopping)
        return ReadData(head, rows, columns, arguments, held_out)

    # --- 4. select, 5. train, 6. publish ---------------------------------------------------------------------------

    def _train_and_publish(self, run: FitRun, observers: Observers | None) -> Self:
        """Let folds select the epoch, train the networks, and publish; after a Ctrl-C, publish the last whole epoch."""
        fitted_before, handled_by_caller = self._fitted, sys.exception()  # `fit` may be called in an `except` block
        try:
            # a scorer is the user's own code, which may not be thread-safe
            in_threads = isinstance(self.scoring, str) and self.scoring == "loss"
            result = run.select_and_train(observers, in_threads=in_threads)
            self._report_and_publish(run, result, observers)
        except DivergedError as error:
            raise ValueError(why_diverged(self, error, run)) from None
        except KeyboardInterrupt as interrupt:
            # Publish nothing if a network has not finished an epoch, if the interrupt came after `_publish`, or if it
            # came while an error was handled, since an epoch may then be half trained.
            in_handler = interrupt.__context__ is not handled_by_caller
            if not run.phase.has_new_epoch or self._fitted is not fitted_before or in_handler:
                raise
            undefined = any(state.scores_undefined for _, state in run.phase.trainers_and_states)
            interrupted = TrainingEnd(StopReason.INTERRUPTED, run.last_epoch.number, scores_undefined=undefined)
            self._report_and_publish(run, interrupted)
        return self

    def _report_and_publish(self, run: FitRun, result: TrainingEnd, observers: Observers | None = None) -> None:
        """Call the observers, warn, and publish. Publishing comes last, so that an error before it changes nothing."""
        is_interrupted = result.reason is StopReason.INTERRUPTED
        is_increment, outcome = run.plan.start.is_increment, run.outcome()
        fitted = run.final_fitted(outcome, self._task, keeps_state=is_interrupted or is_increment)
        if observers is not None:
            observers.fit_ended(fitted)
        if is_increment:  # a single epoch always ends as planned, unless interrupted
            if is_interrupted:
                warn_of_stop_reason(self, result)
        else:
            quiet = run.plan.evaluation == NoEvaluation(is_short_of_rows=True)
            if self.verbose and not quiet:
                print_stop_reason(run.plan.resolved, result)
            warn_of_stop_reason(self, result, quiet=quiet, among_folds=run.phase is run.fold_phase)
            # an epoch chosen by a scorer need not have a low loss on the held-out rows
            judged_by = outcome.held_out if self.scoring == "loss" else None
            stopped_by_user = is_interrupted or result.reason is StopReason.CALLBACK
            networks = run.phase.trainers_and_states
            is_no_better_than_constant = are_no_better_than_constant(
                networks, judged_by, stopped_by_user=stopped_by_user
            )
            warn_of_doubtful_result(self, fitted, is_no_better_than_constant=is_no_better_than_constant)
        self._publish(fitted)

    def _publish(self, fitted: Fitted) -> None:
        """Set the result in one assignment, so that the estimator is never half changed."""
        self._fitted = fitted

    # --- scikit-learn's contract -------------------------------------------------------------------------------------

    def _validate_params(self) -> None:
        """Check every parameter."""
        check_parameters(type(self).__name__, self.get_params(deep=False), self._parameter_constraints)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.n_members in (1, "auto")  # several networks need dense tables
        tags.input_tags.allow_nan = True
        return tags
