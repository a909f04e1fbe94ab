"""Class weights as sample weights.

Conventions
-----------
n rows, k target columns.

codes : (n, k)           index of each row's label into the sorted classes; -1 for a missing one
weight : (n,) or None    sample weights, positive; a row of weight 2 is two rows, None is ones
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sknet._tables.labels import Codes, Labels
from sknet._typing import Array


def apply_class_weight(
    class_weight: object, labels: Labels, codes: Codes, sample_weight: ArrayLike | None = None
) -> Array | None:
    """Multiply the sample weights by the weight of each row's class; over several outputs, by all of them.

    Parameters
    ----------
    class_weight : None, "balanced", dict, or a list of dicts, one per output
        "balanced" gives every class that occurs the same total of sample weights.
    labels : Labels
        The labels that y may hold.
    codes : ndarray of shape (n, k)
        The labels that it does hold.
    sample_weight : array-like of shape (n,), default=None
        None is ones.

    Returns
    -------
    ndarray of shape (n,) or None
        None if there are weights of neither kind.
    """
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if class_weight is None:
        return weight
    weight = np.ones(len(codes)) if weight is None else weight
    product, by_output = weight, _for_each_output(class_weight, codes.shape[1])
    for setting, known, code in zip(by_output, labels.classes_by_column, codes.T, strict=True):
        present = code >= 0
        total = np.bincount(code[present], weight[present], len(known))  # the weights of each class added up, (K,)
        factor = _class_weights(setting, known, total)
        product = product * np.where(present, factor[code], 1.0)  # a missing label weighs nothing
    return product


def _for_each_output(class_weight: object, n_outputs: int) -> list[object]:
    """Return what `class_weight` says about each output."""
    if isinstance(class_weight, str):
        return [class_weight] * n_outputs
    if isinstance(class_weight, Mapping) and n_outputs == 1:
        return [class_weight]
    if isinstance(class_weight, list | tuple) and len(class_weight) == n_outputs:
        return list(class_weight)
    wanted = "a dict, None or 'balanced'" if n_outputs == 1 else f"'balanced', None or a list of {n_outputs} dicts"
    raise ValueError(f"class_weight={class_weight!r} does not fit y: give {wanted}.")


def _class_weights(class_weight: object, known: Array, total: Array) -> Array:
    """Return the weight of each class of one output."""
    if class_weight is None:
        return np.ones(len(known))
    if isinstance(class_weight, Mapping):
        return _weights_from_dict(class_weight, known.tolist())
    if isinstance(class_weight, str) and class_weight == "balanced":
        # Σw / (k Σw of the class), for the k classes that occur; the weight of the others counts nowhere
        occurs = total > 0
        return np.divide(total.sum(), occurs.sum() * total, out=np.zeros(len(total)), where=occurs)
    raise ValueError(f"class_weight={class_weight!r} is not understood: give a dict of label: weight, or 'balanced'.")


def _weights_from_dict(class_weight: Mapping[Any, Any], known: list[object]) -> Array:
    """Return the weight of each class from a dict, 1 where it has none.

    Unknown keys are an error only if classes are missing: then they may be misspelt, else y has just not all labels.
    """
    unknown = [key for key in class_weight if key not in known]
    lacking = [label for label in known if label not in class_weight]
    if unknown and lacking:
        raise ValueError(
            f"class_weight has the keys {unknown}, which are not labels of y, and no weight for {lacking}: "
            f"its keys must be among {known}."
        )
    bad = {label: w for label, w in class_weight.items() if not _is_weight(w)}
    if bad:
        raise ValueError(f"class_weight holds {bad}: weights must be finite numbers, 0 or more, and no bools.")
    return np.array([float(class_weight.get(label, 1.0)) for label in known])


def _is_weight(weight: Any) -> bool:
    """Whether a value is a finite number, 0 or more, and no bool."""
    if isinstance(weight, str | bool | np.bool_):
        return False
    try:
        return bool(0 <= float(weight) < np.inf)
    except (TypeError, ValueError, OverflowError):
        return False
