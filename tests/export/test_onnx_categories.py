"""Categories in a graph, by text and by numbers of every type."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")

from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType  # noqa: E402

from sknet import SigmoidMLPRegressor  # noqa: E402
from sknet.export import ExportError, to_onnx  # noqa: E402

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]

N = 300
rng = np.random.default_rng(0)
Y = rng.normal(size=N)
QUICK = dict(hidden_layer_sizes=5, max_iter=2, random_state=0, categorical_features=["k"], max_categories=4)
TYPES = {FloatTensorType: np.float32, DoubleTensorType: np.float64, Int64TensorType: np.int64, StringTensorType: str}


@pytest.mark.parametrize("encoding", ["one_hot", "target", "both"])
@pytest.mark.parametrize("kind", TYPES)
def test_levels_that_are_numbers_come_in_every_type(kind, encoding):
    frame = pd.DataFrame({"k": rng.integers(0, 9, N)})
    net = SigmoidMLPRegressor(**QUICK, category_encoding=encoding).fit(frame, Y)
    test = pd.DataFrame({"k": [*range(9), 77]})
    session = runtime.InferenceSession(to_onnx(net, initial_types=[("k", kind([None, 1]))]).SerializeToString())
    feed = test.astype(TYPES[kind]).to_numpy(object if kind is StringTensorType else None)
    np.testing.assert_allclose(session.run(None, {"k": feed})[0][:, 0], net.predict(test), rtol=1e-5)


def test_halves_in_whole_numbers_and_missing_numbers():
    frame = pd.DataFrame({"k": rng.integers(0, 9, N) / 2})
    frame.loc[::7, "k"] = np.nan
    net = SigmoidMLPRegressor(**QUICK, category_encoding="both").fit(frame, Y)
    for kind, values in ((DoubleTensorType, [0.5, np.nan, 1.0, 7.3]), (Int64TensorType, [0, 1, 4, 7])):
        session = runtime.InferenceSession(to_onnx(net, initial_types=[("k", kind([None, 1]))]).SerializeToString())
        test = pd.DataFrame({"k": values})
        np.testing.assert_allclose(session.run(None, {"k": test.to_numpy()})[0][:, 0], net.predict(test), rtol=1e-5)


@pytest.mark.parametrize("encoding", ["one_hot", "target"])
def test_the_empty_text(encoding):
    frame = pd.DataFrame({"k": rng.choice(["", "a", "b", "c"], N)})
    net = SigmoidMLPRegressor(**QUICK, category_encoding=encoding).fit(frame, Y)
    session = runtime.InferenceSession(to_onnx(net, frame).SerializeToString())
    found = session.run(None, {"k": frame.to_numpy(object)})[0][:, 0]
    np.testing.assert_allclose(found, net.predict(frame), rtol=1e-5)
    frame.loc[:20, "k"] = None
    with pytest.raises(ExportError, match="Column 'k' has the empty text as a level, and missing values"):
        to_onnx(net.fit(frame, Y), frame)
    with pytest.raises(ExportError, match="levels that are text .* give it a StringTensorType"):
        to_onnx(net, initial_types=[("k", DoubleTensorType([None, 1]))])
