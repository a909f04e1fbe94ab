"""PyTorch's layers compute what the estimator's do, and come back when they have been trained on."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from tests.export.configurations import SEEDS, configuration
from tests.export.formats import FORMATS, documented

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from sknet import Activation, SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402
from sknet._export import torch as ours  # noqa: E402
from sknet.export import ExportError, from_torch, to_torch  # noqa: E402
from tests.estimators.choices import names_of  # noqa: E402

pytestmark = pytest.mark.export

rng = np.random.default_rng(0)
N = 200
FRAME = pd.DataFrame(
    {"town": rng.choice(["Rome", "Oslo", "Lima"], N), "a": rng.normal(size=N), "b": rng.normal(size=N)}
)
FRAME.loc[3, "a"] = np.nan
LABEL, NUMBER = rng.choice(["p", "q", "r"], N), FRAME.b + (FRAME.town == "Rome")
QUICK = dict(hidden_layer_sizes=(6, 5), max_iter=3, random_state=0, learning_rate="cosine", n_members=1)


def inputs_of(net):
    return torch.from_numpy(net.activations(FRAME)[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_random_configurations(seed):
    case = configuration(seed)
    through, limits = FORMATS["torch"]
    assert through(case) <= limits[case.dtype]


def test_every_activation_is_in_the_table():
    assert set(ours.ACTIVATION_MODULES) == set(names_of("activation")) - {"logistic"}


@pytest.mark.parametrize("label", [LABEL, LABEL == "p"])
def test_layers_return_the_decision_function(label):
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, label)
    module = to_torch(net)
    assert type(module) is nn.Sequential
    assert list(map(type, module)) == [nn.Linear, nn.Sigmoid] * 2 + [nn.Linear]
    raw = module(inputs_of(net)).detach().numpy()
    expected = net.decision_function(FRAME)
    np.testing.assert_allclose(raw.reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("label", [LABEL, LABEL == "p", np.where(LABEL == "p", "yes", "no")], ids=["3", "bool", "2"])
def test_the_documented_loss_takes_labels_of_every_kind(label):
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, label)
    module = to_torch(net)
    loss = documented("saving.md", "log_loss_of", torch=torch)(net, module(inputs_of(net)), label)
    loss.backward()
    assert loss.item() == pytest.approx(log_loss(label, net.predict_proba(FRAME)), rel=1e-6)
    assert module[0].weight.grad.abs().max() > 0


def test_layers_have_the_zeros_of_sets_of_columns():
    net = SigmoidMLPRegressor(**QUICK, interaction_cst="no_interactions").fit(FRAME, NUMBER)
    module = to_torch(net)
    for layer, W in zip((0, 2), net.coefs_, strict=False):
        weight = module[layer].weight.detach().numpy().T
        np.testing.assert_array_equal(weight == 0.0, W == 0.0)
        assert (weight == 0.0).mean() > 0.4
    raw = module(inputs_of(net)).detach().numpy().ravel()
    scale = np.ptp(net.predict(FRAME)) / np.ptp(raw)  # outputs are scaled targets
    np.testing.assert_allclose(
        raw * scale - raw.mean() * scale, net.predict(FRAME) - net.predict(FRAME).mean(), atol=1e-5
    )


def test_layers_are_copies():
    net = SigmoidMLPRegressor(**QUICK, dtype="float64").fit(FRAME, NUMBER)
    before = [W.copy() for W in net.coefs_]
    nn.init.zeros_(to_torch(net)[0].weight)
    assert all(map(np.array_equal, net.coefs_, before))


def test_layers_trained_on_come_back():
    net = SigmoidMLPRegressor(**QUICK, target_scaling=None).fit(FRAME, NUMBER)
    module, inputs, target = to_torch(net), inputs_of(net), torch.tensor(NUMBER.to_numpy())
    before = net.predict(FRAME)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        ((module(inputs)[:, 0] - target) ** 2).mean().backward()
        optimizer.step()
    tuned = from_torch(module, like=net)
    np.testing.assert_allclose(tuned.predict(FRAME), module(inputs)[:, 0].detach().numpy(), rtol=1e-5, atol=1e-6)
    assert tuned.score(FRAME, NUMBER) > net.score(FRAME, NUMBER)
    assert np.array_equal(net.predict(FRAME), before)
    assert tuned.get_params() == net.get_params()
    trained = [W.copy() for W in tuned.coefs_]
    tuned.set_params(learning_rate_init=1e-9).partial_fit(FRAME, NUMBER)
    for W, earlier in zip(tuned.coefs_, trained, strict=True):
        np.testing.assert_allclose(W, earlier, rtol=0.02, atol=1e-5)  # training goes on from the layers' weights


def test_dropout_may_stand_among_the_layers_and_another_type_comes_back_in_the_estimators():
    net = SigmoidMLPRegressor(**QUICK).fit(FRAME, NUMBER)
    module = to_torch(net)
    back = from_torch(nn.Sequential(*module[:2], nn.Dropout(0.2), *module[2:]).float(), like=net)
    assert back.coefs_[0].dtype == net.coefs_[0].dtype
    np.testing.assert_allclose(back.predict(FRAME), net.predict(FRAME), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("change", "message"), [
    (lambda layers: [*layers, nn.Softmax(1)], r"Layer 5 .* is Softmax\(dim=1\), and to_torch\(like\) has None there"),
    (lambda layers: layers[:-1], r"Layer 4 .* is None, and to_torch\(like\) has Linear\(in_features=5"),
    (lambda layers: [nn.Linear(4, 6), *layers[1:]], r"Layer 0 .* is Linear\(in_features=4"),
    (lambda layers: [layers[0], nn.LeakyReLU(0.3), *layers[2:]], r"Layer 1 .* is LeakyReLU.*has Sigmoid\(\) there"),
], ids=["more", "fewer", "size", "activation"])  # fmt: skip
def test_other_layers_are_named(change, message):
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, LABEL)
    with pytest.raises(ExportError, match=message):
        from_torch(nn.Sequential(*change(list(to_torch(net)))), like=net)


def test_what_pytorch_cannot_be_told():
    own = Activation("own", lambda z: None, lambda a, d: None)
    with pytest.raises(ExportError, match="activation='own' is not known to PyTorch"):
        to_torch(SigmoidMLPRegressor(**QUICK, activation=own).fit(FRAME, NUMBER))
    with pytest.raises(TypeError, match="module=None is no torch.nn.Sequential"):
        from_torch(None, like=SigmoidMLPRegressor(**QUICK).fit(FRAME, NUMBER))
    with pytest.raises(TypeError, match="takes SigmoidMLPClassifier and SigmoidMLPRegressor, and int is neither"):
        to_torch(1)
