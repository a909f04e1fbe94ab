"""The targets of a source, chunk by chunk: as if they had come as one."""

import numpy as np
import pandas as pd
import pytest

from sknet._stream.stored import CollectedLabels, CollectedNumbers
from tests.tables.examples import read_labels, read_numbers

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
LABELS["some missing"] = LABELS["frame"].where(np.arange(60)[:, np.newaxis] % 5 != [2, 4], None)
NUMBERS = {
    "flat": RNG.normal(size=60),
    "column": RNG.normal(size=(60, 1)),
    "several": RNG.normal(size=(60, 2)),
    "frame": pd.DataFrame(RNG.normal(size=(60, 2))),
}
NUMBERS["some missing"] = NUMBERS["frame"].where(np.arange(60)[:, np.newaxis] % 5 != [2, 4])
KEPT = np.arange(60) % 7 > 0


def collected(kind, y, cuts=(1, 20)):
    targets = kind()
    for start, stop in zip([0, *cuts], [*cuts, 60], strict=True):
        part = slice(start, stop)
        targets.append(y.iloc[part] if hasattr(y, "iloc") else y[part], KEPT[part])
    return targets.finish()


@pytest.mark.parametrize("name", list(LABELS))
def test_labels_in_parts(name):
    found, expected = collected(CollectedLabels, LABELS[name]), read_labels(LABELS[name])[KEPT]
    assert found.shape == expected.shape and (found.dtype == expected.dtype or name == "some missing")
    np.testing.assert_array_equal(pd.DataFrame(found).fillna("missing"), pd.DataFrame(expected).fillna("missing"))


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("name", list(NUMBERS))
def test_numbers_in_parts(name):
    np.testing.assert_array_equal(collected(CollectedNumbers, NUMBERS[name]), read_numbers(NUMBERS[name])[KEPT])


@pytest.mark.parametrize(
    ("kind", "first", "second", "message"),
    [
        (CollectedLabels, ["a"], [1], "mixes strings"),
        (CollectedLabels, [0, 1], [[0, 1], [1, 0]], "1 columns in one part and 2 in another"),
        (CollectedNumbers, [1.0], [[1.0, 2.0]], "another number of columns"),
    ],
)
def test_targets_that_do_not_go_together_are_refused(kind, first, second, message):
    targets = kind()
    targets.append(first, np.ones(len(first), bool))
    with pytest.raises(ValueError, match=message):
        targets.append(second, np.ones(len(second), bool))
