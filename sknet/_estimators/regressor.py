"""The regressor, which predicts numbers.

The program `docs/_ext/estimator_docstrings.py` writes the docstring of its class.
"""

from typing import Self

from numpy.typing import ArrayLike

from sknet._estimators.base import InMemoryMLP
from sknet._estimators.parameters import RegressorParameters, check_has_partial_fit
from sknet._estimators.resolve import loss_if_valid
from sknet._estimators.sklearn_api import RegressorMixin, Tags, available_if, fit_context, with_checked_keywords
from sknet._model.heads import RegressionHead
from sknet._typing import Array, Table, Target


class SigmoidMLPRegressor(RegressorMixin, InMemoryMLP, RegressorParameters):
    """Multi-layer perceptron regressor for raw tables, with prediction intervals and quantiles.

    It takes a raw table. Numbers are scaled and also divided into bins [5]_,
    categories, dates and free text are encoded, and missing values are marked.
    `inputs_` lists the resulting inputs of the network. The gradients are computed by
    backpropagation [1]_.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Number of units in each hidden layer; `()` means no hidden layer. "auto" is (96,
        32), and with `interaction_cst` at least eight units per set of columns in each
        layer.

    activation : str, Activation or a sequence of these, default="sigmoid"
        Activation of the hidden units: "sigmoid" (or "logistic"), "tanh", "relu",
        "leaky_relu", "elu", "selu", "softplus", "silu", "gelu", "mish", "identity", an
        `Activation` of your own, or a sequence with one per hidden layer.

    loss : str or Loss, default="squared_error"
        "squared_error", "absolute_error", "huber", "quantile", "poisson", "tweedie",
        "gamma" or a `Loss` of your own, averaged over the outputs. "poisson", "tweedie"
        and "gamma" are half deviances with a log link. If held-out rows or folds choose
        the epoch and no column is target-encoded, the weighted sum of their predictions
        for the rows that were not held out is that of the targets.

    depth : int, default=1
        Number of hidden layers if `hidden_layer_sizes` is an int. If
        `hidden_layer_sizes` is "auto", a `depth` of 2 or more gives that many layers of
        its first size.

    n_members : int or "auto", default="auto"
        Number of networks to train and join into one. "auto" is 2 if held-out rows or
        folds evaluate the epochs and the table is dense, else 1 (see Notes). Members
        start from different seeds. The joined network has their hidden layers side by
        side, so it is `n_members` times as wide as `hidden_layer_sizes` says. Its raw
        output is a mean of the members' raw outputs. Held-out rows or folds choose the
        weight of members with bins in this mean. `partial_fit` and warm starts train
        the joined network further. If the first call is `partial_fit`, it trains a
        single network.

    learning_rate_init : float, default=0.015
        Learning rate, before the schedule in `learning_rate` changes it.

    max_iter : int, default=128
        Maximum number of epochs, or of iterations with "lbfgs".

    batch_size : int, "auto" or "proportional", default="proportional"
        Rows per step: "proportional" is n_samples // 32, but at least 32 and at most
        256 (8,192 with `sknet.dask`; n_samples // 300 from 77,100 rows on, but at most
        1,024). "auto" is min(200, n_samples). Held-out rows do not count.

    solver : {"adam", "sgd", "rmsprop", "lion", "lbfgs"} or Optimizer, default="adam"
        Optimizer that updates the weights, by name or of your own. "adam" is described
        in [2]_. "lion" (Chen et al. 2023) needs a learning rate three to ten times
        smaller than "adam". "lbfgs" uses all rows at once and counts iterations instead
        of epochs. It ignores what belongs to a step: `batch_size`, the learning rate,
        `weight_decay`, `clip_norm` and `averaging`. `dropout` and `max_norm` are errors.

    learning_rate : str or callable, default="flat_cosine"
        Schedule that multiplies `learning_rate_init`: "cosine", "flat_cosine",
        "one_cycle", "coslog4", a function of the fraction of `max_iter` that is done,
        or one of scikit-learn's, "constant", "invscaling" and "adaptive". "invscaling"
        divides the rate by (samples seen + 1) ** `power_t`, "adaptive" by 5 at each
        plateau. With these three, many other parameters have other defaults (see
        Notes). All other schedules keep their last rate after `max_iter` epochs.

    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the held-out rows, the order of the rows and
        dropout.

    verbose : bool or int, default=False
        Whether to print progress: True prints every epoch; 2 prints the losses, the
        best epoch and the time left, in a terminal on a line that is overwritten.

    early_stopping : bool, "auto" or "folds", default="auto"
        How to choose the epoch: True holds out rows, "folds" holds out folds and then
        trains on all rows, False holds out nothing. "auto" is False below 40 rows,
        "folds" from 40 to 14,999 rows, else True. With True, training stops after more
        than `n_iter_no_change` epochs without a better score, and the weights of the
        best epoch are kept. Fewer than 10 rows are held out only with `groups`. With
        "folds", extra networks train without the rows of a fold, and the loss on these
        rows chooses the epoch. The final networks then learn from all rows, with about
        the same number of steps, or for `max_iter` epochs if the last one is chosen.
        Below 500 rows, each of four folds is held out once. With more rows, fewer folds
        are held out, unless fewer than 60 rows are outside a classifier's largest class,
        or have a count above 0 with a loss for counts.
        "auto" is True instead of "folds" if a parameter does not allow folds (see Notes).

    validation_fraction : float, splitter or "auto", default="auto"
        Share of the rows to hold out, or a scikit-learn splitter, whose test sets
        become the folds (for any number of rows). "auto" is 0.15, or 0.1 from 15,000
        rows on. A share is stratified by class, or with `groups` a share of the groups.
        It has no effect with `early_stopping="folds"`.
        With a splitter, each fold learns the encoding of columns from its own training
        rows.

    scoring : str or callable, default="loss"
        Score of an epoch on the held-out rows: "loss" or a scikit-learn scorer.

    n_iter_no_change : int, inf or "auto", default="auto"
        If held-out rows or folds evaluate the epochs, training stops once more epochs
        in a row than this bring no improvement, as in scikit-learn. "auto" is 24, or 4
        from 15,000 rows on (24 with scikit-learn's schedules); with folds it is 10 for
        a classifier (6 from 5,000 rows on) and 6 for a regressor. Without held-out rows
        or folds, it has an effect only with scikit-learn's schedules, by the training
        loss.

    tol : float or "auto", default="auto"
        Smallest improvement of the loss or score that counts, relative to the best one
        so far. "auto" is 1e-3 with folds, else 2e-3 from 15,000 rows on, but 1e-4 for
        fewer rows, with "lbfgs" and with scikit-learn's schedules. In these two cases,
        the improvement is absolute. "lbfgs" also stops when no component of the
        gradient is larger than `tol`.

    categorical_features : "from_dtype", array-like of str, int or bool, or None, default="from_dtype"
        Columns that are categories, by name, index or mask; "from_dtype" means the
        columns of a data frame with a category, enum or string dtype and object columns
        of strings, except ISO 8601 dates and free text. Add "from_dtype" to a list of
        names to get both. In an array, columns that you name here may hold text.

    text_features : "auto", array-like of str, int or bool, or None, default="auto"
        Columns that are free text, by name, index or mask. "auto" takes the string
        columns of a data frame in which more than half of the texts are different and
        have three words or more on average; for a stream, both in the first chunk and in
        a sample of all rows.

    max_categories : int or None, default=100
        Maximum number of inputs per column of categories, with the shared input of
        infrequent categories but without mean targets; None sets no limit. The
        categories with the most rows (or weight) get inputs of their own. In a column
        of 20 categories or more, categories with fewer than 5 rows (2 in a column of
        fewer than 200 values) usually share an input.

    category_encoding : {"one_hot", "target", "both", "auto"}, default="auto"
        How categories become inputs: "one_hot" gives one input per category (a single
        one for two categories), "target" the mean target of the category, and "both"
        one-hot inputs, plus mean targets in columns that reach `max_categories` inputs
        with categories left over, or in which a fifth of the values share the input of
        infrequent categories. "auto" is "both" if there is such a column and the first
        call is not `partial_fit`, else "one_hot" (see Notes). Mean targets are
        cross-fitted, and shrunk to the overall mean by empirical Bayes. With three
        classes or more, each class has a mean of its own.

    text_components : int, default=30
        Maximum number of components per column of text, each of them an input: the
        first ones of a singular value decomposition of the TF-IDF of its groups of
        three and four characters. If texts are missing, one more input says so.

    numeric_encoding : {"raw", "piecewise_linear", "steps", "auto"}, default="auto"
        How numbers become inputs: "raw" scales them, "piecewise_linear" also adds bins
        between their quantiles [5]_, and "steps" adds these bins with extra edges where
        the target clearly jumps. "auto" gives bins to every second member, or to a
        single network from 5,000 training rows on. "auto" adds steps for classifiers
        with held-out rows or folds. "auto" gives no bins with more than 50 columns of
        numbers and dates (see Notes).

    n_bins : int or "auto", default="auto"
        Maximum number of bins per column, without those of steps. "auto" is a 24th of
        the training rows, at most 256 divided by the number of columns of numbers and
        dates, and from 12 to 128. A value that many rows share gets an edge of its own.

    input_gains : bool or "auto", default="auto"
        Whether each input has a positive factor that multiplies its weights in the
        first layer and is learnt faster than these [7]_. The one-hot inputs of a column
        share one. So networks find out which inputs matter. Where held-out rows or
        folds evaluate the epochs, uninformative inputs fade. "auto" is True, but False
        in the four cases of the Notes, with "lbfgs" and without hidden layers. True is
        an error with "lbfgs" or sparse input.

    input_scaling : {"robust", "standard", "quantile"} or None, default="robust"
        How numbers are scaled: "robust" uses the weighted median and interquartile
        range, and pulls in outliers by 3 asinh(z / 3); "standard" uses the mean and
        standard deviation; "quantile" turns weighted quantiles into those of a normal
        distribution; None changes nothing. Otherwise, sparse columns are divided by
        their root mean square.

    monotonic_cst : dict, array-like of int or None, default=None
        Columns in which predictions never fall (1) or never rise (-1) if all other
        columns stay the same [6]_. Pass a dict or a Series by column name, or one
        number per column, with 0 for no constraint. The columns must hold numbers or
        durations, and the activations must never fall. The constraint applies to the
        prediction of a regressor with one target, or to the probability of
        ``classes_[1]``, the second of two classes in sorted order. Missing values are
        not compared with other values.

    interaction_cst : {"no_interactions", "pairwise"}, list of sets or None, default=None
        Columns that may interact: "no_interactions", "pairwise", or sets of columns by
        name or index; columns in no set form one more set. Each hidden unit sees the
        columns of one set, so the raw output is a sum of one function per set. None
        allows every interaction.

    alpha : float, default=0.01
        Strength of the L2 penalty, which is alpha / (2 * sum of the sample weights)
        times the sum of the network's squared weights, for any batch size. With sparse
        input, a step may leave out the weights of columns that are 0 in its batch.

    l1_ratio : float, default=0.0
        Share of `alpha` that penalises absolute values instead of squares. Proximal
        steps make some weights exactly 0.

    weight_decay : float or "auto", default="auto"
        Decoupled weight decay: each step multiplies the weights by 1 - rate *
        weight_decay. With sparse input, it may leave out those of columns that are 0 in
        its batch. "auto" is 0.02 for "adam", which makes it AdamW [3]_, else 0.

    dropout : float, sequence of float or "auto", default="auto"
        Share of the hidden outputs that a training step sets to 0, or a sequence with
        one share per hidden layer. "auto" is 0.1 for a classifier trained by "adam"
        with held-out rows or folds, else 0.

    max_norm : float or None, default=None
        Maximum norm of the weights that enter a unit; None sets no limit.

    clip_norm : float, "auto" or None, default="auto"
        Maximum norm of the gradient of a step; None sets no limit. "auto" is 10.0 for
        "sgd", else None.

    averaging : float or "auto", default="auto"
        Decay, per step, of a moving average of the weights [4]_; 0 turns it off.
        Evaluation and prediction use the average. "auto" is 0.99 with held-out rows or
        folds, else 0; 0 with "lbfgs" and scikit-learn's schedules.

    init : str, callable or (coefs, intercepts), default="auto"
        Initial weights: "centred", "glorot_uniform", "glorot_normal", "he_uniform",
        "he_normal", "lecun_uniform", "lecun_normal", "orthogonal", a function of
        (fan_in, fan_out, rng), or the arrays (coefs, intercepts). "auto" is "centred",
        which keeps the variance of the signal at any depth.

    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last fit. The encoding of the
        table and the float type stay the same. If you change a parameter that decides
        them, `fit` raises an error.

    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.

    dtype : {"auto", "float32", "float64"}, default="auto"
        Float type used in training. "auto" is float64 with "lbfgs", and below 500 rows
        unless folds choose the epoch; else float32.

    beta_1 : float, default=0.9
        Decay of the first moment of "adam"; share of the momentum in a step of "lion".

    beta_2 : float, default=0.95
        Decay of the second moment of "adam" and "rmsprop", and of the momentum of
        "lion".

    epsilon : float, default=1e-8
        Small number that keeps "adam" and "rmsprop" from dividing by 0.

    momentum : float, default=0.9
        Momentum of "sgd".

    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.

    power_t : float, default=0.5
        Exponent of the "invscaling" schedule.

    max_fun : int, default=15000
        Maximum number of evaluations of the objective by "lbfgs".

    quantile : float, sequence of float or "auto", default="auto"
        Level of the "quantile" loss, or several increasing levels, whose predictions
        never cross. "auto" is 0.5.

    huber_delta : float or "auto", default="auto"
        Size of the residual from which on the "huber" loss is linear, in standard
        deviations of the target (in its unit with `target_scaling=None`). "auto" is
        1.0.

    tweedie_power : float or "auto", default="auto"
        Power of the "tweedie" loss: the variance of the target is proportional to this
        power of its mean. "auto" is 1.5.

    target_scaling : {"standard"} or None, default="standard"
        Whether to train on targets scaled to mean 0 and standard deviation 1, unless
        the loss is "poisson", "tweedie" or "gamma". Predictions are in the units of the
        target. These three losses divide the targets by their weighted mean instead, so
        that a fit does not depend on the unit of `y`. With `input_scaling=None`, their
        loss stays in the unit of `y`, as in `PoissonRegressor`, so `alpha` and `tol`
        refer to this unit.

    Attributes
    ----------
    coefs_ : tuple of arrays of shape (fan_in, fan_out)
        Weights of each layer, for the encoded inputs. The arrays are read-only; to
        change weights, assign new arrays.

    intercepts_ : tuple of arrays of shape (fan_out,)
        Biases of each layer, read-only as well.

    n_layers_ : int
        Number of layers, including input and output.

    n_outputs_ : int
        Number of raw outputs of the network.

    out_activation_ : str
        Name of the output activation.

    resolved_params_ : dict
        All parameters, with the value that each "auto" took. The options of a
        regressor's loss stay "auto", and so does `numeric_encoding` if one member has
        bins and another does not. Setting them on an estimator gives the same fit.

    n_iter_ : int
        Number of epochs in the last call.

    t_ : int
        Number of training samples seen by all members together, once per epoch; the
        networks of folds do not count.

    loss_ : float
        The last training loss.

    best_loss_ : float or None
        The smallest training loss; None if rows were held out, except with folds.

    loss_curve_ : list of float
        Training loss of each epoch, in scaled units, with the penalty, averaged over
        members.

    validation_scores_ : list of float or None
        Score of each epoch on the held-out rows, by the mean raw output of all members;
        with folds, minus their joint loss.

    best_validation_score_ : float or None
        The score of the epoch `best_epoch_`; NaN if `scoring` never returned a number.
        It is the highest of the last call. With folds, it may be lower than the
        highest.

    oof_prediction_ : ndarray, or a list of such
        Out-of-fold predictions of the training rows (probabilities for a classifier),
        if `early_stopping="folds"` was set. Each row is predicted by the networks that
        were trained without its fold, at the epoch that other folds choose. If there is
        a single fold, one half of its rows chooses the epoch for the other half. Rows
        that no fold held out, and rows of weight 0, are NaN. `partial_fit` drops this
        attribute.

    feature_importances_ : ndarray of shape (n_features,)
        How much the outputs vary with each column of the table. Importances add up to
        1. `fit` computes them by expected gradients at up to 512 training rows. With
        one output, they are nearly proportional to `explain(X).importance()`.
        Each of several outputs counts equally, whatever its unit, unless
        `target_scaling` is None. A constant target does not count, and alone it makes
        all importances equal. `partial_fit` drops this attribute.

    best_epoch_ : int
        The chosen epoch of the last call. It is counted from 1, with the epochs of
        earlier calls if this one continues them, as in `history_` and
        `validation_scores_`. With held-out rows, it is the best epoch, whose weights
        all members have kept. With folds, it is the epoch of the least joint loss, plus a
        small penalty on temperatures far from 1. An epoch within the first 75 steps is
        chosen only if training ends with it, or if the temperature is above 5. `n_iter_`
        then counts the epochs on all rows. Without held-out rows or folds, it is the last
        epoch.

    temperature_ : float
        Temperature that divides the distances of raw outputs from the logarithm of the
        mean, if fewer than 60 rows have a count above 0 and the loss is "poisson" or
        "tweedie"; otherwise 1. `coefs_` and `intercepts_` of the output layer already
        include it.

    history_ : DataFrame
        One row per epoch: training loss, validation loss and score, learning rate, norm
        of the last gradient, seconds. With several members, each has its own rows,
        numbered in the column `member`. With folds, validation losses and scores come
        from the folds, and continue after the chosen epoch.

    n_features_in_ : int
        Number of columns in the table.

    feature_names_in_ : ndarray of str
        Names of the columns, if all are strings.

    network_feature_names_ : ndarray of str
        Name of each input of the network.

    inputs_ : DataFrame
        One row per input of the network: its column, its kind (number, bin, missing,
        level, infrequent, target, date, text; "level" is a single category), its
        category or edge, and its centre and scale.

    See Also
    --------
    SigmoidMLPClassifier : The estimator for classes.
    ExplanationDisplay : A plot of what each column contributes to predictions.
    TrainingHistoryDisplay : A plot of the losses by epoch.

    Notes
    -----
    The documentation's page on defaults lists what "auto" means for each number of
    rows.

    Four settings make "auto" mean a single network, numbers without bins and one-hot
    categories, as in scikit-learn: a schedule of scikit-learn's ("constant",
    "invscaling", "adaptive"), weights passed as `init`, `input_scaling=None` and sparse
    input. `n_members` above 1 is then an error, as it is with "lbfgs" and streams.

    scikit-learn's schedules also turn off what "auto" would add to scikit-learn's
    training: `averaging`, `clip_norm` and `weight_decay`. `n_iter_no_change` is then 24
    and `tol` is 1e-4, for any number of rows.

    `early_stopping="auto"` does not mean folds if you set `X_val`, `scoring`,
    `warm_start`, a share as `validation_fraction`, `max_iter=1`, "lbfgs" or a schedule
    of scikit-learn's, or if you fit a stream.

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
    .. [6] Daniels, H. & Velikova, M. (2010). "Monotone and partially monotone
       neural networks". IEEE Trans. Neural Networks 21, 906-917.
    .. [7] Holzmüller, D., Grinsztajn, L. & Steinwart, I. (2024). "Better by default:
       strong pre-tuned MLPs and boosted trees on tabular data". NeurIPS.
       arXiv:2407.04491.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknet import SigmoidMLPRegressor
    >>> X = pd.DataFrame({
    ...     "area": [30.0, 45.0, 60.0, 75.0, 90.0] * 20,
    ...     "town": ["Bern", "Thun"] * 50,
    ... })
    >>> rent = 400 + 15 * X["area"] + 300 * (X["town"] == "Bern")
    >>> model = SigmoidMLPRegressor(random_state=0).fit(X, rent)
    >>> new = pd.DataFrame({"area": [60.0, 60.0], "town": ["Bern", "Thun"]})
    >>> model.predict(new).round(-2).tolist()
    [1600.0, 1300.0]
    """

    _head_class = RegressionHead

    # --- training ----------------------------------------------------------------------------------------------------

    @available_if(check_has_partial_fit)
    @fit_context
    def partial_fit(self, X: Table, y: Target, sample_weight: Target = None) -> Self:
        """Train for one epoch on the given rows.

        The first call learns how to encode the table and sets the float type. No rows
        are held out, and training does not stop early. Rows in the order of time and
        identifiers are not checked for.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets. While a target has a single value, it is predicted exactly; from
            its first other value on, the network predicts it.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        Returns
        -------
        self : object
            The regressor.
        """
        return self._partial_fit(X, y, sample_weight)

    # --- prediction --------------------------------------------------------------------------------------------------

    @with_checked_keywords
    def predict(self, X: Table) -> Array:
        """Predict the target of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        y : ndarray of shape (n_samples,), (n_samples, n_outputs) or (n_samples, n_levels)
            The predictions, in the units of the target. They are float32 if
            all columns of the table are, and otherwise float64. They are float64 if the
            targets need it, too: if their mean is 1,000 standard
            deviations or more from 0, or their scale is outside 1e-30 to 1e30. A target
            that has a single value in all rows of the fit is predicted exactly.
        """
        return self._predict_by("predict", X)

    @with_checked_keywords
    def predict_interval(self, X: Table, coverage: float = 0.9) -> Array:
        """Predict an interval for each target, by conformal prediction.

        An interval extends equally far below and above the prediction. Its width
        depends on the residuals of the rows that `fit` held out: it is wider if
        residuals at similar predictions were larger. With fewer than 60 held-out rows,
        all intervals are equally wide.

        With several quantile levels, such as ``loss="quantile", quantile=(0.05,
        0.95)``, the interval reaches from the lowest to the highest level, and both
        ends are corrected by the residuals of the held-out rows [1]_. The width then
        depends on the whole row.

        Intervals stay within the range that the loss allows. They never cross zero if
        no training target does.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        coverage : float, default=0.9
            Share of new targets that lie inside their intervals, for each output
            separately. This holds on average for rows like the held-out ones, but not
            for every kind of row. With folds there is no guarantee: the residuals come
            from the networks of the folds, but the network that predicts has learnt
            from all rows.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper ends, in the units of the target.

        Raises
        ------
        ValueError
            If no rows were held out (for instance after `partial_fit`), or fewer than 1
            / (1 - coverage) - 1; if `coefs_` or `intercepts_` were set after `fit`; or
            if `quantile` is a single level.

        References
        ----------
        .. [1] Romano, Y., Patterson, E. & Candès, E. (2019). "Conformalized quantile
           regression". NeurIPS. arXiv:1905.03222.
        """
        return self._predict_by("predict_interval", X, coverage)

    @with_checked_keywords
    def predict_quantiles(self, X: Table, quantiles: ArrayLike) -> Array:
        """Predict quantiles of the target.

        A quantile is the prediction plus a quantile of the residuals (target minus
        prediction) of the rows that `fit` held out. As in `predict_interval`, residuals
        are scaled by the size of residuals at similar predictions.

        After ``loss="quantile"`` with several levels, quantiles are interpolated
        between these levels, linearly in their normal scores. If rows were held out,
        each level is first corrected by its residuals.

        If rows were held out, quantiles never cross zero if no training target does.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        quantiles : float or array-like of shape (n_levels,)
            Probabilities between 0 and 1, in increasing order.

        Returns
        -------
        y : ndarray of shape (n_samples, n_levels)
            The quantiles, in the units of the target. They never fall along a row. On
            average, but not for every kind of row, the share of new targets below a
            quantile is close to its probability.

        Raises
        ------
        ValueError
            If `y` had several columns, if `quantile` is a single level, or if it has
            several levels and a probability lies outside them. With other losses, if no
            rows were held out (for instance after `partial_fit`) or too few, or if
            `coefs_` or `intercepts_` were set after `fit`.
        """
        return self._predict_by("predict_quantiles", X, quantiles)

    @with_checked_keywords
    def score(self, X: Table, y: Target, sample_weight: Target = None) -> float:
        """Return R², or with several quantile levels the mean D² of the pinball loss.

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
            At most 1. The best constant prediction, which is the mean or the quantile
            of `y`, scores 0.
        """
        return self._score(X, y, sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        loss = loss_if_valid(self)
        positive = loss is not None and loss.targets.low >= 0.0
        tags.target_tags.positive_only = positive
        tags.target_tags.multi_output = not positive and not (loss is not None and loss.levels)
        return tags
