"""The public methods of both estimators that do not depend on the task: fits, and what shows the network's inside."""

from dataclasses import replace
from os import PathLike
from typing import Self

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from sknet._estimators.auto import Facts
from sknet._estimators.base import BaseSigmoidMLP
from sknet._estimators.callbacks import with_callbacks
from sknet._estimators.constraints import fit_context
from sknet._estimators.explaining import explain_rows
from sknet._estimators.fitted import model_and_checked_table, require_fitted
from sknet._estimators.read_data import FitArguments
from sknet._estimators.resolve import resolve
from sknet._estimators.start import Seeds, start_from_fitted
from sknet._model.evaluation import Folds, NoEvaluation
from sknet._model.explanation import Explanation
from sknet._model.matrices import encode_rows, encoding_of
from sknet._model.network_trainer import make_trainer
from sknet._model.sensitivity import input_gradients
from sknet._model.starting import refuse_other_weights
from sknet._typing import Array, Table, Target


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
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table. A data frame may hold numbers, categories, text and dates;
            values may be missing.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets. A classifier takes labels, an indicator matrix (multilabel)
            or one column of labels per output (multiclass-multioutput); a regressor
            takes numbers. If y has several columns, values may be missing (NaN,
            None): loss, gradient and score then leave them out.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. With all rows in one batch, a row of weight 2 counts as
            two rows. A row of weight 0 is ignored, whatever its values.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            Your own validation rows, for early stopping.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Its sample weights.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows to hold out together. They are passed to a splitter that
            is given as `validation_fraction`. If no rows of X are held out, a warning
            says that groups are not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data, a parameter or a weight is not as described, or if
            training diverges. The estimator then stays as it was.
        """
        return self._fit(FitArguments(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

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
        """Continue a run from a file that `Checkpoint` wrote, and train to its end.

        Use the same parameters and the same data as in the interrupted run. The
        result then equals, bit for bit, that of a run without an interruption.
        To train for longer, set a larger `max_iter`.

        Parameters
        ----------
        path : str or path-like
            The file.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets. A classifier takes labels, an indicator matrix (multilabel)
            or one column of labels per output (multiclass-multioutput); a regressor
            takes numbers. If y has several columns, values may be missing (NaN,
            None): loss, gradient and score then leave them out.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights. With all rows in one batch, a row of weight 2 counts as
            two rows. A row of weight 0 is ignored, whatever its values.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            Your own validation rows, for early stopping.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Its sample weights.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows to hold out together. They are passed to a splitter that
            is given as `validation_fraction`. If no rows of X are held out, a warning
            says that groups are not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the file is not a checkpoint, or belongs to other data, layers or
            another solver. The estimator then stays as it was.
        """
        return self._resume(path, FitArguments(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    # --- an encoder of tables, for what comes after it in a pipeline -------------------------------------------------

    def transform(self, X: Table) -> Table:
        """Compute the last hidden layer's activations: features that the network has learnt.

        Use them to turn a raw table into numbers for nearest neighbours, a
        projection or a linear model. In a pipeline, the network is fitted to the
        targets first. With `hidden_layer_sizes=()` the result is the encoded
        inputs. `set_output(transform="pandas")` makes it a data frame.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        hidden : ndarray of shape (n_samples, n_units)
            The input of the output layer, as in `activations(X)[-2]`; a sparse matrix
            for a linear model and sparse X. Members stand side by side.
        """
        model, table = model_and_checked_table(self, X)
        return model.last_hidden(table)

    def get_feature_names_out(self, input_features: Target = None) -> Array:
        """Return a name for each column of what `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the table's columns, to compare with those that `fit` saw.

        Returns
        -------
        names : ndarray of str objects, of shape (n_units,)
            "sigmoidmlpclassifier0" and so on; for a linear model, the names of the
            inputs, `network_feature_names_`.
        """
        network = require_fitted(self).model.network
        names: Array = super().get_feature_names_out(input_features)
        return names if network.activations else self.network_feature_names_

    @property
    def _n_features_out(self) -> int:
        """How many columns `transform` returns, for scikit-learn."""
        return int(self.coefs_[-1].shape[0])

    # --- a look inside -----------------------------------------------------------------------------------------------

    def activations(self, X: Table) -> list[Array]:
        """Compute every layer's output.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        outputs : list of arrays of shape (n_samples, layer size), length `n_layers_`
            The encoded input, the output of each hidden layer, and the network's
            output after the output activation.
        """
        model, table = model_and_checked_table(self, X)
        return model.activations(table)

    def input_gradients(self, X: Table) -> Array:
        """Compute how the predictions change with each number of the table: exact derivatives, by a backward pass.

        A gradient says how much the prediction grows per unit of the column, as
        long as the curve is straight. It goes through the network and the encoding
        of the column, so it is in the units of the table and of the predictions
        (a classifier's are probabilities). Gradients are computed in float64. At a
        sharp bend (a bin's edge, a kink of "relu"), they are the slope of one side,
        or the mean of both.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features) or (n_samples, n_outputs, n_features)
            Two dimensions for one target, or for two classes, where the output is the
            probability of the second one. Otherwise one output per target, quantile
            level or column of `predict_proba`; in multiclass-multioutput problems
            these follow each other, with one for two classes. Dates and durations have
            a slope per second. It is 0 where a value is missing, and NaN for
            categories: `explain` says what these contribute.
        """
        by_column = input_gradients(*model_and_checked_table(self, X))  # (n, n_outputs, d)
        return by_column[:, 0] if by_column.shape[1] == 1 else by_column

    def explain(self, X: Table, background: Table = None) -> Explanation:
        """Compute what each column contributes to each prediction: expected gradients.

        Each row is compared with the rows of a background. Contributions are the
        integral of the output's slopes along the straight line from a background
        row to the row, in the encoded space (Sundararajan et al. 2017), averaged
        over the background (Erion et al. 2021). The inputs of a column are added
        up, so each column has one number, whatever it holds.

        A row's contributions add up to its output minus the background's mean
        output, to a thousandth of the outputs' spread. Lines have 8 nodes, or more
        where that is not enough. `verbose` prints how many rows are done.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows to explain.

        background : {array-like, sparse matrix, DataFrame} of shape (n_background, n_features), default=None
            The rows to compare with, usually training rows, which the estimator does
            not keep. From more than 100 rows, 100 are drawn, the same ones at each
            call. None takes rows of X, which must have 20 or more.

        Returns
        -------
        explanation : Explanation
            `values` has shape (n_samples, n_features), or (n_samples, n_features,
            n_outputs) for several outputs. `importance()` is the mean absolute
            contribution of each column. `base_values`, `data` and `feature_names` are
            as in SHAP. A regressor's values are in the units of the target; with a
            log link ("poisson", "gamma", "tweedie") they add up to the logarithm of
            the prediction. A classifier's values add up to `decision_function`: the
            log-odds of the second of two classes or of a label, or the inputs of the
            softmax.

        Warns
        -----
        UserWarning
            If contributions do not add up even with 256 nodes: an activation jumps,
            or "relu" meets few background rows.

        References
        ----------
        Sundararajan, M., Taly, A. & Yan, Q. (2017). "Axiomatic attribution for
        deep networks". ICML. arXiv:1703.01365.

        Erion, G., Janizek, J., Sturmfels, P., Lundberg, S. & Lee, S. (2021).
        "Improving performance of deep learning models with axiomatic
        attribution priors and expected gradients". Nature Machine Intelligence
        3, 620-631. arXiv:1906.10670.
        """
        return explain_rows(self, X, background, verbose=bool(self.verbose))

    def backpropagate(
        self, X: Table, y: Target, sample_weight: Target = None
    ) -> tuple[float, list[Array], list[Array]]:
        """Compute the training objective and its gradient at the present weights.

        The objective includes the penalty and class weights, but no dropout. All
        rows are one batch. Values are in the scale of the scaled target.

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
            Derivatives of the loss with respect to the weights.

        intercept_grads : list of arrays, shaped like `intercepts_`
            Derivatives of the loss with respect to the biases.
        """
        self._validate_params()
        fitted = require_fitted(self)
        start = start_from_fitted(fitted, Seeds(*fitted.seeds), is_increment=True)
        data = self._read(start, FitArguments(X, y, sample_weight))
        # as in the last fit: whether epochs were evaluated decides what label_smoothing="auto" means
        facts = Facts(
            len(data.rows),
            NoEvaluation() if fitted.evaluation is None else Folds([], 1.0),
            began_with_increments=start.has_one_network,
            earlier_parameters=fitted.resolved,
        )
        settings, _ = resolve(self, facts)
        settings = replace(settings, network=replace(settings.network, dropout=()))  # none: the gradient is exact
        model = fitted.model
        encoding = encoding_of(model, data.head)
        trainer = make_trainer(settings, encoding, encode_rows(encoding, data.rows, cross_fit=False))
        refuse_other_weights(trainer.layout, model.network, settings.network.init)
        loss, gradient = trainer.gradient(model.network)  # (p,), like theta; `views` cuts it into matrices and vectors
        coef_grads, intercept_grads = model.network.layout.views(gradient.astype(model.output_dtype, copy=False))
        return loss, list(coef_grads), list(intercept_grads)
