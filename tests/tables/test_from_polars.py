"""Polars frames become pandas frames. Their columns are also read in test_values.py."""

import subprocess
import sys


def test_polars_needs_no_pyarrow():
    code = """
import sys
sys.modules["pyarrow"] = None
import polars as pl
from tests.tables.examples import encoder_of
from sknet._tables.from_polars import as_pandas
from sknet._tables.labels import learn_labels
from sknet._tables.targets import read_regression_target
frame = pl.DataFrame(
    {"n": [1, None, 3], "s": ["a", None, "b"], "c": pl.Series(["a", "b", None], dtype=pl.Categorical), "f": [1.5, 2, 3]}
)
encoder = encoder_of(as_pandas(frame))
print(encoder.feature_names, encoder.encode(as_pandas(frame), float).shape)
print(learn_labels(frame["f"].cast(int))[0].classes, learn_labels(pl.Series(["x", "y"]))[0].classes.tolist())
print(learn_labels(pl.Series(["x", "y"], dtype=pl.Categorical))[0].classes.tolist())
print(read_regression_target(frame["f"])[1])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == [
        "['n', 'n_missing', 's_a', 's_b', 's_missing', 'c_a', 'c_b', 'c_missing', 'f'] (3, 9)",
        "[1 2 3] ['x', 'y']",
        "['x', 'y']",
        "True",
    ]
