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
            The table: numbers and, in a data frame, categories and dates; values
            may be missing.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets. For a classifier labels, an indicator matrix (multilabel),
            or one column of labels per output (multiclass-multioutput); for a
            regressor numbers. Of several columns, some may be missing in a row (NaN,
            None): they have no part in loss, gradient and score.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights: with all rows in one batch, a row of weight 2 is two
            rows; one of weight 0 is none, whatever its values.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            A validation set of your own, for early stopping.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Its sample weights.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows that early stopping holds out together, and that a
            splitter given as `validation_fraction` gets. Where no rows of X are held
            out, a warning says so.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data, a parameter or a weight is not as described, or if
            training diverges. The estimator is then what it was before.
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
        """Continue a run that `Checkpoint` has written, and train until it ends.

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
            The targets. For a classifier labels, an indicator matrix (multilabel),
            or one column of labels per output (multiclass-multioutput); for a
            regressor numbers. Of several columns, some may be missing in a row (NaN,
            None): they have no part in loss, gradient and score.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights: with all rows in one batch, a row of weight 2 is two
            rows; one of weight 0 is none, whatever its values.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            A validation set of your own, for early stopping.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Its sample weights.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows that early stopping holds out together, and that a
            splitter given as `validation_fraction` gets. Where no rows of X are held
            out, a warning says so.

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
        return self._resume(path, FitArguments(X, y, sample_weight, X_val, y_val, sample_weight_val, groups))

    # --- an encoder of tables, for what comes after it in a pipeline -------------------------------------------------

    def transform(self, X: Table) -> Table:
        """Compute the last hidden layer's activations: features that the network has learnt.

        They encode a raw table in numbers, for nearest neighbours, a projection or
        a linear model behind the network in a pipeline, which then fits it to
        the targets first. Of a linear model, `hidden_layer_sizes=()`, they are the
        encoded, scaled inputs. As for every transformer of scikit-learn,
        `fit_transform(X, y)` is `fit(X, y).transform(X)`, and
        `set_output(transform="pandas")` makes the result a data frame.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        hidden : ndarray of shape (n_samples, n_units)
            What the output layer takes, as `activations(X)[-2]`; a sparse matrix
            for a linear model and sparse X. Several members stand side by side.
        """
        model, table = model_and_checked_table(self, X)
        return model.last_hidden(table)

    def get_feature_names_out(self, input_features: Target = None) -> Array:
        """Return a name for each column of what `transform` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the table's columns, which are compared with those that
            `fit` saw.

        Returns
        -------
        names : ndarray of str objects, of shape (n_units,)
            "sigmoidmlpclassifier0" and so on; of a linear model, the names of the
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
            The encoded, scaled input; each hidden layer's output; the
            network's output after its output activation.
        """
        model, table = model_and_checked_table(self, X)
        return model.activations(table)

    def input_gradients(self, X: Table) -> Array:
        """Compute how the predictions change with each number of the table: exact derivatives, by a backward pass.

        They lead through the network and the encoding of the column, in the
        units of the table and of the predictions (a classifier's are its
        probabilities): how much more is predicted for one more unit, as long as the
        curve stays straight. They are
        computed in float64. Where a curve bends sharply (a bin's edge, a
        kink of "relu"), they are one of, or the mean of, both sides' slopes.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features) or (n_samples, n_outputs, n_features)
            Two dimensions for one target, or for two classes: of the second one's
            probability. Otherwise an output for each target, each quantile level, or
            each column of `predict_proba`; in multiclass-multioutput problems these
            follow each other, with one for two classes. Of dates and durations, per
            second. 0 where a value is missing; NaN for categories, which have no slope:
            `explain` says what they contribute.
        """
        by_column = input_gradients(*model_and_checked_table(self, X))  # (n, n_outputs, d)
        return by_column[:, 0] if by_column.shape[1] == 1 else by_column

    def explain(self, X: Table, background: Table = None) -> Explanation:
        """Compute what each column contributes to each prediction: expected gradients.

        A row is compared with each row of a background: the contributions are
        the integral of the output's slopes along the straight line between
        them, in the encoded space (Sundararajan et al. 2017), averaged over the
        background (Erion et al. 2021). The inputs of a column are added up, so
        that categories, dates and missing values have one number each, as
        numbers have.

        A row's contributions add up to its output less the background's mean
        output, to a thousandth of the outputs' spread. Lines get as many nodes as
        that takes: 8, and for some rows more. With `verbose`, the rows that are
        done are printed.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows to explain.

        background : {array-like, sparse matrix, DataFrame} of shape (n_background, n_features), default=None
            The rows to compare with: usually training rows, of which the
            estimator keeps none. Of more than 100, 100 are drawn, the same at each
            call. None takes rows of X, if it has 20 or more.

        Returns
        -------
        explanation : Explanation
            `values` of shape (n_samples, n_features), or (n_samples, n_features,
            n_outputs) for several outputs; `base_values`, `data`, `feature_names`;
            and `importance()`, the mean absolute contribution of each column.
            A regressor's values are in the units of the target; of losses with a
            log link ("poisson", "gamma", "tweedie") they add up to the logarithm
            of the prediction. A classifier's add up to `decision_function`: the
            log-odds of the second of two classes or of a label, and for several
            classes the logarithms that the softmax takes.

        Warns
        -----
        UserWarning
            If contributions do not add up even with 256 nodes, as where an
            activation jumps, or with "relu", whose slopes do, and few rows as
            background.

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

        The penalty and class weights are in, dropout is off, and all rows
        passed count as one batch. Values are those of the scaled target.

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
            Folds([], 1.0) if fitted.is_evaluated else NoEvaluation(),
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
