"""The regressor: numbers in, numbers out."""

from typing import Self, cast

from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from sknet._estimators.conformal import errors_at_levels, largest_residual, read_quantiles
from sknet._estimators.constraints import fit_context
from sknet._estimators.fit_run import TaskFunctions
from sknet._estimators.fitted import Fitted, outputs_of, require_fitted
from sknet._estimators.in_memory import InMemoryMLP
from sknet._estimators.parameters import RegressorParameters, has_partial_fit
from sknet._estimators.resolve import has_positive_targets
from sknet._estimators.scoring import predict_weighted, regression_score
from sknet._model.heads import RegressionHead, learn_regression_head
from sknet._model.intervals import (
    ScaledResiduals,
    has_interval,
    intervals_around,
    learn_regression_residuals,
    quantiles_around,
    quantiles_between,
)
from sknet._model.model import Model
from sknet._tables.messages import short_repr
from sknet._typing import Array, Table, Target


def regression_head_of(model: Model) -> RegressionHead:
    """Return the head of a regressor's model, which is one of numbers."""
    return cast(RegressionHead, model.head)


def largest_residual_in_interval(fitted: Fitted, coverage: float) -> Array:
    """Return how large the residual of each target in an interval may be, (n_outputs,)."""
    if not has_interval(regression_head_of(fitted.model)):
        raise ValueError(
            f"quantile={fitted.resolved.get('quantile')!r} is a single level, and an interval needs two: give the "
            "outer ones, quantile=[0.05, 0.95] perhaps, or choose another loss."
        )
    return largest_residual(fitted.residuals, coverage, "predict_interval")


def levels_and_errors(fitted: Fitted, quantiles: object) -> tuple[Array, Array | None]:
    """Return the levels of `predict_quantiles`, (levels,), and the errors there, (levels, 1), or None after levels.

    A ValueError names what cannot be predicted.
    """
    head, levels = regression_head_of(fitted.model), read_quantiles(quantiles)
    k = head.regression_target.n_outputs
    if k > 1:
        raise ValueError(
            f"predict_quantiles takes one target, and y had {k}: fit a regressor for each, with "
            "sklearn.multioutput.MultiOutputRegressor perhaps."
        )
    if not has_interval(head):
        raise ValueError(
            f"quantile={fitted.resolved.get('quantile')!r} is a single level, and nothing is known of others: give "
            "several, quantile=[0.05, 0.5, 0.95] perhaps, or choose another loss."
        )
    known = head.loss.levels
    if known and not known[0] <= levels[0] <= levels[-1] <= known[-1]:
        raise ValueError(
            f"quantiles={short_repr(quantiles)} go beyond {known[0]} to {known[-1]}, the outer levels of the network: "
            "fit with these among quantile=, or choose another loss."
        )
    return levels, None if known else errors_at_levels(cast(ScaledResiduals | None, fitted.residuals), levels)


REGRESSION = TaskFunctions(
    learn_head=learn_regression_head,
    decode=lambda head, raw: head.predict(raw),
    learn_residuals=learn_regression_residuals,
    score=regression_score,
)


class SigmoidMLPRegressor(RegressorMixin, InMemoryMLP, RegressorParameters):
    """A multi-layer perceptron for regression, trained by hand-written backpropagation.

    It takes a raw table: numbers are scaled and put into bins [5]_, categories,
    dates and free text encoded and missing values marked inside; `inputs_` shows
    how. Gradients are those of [1]_.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Units of each hidden layer; `()` makes a linear model. "auto" is (96, 32).
        With `interaction_cst` each layer has at least eight units for each set of
        columns.

    activation : str, Activation or a sequence of these, default="sigmoid"
        "sigmoid" (or "logistic"), "tanh", "relu", "leaky_relu", "elu", "selu",
        "softplus", "silu", "gelu", "mish", "identity", or an `Activation` of your
        own; a sequence gives one per hidden layer.

    loss : str or Loss, default="squared_error"
        "squared_error", "absolute_error", "huber", "quantile", "poisson",
        "tweedie" or "gamma", minimised as the mean over the outputs; the last
        three are half deviances with a log link. Where rows choose the epoch and
        no column is encoded by the target, predictions of the rows trained on then
        add up to their targets. Or a `Loss` of your own.

    depth : int, default=1
        How many hidden layers of that size, if `hidden_layer_sizes` is an int or
        "auto", of which the first size counts.

    n_members : int or "auto", default="auto"
        So many networks are trained side by side from as many seeds, with one
        encoder and one choice of the epoch, and are then joined into one network:
        hidden layers side by side, the raw output a mean of theirs, in which folds
        choose the share of those that see bins. It is `n_members`
        times as wide as `hidden_layer_sizes` says, and is what `partial_fit` and a
        warm start train on. "auto" is 2 below 5,000 training rows, where folds or
        held-out rows evaluate the epochs, else 1; always 1 with one of
        scikit-learn's schedules, weights given as `init`, `input_scaling=None`,
        sparse input, "lbfgs" or a stream, where more is an error. A
        first `partial_fit` has one.

    learning_rate_init : float, default=0.015
        The (largest) learning rate.

    max_iter : int, default=128
        Epochs, or iterations of "lbfgs".

    batch_size : int, "auto" or "proportional", default="proportional"
        Rows per step. "auto" is min(200, n_samples); "proportional" is
        n_samples // 32, but at least 32 and at most 256, or n_samples // 300 up to
        1,024, where that is more.

    solver : {"adam", "sgd", "rmsprop", "lion", "lbfgs"} or Optimizer, default="adam"
        How the weights are moved along the gradient. "adam" is described in [2]_.
        "lion" (Chen et al. 2023) wants a rate three to ten times smaller. "lbfgs"
        uses all rows at once and counts iterations instead of epochs; it ignores
        batch size and learning rates. Or an `Optimizer` of your own.

    learning_rate : str or callable, default="flat_cosine"
        The schedule, by which `learning_rate_init` is multiplied: "constant";
        "invscaling", 1 / (samples seen + 1) ** `power_t`; "adaptive", divided by
        5 at each plateau; "cosine", "flat_cosine", "one_cycle" and "coslog4",
        functions of the fraction of `max_iter` epochs that are done; or such a
        function of your own. Past the end the last rate is kept.

    random_state : int, RandomState instance or None, default=None
        Fixes the first weights, the held-out rows, the order of rows and dropout.

    verbose : bool or int, default=False
        True prints what scikit-learn does, for each epoch; 2 keeps one line up to
        date, with losses, the best epoch and the time left (in a log file, ten
        lines per run).

    early_stopping : bool, "auto" or "folds", default="auto"
        Whether to hold out rows, stop after `n_iter_no_change` epochs without a
        better score on them, and keep the best epoch's weights. With "folds",
        each of four folds (from 500 rows on, one of the four, with `groups` two;
        from 5,000 on, without `groups`, one of ten) is held out from networks of
        its own; the loss of their rows chooses an epoch and, where it is scaled, the
        temperature; then networks learn from all rows, in as many steps as those of
        the folds took until then. "auto" is False below 40
        rows; "folds" up to 14,999 with a first-order solver and a schedule that
        scikit-learn does not have, unless `scoring`, `warm_start` or a share
        as `validation_fraction` is set or `max_iter` is 1; else, and with `X_val`,
        True.

    validation_fraction : float, splitter or "auto", default="auto"
        The share of rows held out (a classifier's stratified); "auto" is
        0.15, and 0.1 from 15,000 rows on. Or a scikit-learn splitter, whose splits
        are the folds, whatever the number of rows. The network of a split learns
        everything, the encoding of columns too, from its training rows.

    scoring : str or callable, default="loss"
        What evaluates an epoch on the held-out rows: "loss" or a scikit-learn scorer.

    n_iter_no_change : int, inf or "auto", default="auto"
        Epochs without improvement to wait before training stops. On the training
        loss it applies to "constant", "invscaling" and "adaptive" only. "auto" is
        24; 4 from 15,000 training rows on with a schedule that scikit-learn does
        not have; with folds 16, from 500 rows on 12, from 5,000 on 6; a
        regressor's 8, from 500 rows on 6. Folds never wait for more than four
        epochs beyond those that the best one took.

    tol : float or "auto", default="auto"
        The least improvement of the loss or the validation score that counts: as
        a share of the best one so far; with one of scikit-learn's schedules and
        with "lbfgs" as a difference. Also the largest gradient component at which
        "lbfgs" stops. "auto" is 1e-4; as a share, 1e-3 with folds and 2e-3 from
        15,000 training rows on.

    categorical_features : "from_dtype", array-like of str, int or bool, or None, default="from_dtype"
        Which columns are categories: by their dtype in a data frame (category,
        enum, and strings that are no ISO 8601 dates), or by name, index or mask;
        names with "from_dtype" among them mean both. A column named here may be
        text in an array too.

    text_features : "auto", array-like of str, int or bool, or None, default="auto"
        Which columns are free text, whose words are read: by name, index or mask;
        "auto" is strings in a data frame, most of which differ, of three words or
        more on average; in a stream, those of its first chunk too. No column is a
        category too.

    max_categories : int or None, default=100
        The most inputs that a category becomes, the one that infrequent levels
        share included; None is no limit. Levels of most weight have their own; of
        20 levels or more, those of fewer than 5 rows have none, and a column on
        which the target does not depend, alone or together with another column,
        is left out, unless it is named in `categorical_features`.

    category_encoding : {"one_hot", "target", "both", "auto"}, default="auto"
        How categories become inputs: one per level; the target's mean of the
        level, cross-fitted and drawn to the common mean by empirical Bayes, one
        input, from three classes on one per class; or one-hot, and the target's
        mean beside it where a column has more levels than `max_categories`.
        "auto" is "both" where there is such a column, else "one_hot"; always
        "one_hot" at a first `partial_fit`, and where `numeric_encoding="auto"` means
        "raw" for scikit-learn's sake.

    text_components : int, default=30
        The most inputs that a column of text becomes: projections of its TF-IDF,
        of groups of three and four characters, on the first components of their
        singular value decomposition. More may help with long texts.

    numeric_encoding : {"raw", "piecewise_linear", "auto"}, default="auto"
        How numbers become inputs: the scaled number; or beside it piecewise-linear
        bins between its quantiles, where the table is dense. With "auto" and up to
        50 columns of numbers, every second one of several members sees bins, and a
        single one does from 5,000 training rows on; otherwise, and with weights
        given as `init`, `input_scaling=None`, sparse input or one of scikit-learn's
        schedules, "auto" is "raw".

    n_bins : int or "auto", default="auto"
        The most bins of a column: "auto" is 12 below 5,000 training rows, 8 from
        there on. Values that many rows share are edges of their own.

    input_scaling : {"robust", "standard", "quantile"} or None, default="robust"
        How numbers are scaled: weighted median and quartile range, then
        outliers bent to 3 asinh(z / 3); mean and standard deviation; or weighted
        quantiles to normal scores, for any distribution.
        Sparse columns are divided by their root mean square.

    monotonic_cst : dict, array-like of int or None, default=None
        Columns of numbers or durations with which predictions never fall (1) or
        never rise (-1), for any two rows that are equal but for these columns
        [9]_; 0 for others. A dict by the names of columns, or one number for
        each column. Predictions are numbers, or probabilities of the second of
        two classes: the network has one output, and activations that never
        fall. A missing value is neither more nor less than others.

    interaction_cst : {"no_interactions", "pairwise"}, list of sets or None, default=None
        Which columns may interact: none, each pair, or the columns of each set,
        by name or index; columns in no set form one more set together. Each unit
        sees the columns of one set and sets meet in the output only, so that raw
        outputs are sums of a function of each set, up to rounding; other weights
        are 0. None: all may interact, as without hidden layers none do.

    alpha : float, default=0.01
        Strength of the penalty on the weights: alpha / (2 * sum of the sample
        weights) times the sum of their squares. Its meaning does not depend on
        the batch size.

    l1_ratio : float, default=0.0
        The share of `alpha` that penalises their absolute values instead, by
        proximal steps that leave real zeros.

    weight_decay : float or "auto", default="auto"
        Decoupled decay of the weights, a factor 1 - rate * weight_decay per step;
        with "adam" this is AdamW [3]_. "auto" is 0.02 for "adam" with a
        schedule that scikit-learn does not have, else 0.

    dropout : float, sequence of float or "auto", default="auto"
        The share of hidden outputs set to 0 in a training step, or one per layer.
        "auto" is 0.1 for a classifier that "adam" trains with rows held out and a
        schedule that scikit-learn does not have, else 0.

    max_norm : float, default=None
        The largest norm that a unit's incoming weights may have.

    clip_norm : float, "auto" or None, default="auto"
        The largest norm that a step's whole gradient may have. "auto" is
        10.0 for "sgd" with a schedule that scikit-learn does not have, else none.

    averaging : float or "auto", default="auto"
        Decay, per step, of a moving average of the weights [4]_, which then is
        what is evaluated, kept and predicted with; 0 for none. "auto" is 0.99
        where rows are held out to evaluate it and the schedule is one that
        scikit-learn does not have, else 0.

    init : str, callable or (coefs, intercepts), default="auto"
        Where training starts: "auto" is "centred", which keeps the signal's
        variance through any depth and activation; "glorot_uniform",
        "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
        "lecun_normal", "orthogonal"; a function of (fan_in, fan_out, rng); or
        weights and biases.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last fit. How the table is
        read, scaled and encoded, and the type of the arithmetic, stay as that
        fit learnt them: other parameters for them are an error.

    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.

    dtype : {"auto", "float32", "float64"}, default="auto"
        The type training computes in. "auto" is float32, but float64 for
        "lbfgs" and, where no folds choose the epoch, for fewer than 500 rows.

    beta_1 : float, default=0.9
        Decay of the first moment of "adam" and "lion".

    beta_2 : float, default=0.95
        Decay of the second moment of "adam" and "lion", and of "rmsprop".

    epsilon : float, default=1e-8
        Keeps "adam" and "rmsprop" from dividing by 0.

    momentum : float, default=0.9
        Momentum of "sgd".

    nesterovs_momentum : bool, default=True
        Whether the momentum of "sgd" is Nesterov's.

    power_t : float, default=0.5
        The exponent of "invscaling".

    max_fun : int, default=15000
        The most evaluations of the objective by "lbfgs".

    quantile : float, sequence of float or "auto", default="auto"
        The level of the "quantile" loss, in (0, 1); or several increasing
        levels, whose predictions never cross. "auto" is 0.5.

    huber_delta : float or "auto", default="auto"
        The error, in scaled units, from which the "huber" loss is linear. "auto"
        is 1.0.

    tweedie_power : float or "auto", default="auto"
        The power of the "tweedie" loss, between 1 and 2: the variance of a target
        is proportional to its mean to this power. "auto" is 1.5.

    target_scaling : {"standard"} or None, default="standard"
        Whether targets are trained on with mean 0 and standard deviation 1; never
        with "poisson", "tweedie" and "gamma". Predictions are in the targets' own units.
        The loss of these three is in the unit of the targets' weighted mean, so that
        fits do not depend on the unit of y. With `input_scaling` None it is in the unit
        of y, as in `PoissonRegressor`: `alpha` and `tol` are compared with it.

    Attributes
    ----------
    coefs_ : tuple of arrays of shape (fan_in, fan_out)
        The weights, for the scaled inputs. They are read-only: assign others,
        and these are used.

    intercepts_ : tuple of arrays of shape (fan_out,)
        The biases, read-only as well.

    n_layers_ : int
        How many layers there are, input and output included.

    n_outputs_ : int
        How many raw outputs the network has.

    out_activation_ : str
        The output activation.

    resolved_params_ : dict
        The parameters, with what every "auto" became. Set on an estimator,
        they give the same fit. Functions and other objects of your own stand in it
        themselves; lists, dicts and arrays are copies.

    n_iter_ : int
        Epochs of the last call; of several members, the most.

    t_ : int
        Training samples seen, by all members together.

    loss_ : float
        The last training loss.

    best_loss_ : float or None
        The least training loss; None where rows are held out.

    loss_curve_ : list of float
        The training loss of every epoch, in scaled units, penalty included; the
        mean over members.

    validation_scores_ : list of float or None
        The score of every epoch on the held-out rows, the mean over members; with
        folds, minus their joint loss.

    best_validation_score_ : float or None
        The largest of them, or that of the epoch which folds have chosen; NaN if
        `scoring` gave no number at all.

    oof_prediction_ : ndarray, or a list of such
        Where `early_stopping="folds"` was set: what each training row is predicted
        (by a classifier, its probabilities) by networks of the folds that did not
        see it, at the epoch that the other folds choose (of a single fold, the other
        half of its rows). NaN for rows that no fold held out (from 500
        rows on only one fold is, unless a splitter gives the folds; with `groups`
        two) and for rows of weight 0. `partial_fit` drops it.

    feature_importances_ : ndarray of shape (n_features,)
        How much the outputs vary with each column of the table: not negative,
        together 1. Found when `fit` ends, by expected gradients at up to 512 training
        rows: about what `explain(X).importance()` says. All the same where no
        column makes a difference. `partial_fit` drops it.

    best_epoch_ : int
        The epoch of the last call, counted from 1, whose weights were kept: the
        best one on the held-out rows (of several members the latest), or the last.
        With folds, the one of their epochs that they have chosen; `n_iter_` counts
        those of the networks that learnt from all rows.

    temperature_ : float
        What the raw outputs of training were divided by, the mean over members;
        `coefs_` and `intercepts_` of the output layer hold it already. 1 without
        scaling.

    history_ : DataFrame
        One row per epoch: training loss, validation loss and score, learning
        rate, norm of the last gradient, seconds. Several members have a row each
        and a column `member`. With folds, validation loss and score are theirs, and
        there are rows for the epochs after the chosen one, too.

    n_features_in_ : int
        Columns of the table.

    feature_names_in_ : ndarray of str
        Their names, if all are strings.

    network_feature_names_ : ndarray of str
        A name for each input of the network.

    inputs_ : DataFrame
        One row per input of the network: the column it comes from, its kind
        (number, bin, missing, level, infrequent, target, date, text), its level or
        edge, and the centre and scale by which it is computed.

    References
    ----------
    .. [1] Rumelhart, D. E., Hinton, G. E. & Williams, R. J. (1986). "Learning
       representations by back-propagating errors". Nature 323, 533-536.
    .. [2] Kingma, D. P. & Ba, J. (2015). "Adam: a method for stochastic
       optimization". arXiv:1412.6980.
    .. [3] Loshchilov, I. & Hutter, F. (2019). "Decoupled weight decay
       regularization". arXiv:1711.05101.
    .. [4] Polyak, B. T. & Juditsky, A. B. (1992). "Acceleration of stochastic
       approximation by averaging". SIAM J. Control Optim. 30, 838-855.
    .. [5] Gorishniy, Y., Rubachev, I. & Babenko, A. (2022). "On embeddings for
       numerical features in tabular deep learning". NeurIPS. arXiv:2203.05556.
    .. [8] Romano, Y., Patterson, E. & Candès, E. (2019). "Conformalized quantile
       regression". NeurIPS. arXiv:1905.03222.
    .. [9] Daniels, H. & Velikova, M. (2010). "Monotone and partially monotone
       neural networks". IEEE Trans. Neural Networks 21, 906-917.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknet import SigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SigmoidMLPRegressor(random_state=0).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.3
    True
    """

    _task = REGRESSION

    # --- training ----------------------------------------------------------------------------------------------------

    @available_if(has_partial_fit)
    @fit_context
    def partial_fit(self, X: Table, y: Target, sample_weight: Target = None) -> Self:
        """Train one epoch over the rows given.

        Nothing is held out and nothing stops early. Encoders, scalers and the
        arithmetic's type are learnt at the first call.

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
        self : object
            The regressor.
        """
        return self._partial_fit(X, y, sample_weight)

    # --- prediction --------------------------------------------------------------------------------------------------

    def predict(self, X: Table) -> Array:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        y : ndarray of shape (n_samples,), (n_samples, n_outputs) or (n_samples, n_levels)
            The predictions, in the targets' own units: in the float type of the
            table, but in float64 where float32 could not tell the targets
            apart (their mean is 1,000 standard deviations or more from 0, or
            their scale beyond 1e-30 to 1e30).
        """
        return outputs_of(self, X, require_fitted(self).model.head.predict)

    def predict_interval(self, X: Table, coverage: float = 0.9) -> Array:
        """Predict intervals that are to hold the target with a given probability on average: conformal prediction.

        Half their width is a quantile of the errors on held-out rows, in the
        last call to `fit`, times how large errors are where predictions are
        such (the mean absolute error in up to ten bins of the prediction; with
        fewer than 60 held-out rows, one width for all). With several quantile
        levels, ``loss="quantile", quantile=(0.05, 0.95)`` for instance, the outer
        ones are both moved by a quantile of the errors (Romano et al. 2019):
        their distance depends on the row, as the noise does. Ends lie within
        what the loss says of targets, and not beyond 0 where no training target is.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        coverage : float, default=0.9
            The share of new targets, of each output by itself, that intervals
            are to hold: on the average over tables and rows, not for each kind
            of row, and for rows of the same kind as the held-out ones. After
            folds it is measured, not guaranteed: the errors are those of their
            networks, and the one that predicts has learnt from all rows.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper ends, in the targets' own units.

        Raises
        ------
        ValueError
            If no rows were held out, as after `partial_fit`, or fewer than
            1 / (1 - coverage) - 1; if weights have been changed by hand since; or with a single quantile level.
        """
        fitted = require_fitted(self)
        largest = largest_residual_in_interval(fitted, coverage)
        head = regression_head_of(fitted.model)
        predicted = outputs_of(self, X, head.predict)  # (n,), (n, n_outputs) or (n, n_levels)
        return intervals_around(head, predicted, largest, cast(ScaledResiduals, fitted.residuals))

    def predict_quantiles(self, X: Table, quantiles: ArrayLike) -> Array:
        """Predict quantiles of the target: what it lies below with given probabilities.

        They are the prediction plus quantiles of the errors, with their signs, on
        held-out rows in the last call to `fit`, times how large errors are where
        predictions are such, as in `predict_interval`. After ``loss="quantile"``
        they lie between those levels that the network predicts, by straight lines
        over the levels' normal scores. No quantile is below 0 where no training
        target is.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        quantiles : float or array-like of shape (n_levels,)
            The probabilities, between 0 and 1, in increasing order.

        Returns
        -------
        y : ndarray of shape (n_samples, n_levels)
            The quantiles, in the targets' own units, never falling along a row. Of
            new rows, a share near each level has its target below: on the average
            over tables and rows, not for each kind of row.

        Raises
        ------
        ValueError
            If y had several columns; with a single quantile level, or beyond the
            outer ones of several; for other losses, if no rows were held out, as
            after `partial_fit`, or too few for the outer quantiles; or if weights
            have been changed by hand since.
        """
        fitted = require_fitted(self)
        levels, errors = levels_and_errors(fitted, quantiles)
        head, scaled = regression_head_of(fitted.model), cast(ScaledResiduals | None, fitted.residuals)
        predicted = outputs_of(self, X, head.predict)
        if errors is None:
            return quantiles_between(head, predicted, levels, scaled)
        return quantiles_around(head, predicted, errors, cast(ScaledResiduals, scaled))

    def score(self, X: Table, y: Target, sample_weight: Target = None) -> float:
        """Compute R^2; with several quantile levels, the mean of D^2, the counterpart of R^2 for the pinball loss.

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
        score : float
            At most 1; 0 for a constant prediction (the mean, the quantile).
        """
        head = require_fitted(self).model.head
        return self._task.score(head, predict_weighted(self, X, sample_weight), y, sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        positive = has_positive_targets(self)
        tags.target_tags.positive_only = positive
        tags.target_tags.multi_output = not positive
        return tags
