"""The regressor: numbers in, numbers out."""

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknet._estimators.base import BaseSigmoidMLP, is_first_order
from sknet._estimators.callbacks import with_callbacks
from sknet._estimators.constraints import REGRESSOR, Constraints, fit_context
from sknet._estimators.inputs import Data
from sknet._network import losses
from sknet._network.activations import Activation
from sknet._network.losses import Loss
from sknet._tables.scaling import weighted_quantile
from sknet._tables.targets import Numbers, as_numbers, learn_numbers

Array = npt.NDArray[Any]

LEAST_STEP = 1e-3
"""Neighbouring quantiles are at least so far apart at the start, in scaled units."""

POSITIVE = {"poisson": "0 or more, and not all 0", "gamma": "above 0"}
"""What targets the losses with a log link take."""


class SigmoidMLPRegressor(RegressorMixin, BaseSigmoidMLP):
    """A multi-layer perceptron for regression, trained by hand-written backpropagation [1]_.

    It takes a raw table: numbers are scaled, categories spelt out and missing
    values marked inside.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(96, 32)
        Units of each hidden layer; `()` makes a linear model.

    activation : str, Activation or a sequence of these, default="sigmoid"
        "sigmoid" (or "logistic"), "tanh", "relu", "leaky_relu", "elu", "selu",
        "softplus", "silu", "gelu", "mish", "identity", or an `Activation` of
        one's own; a sequence gives one a hidden layer.

    loss : str or Loss, default="squared_error"
        "squared_error", "absolute_error", "huber", "quantile", "poisson" or
        "gamma": what is minimised; its value is the mean over the outputs. "poisson" and
        "gamma" are half deviances with a log link.

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

    dropout : float or sequence of float, default=0.0
        The share of hidden outputs set to 0 in a training step, or one a layer;
        rounded to a multiple of 2^-16.

    max_norm : float, default=None
        The largest norm that a unit's incoming weights may have.

    clip_norm : float, "auto" or None, default="auto"
        The largest norm that a step's whole gradient may have. "auto" is
        10.0 for "sgd" with a schedule that scikit-learn does not have,
        else none.

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

    huber_delta : float, default=1.0
        The error, in scaled units, at which "huber" turns linear.

    quantile : float or sequence of float, default=0.5
        The level of "quantile", or several, increasing, whose predictions then
        have shape (n_samples, n_levels) and never cross.

    categorical_features : "from_dtype", array-like of str, int or bool, or None, default="from_dtype"
        Which columns are categories: by their dtype in a data frame (category,
        enum and strings), or by name, index or mask.

    input_scaling : {"robust", "standard"} or None, default="robust"
        How numbers are scaled: weighted median and quartile range, then the
        smooth clip z / sqrt(1 + (z / 3)^2); or mean and standard deviation.
        Sparse columns are divided by their root mean square.

    target_scaling : {"standard"} or None, default="standard"
        How targets are scaled for training; "poisson" and "gamma" take them as
        they are. Predictions are in the targets' own units.

    init : str, callable or (coefs, intercepts), default="auto"
        Where training starts: "auto" keeps the signal's variance through any
        depth and activation; "glorot_uniform", "he_normal" and the like; a
        function of (fan_in, fan_out, rng); or weights and biases.

    dtype : {"auto", "float32", "float64"}, default="auto"
        The type training computes in. "auto" is float32, but float64 for
        "lbfgs" and for fewer than 500 rows.

    Attributes
    ----------
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

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknet import SigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = SigmoidMLPRegressor(random_state=0).fit(X[:300], y[:300])
    >>> regressor.score(X[300:], y[300:]) > 0.3
    True
    """

    _parameter_constraints: Constraints = REGRESSOR

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (96, 32),
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        *,
        loss: str | Loss = "squared_error",
        depth: int = 1,
        solver: Literal["adam", "sgd", "rmsprop", "lbfgs"] = "adam",
        alpha: float = 0.01,
        l1_ratio: float = 0.0,
        weight_decay: float | Literal["auto"] = "auto",
        dropout: float | Sequence[float] = 0.0,
        max_norm: float | None = None,
        clip_norm: float | Literal["auto"] | None = "auto",
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
        huber_delta: float = 1.0,
        quantile: float | Sequence[float] = 0.5,
        categorical_features: Any = "from_dtype",
        input_scaling: Literal["robust", "standard"] | None = "robust",
        target_scaling: Literal["standard"] | None = "standard",
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
        self.huber_delta = huber_delta
        self.quantile = quantile
        self.categorical_features = categorical_features
        self.input_scaling = input_scaling
        self.target_scaling = target_scaling
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
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; a row of weight 0 is no row.

        X_val : {array-like, sparse matrix, DataFrame} of shape (n_val, n_features), default=None
            A validation set of one's own, for early stopping.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.

        groups : array-like of shape (n_samples,), default=None
            Groups of rows that early stopping holds out together, and what a
            splitter given as `validation_fraction` splits by.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If the data, a parameter or a weight is not as described, or if
            training diverges. The estimator is then what it was before.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), groups=groups)

    @available_if(is_first_order)
    @fit_context
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
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
            How often each row counts.

        Returns
        -------
        self : object
            The regressor.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _read_target(self, y: Any) -> Array:
        return as_numbers(y, warn=True)

    def _learn_target(self, data: Data, classes: Any = None) -> Data:
        if isinstance(self._levels(), tuple) and data.y.ndim != 1:
            raise ValueError(f"quantile={self.quantile!r} gives several levels and takes a y of one dimension.")
        return data

    def _keep_target(self, data: Data, incremental: bool) -> Data:
        return data

    def _learn_scale(self, training: Data) -> None:
        method = None if self.loss in POSITIVE else self.target_scaling
        self._target: Numbers = learn_numbers(training.y, method, training.weight)

    def _encode_target(self, y: Array, dtype: np.dtype[Any], *, training: bool) -> Array:
        lowest = y.min(initial=np.inf)
        if (self.loss in POSITIVE and lowest < 0.0) or (self.loss == "gamma" and lowest == 0.0):
            self._refuse(f"a minimum of {lowest:g}")
        with np.errstate(over="ignore"):
            target = self._target.encode(y, dtype)
        if not np.isfinite(target).all():
            raise ValueError(f"y holds values too large for {dtype}: set target_scaling='standard' or dtype='float64'.")
        return target

    def _refuse(self, what: str) -> None:
        raise ValueError(
            f"loss={self.loss!r} needs targets that are {POSITIVE[str(self.loss)]}; y has {what}. "
            "Choose another loss, or shift y."
        )

    def _levels(self) -> float | tuple[float, ...] | None:
        """Return the quantile level or levels, None for other losses."""
        if self.loss != "quantile":
            return None
        if isinstance(self.quantile, float | Real):
            return float(self.quantile)
        given: list[Any] = list(self.quantile)
        valid = (
            given and all(isinstance(q, Real) and 0.0 < float(q) < 1.0 for q in given) and given == sorted(set(given))
        )
        if not valid:
            raise ValueError(f"quantile={self.quantile!r}: levels must increase and lie strictly between 0 and 1.")
        return tuple(map(float, given))

    def _make_loss(self) -> tuple[Loss, int]:
        levels = self._levels()
        self._several = levels if isinstance(levels, tuple) else None
        if isinstance(self.loss, Loss):
            return self.loss, self._target.n_outputs
        if self.loss == "quantile":
            return self._quantile_loss(levels)
        if self.loss == "huber":
            return losses.huber(self.huber_delta), self._target.n_outputs
        return _LOSSES[self.loss], self._target.n_outputs

    def _quantile_loss(self, levels: Any) -> tuple[Loss, int]:
        if isinstance(levels, tuple):
            return losses.quantile(levels), len(levels)
        return losses.pinball(levels), self._target.n_outputs

    def _output_bias(self, target: Array, weight: Array | None) -> Array | None:
        if self.loss == "quantile" and self.init == "auto":
            return self._first_quantiles(target, weight)
        if self.loss not in POSITIVE:
            return None
        mean = np.average(target, axis=0, weights=weight)
        if not mean.all():
            self._refuse("only zeros")
        return np.log(mean)

    def _first_quantiles(self, target: Array, weight: Array | None) -> Array:
        """Return the raw outputs that stand for the target's own quantiles."""
        if self._several is None:
            level: Any = self._levels()
            return np.array([weighted_quantile(column, level, weight) for column in target.T])
        found = weighted_quantile(target[:, 0], self._several, weight)
        steps = np.maximum(np.diff(found), LEAST_STEP)
        raw = steps + np.log(-np.expm1(-steps))  # whose softplus are the steps
        middle = len(found) // 2
        return np.insert(raw, middle, found[middle])

    def _strata(self, y: Array) -> Array | None:
        if self.loss != "poisson":
            return None
        return np.any(y.reshape(len(y), -1) > 0.0, axis=1).astype(int)  # rare events are held out in proportion

    # --- prediction --------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        Returns
        -------
        y : ndarray of shape (n_samples,), (n_samples, n_outputs) or (n_samples, n_levels)
            The predictions, in the targets' own units.
        """
        predictions = self._predictions(X)
        if self._several is not None:
            return self._target.scaler.decode(predictions, self._float)
        return self._target.decode(predictions, self._float)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute R^2; with several quantile levels, the mean over the levels of D^2, R^2's like for the pinball loss.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The table.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.

        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts.

        Returns
        -------
        score : float
            At most 1; 0 for a constant prediction (the mean, the quantile).
        """
        check_is_fitted(self)
        if self._several is None:
            return float(super().score(X, y, sample_weight))
        predictions = self.predict(X)
        scores = [
            d2_pinball_score(y, predictions[:, j], sample_weight=sample_weight, alpha=level)
            for j, level in enumerate(self._several)
        ]
        return float(np.mean(scores))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        positive = isinstance(self.loss, str) and self.loss in POSITIVE
        tags.target_tags.positive_only = positive
        tags.target_tags.multi_output = not positive
        return tags


_LOSSES = {
    "squared_error": losses.SQUARED_ERROR,
    "absolute_error": losses.ABSOLUTE_ERROR,
    "poisson": losses.POISSON,
    "gamma": losses.GAMMA,
}
