"""A fitted classifier elsewhere: the processor time of `predict_proba` / that of onnxruntime.

Above 1 the other is faster. Only what is installed is measured; sizes are bytes / those of the weights alone.
"""

import pickle
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import pandas as pd

import sknet.export
from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, blas_threads, in_turns, ratio
from tests.benchmarks.networks import quietly

Predict = Callable[[object], object]


def tables(n: int) -> Iterator[tuple[str, object]]:
    rng = np.random.default_rng(0)
    yield "20 numbers", rng.normal(size=(n, 20)).astype(np.float32)
    numbers = {f"x{j}": rng.normal(size=n) for j in range(8)}
    levels = {f"k{j}": rng.choice([f"level {k}" for k in range(size)], n) for j, size in enumerate((2, 5, 20, 50))}
    yield "8 numbers, 4 categories", pd.DataFrame(numbers | levels)


def figures(quick: bool) -> Iterator[Figure]:
    n = 10_000 if quick else 50_000
    for name, X in tables(n):
        first = X.iloc[:, 0] if hasattr(X, "iloc") else X[:, 0]
        y = np.digitize(first, [-0.5, 0.5])
        net = SigmoidMLPClassifier(128, activation="tanh", max_iter=2, random_state=0)
        quietly(lambda net=net, X=X, y=y: net.fit(X, y))()
        ways = {"ours": net.predict_proba} | dict(others(net, X))
        for what, rows, rounds in (("one row", X[:1], 30), (f"{n:,} rows", X, 3)):
            tasks = {way: (lambda predict=predict, rows=rows: predict(rows)) for way, predict in ways.items()}
            seconds = in_turns(tasks, rounds, process_time)  # waiting for a busy core is no work
            for way in list(ways)[1:]:
                yield ratio(f"{name}, {what}: {way}", seconds["ours"], seconds[way])
        yield from sizes(name, net, X)


def others(net: SigmoidMLPClassifier, X: object) -> Iterator[tuple[str, Predict]]:
    """Yield what else predicts, as far as it is installed."""
    if find_spec("skl2onnx") and find_spec("onnxruntime"):
        yield "onnxruntime", with_onnxruntime(sknet.export.to_onnx(net, X[:1]).SerializeToString())


def with_onnxruntime(content: bytes) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(blas_threads())  # as many as NumPy has
    session = onnxruntime.InferenceSession(content, options)
    names = [feed.name for feed in session.get_inputs()]

    def predict(X: object) -> object:
        if not hasattr(X, "columns"):
            return session.run(None, {names[0]: X})
        return session.run(None, {name: X[name].to_numpy().reshape(-1, 1) for name in names})

    return predict


def sizes(name: str, net: SigmoidMLPClassifier, X: object) -> Iterator[Figure]:
    weights = sum(part.nbytes for part in (*net.coefs_, *net.intercepts_))
    found = {"pickle": len(pickle.dumps(net))}
    with TemporaryDirectory() as folder:
        sknet.save(net, Path(folder) / "model")
        found["sknet.save"] = (Path(folder) / "model").stat().st_size
    if find_spec("skl2onnx"):
        found["ONNX"] = len(sknet.export.to_onnx(net, X[:1]).SerializeToString())
    for way, size in found.items():
        yield Figure(f"{name}, bytes: {way}", size / weights, size / weights, size / weights)
