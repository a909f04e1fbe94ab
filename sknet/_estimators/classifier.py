"""The classifier, which predicts labels and probabilities.

The program `docs/_ext/estimator_docstrings.py` writes the docstring of its class.
"""

from typing import Self

import numpy as np

from sknet._estimators.base import InMemoryMLP
from sknet._estimators.fitted import FittedAttribute
from sknet._estimators.parameters import ClassifierParameters, check_has_partial_fit
from sknet._estimators.sklearn_api import ClassifierMixin, Tags, available_if, fit_context, with_checked_keywords
from sknet._model.heads import LabelHead
from sknet._typing import Array, Table, Target


class SigmoidMLPClassifier(ClassifierMixin, InMemoryMLP, ClassifierParameters):
    """Multi-layer perceptron classifier for raw tables, with calibrated probabilities and prediction sets.

    It takes a raw table. Numbers are scaled and also divided into bins [5]_,
    categories, dates and free text are encoded, and missing values are marked.
    `inputs_` lists the resulting inputs of the network. The gradients are computed by
    backpropagation [1]_.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Number of units in each hidden layer; `()` means no hidden layer. "auto" is
        (128,), and with `interaction_cst` at least eight units per set of columns.

    activation : str, Activation or a sequence of these, default="sigmoid"
        Activation of the hidden units: "sigmoid" (or "logistic"), "tanh", "relu",
        "leaky_relu", "elu", "selu", "softplus", "silu", "gelu", "mish", "identity", an
        `Activation` of your own, or a sequence with one per hidden layer.

    loss : {"log_loss", "squared_error"} or Loss, default="log_loss"
        "log_loss" has one sigmoid output for two classes, a softmax for more, and one
        sigmoid per label for multilabel targets. "squared_error" is 1/2 (a - y)^2 with
        sigmoid outputs a. A `Loss` of your own turns raw outputs into probabilities by
        its `link`.

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

    class_weight : dict, list of dict or "balanced", default=None
        Weights of the classes, which multiply the sample weights. "balanced" gives
        every class the same total weight; `partial_fit` is then not available. A list
        has one dict per column of classes.

    label_smoothing : float or "auto", default="auto"
        Share of each label that is spread evenly over all classes [8]_. "auto" is 0.02
        with `temperature_scaling`, else 0.

    temperature_scaling : bool or "auto", default="auto"
        Whether to divide the raw outputs by a number, the temperature, that minimises
        the log-loss of the held-out rows [9]_. "auto" is True with "log_loss", held-out
        rows or folds, a solver other than "lbfgs" and no `max_norm`, else False. A
        prior keeps the temperature close to 1 if few rows are held out. Each epoch is
        evaluated with its own temperature.

    Attributes
    ----------
    classes_ : ndarray, or a list of such
        The labels. For several columns of classes, a list with one array per column.

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
        Each of several outputs counts equally. `partial_fit` drops this attribute.

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
        Temperature that divides the raw outputs, averaged over members; 1 without
        scaling. `coefs_` and `intercepts_` of the output layer already include it.

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
    SigmoidMLPRegressor : The estimator for numeric targets.
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
    training: `averaging`, `clip_norm`, `dropout`, `label_smoothing`,
    `temperature_scaling` and `weight_decay`. `n_iter_no_change` is then 24 and `tol` is
    1e-4, for any number of rows.

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
    .. [8] Szegedy, C. et al. (2016). "Rethinking the Inception architecture for
       computer vision". CVPR, 2818-2826. arXiv:1512.00567.
    .. [9] Guo, C., Pleiss, G., Sun, Y. & Weinberger, K. Q. (2017). "On
       calibration of modern neural networks". ICML. arXiv:1706.04599.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknet import SigmoidMLPClassifier
    >>> X = pd.DataFrame({
    ...     "weight": [3.9, 4.4, 31.0, 25.5, None] * 20,
    ...     "coat": ["tabby", "black", "brown", "black", "tabby"] * 20,
    ... })
    >>> y = ["cat", "cat", "dog", "dog", "cat"] * 20
    >>> model = SigmoidMLPClassifier(random_state=0).fit(X, y)
    >>> new = pd.DataFrame({"weight": [4.1, 28.0], "coat": ["black", "brown"]})
    >>> model.predict(new).tolist()
    ['cat', 'dog']
    """

    _head_class = LabelHead

    classes_: FittedAttribute[Array | list[Array]] = FittedAttribute(
        lambda fitted: fitted.model.head.labels.classes  # type: ignore[attr-defined]
    )

    # --- training ----------------------------------------------------------------------------------------------------

    @available_if(check_has_partial_fit)
    @fit_context
    def partial_fit(self, X: Table, y: Target, sample_weight: Target = None, classes: Target = None) -> Self:
        """Train for one epoch on the given rows.

        The first call learns how to encode the table and sets the float type. No rows
        are held out, and training does not stop early. Rows in the order of time and
        identifiers are not checked for.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        classes : array-like of shape (n_classes,), or a list of such, default=None
            All labels, including those of later calls. Needed in the first call if its
            `y` lacks some. For several columns of classes, pass a list with one array
            per column.

        Returns
        -------
        self : object
            The classifier.
        """
        self._check_classes(classes)
        return self._partial_fit(X, y, sample_weight, classes)

    def _check_classes(self, classes: Target) -> None:
        """Raise if the classes are not those of earlier calls."""
        if classes is None or self._fitted is None:
            return
        if not isinstance(self.classes_, list) and np.ndim(classes) != 1:
            raise ValueError(f"classes={classes!r} has {np.ndim(classes)} dimensions: give a list of labels.")
        now = [np.unique(c) for c in classes] if isinstance(self.classes_, list) else [np.unique(classes)]
        before = self.classes_ if isinstance(self.classes_, list) else [self.classes_]
        if len(now) != len(before) or not all(map(np.array_equal, now, before)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    # --- prediction --------------------------------------------------------------------------------------------------

    @with_checked_keywords
    def predict(self, X: Table) -> Array:
        """Predict the most probable label of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The labels.
        """
        return self._predict_by("predict", X)

    @with_checked_keywords
    def predict_proba(self, X: Table) -> Array | list[Array]:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes), or a list of such
            Probabilities, strictly between 0 and 1 (1 if there is a single class), with
            columns ordered as `classes_`. Rows add up to 1, except in multilabel
            problems, where each label has its own probability. Several columns of
            classes give a list with one array per column.
        """
        return self._predict_by("predict_proba", X)

    @with_checked_keywords
    def predict_log_proba(self, X: Table) -> Array | list[Array]:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes), or a list of such
            Finite values in the shape of `predict_proba`. With one label per row, they
            are computed from the raw outputs, so probabilities close to 0 or 1 lose no
            digits.
        """
        return self._predict_by("predict_log_proba", X)

    @with_checked_keywords
    def predict_set(self, X: Table, coverage: float = 0.9, per_class: bool = False) -> Array:
        """Predict the set of classes that cannot be ruled out, by conformal prediction.

        `fit` keeps the probabilities of the held-out rows for their own class. A class
        is left out of a new row's set if its probability is lower than in a share
        `coverage` of the held-out rows of that class [1]_. The class that `predict`
        returns is always in the set. Sets grow with `coverage` and with the uncertainty
        of a row.

        A class with fewer than 1 / (1 - coverage) - 1 held-out rows, 9 for
        ``coverage=0.9``, gets the wider of two limits: the limit of the rows of all
        classes, and its own most doubtful row. With `per_class`, too few rows are an
        error.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        coverage : float, default=0.9
            Share of the new rows of each class whose set contains that class. This
            holds on average for rows like the held-out ones, but not for each group of
            rows, such as the rows of one town. The share is higher if `predict` alone
            is right more often. With folds there is no guarantee: the probabilities of
            held-out rows come from the networks of the folds, but the network that
            predicts has learnt from all rows.

        per_class : bool, default=False
            Whether to require enough held-out rows of each class, so that rare classes
            are covered as reliably as frequent ones.

        Returns
        -------
        sets : ndarray of bool of shape (n_samples, n_classes)
            True for the classes in the row's set, which is never empty. Columns are
            ordered as `classes_`.

        Raises
        ------
        ValueError
            If no rows were held out (for instance after `partial_fit`) or too few; if
            `coefs_` or `intercepts_` were set after `fit`; or if `y` was multilabel or
            had several columns of classes.

        References
        ----------
        .. [1] Sadinle, M., Lei, J. & Wasserman, L. (2019). "Least ambiguous set-valued
           classifiers with bounded error levels". J. Am. Stat. Assoc. 114, 223-234.
           arXiv:1609.00451.
        """
        return self._predict_by("predict_set", X, coverage, per_class)

    @with_checked_keywords
    def decision_function(self, X: Table) -> Array | list[Array]:
        """Compute the raw outputs of the network: log-odds, or the inputs of the softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        raw : ndarray of shape (n_samples,) or (n_samples, n_outputs), or a list of such
            For two classes, one number per row; otherwise one column per class or
            label. Several columns of classes give a list with one array per column.
        """
        return self._predict_by("decision_function", X)

    @with_checked_keywords
    def score(self, X: Table, y: Target, sample_weight: Target = None) -> float:
        """Return the accuracy.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Sample weights.

        Returns
        -------
        score : float
            The share of rows, from 0 to 1, in which every label is right.
        """
        return self._score(X, y, sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags
