"""Whether the parts of a model go together."""

from dataclasses import replace

import numpy as np
import pytest

from sknet._export import bare
from sknet._model.model import Network
from sknet._model.settings import TargetSettings
from sknet._network.activations import ACTIVATIONS
from sknet._storage.consistency import refuse_inconsistent
from sknet._tables.columns.quantile import QuantileColumn
from sknet._tables.encoding import TableEncoder
from sknet._tables.labels import IndicatorLabels, MultiOutputLabels, SingleLabels
from sknet._tables.targets import RegressionTarget, TargetScaler
from sknet._training.state import State

NETWORK = Network((ACTIVATIONS["tanh"],), [np.ones((3, 4)), np.ones((4, 2))], [np.ones(4), np.ones(2)])
NUMBERS = bare.of_numbers(NETWORK)
LABELS = bare.of_indicator(NETWORK)


def network(**parts):
    return replace(NUMBERS, network=replace(NETWORK, **parts))


def numbers(flat=False, mean=(0.0, 0.0), scale=(1.0, 1.0)):
    return replace(
        NUMBERS,
        head=replace(NUMBERS.head, numbers=RegressionTarget(flat, TargetScaler(np.array(mean), np.array(scale)))),
    )


def labels(found):
    return replace(LABELS, head=replace(LABELS.head, labels=found))


def loss(model, name, **options):
    return replace(model, head=model.head.with_settings(TargetSettings(name, options)))


def test_models_that_go_together():
    for model in (NUMBERS, LABELS, loss(NUMBERS, "huber", huber_delta=1.0), loss(LABELS, "squared_error")):
        refuse_inconsistent(model, State(np.zeros(26), (np.zeros(26),), np.random.default_rng()))


@pytest.mark.parametrize(
    "model",
    [
        lambda: network(activations=()),
        lambda: network(coefs=[np.ones((3, 4))]),
        lambda: network(coefs=[np.ones((2, 4)), np.ones((4, 2))]),
        lambda: network(coefs=[np.ones((3, 4)), np.ones((5, 2))]),
        lambda: network(coefs=[np.ones((3, 4), int), np.ones((4, 2))]),
        lambda: network(coefs=[np.ones(12), np.ones((4, 2))]),
        lambda: network(intercepts=[np.ones((4, 1)), np.ones(2)]),
        lambda: replace(NUMBERS, encoder=TableEncoder(("a", "b"), NUMBERS.encoder.columns)),
        lambda: replace(NUMBERS, encoder=TableEncoder(None, (QuantileColumn(np.zeros(9)),) * 3)),
        lambda: numbers(mean=(0.0,)),
        lambda: numbers(flat=True),
        lambda: numbers(mean=(1, 2)),
        lambda: numbers(mean=((1.0,), (2.0,))),
        lambda: loss(NUMBERS, "log_loss"),
        lambda: loss(LABELS, "poisson"),
        lambda: loss(NUMBERS, "quantile", quantile=(2.0, 1.0)),
        lambda: loss(NUMBERS, "huber", other=1),
        lambda: labels(SingleLabels(np.arange(3))),
        lambda: labels(SingleLabels(np.zeros((2, 2)))),
        lambda: labels(SingleLabels(np.zeros(0))),
        lambda: labels(MultiOutputLabels(())),
        lambda: labels(IndicatorLabels(3, np.array([0, 1]))),
        lambda: labels(IndicatorLabels(2, np.array([0, 2]))),
        lambda: labels(IndicatorLabels(2**60, np.array([0, 1]))),
        lambda: replace(NUMBERS, compute_dtype=np.dtype("i8")),
    ],
)
def test_models_that_do_not(model):
    with pytest.raises((ValueError, TypeError, LookupError)):
        refuse_inconsistent(model())


@pytest.mark.parametrize("vectors", [(np.zeros(26), np.zeros(3)), (np.zeros(3), np.zeros(26))])
def test_a_state_of_another_network(vectors):
    with pytest.raises(ValueError, match="this network"):
        refuse_inconsistent(NUMBERS, State(vectors[0], (vectors[1],), np.random.default_rng()))
