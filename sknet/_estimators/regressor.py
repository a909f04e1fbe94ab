"""The regressor: numbers in, numbers out."""

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils.metaestimators import available_if

from sknet._estimators.base import BaseSigmoidMLP, is_first_order
from sknet._estimators.callbacks import with_callbacks
from sknet._estimators.constraints import REGRESSOR, Constraints, fit_context
from sknet._estimators.inputs import Data
from sknet._network import losses
from sknet._network.activations import Activation
from sknet._network.losses import Loss
from sknet._tables.targets import Numbers, as_numbers, learn_numbers

Array = npt.NDArray[Any]

POSITIVE = {"poisson": "0 or more, and not all 0", "gamma": "above 0"}
"""What targets the losses with a log link take."""


class SigmoidMLPRegressor(RegressorMixin, BaseSigmoidMLP):
    """@REGRESSOR_DOC@"""

    _parameter_constraints: Constraints = REGRESSOR

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Activation | Sequence[str | Activation] = "sigmoid",
        *,
        loss: str | Loss = "squared_error",
        depth: int = 1,
        solver: Literal["adam", "sgd", "rmsprop", "lbfgs"] = "adam",
        alpha: float = 0.0001,
        l1_ratio: float = 0.0,
        weight_decay: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str | Callable[[float], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: Any = 0.1,
        scoring: str | Callable[..., float] = "loss",
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int | float = 10,
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
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

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
        target = as_numbers(y, warn=True)
        name = self.loss if isinstance(self.loss, str) else ""
        low = name in POSITIVE and (target.min() < 0 or (name == "gamma" and target.min() == 0) or not target.any())
        if low:
            raise ValueError(
                f"loss={name!r} needs targets that are {POSITIVE[name]}; y has a minimum of {target.min():g}. "
                "Choose another loss, or shift y."
            )
        return target

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
        return self._target.encode(y, dtype)

    def _levels(self) -> float | tuple[float, ...] | None:
        """Return the quantile level or levels, None for other losses."""
        if self.loss != "quantile":
            return None
        if isinstance(self.quantile, Real):
            return float(self.quantile)
        levels = tuple(float(q) for q in self.quantile)
        if not levels or not all(0.0 < q < 1.0 for q in levels) or list(levels) != sorted(set(levels)):
            raise ValueError(f"quantile={self.quantile!r}: levels must increase and lie strictly between 0 and 1.")
        return levels

    def _make_loss(self) -> tuple[Loss, int]:
        if isinstance(self.loss, Loss):
            return self.loss, self._target.n_outputs
        if self.loss == "quantile":
            return self._quantile_loss(self._levels())
        if self.loss == "huber":
            return losses.huber(self.huber_delta), self._target.n_outputs
        return _LOSSES[self.loss], self._target.n_outputs

    def _quantile_loss(self, levels: Any) -> tuple[Loss, int]:
        if isinstance(levels, tuple):
            return losses.quantile(levels), len(levels)
        return losses.pinball(levels), self._target.n_outputs

    def _output_bias(self, target: Array, weight: Array | None) -> Array | None:
        if self.loss not in POSITIVE:
            return None
        bias: Array = np.log(np.average(target, axis=0, weights=weight))
        return bias

    def _strata(self, y: Array) -> Array | None:
        return None

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
        if predictions.shape[1] != self._target.n_outputs:  # several quantile levels of one target
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
        levels = self._levels()
        if not isinstance(levels, tuple):
            return float(super().score(X, y, sample_weight))
        predictions = self.predict(X)
        scores = [
            d2_pinball_score(y, predictions[:, j], sample_weight=sample_weight, alpha=level)
            for j, level in enumerate(levels)
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
