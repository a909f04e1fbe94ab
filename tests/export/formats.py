"""Estimators through every format, and by how much predictions then differ.

python -m tests.export.formats [count]     compares all formats that are installed, and prints the worst
"""

import ast
import re
import sys
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import scipy.sparse as sp

import sknet
from tests.export.configurations import SEEDS, configuration, outputs_of

DOCS = Path(__file__).parents[2] / "docs"


def distance(found, expected):
    """The largest difference, relative to the largest value; the shapes must be those of the estimator's."""
    assert [np.shape(part) for part in found] == [part.shape for part in expected]
    pairs = zip(found, expected, strict=True)
    return max(float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)) for a, b in pairs)


def rows_alone(found, expected):
    """The same for a few rows, each predicted alone: relative to the largest value of all rows."""
    largest = [max(np.abs(part).max(), 1e-30) for part in expected]
    return max(
        float(np.abs(a[0] - b[k]).max() / most)
        for k, parts in enumerate(found)
        for a, b, most in zip(parts, expected, largest, strict=True)
    )


def labels_agree(found, estimator, X, limit=1e-4):
    """Labels are the same wherever two probabilities are not as good as equal."""
    expected, parts = estimator.predict(X), outputs_of(estimator, X)
    n = len(expected)
    assert np.shape(found) == expected.shape
    different = np.reshape(found != expected, (n, -1))
    if expected.ndim == 2 and len(parts) == 1:  # an indicator matrix
        clear = np.abs(parts[0] - 0.5) > limit
    else:
        clear = np.column_stack([_margin(P) > limit for P in parts])
    assert not (different & clear).any(), "labels"


def _margin(P):
    if P.shape[1] == 1:
        return np.ones(len(P))
    first, second = np.sort(P, axis=1)[:, -1:-3:-1].T
    return first - second


def through_a_file(case):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        sknet.save(case.estimator, path)
        again = sknet.load(path)
    assert all(map(np.array_equal, outputs_of(again, case.X), case.outputs()))
    assert again.get_params() == case.estimator.get_params()
    assert again.resolved_params_ == case.estimator.resolved_params_
    pd.testing.assert_frame_equal(again.history_, case.estimator.history_)
    return 0.0


def documented(page, name, **modules):
    """Return a function that a page of the documentation defines."""
    blocks = re.findall(r"```python[^\n]*\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    (source,) = [node for block in blocks for node in ast.parse(block).body if getattr(node, "name", "") == name]
    namespace = {"np": np, "pd": pd} | modules
    exec(ast.unparse(source), namespace)
    return namespace[name]


def through_onnx(case):
    import onnxruntime

    from sknet.export import feeds_of, to_onnx

    dense = case.X.toarray() if sp.issparse(case.X) else case.X
    session = onnxruntime.InferenceSession(to_onnx(case.estimator, dense).SerializeToString())
    classifies, expected = hasattr(case.estimator, "predict_proba"), case.outputs()
    feeds = feeds_of(case.estimator, case.X)
    label, *found = session.run(None, feeds) if classifies else [None, *session.run(None, feeds)]
    if classifies:
        labels_agree(label, case.estimator, case.X)
    alone = [session.run(None, {name: feed[k : k + 1] for name, feed in feeds.items()})[classifies:] for k in range(3)]
    several = [part.reshape(other.shape) for part, other in zip(found, expected, strict=True)]
    return max(distance(several, expected), rows_alone([_like(parts, expected) for parts in alone], expected))


def _like(parts, expected):
    return [part.reshape(1, *other.shape[1:]) for part, other in zip(parts, expected, strict=True)]


def through_torch(case):
    import torch

    from sknet.export import from_torch, to_torch

    net = case.estimator
    module, (inputs, *hidden) = to_torch(net), net.activations(case.X)
    inputs = inputs.toarray() if sp.issparse(inputs) else inputs
    with torch.no_grad():
        last, raw = (part(torch.from_numpy(inputs)).numpy() for part in (module[:-1], module))
    assert all(map(np.array_equal, outputs_of(from_torch(module, net), case.X), case.outputs()))
    return distance([last, raw], [[inputs, *hidden][-2], last @ net.coefs_[-1] + net.intercepts_[-1]])


FORMATS = {
    "file": (through_a_file, {"float32": 0.0, "float64": 0.0}),
    "onnx": (through_onnx, {"float32": 1e-5, "float64": 1e-5}),
    "torch": (through_torch, {"float32": 1e-5, "float64": 1e-5}),
}
"""How an estimator goes through each format, and by how much predictions may differ, by the type of the arithmetic."""


def main(count):
    from sknet.export import ExportError

    warnings.simplefilter("ignore")
    worst = {(name, dtype): (0.0, "") for name in FORMATS for dtype in ("float32", "float64")}
    refused, compared = Counter(), Counter()
    for seed in SEEDS[:count]:
        case = configuration(seed)
        for name, (through, limits) in FORMATS.items():
            try:
                difference = through(case)
            except ExportError as error:
                refused[name, str(error)[:70]] += 1
                continue
            except Exception as error:
                print("FAILED", name, type(error).__name__, str(error)[:300], case.what)
                continue
            compared[name] += 1
            worst[name, case.dtype] = max(worst[name, case.dtype], (difference, case.what))
            if not difference <= limits[case.dtype]:
                print("TOO FAR", name, difference, case.what)
    for key, (difference, what) in worst.items():
        print(*key, f"{difference:.2g}", what[:150])
    print(dict(compared))
    for key, times in refused.most_common():
        print("refused", times, *key)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else len(SEEDS))
