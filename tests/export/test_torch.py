"""A module in PyTorch computes what the estimator predicts, and its layers may be trained on."""

import numpy as np
import pandas as pd
import pytest
from configurations import SEEDS, configuration
from formats import FORMATS

torch = pytest.importorskip("torch")

from sknet import Activation, SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402
from sknet._export import torch as ours  # noqa: E402
from sknet._export.parts import LINKS  # noqa: E402
from sknet._network.activations import ACTIVATIONS  # noqa: E402
from sknet.export import ExportError, from_torch, to_torch  # noqa: E402

pytestmark = pytest.mark.export

rng = np.random.default_rng(0)
N = 200
FRAME = pd.DataFrame(
    {"town": rng.choice(["Rome", "Oslo", "Lima"], N), "a": rng.normal(size=N), "b": rng.normal(size=N)}
)
FRAME.loc[3, "a"] = np.nan
LABEL, NUMBER = rng.choice(["p", "q", "r"], N), FRAME.b + (FRAME.town == "Rome")
QUICK = dict(hidden_layer_sizes=(6, 5), max_iter=3, random_state=0, learning_rate="cosine")


@pytest.mark.parametrize("seed", SEEDS)
def test_random_configurations(seed):
    case = configuration(seed)
    through, limits = FORMATS["torch"]
    assert through(case) <= limits[case.dtype]


def test_every_activation_and_link_is_in_the_table():
    assert set(ours.MODULES) == set(ACTIVATIONS) - {"logistic"}
    assert set(ours.LINKS) == {*LINKS.values(), "quantiles"}


def test_numbers_and_codes_by_hand():
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, LABEL)
    module = to_torch(net)
    test = pd.DataFrame({"town": ["Lima", "Oslo", "Rome", "Paris", None], "a": [0.0, 1.0, np.nan, 2.0, 3.0], "b": 0.5})
    numbers, codes = torch.tensor(test[["a", "b"]].to_numpy()), torch.tensor([[0], [1], [2], [3], [-1]])
    read_numbers, read_codes = module.read(test)
    assert torch.equal(codes, read_codes) and torch.equal(numbers.nan_to_num(), read_numbers.nan_to_num())
    np.testing.assert_allclose(module(numbers, codes).detach().numpy(), net.predict_proba(test), rtol=1e-6)
    with pytest.raises(ValueError, match="reads codes of the table"):
        module(numbers)


def test_fine_tuned_layers_come_back():
    net = SigmoidMLPRegressor(**QUICK).fit(FRAME, NUMBER)
    module = to_torch(net)
    numbers, codes = module.read(FRAME)
    target = torch.tensor(NUMBER.to_numpy())
    optimizer = torch.optim.Adam(module.network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        ((module(numbers, codes) - target) ** 2).mean().backward()
        optimizer.step()
    tuned = from_torch(module.network, like=net)
    np.testing.assert_allclose(tuned.predict(FRAME), module(numbers, codes).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert tuned.score(FRAME, NUMBER) > net.score(FRAME, NUMBER)
    assert tuned.get_params() == net.get_params() | {"hidden_layer_sizes": (6, 5)}
    tuned.partial_fit(FRAME, NUMBER)


def test_a_state_dict_and_another_type():
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, LABEL)
    module, other = to_torch(net), to_torch(SigmoidMLPClassifier(**QUICK | {"random_state": 1}).fit(FRAME, LABEL))
    other.load_state_dict(module.state_dict())
    parts = module.read(FRAME)
    assert torch.equal(module(*parts), other(*parts))
    assert "encoder" not in dict(module.named_parameters()) and len(list(module.parameters())) == 6


def test_what_pytorch_cannot_be_told():
    own = Activation("own", lambda z: None, lambda a, d: None)
    with pytest.raises(ExportError, match="activation='own' is not known to PyTorch"):
        to_torch(SigmoidMLPRegressor(**QUICK, activation=own).fit(FRAME, NUMBER))


def test_something_else_than_a_module():
    with pytest.raises(TypeError, match="module=None is no torch.nn.Module"):
        from_torch(None)


def test_a_single_class_is_certain_and_several_networks_are_named():
    one = to_torch(SigmoidMLPClassifier(**QUICK).fit(FRAME, ["same"] * N))
    assert one(*one.read(FRAME[:3])).tolist() == [[1.0]] * 3
    several = to_torch(SigmoidMLPRegressor(**QUICK, n_members=2).fit(FRAME, NUMBER))
    assert len(several.networks) == 2
    with pytest.raises(RuntimeError, match="averages several networks: they are in `networks`"):
        _ = several.network
