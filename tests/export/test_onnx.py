"""What onnxruntime computes from an exported graph is what the estimator predicts."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.export.configurations import SEEDS, configuration, outputs_of
from tests.export.formats import FORMATS

pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")

import skl2onnx  # noqa: E402
from skl2onnx.common.data_types import FloatTensorType, StringTensorType  # noqa: E402

from sknet import Activation, Loss, SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402
from sknet._export.onnx import ACTIVATION_WRITERS  # noqa: E402
from sknet.export import ExportError, feeds_of, register_onnx_converters, to_onnx  # noqa: E402
from tests.estimators.choices import names_of  # noqa: E402

pytestmark = [pytest.mark.export, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
N = 200
X = rng.normal(size=(N, 3)).astype(np.float32)
LABEL, NUMBER = rng.choice(["p", "q", "r"], N), X[:, 0] - X[:, 1]
FRAME = pd.DataFrame(
    {"a": X[:, 0].astype(float), "town": rng.choice(["Rome", "Oslo", "Lima"], N), "k": np.arange(N) % 3}
)
QUICK = dict(hidden_layer_sizes=(6, 5), max_iter=3, random_state=0, learning_rate="cosine")


def run(onnx_model, feeds):
    session = runtime.InferenceSession(onnx_model.SerializeToString())
    return session.run(None, feeds if isinstance(feeds, dict) else feeds_of(session, feeds))


def test_every_activation_can_be_written():
    assert set(ACTIVATION_WRITERS) == set(names_of("activation")) - {"logistic"}


@pytest.mark.parametrize("seed", SEEDS)
def test_random_configurations(seed):
    case = configuration(seed)
    through, limits = FORMATS["onnx"]
    try:
        difference = through(case)
    except ExportError as error:
        assert re.search("has the time zone|is scaled by quantiles", str(error))
    else:
        assert difference <= limits[case.dtype]


def test_names_and_shapes_of_inputs_and_outputs():
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, LABEL)
    session = runtime.InferenceSession(to_onnx(net, FRAME).SerializeToString())
    assert [(feed.name, feed.type) for feed in session.get_inputs()] == [
        ("a", "tensor(double)"), ("town", "tensor(string)"), ("k", "tensor(int64)"),
    ]  # fmt: skip
    assert [(out.name, out.type) for out in session.get_outputs()] == [
        ("label", "tensor(string)"), ("probabilities", "tensor(double)"),
    ]  # fmt: skip
    label, p = run(to_onnx(net, FRAME.head(1)), FRAME.head(1))
    assert label.shape == (1,)
    assert p.shape == (1, 3)
    (y,) = run(to_onnx(SigmoidMLPRegressor(**QUICK).fit(X, NUMBER), X), {"X": X[:7]})
    assert y.shape == (7, 1)
    assert y.dtype == np.float32


def test_columns_are_those_of_fit_and_a_session_finds_them_by_name():
    net = SigmoidMLPRegressor(**QUICK).fit(FRAME, NUMBER)
    for other in (FRAME[["k", "town", "a"]], FRAME[["a", "town"]], FRAME.assign(more=1)):
        with pytest.raises(
            ExportError, match=r"and fit had 3, \['a', 'town', 'k'\]: give X the columns of fit, in the same order"
        ):
            to_onnx(net, other)
    graph = to_onnx(net, FRAME)
    np.testing.assert_array_equal(run(graph, FRAME[["k", "town", "a"]])[0], run(graph, FRAME)[0])


def test_a_column_whose_name_is_the_empty_text():
    frame = FRAME.rename(columns={"a": ""})
    net = SigmoidMLPRegressor(**QUICK).fit(frame, NUMBER)
    assert list(feeds_of(net, frame)) == ["_", "town", "k"]
    found = run(to_onnx(net, frame), feeds_of(net, frame))[0].ravel()
    # float32 computes sums of about 1, so that a prediction near 0 is as far off as the others
    np.testing.assert_allclose(found, net.predict(frame), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "names"), [
    (SigmoidMLPRegressor, ["variable", "variable1", "b"]),
    (SigmoidMLPClassifier, ["label", "probabilities", "label1"]),
])  # fmt: skip
def test_columns_with_the_name_of_an_output(kind, names):
    frame, target = pd.DataFrame(X, columns=names), NUMBER if kind is SigmoidMLPRegressor else LABEL
    net = kind(**QUICK).fit(frame, target)
    result, *_ = run(to_onnx(net, frame), feeds_of(net, frame))
    if kind is SigmoidMLPRegressor:
        np.testing.assert_allclose(result.ravel(), net.predict(frame), rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(result, net.predict(frame))


def test_a_session_of_a_pipeline_knows_the_name_of_an_input_that_is_called_as_an_output():
    frame = pd.DataFrame(X, columns=["variable", "a", "b"])
    pipeline = make_pipeline(StandardScaler(), SigmoidMLPRegressor(**QUICK)).fit(frame, NUMBER)
    register_onnx_converters()
    graph = skl2onnx.to_onnx(pipeline, frame)
    np.testing.assert_allclose(run(graph, frame)[0].ravel(), pipeline.predict(frame), rtol=1e-5, atol=1e-6)


def test_missing_and_unseen_levels():
    rng = np.random.default_rng(1)
    frame = FRAME.assign(town=FRAME.town.where(rng.random(N) > 0.1, None))
    for train in (FRAME, frame):
        net = SigmoidMLPClassifier(**QUICK).fit(train, LABEL)
        test = frame.head(20).assign(town=["Paris", None] * 10, a=np.where(np.arange(20) < 5, np.nan, 1.0))
        np.testing.assert_allclose(run(to_onnx(net, FRAME), test)[1], net.predict_proba(test), rtol=1e-5)


@pytest.mark.parametrize("labels", [rng.random(N) < 0.5, rng.choice([1.0, 2.0], N), np.zeros(N, int)], ids=str)
def test_labels_of_other_types(labels):
    net = SigmoidMLPClassifier(**QUICK).fit(X, labels)
    label, p = run(to_onnx(net, X), {"X": X})
    assert label.dtype == np.int64
    assert (label == net.predict(X)).all()
    np.testing.assert_allclose(p, net.predict_proba(X), rtol=1e-5)


def test_integers_that_no_label_of_onnx_equals():
    labels = np.where(X[:, 0] > 0.0, 2**64 - 1, 2**64 - 2).astype(np.uint64)
    net = SigmoidMLPClassifier(**QUICK).fit(X, labels)
    with pytest.raises(ExportError, match="y has the label 18446744073709551614, .* fit with astype.str. of y"):
        to_onnx(net, X)
    small = SigmoidMLPClassifier(**QUICK).fit(X, labels - np.uint64(2**64 - 2))
    np.testing.assert_array_equal(run(to_onnx(small, X), {"X": X})[0], small.predict(X))


# --- among scikit-learn's and skl2onnx's own -------------------------------------------------------------------------


NET = SigmoidMLPRegressor(**QUICK)


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (NET, "'sigmoidmlpregressor' in a Pipeline is a SigmoidMLPRegressor"),
        (ColumnTransformer([("net", NET, [0, 1]), ("rest", "passthrough", [2])]), "'net' in a ColumnTransformer"),
        (ColumnTransformer([("deep", make_pipeline(StandardScaler(), NET), [0])]), "'deep' in a ColumnTransformer"),
        (FeatureUnion([("net", NET), ("numbers", StandardScaler())]), "'net' in a FeatureUnion"),
        (make_pipeline(StandardScaler(), NET), "'pipeline' in a Pipeline is a SigmoidMLPRegressor"),
    ],
    ids=["a step", "a column transformer", "a pipeline in a column transformer", "a union", "a pipeline in a pipeline"],
)
def test_a_network_that_transforms_is_refused(transformer, message):
    """It passes its hidden layer on there, and a converter writes predictions."""
    pipeline = make_pipeline(transformer, LogisticRegression()).fit(X, NUMBER > 0)
    register_onnx_converters()
    with pytest.raises(ExportError, match=f"^{message}.* last hidden layer .*: save the whole pipeline"):
        skl2onnx.convert_sklearn(pipeline, initial_types=[("X", FloatTensorType([None, 3]))])


def test_a_network_after_a_union_predicts():
    register_onnx_converters()
    union = FeatureUnion([("scaled", StandardScaler()), ("again", StandardScaler())])
    pipeline = make_pipeline(union, SigmoidMLPRegressor(**QUICK)).fit(X, NUMBER)
    graph = skl2onnx.to_onnx(pipeline, X[:1])
    np.testing.assert_allclose(run(graph, {"X": X})[0][:, 0], pipeline.predict(X), rtol=1e-4, atol=1e-6)


def test_inside_pipelines_and_column_transformers():
    register_onnx_converters()
    columns = ColumnTransformer(
        [("n", make_pipeline(SimpleImputer(), StandardScaler()), [0, 2]), ("c", OneHotEncoder(), [1])]
    )
    pipeline = make_pipeline(columns, SigmoidMLPClassifier(**QUICK)).fit(FRAME, LABEL)
    types = [
        ("a", FloatTensorType([None, 1])),
        ("town", StringTensorType([None, 1])),
        ("k", FloatTensorType([None, 1])),
    ]
    dtypes = {"a": np.float32, "town": object, "k": np.float32}
    feeds = {name: FRAME[[name]].to_numpy(dtype) for name, dtype in dtypes.items()}
    label, p = run(skl2onnx.convert_sklearn(pipeline, initial_types=types), feeds)
    np.testing.assert_allclose(p, pipeline.predict_proba(FRAME), rtol=1e-4, atol=1e-6)
    assert np.mean(label == pipeline.predict(FRAME)) > 0.99


def test_inside_an_ensemble_and_after_a_scaler():
    register_onnx_converters()
    voters = [("net", SigmoidMLPClassifier(**QUICK)), ("line", LogisticRegression())]
    voting = VotingClassifier(voters, voting="soft", flatten_transform=False).fit(X, LABEL)
    onnx_model = skl2onnx.to_onnx(voting, X[:1], options={id(voting): {"zipmap": False}})
    np.testing.assert_allclose(run(onnx_model, {"X": X})[1], voting.predict_proba(X), rtol=1e-5)
    scaled = make_pipeline(StandardScaler(), SigmoidMLPRegressor(**QUICK)).fit(X, NUMBER)
    np.testing.assert_allclose(
        run(skl2onnx.to_onnx(scaled, X[:1]), {"X": X})[0][:, 0], scaled.predict(X), rtol=1e-4, atol=1e-6
    )


def test_a_list_of_outputs():
    y = np.c_[np.arange(N) % 2, np.arange(N) % 3]
    net = SigmoidMLPClassifier(**QUICK).fit(X, y)
    label, *p = run(to_onnx(net, X), {"X": X})
    assert (label == net.predict(X)).all()
    assert len(p) == 2
    for one, other in zip(p, outputs_of(net, X), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


# --- what ONNX cannot express ----------------------------------------------------------------------------------------


def test_what_onnx_cannot_be_told():
    for name in ("own", "tanh"):  # the name of one of the package's activations does not help
        own = Activation(name, lambda z: None, lambda a, d: None)
        with pytest.raises(ExportError, match=f"activation='{name}' is not known to ONNX, which has sigmoid, tanh"):
            to_onnx(SigmoidMLPRegressor(**QUICK, activation=own).fit(X, NUMBER), X)
    own = Loss("own", lambda raw, y: np.ones(len(raw)), lambda raw, y: 0 * raw, link=lambda raw: None)
    with pytest.raises(ExportError, match="loss='own', a loss of your own, has a link of its own"):
        to_onnx(SigmoidMLPRegressor(**QUICK, loss=own).fit(X, NUMBER), X)
    mixed = np.array(list(zip(LABEL, np.arange(N) % 2, strict=True)), dtype=object)
    with pytest.raises(ExportError, match="have labels of several types"):
        to_onnx(SigmoidMLPClassifier(**QUICK).fit(X, mixed), X)
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, LABEL)
    with pytest.raises(ExportError, match="inputs have 2 columns, and the estimator was fitted with 3"):
        to_onnx(net, initial_types=[("a", FloatTensorType([None, 2]))])
    with pytest.raises(ExportError, match="'town' has categories that are text"):
        to_onnx(net, initial_types=[("X", FloatTensorType([None, 3]))])
    with pytest.raises(ExportError, match="'a' holds numbers, and the graph's input 'X' holds text"):
        to_onnx(net, initial_types=[("X", StringTensorType([None, 3]))])
    with pytest.raises(ExportError, match="'a' is scaled by quantiles, .* fit with input_scaling='robust'"):
        to_onnx(SigmoidMLPClassifier(**QUICK, input_scaling="quantile").fit(FRAME, LABEL), FRAME)


def test_types_must_be_given():
    with pytest.raises(ValueError, match="pass X, one row will do, or initial_types"):
        to_onnx(SigmoidMLPRegressor(**QUICK).fit(X, NUMBER))


def test_an_input_of_unknown_width_has_all_columns_and_one_of_another_type_is_named():
    from skl2onnx.common.data_types import Complex64TensorType

    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    open_ended = to_onnx(net, initial_types=[("X", FloatTensorType([None, None]))])
    known = to_onnx(net, initial_types=[("X", FloatTensorType([None, X.shape[1]]))])
    feeds = {"X": np.asarray(X, np.float32)}
    np.testing.assert_array_equal(run(open_ended, feeds)[0], run(known, feeds)[0])
    with pytest.raises(ExportError, match="The graph's input 'X' is a Complex64TensorType: it must be of"):
        to_onnx(net, initial_types=[("X", Complex64TensorType([None, X.shape[1]]))])


def test_sets_of_columns_stay_apart():
    """Of a deep network with bins and members: the graph's outputs are sums, too."""
    net = SigmoidMLPRegressor(**QUICK, interaction_cst=[[0, 1]], n_members=2).fit(X, NUMBER)
    one, other = X.copy(), X[::-1].copy()
    one[:, 2], other[:, 2] = X[::-1, 2], X[:, 2]
    graph = to_onnx(net, X)
    first, second, third, fourth = (run(graph, rows)[0].ravel() for rows in (X, X[::-1], one, other))
    np.testing.assert_allclose(first, net.predict(X), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(first + second, third + fourth, rtol=1e-5, atol=1e-5)
    assert np.abs(first - third).max() > 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [(SigmoidMLPClassifier, {}), (SigmoidMLPRegressor, {}), (SigmoidMLPRegressor, {"loss": "poisson"})],
)
def test_predictions_stay_monotone(kind, parameters, dtype):
    """For 20,000 pairs, those that are nearly equal too, and whichever rows are predicted together."""
    table, draw = X.astype(dtype), np.random.default_rng(1)
    y = np.exp(NUMBER) if kind is SigmoidMLPRegressor else NUMBER > 0
    net = kind(**QUICK, **parameters, monotonic_cst=[1, -1, 0]).fit(table, y)
    low = draw.normal(size=(20_000, 3)) * draw.choice([1, 10, 1000], size=(20_000, 1))
    high = low + draw.choice([0, 1e-9, 1e-4, 1, 1000], size=(20_000, 1)) * draw.exponential(size=low.shape) * [
        1,
        -1,
        0,
    ]
    low, high = low.astype(dtype), high.astype(dtype)
    session = runtime.InferenceSession(to_onnx(net, table).SerializeToString())

    def predict(rows):
        return session.run(None, feeds_of(session, rows))[-1][:, -1]

    below, above = predict(low), predict(high)
    few = np.concatenate([predict(part[::-1])[::-1] for part in np.array_split(high[:5000], 97)])
    assert (above >= below).all()
    assert (few >= below[:5000]).all()
    assert (above > below).any()
    expected = net.predict(low) if kind is SigmoidMLPRegressor else net.predict_proba(low)[:, 1]
    np.testing.assert_allclose(below, expected, rtol=2e-6, atol=2e-6)
