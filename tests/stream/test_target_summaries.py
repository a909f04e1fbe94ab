"""Targets in parts: the labels and the class weights of all of them."""

import numpy as np
import pandas as pd
import pytest

from sknet._model.heads import learn_label_head
from sknet._model.settings import ObjectiveSettings
from sknet._stream.target_summaries import LabelSummary, RegressionTargetShape, multiply_weights
from sknet._tables.label_arrays import as_labels
from sknet._tables.targets import read_regression_target

RNG = np.random.default_rng(0)
LABELS = {
    "binary": RNG.integers(0, 2, 60),
    "text": RNG.choice(["b", "a", "c"], 60),
    "objects": pd.Series(RNG.choice(["b", "a", "c"], 60), dtype=object),
    "bools": RNG.random(60) < 0.5,
    "multilabel": RNG.integers(0, 2, (60, 3)),
    "multioutput": np.column_stack([RNG.integers(0, 5, 60), RNG.integers(0, 2, 60)]),
    "frame": pd.DataFrame({"a": RNG.choice(["x", "y"], 60), "b": RNG.integers(0, 3, 60)}),
}


def rows(y, part):
    return y.iloc[part] if hasattr(y, "iloc") else y[part]


def of_one(kind, y, weight):
    if kind is LabelSummary:
        return LabelSummary.of(as_labels(y), weight)
    values, flat = read_regression_target(y)
    return RegressionTargetShape(values.shape[1], flat)


def summary_of(kind, y, weight, cuts=(1, 20)):
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, len(y)], strict=True)]
    first, *others = [of_one(kind, rows(y, p), None if weight is None else weight[p]) for p in pieces]
    for other in others:
        first = first.merge(other)
    return first


@pytest.mark.parametrize("name", list(LABELS))
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_labels_in_parts(name, class_weight):
    y, weight = LABELS[name], RNG.integers(1, 4, 60) * 1.0
    settings = ObjectiveSettings("log_loss", class_weight=class_weight)
    expected, codes = learn_label_head(y, settings)
    summary = summary_of(LabelSummary, y, weight)
    head = summary.head(settings)
    assert head.labels == expected.labels and [a.dtype for a in head.labels.classes_by_column] == [
        a.dtype for a in expected.labels.classes_by_column
    ]
    found = multiply_weights(codes, weight, summary.class_weights_by_output(head))
    np.testing.assert_allclose(found, expected.apply_class_weight(codes, weight))


def test_labels_of_two_types_are_refused():
    with pytest.raises(ValueError, match="mixes strings"):
        of_one(LabelSummary, ["a"], None).merge(of_one(LabelSummary, [1], None))
    with pytest.raises(ValueError, match="1 columns in one part and 2 in another"):
        of_one(LabelSummary, [0, 1], None).merge(of_one(LabelSummary, [[0, 1]], None))


def test_numbers_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="another number of columns"):
        of_one(RegressionTargetShape, [1.0], None).merge(of_one(RegressionTargetShape, [[1.0, 2.0]], None))
