"""What "auto" and the like mean, for each parameter that may be left to the estimator."""

from collections.abc import Sequence
from typing import Any

import numpy as np

FLOAT32_ROWS = 500
"""From so many training rows on, `dtype="auto"` computes in float32; below, float64 costs nothing that is felt."""

AUTO_AVERAGING = 0.99
"""The decay that `averaging="auto"` means where a validation part judges the weights."""

AUTO_DROPOUT = 0.1
"""The rate that `dropout="auto"` means for a classifier that Adam trains and a validation part judges."""

AUTO_LABEL_SMOOTHING = 0.02
"""What `label_smoothing="auto"` means where a temperature undoes what smoothing does to the probabilities."""

AUTO_CLIP_NORM = 10.0
"""What `clip_norm="auto"` means for SGD, whose steps are as long as the gradient: those of counts may be huge."""

AUTO_WEIGHT_DECAY = 0.02
"""What `weight_decay="auto"` means for Adam."""

PROPORTIONAL_BATCH = (32, 256)
"""Between these, `batch_size="proportional"` is a 32nd of the rows: some thirty steps an epoch, small tables too."""

PATIENT_SCHEDULES = ("constant", "invscaling", "adaptive")
"""scikit-learn's schedules, without an end of their own: training stops when the loss no longer falls.

With them, what scikit-learn does not know stays off unless it is asked for: its settings give its training.
"""


def batch_size_of(estimator: Any, n: int) -> int:
    """Return how many rows a step sees."""
    named = {"auto": 200, "proportional": int(np.clip(n // 32, *PROPORTIONAL_BATCH))}
    return min(n, named[estimator.batch_size] if isinstance(estimator.batch_size, str) else int(estimator.batch_size))


def averaging_of(estimator: Any, validated: bool) -> float:
    """Return the decay of the weights' moving average."""
    if estimator.averaging == "auto":
        return AUTO_AVERAGING if validated and not is_patient(estimator) else 0.0
    return float(estimator.averaging)


def dropout_of(estimator: Any, validated: bool) -> float | Sequence[float]:
    """Return the dropout rate, or the rates one a layer."""
    if isinstance(estimator.dropout, str):
        return AUTO_DROPOUT if estimator.solver == "adam" and validated and not is_patient(estimator) else 0.0
    return estimator.dropout


def temperature_scaling_of(estimator: Any, validated: bool) -> bool:
    """Whether a classifier's temperature is set on held-out rows."""
    if estimator.temperature_scaling == "auto":
        known = estimator.loss == "log_loss" and estimator.solver != "lbfgs" and estimator.max_norm is None
        return known and validated and not is_patient(estimator)
    return estimator.temperature_scaling and validated


def label_smoothing_of(estimator: Any, validated: bool) -> float:
    """Return how much of a classifier's labels is spread over all classes."""
    if estimator.label_smoothing == "auto":
        return AUTO_LABEL_SMOOTHING if temperature_scaling_of(estimator, validated) else 0.0
    return float(estimator.label_smoothing)


def clip_norm_of(estimator: Any) -> float | None:
    """Return the largest norm of a step's gradient."""
    if estimator.clip_norm == "auto":
        return AUTO_CLIP_NORM if estimator.solver == "sgd" and not is_patient(estimator) else None
    return estimator.clip_norm


def weight_decay_of(estimator: Any) -> float:
    """Return the decoupled decay of the weights."""
    if estimator.weight_decay == "auto":
        return AUTO_WEIGHT_DECAY if estimator.solver == "adam" and not is_patient(estimator) else 0.0
    return float(estimator.weight_decay)


def is_patient(estimator: Any) -> bool:
    """Whether the schedule is one of scikit-learn's, with which training is scikit-learn's too."""
    return estimator.learning_rate in PATIENT_SCHEDULES


def arithmetic(estimator: Any, n: int) -> np.dtype[Any]:
    """Return the type that training computes in."""
    if estimator.dtype != "auto":
        return np.dtype(estimator.dtype)
    return np.dtype(np.float64 if estimator.solver == "lbfgs" or n < FLOAT32_ROWS else np.float32)
