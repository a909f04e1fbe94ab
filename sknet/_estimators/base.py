"""The steps of `fit`, `resume` and `partial_fit`, for both estimators, and the public methods that both share.

The steps read the data, plan the call, select the epoch, train the networks, and publish the result with one
assignment. So a call that fails changes nothing. `docs/a_fit_step_by_step.md` follows a fit with real values, and
`docs/words.md` explains the words of the code.
"""

import sys
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, ClassVar, Self

from sknet._estimators.callbacks import observers_of
from sknet._estimators.fit_messages import (
    divergence_message,
    print_end_reason,
    warn_of_doubtful_result,
    warn_of_end_reason,
    warn_of_undefined_scores,
)
from sknet._estimators.fit_run import FitRun, make_run
from sknet._estimators.fitted import ParametersAndAttributes, fitted_of, model_and_checked_table, outputs_of, publish
from sknet._estimators.parameters import (
    USER_SCORER,
    check_has_partial_fit,
    check_parameters,
    check_resumable,
    column_choices,
)
from sknet._estimators.planning import Call, drawing_seeds, make_plan, resuming, settings_of_objective
from sknet._estimators.prediction_methods import (
    METHODS,
    SCORES,
    Decoding,
    NoResidualsError,
    explain_rows,
    predict_weighted,
    reason_for_no_residuals,
)
from sknet._estimators.read_data import (
    FitArguments,
    TableSchema,
    drop_zero_weights,
    read_features,
    read_sample_weight,
    replace_zero_weight_rows,
    rows_of_positive_weight,
)
from sknet._estimators.resolve import make_target_settings
from sknet._estimators.sklearn_api import (
    ClassNamePrefixFeaturesOutMixin,
    DocumentationLinkMixin,
    Tags,
    TransformerMixin,
    fit_context,
    with_callbacks,
    with_checked_keywords,
)
from sknet._estimators.suggestions import METHODS_OF_ONE_ESTIMATOR, suggest_name
from sknet._model.baseline import compare_with_constant
from sknet._model.encoding_learner import encode_rows
from sknet._model.explain import Explanation
from sknet._model.heads import Head
from sknet._model.network_setup import make_network_setups
from sknet._model.rows import Rows
from sknet._model.sensitivity import input_gradients
from sknet._training.solver import NO_OBSERVER, DivergedError, EndReason, Observer, TrainingEnd
from sknet._typing import Array, Table, Target

# --- the steps of a fit ----------------------------------------------------------------------------------------------


class BaseSigmoidMLP(DocumentationLinkMixin, ParametersAndAttributes):
    """Base class of both estimators, which also derive from their parameters."""

    _head_class: ClassVar[type[Head]]  # says whether the estimator classifies

    # --- three ways to train -----------------------------------------------------------------------------------------

    def _fit(self, arguments: FitArguments) -> Self:
        """Train new networks, or in a warm start the fitted network."""
        with drawing_seeds(self, arguments, self._fitted if self.warm_start else None) as call:
            return self._train(call)

    def _resume(self, path: str | PathLike[str], arguments: FitArguments) -> Self:
        """Continue the run that a checkpoint file holds."""
        check_resumable(self.solver)
        with resuming(self, arguments, path) as call:
            return self._train(call)

    def _partial_fit(self, X: Table, y: Target, sample_weight: Target, classes: Target = None) -> Self:
        """Train one epoch over all given rows."""
        check_has_partial_fit(self)  # `available_if` checks nothing if the method is looked up on the class
        self._validate_params()
        arguments = FitArguments(X, y, sample_weight, classes=classes)
        with drawing_seeds(self, arguments, self._fitted, is_partial_fit=True) as call:
            return self._train(call)

    def _prepare_partial_fit(self, X: Table, y: Target, sample_weight: Target, classes: Target) -> None:
        """Learn encoders from a sample and draw the first weights, for `partial_fit` to continue from."""
        check_has_partial_fit(self)
        self._validate_params()
        arguments = FitArguments(X, y, sample_weight, classes=classes)
        with drawing_seeds(self, arguments, is_partial_fit=True) as call:
            run = self._make_run(call)
            publish(self, run.final_fitted(*run.phase.join(), keeps_state=True))

    # --- read, plan and encode ---------------------------------------------------------------------------------------

    def _make_run(self, call: Call) -> FitRun:
        """Read the data, plan the call, encode the table, and make the networks."""
        plain = self._with_plain_parameters()
        head, rows, schema = plain._read(call)
        return make_run(plain, make_plan(plain, call, head, rows, schema))

    def _read(self, call: Call) -> tuple[Head, Rows, TableSchema]:
        """Check the table and its schema, parse y, apply class weights, and drop rows of weight 0."""
        arguments, earlier = call.arguments, call.earlier
        settings = make_target_settings(self)
        name = type(self).__name__
        weight = read_sample_weight(arguments.X, arguments.sample_weight)
        known_schema = arguments.schema if earlier is None else earlier.schema
        table, schema = read_features(drop_zero_weights(arguments.X, weight), name, known_schema, column_choices(self))
        if arguments.y is None:
            raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
        y = replace_zero_weight_rows(arguments.y, weight, "y")
        if earlier is not None and call.is_partial_fit:  # its rows may lack classes, but a warm start must have all
            head = earlier.model.head
            values = head.read(y)
        else:
            head, values = self._head_class.learn_and_read(y, settings, arguments.classes)
        rows = rows_of_positive_weight(table, values, weight, arguments.groups)
        if earlier is not None:
            earlier.model.head.check_same_classes(head)
            head = earlier.model.head.with_settings(settings)
        # rows whose class weight is 0 are dropped too
        rows = replace(rows, weight=head.apply_class_weight(rows.y, rows.weight)).without_zero_weights()
        return head, rows, schema

    # --- select, train and publish -----------------------------------------------------------------------------------

    def _train(self, call: Call) -> Self:
        """Make the networks, train them, and publish the result; after a Ctrl-C, publish the last whole epoch."""
        run = self._make_run(call)
        observer = observers_of(self, run)
        fitted_before = self._fitted
        handled_by_caller = sys.exception()  # `fit` may be called in an `except` block
        try:
            end = run.select_and_train(observer)
            self._report_and_publish(run, end, observer)
        except DivergedError as error:
            raise ValueError(divergence_message(error, run.plan.resolved)) from None
        except KeyboardInterrupt as interrupt:
            # Publish nothing if a network has not finished an epoch, if the interrupt came after `publish`, or if it
            # came while an error was handled, since an epoch may then be half trained.
            in_handler = interrupt.__context__ is not handled_by_caller
            if not run.phase.has_finished_epoch or self._fitted is not fitted_before or in_handler:
                raise
            interrupted = TrainingEnd(EndReason.INTERRUPTED, run.phase.epochs_done)
            self._report_and_publish(run, interrupted, NO_OBSERVER)
        return self

    def _report_and_publish(self, run: FitRun, end: TrainingEnd, observer: Observer) -> None:
        """Call the observer, warn, and publish. Publishing comes last, so that an error before it changes nothing."""
        is_interrupted = end.reason is EndReason.INTERRUPTED
        is_partial_fit = run.plan.call.is_partial_fit
        quiet = is_partial_fit or run.plan.holdout.has_too_few_rows
        network, held_out_outputs = run.phase.join()
        fitted = run.final_fitted(network, held_out_outputs, keeps_state=is_interrupted or is_partial_fit)
        observer.fit_ended(fitted)
        if self.verbose and not quiet:
            print_end_reason(run.plan.resolved, end, run.plan.settings.solver.patience.verdict)
        if any(state.scores_undefined for _, state in run.published_networks):
            warn_of_undefined_scores(self.scoring)
        n_chosen = None if run.selection is None else run.published_networks[0][0].solver.n_epochs
        warn_of_end_reason(self, end, quiet=quiet, during_folds=run.train_phase is None, n_chosen=n_chosen)
        if not is_partial_fit:
            # an epoch chosen by a scorer need not have a low loss on the held-out rows
            outputs_to_compare = None if USER_SCORER.holds(self) else held_out_outputs
            comparison = compare_with_constant(
                run.published_networks,
                outputs_to_compare,
                selection=run.selection,
                n_rows=run.plan.n_train_rows,
                max_epochs=run.plan.settings.solver.n_epochs,
                stopped_by_user=end.is_by_user,
            )
            warn_of_doubtful_result(self, fitted, comparison)
        publish(self, fitted)

    # --- predict -----------------------------------------------------------------------------------------------------

    def _decoding(self, method: str, *arguments: object) -> Decoding:
        """Return how a prediction method decodes raw outputs; raise if it cannot predict."""
        fitted = fitted_of(self)
        try:
            return METHODS[method](fitted.model.head, fitted.residuals, *arguments)
        except NoResidualsError:
            reason = reason_for_no_residuals(fitted, self.early_stopping)
            raise ValueError(
                f"{method} needs rows that were held out in the last call to fit, and there are none: {reason}. Fit "
                "to the end with early_stopping='folds', or with early_stopping=True or X_val and y_val."
            ) from None

    def _predict_by(self, method: str, X: Table, *arguments: object) -> Array:
        """Return what a method of `METHODS` predicts; several columns of classes may give a list."""
        decoding = self._decoding(method, *arguments)
        predictions: Array = decoding.finish(outputs_of(self, X, decoding.convert))
        return predictions

    def _score(self, X: Table, y: Target, sample_weight: Target) -> float:
        """Return what `score` returns: accuracy, or R² or pinball D²."""
        head = fitted_of(self).model.head
        predicted = predict_weighted(self.predict, X, sample_weight)  # type: ignore[attr-defined]  # of each estimator
        return SCORES[self._head_class](head, predicted, y, sample_weight)

    if not TYPE_CHECKING:  # type checkers would think that every attribute exists

        def __getattr__(self, name: str) -> object:
            """Raise for an attribute that could not be read; of a method of the other estimator, say what to call."""
            if name in METHODS_OF_ONE_ESTIMATOR:
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {name!r}: {METHODS_OF_ONE_ESTIMATOR[name]}."
                )
            return object.__getattribute__(self, name)  # raises as before, such as NotFittedError

    # --- scikit-learn's contract -------------------------------------------------------------------------------------

    def set_params(self, **params: object) -> Self:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            The parameters to change, by name.

        Returns
        -------
        self : estimator
            The estimator.
        """
        names = list(self.get_params(deep=False))
        for name in params:
            if name not in names:
                remedy = suggest_name(name, names, type(self).__name__)
                raise ValueError(f"Invalid parameter {name!r} for estimator {type(self).__name__}: {remedy}")
        return super().set_params(**params)

    set_params.__qualname__ = "set_params"  # else Python's own errors would name this private class

    def _validate_params(self) -> None:
        """Check every parameter."""
        check_parameters(type(self).__name__, self.get_params(deep=False), self._parameter_constraints)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.n_members in (1, "auto")  # several networks need dense tables
        tags.input_tags.allow_nan = True
        return tags


# --- public methods --------------------------------------------------------------------------------------------------


class InMemoryMLP(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseSigmoidMLP):
    """An estimator that learns from a table in memory: the public methods that classifier and regressor share."""

    # --- training ----------------------------------------------------------------------------------------------------

    @with_callbacks
    @fit_context
    def fit(
        self,
        X: Table,
        y: Target,
        sample_weight: Target = None,
        *,
        X_val: Table = None,
        y_val: Target = None,
        sample_weight_val: Target = None,
        groups: Target = None,
    ) -> Self:
        """Fit the network to a table.

        A warning names a column of dates if rows in the order of time are held out at
        random, and a number that behaves like an identifier. Memory-mapped and sparse
        tables are not checked for this.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table. A data frame may hold numbers, categories, text and dates. Values
            may be missing.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets. A classifier takes labels, an indicator matrix (multilabel) or
            several columns of labels (multiclass-multioutput). A regressor takes
            numbers. If `y` has several columns, values may be missing (NaN or None),
            but not all of a row; the loss and the score ignore them.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. In the loss, a row of weight 2 counts as two rows. The fit
            equals one with repeated rows if all rows form one batch, without held-out
            rows, folds, dropout, target means and learning_rate="invscaling", and with
            the same `resolved_params_` ("auto" counts rows). Rows of weight 0 are
            ignored, whatever they hold.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            Your own validation rows, for early stopping.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of the validation rows.

        sample_weight_val : array-like of shape (n_val,), default=None
            Sample weights of the validation rows.

        groups : array-like of shape (n_samples,), default=None
            Group of each row. Rows of one group are held out together. A splitter
            passed as `validation_fraction` receives the groups. A search passes them on
            only with metadata routing and `set_fit_request(groups=True)`, as
            :doc:`the guide </guide/pipelines>` shows in *Groups in a search*.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data, a parameter or a weight is invalid, or if training diverges.
            The estimator then stays as it was.
        """
        return self._fit(
            FitArguments(
                X, y, sample_weight, X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val, groups=groups
            )
        )

    @with_callbacks
    @fit_context
    def resume(
        self,
        path: str | PathLike[str],
        X: Table,
        y: Target,
        sample_weight: Target = None,
        *,
        X_val: Table = None,
        y_val: Target = None,
        sample_weight_val: Target = None,
        groups: Target = None,
    ) -> Self:
        """Continue an interrupted `fit` from a file written by `Checkpoint`.

        Pass the same data, and use the same parameters, as in the interrupted run. The
        result then equals that of a run without interruption, bit for bit. To train
        longer, set a larger `max_iter`.

        Parameters
        ----------
        path : str or path-like
            The file.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets, as in `fit`.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            Your own validation rows.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Targets of the validation rows.

        sample_weight_val : array-like of shape (n_val,), default=None
            Sample weights of the validation rows.

        groups : array-like of shape (n_samples,), default=None
            Group of each row, as in `fit`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the file is not a checkpoint, or belongs to other data, other layers or
            another solver. The estimator then stays as it was.
        """
        return self._resume(
            path,
            FitArguments(
                X, y, sample_weight, X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val, groups=groups
            ),
        )

    # --- an encoder of tables, for what comes after it in a pipeline -------------------------------------------------

    @with_checked_keywords
    def transform(self, X: Table) -> Table:
        """Compute the activations of the last hidden layer.

        They turn a raw table into numbers for another model, such as nearest neighbours
        or a linear model. As a step of a pipeline, the network is fitted to the same
        targets as the last step. After `set_output(transform="pandas")`, it returns a
        data frame.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        hidden : ndarray of shape (n_samples, n_units)
            The input of the output layer, `activations(X)[-2]`, with the units of all
            members side by side. Without hidden layers it is the encoded table, which
            is a sparse matrix for sparse `X`.
        """
        model, table = model_and_checked_table(self, X)
        return model.last_hidden(table)

    @with_checked_keywords
    def get_feature_names_out(self, input_features: Target = None) -> Array:
        """Return the names of the columns that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the table's columns. They must be those that `fit` saw.

        Returns
        -------
        names : ndarray of str objects, of shape (n_units,)
            The class name in lower case with a number, such as "sigmoidmlpclassifier0";
            without hidden layers, `network_feature_names_`.
        """
        network = fitted_of(self).model.network
        names: Array = super().get_feature_names_out(input_features)
        return names if network.activations else self.network_feature_names_

    @property
    def _n_features_out(self) -> int:
        """How many columns `transform` returns, for scikit-learn."""
        return int(self.coefs_[-1].shape[0])

    # --- a look inside -----------------------------------------------------------------------------------------------

    @with_checked_keywords
    def activations(self, X: Table) -> list[Array]:
        """Compute the output of every layer.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        outputs : list of arrays of shape (n_samples, layer size), length `n_layers_`
            The encoded table, the output of each hidden layer, and the output of the
            network after the output activation.
        """
        model, table = model_and_checked_table(self, X)
        return model.inputs_and_layer_outputs(table)

    @with_checked_keywords
    def input_gradients(self, X: Table) -> Array:
        """Compute the derivatives of the predictions with respect to the table's numbers.

        A derivative is the slope of the prediction: how much the prediction changes per
        unit of a column. It is exact, since a backward pass in float64 goes through the
        network and the encoding. At a sharp bend, such as the edge of a bin or the kink
        of "relu", it is the slope on one side or the mean of both slopes.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features) or (n_samples, n_outputs, n_features)
            Derivatives in the units of the prediction per unit of the column, or per
            second for dates and durations. They are 0 for missing values, and NaN for
            categories and text (for these, use `explain`).

            There is no axis of outputs for a single target, nor for two classes, where
            the prediction is the probability of the second class. Otherwise there is
            one output per target, quantile level or column of `predict_proba`. For
            several columns of classes, the outputs of each column follow those of the
            column before; a column of two classes has a single output.
        """
        by_column = input_gradients(*model_and_checked_table(self, X))  # (n, n_outputs, d)
        return by_column[:, 0] if by_column.shape[1] == 1 else by_column

    @with_checked_keywords
    def explain(self, X: Table, background: Table = None) -> Explanation:
        """Compute how much each column contributes to each prediction.

        Contributions are expected gradients: each row is compared with the rows of a
        background. The gradient of the output is integrated along the straight line
        from a background row to the explained row, in the encoded table [1]_, and
        averaged over the background [2]_. The contributions of all inputs that encode a
        column are added up, so every column has one number.

        The contributions of a row add up to its output minus the mean output of the
        background, to within a thousandth of the outputs' spread. With `verbose`,
        progress is printed.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows to explain.

        background : {array-like, sparse matrix, DataFrame} of shape (n_background, n_features), default=None
            The rows to compare with, usually training rows. If there are more than 100,
            the same 100 are drawn in each call. With None, `X` is its own background
            and must have 20 rows or more.

        Returns
        -------
        explanation : Explanation
            Its `values` have shape (n_samples, n_features), or (n_samples, n_features,
            n_outputs) for several outputs. `importance()` returns the mean absolute
            contribution of each column.

            A regressor's contributions are in the units of the target. With the losses
            "poisson", "gamma" and "tweedie", the output is the logarithm of the
            prediction. A classifier's output is that of `decision_function`: the
            log-odds of the second class or of a label, or the inputs of the softmax.

        Warns
        -----
        UserWarning
            If contributions do not add up, because an activation function has jumps, or
            because there are too few background rows for "relu".

        References
        ----------
        .. [1] Sundararajan, M., Taly, A. & Yan, Q. (2017). "Axiomatic attribution for
           deep networks". ICML. arXiv:1703.01365.
        .. [2] Erion, G., Janizek, J., Sturmfels, P., Lundberg, S. & Lee, S. (2021).
           "Improving performance of deep learning models with axiomatic attribution
           priors and expected gradients". Nature Machine Intelligence 3, 620-631.
           arXiv:1906.10670.
        """
        return explain_rows(self, X, background)

    @with_checked_keywords
    def backpropagate(
        self, X: Table, y: Target, sample_weight: Target = None
    ) -> tuple[float, list[Array], list[Array]]:
        """Compute the training objective and its gradient at the current weights.

        The objective is the loss of all rows as one batch, plus the penalty. It
        includes class weights, but no dropout. A regressor computes it on the scaled
        target.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        Returns
        -------
        loss : float
            The weighted mean loss plus the penalty.

        coef_grads : list of arrays, shaped like `coefs_`
            Derivatives with respect to the weights.

        intercept_grads : list of arrays, shaped like `intercepts_`
            Derivatives with respect to the biases.
        """
        self._validate_params()
        fitted = fitted_of(self)
        # the objective that `partial_fit` would minimise on these rows
        call = Call(FitArguments(X, y, sample_weight), fitted.seeds, fitted, is_partial_fit=True)
        plain = self._with_plain_parameters()
        head, rows, _ = plain._read(call)
        settings = settings_of_objective(plain, call, fitted, rows)
        model = fitted.model
        encoding = replace(model.encoding, head=head)
        (setup,) = make_network_setups(settings, encoding, encode_rows(encoding, rows, cross_fit=False))
        loss, gradient = setup.objective_and_gradient(model.network)  # (p,), like theta
        coef_grads, intercept_grads = model.network.layout.coefs_and_intercepts(
            gradient.astype(model.encoding.output_dtype, copy=False)
        )
        return loss, list(coef_grads), list(intercept_grads)
