"""PyTorch computes the same: gradients of whole networks by autograd, and its optimizers step by step."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.network.pieces import ACTIVATION_NAMES, LOSSES, network_case  # noqa: E402
from tests.training.problems import (  # noqa: E402
    SCHEDULES,
    SGD,
    Adam,
    RMSProp,
    mini_batch,
    problem,
    state_of,
    train,
)  # fmt: skip

pytestmark = pytest.mark.peers

F = torch.nn.functional
TORCH_ACTIVATIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": F.softplus,
    "silu": F.silu,
    "gelu": F.gelu,
    "mish": F.mish,
    "identity": lambda z: z,
}


def pinball(prediction, target, q):
    return torch.maximum(q * (target - prediction), (q - 1) * (target - prediction))


def quantiles(raw, target):
    below, median, above = raw.split(1, dim=1)
    prediction = torch.cat([median - F.softplus(below), median, median + F.softplus(above)], dim=1)
    return pinball(prediction, target, torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)).mean(1)


def deviance_of_gamma(raw, target):
    return (raw - torch.log(target) + target * torch.exp(-raw) - 1).mean(1)


def deviance_of_tweedie(raw, target, p):
    constant = target ** (2 - p) / ((1 - p) * (2 - p))
    return (constant - target * torch.exp((1 - p) * raw) / (1 - p) + torch.exp((2 - p) * raw) / (2 - p)).mean(1)


def cross_entropy(raw, target):
    return F.cross_entropy(raw, target, reduction="none")


def cross_entropy_of_labels(raw, target):
    return F.binary_cross_entropy_with_logits(raw, target, reduction="none").sum(1)


def squared_error(raw, target):
    return F.mse_loss(raw, target, reduction="none").mean(1) / 2


def of_two_columns(raw, target):
    return cross_entropy(raw[:, :3], target[:, :3]) + cross_entropy_of_labels(raw[:, 3:], target[:, 3:])


TORCH_LOSSES = {  # of every sample
    "log_loss, binary": cross_entropy_of_labels,
    "log_loss, two labels": cross_entropy_of_labels,
    "log_loss, multilabel": cross_entropy_of_labels,
    "log_loss, softmax": cross_entropy,
    "log_loss, softmax, soft labels": cross_entropy,
    "squared_error on sigmoids": lambda raw, t: F.mse_loss(torch.sigmoid(raw), t, reduction="none").sum(1) / 2,
    "squared_error": squared_error,
    "squared_error, 3 outputs": squared_error,
    "absolute_error": lambda raw, t: F.l1_loss(raw, t, reduction="none").mean(1),
    "huber": lambda raw, t: F.huber_loss(raw, t, reduction="none", delta=0.7).mean(1),
    "poisson": lambda raw, t: (F.poisson_nll_loss(raw, t, reduction="none") + torch.xlogy(t, t) - t).mean(1),
    "gamma": deviance_of_gamma,
    "tweedie": lambda raw, t: deviance_of_tweedie(raw, t, 1.3),
    "pinball": lambda raw, t: pinball(raw, t, 0.2).mean(1),
    "quantiles": quantiles,
    "log_loss, two columns": of_two_columns,
}


def tensors(arrays, grad=True):
    return [torch.tensor(array, dtype=torch.float64, requires_grad=grad) for array in arrays]


def by_autograd(case, activation, loss):
    """Value and gradients of weighted mean loss + L2 penalty."""
    coefs, intercepts = map(tensors, case.layout.coefs_and_intercepts(case.theta))
    signal, target, weight = tensors((case.X, case.target, case.weight), grad=False)
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        signal = TORCH_ACTIVATIONS[activation](signal @ W + b)
    value = (weight * loss(signal @ coefs[-1] + intercepts[-1], target)).mean()
    value = value + case.penalty.l2 / 2 * sum((W * W).sum() for W in coefs)
    value.backward()
    return value.item(), [parameter.grad.numpy() for parameter in (*coefs, *intercepts)]


@pytest.mark.parametrize("loss", TORCH_LOSSES)
@pytest.mark.parametrize(
    ("activation", "depth"), [("identity", 0), *((name, depth) for name in TORCH_ACTIVATIONS for depth in (1, 3))]
)
def test_gradients_are_those_of_autograd(activation, loss, depth):
    case = network_case(loss, activation, (9, 7, 8)[:depth], seed=depth, n=20)
    value, gradient, _ = case.gradient(slice(0, 20))
    expected, gradients = by_autograd(case, activation, TORCH_LOSSES[loss])
    assert value == pytest.approx(expected, rel=1e-10)
    for found, wanted in zip(case.arrays(gradient), gradients, strict=True):
        assert np.linalg.norm(found - wanted) <= 1e-10 * np.linalg.norm(wanted)


# --- 50 steps

N, RATE, DECAY = 64, 0.01, 0.1

OPTIMIZERS = {
    "SGD": (SGD(momentum=0.0), 0.0, lambda p: torch.optim.SGD(p, RATE)),
    "momentum": (SGD(0.9, nesterovs_momentum=False), 0.0, lambda p: torch.optim.SGD(p, RATE, momentum=0.9)),
    "Nesterov": (SGD(0.9), 0.0, lambda p: torch.optim.SGD(p, RATE, momentum=0.9, nesterov=True)),
    "RMSprop": (RMSProp(0.95, 1e-8), 0.0, lambda p: torch.optim.RMSprop(p, RATE, alpha=0.95, eps=1e-8)),
    # the two forms of epsilon meet where it is next to nothing
    "Adam": (Adam(0.9, 0.99, 1e-30), 0.0, lambda p: torch.optim.Adam(p, RATE, betas=(0.9, 0.99), eps=1e-30)),
    "AdamW": (
        Adam(0.9, 0.99, 1e-30), DECAY,
        lambda p: torch.optim.AdamW(
            [{"params": p[:2]}, {"params": p[2:], "weight_decay": 0.0}],
            RATE, betas=(0.9, 0.99), eps=1e-30, weight_decay=DECAY,
        ),
    ),
}  # fmt: skip


def clip(parameters, limit):
    """clip_grad_norm_ without the 1e-6 that it adds to the norm."""
    norm = torch.sqrt(sum((parameter.grad**2).sum() for parameter in parameters))
    if limit is not None and norm > limit:
        for parameter in parameters:
            parameter.grad *= limit / norm


def of_torch(make, case, batches, scheduled, clip_norm):
    """Mean losses of the epochs and the last parameters."""
    parameters = tensors(case.arrays(case.theta))
    optimizer = make(parameters)
    steps = sum(len(epoch) for epoch in batches)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if scheduled else None
    curve = []
    for epoch in batches:
        total = 0.0
        for X, target in epoch:
            optimizer.zero_grad()
            hidden = torch.sigmoid(X @ parameters[0] + parameters[2])
            loss = F.cross_entropy(hidden @ parameters[1] + parameters[3], target)
            loss = loss + case.penalty.l2 / 2 * sum((W * W).sum() for W in parameters[:2])
            loss.backward()
            clip(parameters, clip_norm)
            optimizer.step()
            if schedule is not None:
                schedule.step()
            total += loss.item() * len(X) / N
        curve.append(total)
    return curve, [parameter.detach().numpy() for parameter in parameters]


@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps(name, schedule, clip_norm):
    optimizer, decay, make = OPTIMIZERS[name]
    case, size, n_epochs = network_case("log_loss, softmax", "sigmoid", (8,), n=N, weighted=False), 16, 13
    solver = mini_batch(
        optimizer, schedule=SCHEDULES[schedule], rate=RATE, batch_size=size, n_epochs=n_epochs, shuffle=False,
        weight_decay=decay, clip_norm=clip_norm,
    )  # fmt: skip
    state = state_of(case.theta, solver)
    train(solver, problem(case.objective(n_rows=size), N, case.layout.n_weights), state)
    assert state.step == 52
    pieces = [slice(start, start + size) for start in range(0, N, size)]
    batches = [[tensors((case.X[s], case.target[s]), grad=False) for s in pieces]] * n_epochs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's own making
        curve, expected = of_torch(make, case, batches, schedule == "cosine", clip_norm)
    np.testing.assert_allclose([epoch.loss for epoch in state.history], curve, rtol=1e-9)
    for found, wanted in zip(case.arrays(state.theta), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_no_activation_and_no_loss_is_without_a_counterpart():
    assert set(TORCH_ACTIVATIONS) == set(ACTIVATION_NAMES)
    assert set(TORCH_LOSSES) == set(LOSSES)
