"""The classifier: labels in, probabilities out."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if

from sknet._estimators.automatic import label_smoothing_of, temperature_scaling_of
from sknet._estimators.base import BaseSigmoidMLP, is_first_order
from sknet._estimators.callbacks import with_callbacks
from sknet._estimators.constraints import CLASSIFIER, Constraints, fit_context
from sknet._estimators.inputs import Data
from sknet._network import losses
from sknet._network.activations import Activation
from sknet._network.losses import Loss
from sknet._tables.labels import Labels
from sknet._tables.targets import as_labels, fold_class_weight, learn_labels

Array = npt.NDArray[Any]

_LEAST_SHARE = 1e-3  # of a label, as the first biases see it: none is excluded from the start


class SigmoidMLPClassifier(ClassifierMixin, BaseSigmoidMLP):
    """A multi-layer perceptron that classifies, trained by hand-written backpropagation [1]_.

    It takes a raw table: numbers are scaled, categories spelt out and missing
    values marked inside.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Units of each hidden layer; `()` makes a linear model.

    activation : str, Activation or a sequence of these, default="sigmoid"
        "sigmoid" (or "logistic"), "tanh", "relu", "leaky_relu", "elu", "selu",
        "softplus", "silu", "gelu", "mish", "identity", or an `Activation` of
        one's own; a sequence gives one a hidden layer.

    loss : {"log_loss", "squared_error"} or Loss, default="log_loss"
        "log_loss" has one sigmoid output for two classes, a softmax for more,
        and one sigmoid a label in multilabel problems. "squared_error",
        1/2 (a - y)^2 on sigmoid outputs, is the textbook network.

    depth : int, default=1
        How many hidden layers of that size, where `hidden_layer_sizes` is an int.

    solver : {"adam", "sgd", "rmsprop", "lbfgs"}, default="adam"
        "adam" is described in [2]_. "lbfgs" sees all rows at once and goes by iterations instead of epochs;
        it ignores batch size and rates.

    alpha : float, default=0.01
        Strength of the penalty on the weights, alpha / (2 * sum of the sample
        weights) * |W|^2: its meaning does not depend on the batch size.

    l1_ratio : float, default=0.0
        The share of `alpha` that penalises |W|_1 instead, by proximal steps
        that leave real zeros.

    weight_decay : float or "auto", default="auto"
        Decoupled decay of the weights, a factor 1 - rate * weight_decay a step;
        with "adam" this is AdamW [3]_. "auto" is 0.02 for "adam" with a
        schedule that scikit-learn does not have, else 0.

    dropout : float, sequence of float or "auto", default="auto"
        The share of hidden outputs set to 0 in a training step, or one a layer;
        rounded to a multiple of 2^-16.
        "auto" is 0.1 for "adam" where rows are held out and the schedule is
        one that scikit-learn does not have, else 0.

    max_norm : float, default=None
        The largest norm that a unit's incoming weights may have.

    clip_norm : float, "auto" or None, default="auto"
        The largest norm that a step's whole gradient may have. "auto" is
        10.0 for "sgd" with a schedule that scikit-learn does not have,
        else none.

    label_smoothing : float or "auto", default="auto"
        How much of each label is spread evenly over all classes [5]_. "auto" is
        0.02 where the temperature is scaled, else 0.

    temperature_scaling : bool or "auto", default="auto"
        Whether the output layer is multiplied by the factor, one over the
        temperature, that makes the log-loss of the held-out rows least [6]_.
        Every epoch is judged and kept with its own. "auto" does so for a
        first-order solver with "log_loss", no `max_norm`, and a schedule that
        scikit-learn does not have.

    batch_size : int, "auto" or "proportional", default="proportional"
        Rows a step sees. "auto" is min(200, n_samples); "proportional" is
        n_samples // 32, but at least 32 and at most 256.

    learning_rate : str or callable, default="flat_cosine"
        The schedule, by which `learning_rate_init` is multiplied: "constant";
        "invscaling", 1 / (samples seen + 1) ** `power_t`; "adaptive", divided by
        5 at each plateau; "cosine", "flat_cosine", "one_cycle" and "coslog4",
        functions of the fraction of `max_iter` epochs that are done; or such a
        function of one's own. Past the end the last rate is kept.

    learning_rate_init : float, default=0.015
        The (largest) learning rate.

    power_t : float, default=0.5
        The exponent of "invscaling".

    max_iter : int, default=128
        Epochs, or iterations of "lbfgs".

    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.

    random_state : int, RandomState instance or None, default=None
        Fixes the first weights, the held-out rows, the order and dropout.

    tol : float, default=1e-4
        The least improvement of the loss or the validation score that counts;
        the largest gradient component at which "lbfgs" stops.

    verbose : bool or int, default=False
        Whether to print the progress.

    warm_start : bool, default=False
        Whether `fit` starts from the weights that there are.

    momentum : float, default=0.9
        Of "sgd".

    nesterovs_momentum : bool, default=True
        Whether the momentum of "sgd" is Nesterov's.

    early_stopping : bool or "auto", default="auto"
        Whether to hold out rows, stop after `n_iter_no_change` epochs without a
        better score on them, and keep the best epoch's weights. "auto" does so
        from 67 training rows on, or where `X_val` is given.

    validation_fraction : float or splitter, default=0.15
        The share of rows held out (stratified for a classifier), or a
        scikit-learn splitter whose first split is used.

    scoring : str or callable, default="loss"
        What judges a validation epoch: "loss" or a scikit-learn scorer.

    averaging : float or "auto", default="auto"
        Decay, a step, of a moving average of the weights [4]_, which then is
        what is judged, kept and predicted with; 0 for none. "auto" is
        0.99 where rows are held out to judge it and the schedule is
        one that scikit-learn does not have, else 0.

    beta_1, beta_2 : float, default=0.9, 0.95
        Decay of "adam"'s moments; `beta_2` is also the decay of "rmsprop".

    epsilon : float, default=1e-8
        Keeps "adam" and "rmsprop" from dividing by 0.

    n_iter_no_change : int or inf, default=24
        Epochs without improvement that are borne. On the training loss it
        applies to "constant", "invscaling" and "adaptive" only.

    max_fun : int, default=15000
        The most evaluations of "lbfgs".

    class_weight : dict, list of dict or "balanced", default=None
        Weights of the classes, multiplied into the sample weights; "balanced"
        gives every class the same total. A list holds one dict an output.

    categorical_features : "from_dtype", array-like of str, int or bool, or None, default="from_dtype"
        Which columns are categories: by their dtype in a data frame (category,
        enum and strings), or by name, index or mask.

    input_scaling : {"robust", "standard"} or None, default="robust"
        How numbers are scaled: weighted median and quartile range, then the
        smooth clip z / sqrt(1 + (z / 3)^2); or mean and standard deviation.
        Sparse columns are divided by their root mean square.

    init : str, callable or (coefs, intercepts), default="auto"
        Where training starts: "auto" keeps the signal's variance through any
        depth and activation; "glorot_uniform", "he_normal" and the like; a
        function of (fan_in, fan_out, rng); or weights and biases.

    dtype : {"auto", "float32", "float64"}, default="auto"
        The type training computes in. "auto" is float32, but float64 for
        "lbfgs" and for fewer than 500 rows.

    Attributes
    ----------
    classes_ : ndarray, or a list of them
        The labels, one array an output in multiclass-multioutput problems.

    coefs_ : list of arrays of shape (fan_in, fan_out)
        The weights, in the network's own space.

    intercepts_ : list of arrays of shape (fan_out,)
        The biases.

    n_layers_, n_outputs_ : int
        Layers, input and output included; raw outputs.

    out_activation_ : str
        The output activation.

    n_iter_ : int
        Epochs of the last call.

    t_ : int
        Training samples seen.

    loss_, best_loss_ : float
        The last and the least training loss; `best_loss_` is None where rows
        are held out.

    loss_curve_ : list of float
        The training loss of every epoch, in scaled units, penalty included.

    validation_scores_ : list of float or None
        The score of every epoch on the held-out rows.

    best_validation_score_ : float or None
        The largest of them.

    history_ : DataFrame
        One row an epoch: training loss, validation loss and score, learning
        rate, norm of the last gradient, seconds.

    n_features_in_ : int
        Columns of the table.

    feature_names_in_ : ndarray of str
        Their names, where all are strings.

    network_feature_names_ : ndarray of str
        A name for each input of the network.

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
    .. [5] Szegedy, C. et al. (2016). "Rethinking the Inception architecture for
       computer vision". CVPR, 2818-2826. arXiv:1512.00567.
    .. [6] Guo, C., Pleiss, G., Sun, Y. & Weinberger, K. Q. (2017). "On
       calibration of modern neural networks". ICML. arXiv:1706.04599.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sknet import SigmoidMLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> classifier = SigmoidMLPClassifier(random_state=0).fit(X[:400], y[:400])
    >>> classifier.score(X[400:], y[400:]) > 0.9
    True
    """

    _parameter_constraints: Constraints = CLASSIFIER

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128,),
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        *,
        loss: str | Loss = "log_loss",
        depth: int = 1,
        solver: Literal["adam", "sgd", "rmsprop", "lbfgs"] = "adam",
        alpha: float = 0.01,
        l1_ratio: float = 0.0,
        weight_decay: float | Literal["auto"] = "auto",
        dropout: float | Sequence[float] | Literal["auto"] = "auto",
        max_norm: float | None = None,
        clip_norm: float | Literal["auto"] | None = "auto",
        label_smoothing: float | Literal["auto"] = "auto",
        temperature_scaling: bool | Literal["auto"] = "auto",
        batch_size: int | Literal["auto", "proportional"] = "proportional",
        learning_rate: str | Callable[[float], float] = "flat_cosine",
        learning_rate_init: float = 0.015,
        power_t: float = 0.5,
        max_iter: int = 128,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: Any = 0.15,
        scoring: str | Callable[..., float] = "loss",
        averaging: float | Literal["auto"] = "auto",
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        n_iter_no_change: int | float = 24,
        max_fun: int = 15000,
        class_weight: Any = None,
        categorical_features: Any = "from_dtype",
        input_scaling: Literal["robust", "standard"] | None = "robust",
        init: Any = "auto",
        dtype: Literal["auto", "float32", "float64"] = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.depth = depth
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.label_smoothing = label_smoothing
        self.temperature_scaling = temperature_scaling
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.averaging = averaging
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.class_weight = class_weight
        self.categorical_features = categorical_features
        self.input_scaling = input_scaling
        self.init = init
        self.dtype = dtype

    # --- training ----------------------------------------------------------------------------------------------------

    @with_callbacks
    @fit_context
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table: numbers and, in a data frame, categories; values may be
            missing.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels, an indicator matrix (multilabel), or one column of labels
            an output (multiclass-multioutput).

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; a row of weight 0 is no row.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            A validation set of one's own, for early stopping.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its labels.

        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows that early stopping holds out together, and what a
            splitter given as `validation_fraction` splits by.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If the data, a parameter or a weight is not as described, or if
            training diverges. The estimator is then what it was before.
        """
        self._refuse_temperature()
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), groups=groups)

    @available_if(is_first_order)
    @fit_context
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train one epoch over the rows given.

        Nothing is held out and nothing stops early. Encoders, scalers and the
        arithmetic's type are learnt at the first call.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The labels.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        classes : array-like of shape (n_classes,), or a list of such, default=None
            All labels there will ever be; needed at the first call only where
            y does not hold them all. One list an output in multiclass-multioutput.

        Returns
        -------
        self : object
            The classifier.
        """
        self._check_classes(classes)
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def _check_classes(self, classes: Any) -> None:
        """Refuse other classes than those of earlier calls."""
        if classes is None or not hasattr(self, "_target"):
            return
        new = [np.unique(c) for c in classes] if isinstance(self.classes_, list) else [np.unique(classes)]
        known = self.classes_ if isinstance(self.classes_, list) else [self.classes_]
        if len(new) != len(known) or not all(map(np.array_equal, new, known)):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def _read_target(self, y: Any) -> Array:
        return as_labels(y, warn=True)

    def _learn_target(self, data: Data, classes: Any = None) -> Data:
        self._target: Labels = learn_labels(data.y, classes)
        self.classes_ = self._target.classes
        return self._fold(data)

    def _keep_target(self, data: Data, incremental: bool) -> Data:
        if not incremental:
            given = learn_labels(data.y)
            if given != self._target:
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {given.classes}"
                )
        return self._fold(data)

    def _fold(self, data: Data) -> Data:
        """Fold class weights into the sample weights; rows of classes of weight 0 are no rows."""
        if self.class_weight is None:
            return data
        weight = fold_class_weight(self.class_weight, self._target, data.y, data.weight)
        if weight is not None and not weight.any():
            raise ValueError("class_weight and sample_weight make the weight of every row zero: one must be positive.")
        return data.weighted(weight).without_weightless()

    def _encode_target(self, y: Array, dtype: np.dtype[Any], *, training: bool) -> Array:
        target = self._target.encode(y, dtype)
        smoothing = label_smoothing_of(self, self._validated) if training else 0.0
        if smoothing:
            for block in self._blocks():
                n_labels = max(2, block.stop - block.start) if self._target.kind != "multilabel" else 2
                target[:, block] *= 1.0 - smoothing
                target[:, block] += smoothing / n_labels
        return target

    def _refuse_temperature(self) -> None:
        """Raise if a temperature is asked for where it cannot be had."""
        if self.temperature_scaling not in (False, "auto"):
            conflicts = {
                "loss": self.loss != "log_loss",
                "max_norm": self.max_norm is not None,
                "early_stopping": not self.early_stopping,
            }
            for name in (name for name, is_conflict in conflicts.items() if is_conflict):
                raise ValueError(
                    f"temperature_scaling=True does not go with {name}={getattr(self, name)!r}: it multiplies the "
                    "output layer by what makes the log-loss of held-out rows least. Set it to 'auto' or False."
                )

    def _scales_temperature(self) -> bool:
        return temperature_scaling_of(self, self._validated)

    def _blocks(self) -> tuple[slice, ...]:
        return self._target.blocks

    def _make_loss(self) -> tuple[Loss, int]:
        n_outputs = self._target.n_outputs
        if isinstance(self.loss, Loss):
            return self.loss, n_outputs
        if self.loss == "squared_error":
            return losses.SIGMOID_SQUARED_ERROR, n_outputs
        if self._target.kind == "multilabel":
            return losses.SIGMOID_LOG_LOSS, n_outputs
        of_blocks = [_log_loss(block) for block in self._blocks()]
        return (of_blocks[0] if len(of_blocks) == 1 else losses.blocks(of_blocks, self._blocks())), n_outputs

    def _output_bias(self, target: Array, weight: Array | None) -> Array | None:
        """Return the log-odds of the labels' shares, so that training need not find them."""
        if self.init != "auto" or self.loss != "log_loss":
            return None
        share = np.average(target, axis=0, weights=weight).astype(np.float64)
        share = np.clip(share, _LEAST_SHARE, 1.0 - _LEAST_SHARE)
        bias = np.log(share / (1.0 - share))
        if self._target.kind != "multilabel":
            for block in self._blocks():
                if block.stop - block.start > 1:  # a softmax: logarithms, centred
                    bias[block] = np.log(share[block]) - np.log(share[block]).mean()
        return bias

    def _strata(self, y: Array) -> Array | None:
        return self._target.strata(y)

    # --- prediction --------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """Predict the most probable label.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The labels.
        """
        return self._outputs(X, self._labels)

    def _labels(self, raw: Array) -> Array:
        """Return the most probable labels."""
        in_order = self._loss == losses.SOFTMAX_LOG_LOSS  # a softmax keeps the order, and takes as long as a layer
        return self._target.decode(raw if in_order else self._linked(raw))

    def predict_proba(self, X: Any) -> Any:
        """Predict the labels' probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes), or a list of such
            Strictly between 0 and 1, adding up to 1; in multilabel problems
            each label's own probability; a list, one array an output, in
            multiclass-multioutput problems. Columns are ordered as `classes_`.
        """
        P = self._predictions(X)
        if self._target.kind != "multilabel" and self.out_activation_ != "softmax":
            for block in self._blocks():
                if block.stop - block.start > 1:  # sigmoid outputs, one a class, do not add up to 1 by themselves
                    p = np.maximum(P[:, block], np.finfo(P.dtype).tiny)  # all of them may vanish
                    P[:, block] = p / p.sum(axis=1, keepdims=True)
        return self._target.probabilities(P)

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithms of the labels' probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes), or a list of such
            Finite; otherwise as `predict_proba`.
        """
        p = self.predict_proba(X)
        return [np.log(part) for part in p] if isinstance(p, list) else np.log(p)

    def decision_function(self, X: Any) -> Any:
        """Compute the network's raw outputs: log-odds for a sigmoid, unnormalised logarithms for a softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        raw : ndarray of shape (n_samples,) or (n_samples, n_outputs), or a list of such
            One column a class; one dimension for two classes; a list, one
            array an output, in multiclass-multioutput problems.
        """
        raw = self._raw_outputs(X)
        if self._target.kind == "multilabel":
            return raw
        parts = [raw[:, block] for block in self._blocks()]
        parts = [part[:, 0] if part.shape[1] == 1 else part for part in parts]
        return parts if self._target.kind == "multioutput" else parts[0]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the accuracy: the share of rows all of whose labels are right.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The labels.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        score : float
            Between 0 and 1.
        """
        predicted = self.predict(X)
        if self._target.kind != "multioutput":
            return float(accuracy_score(as_labels(y), predicted, sample_weight=sample_weight))
        right = (as_labels(y) == predicted).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _log_loss(block: slice) -> Loss:
    """Return the log-loss of one output: one sigmoid for two classes, a softmax for more."""
    return losses.SIGMOID_LOG_LOSS if block.stop - block.start == 1 else losses.SOFTMAX_LOG_LOSS
