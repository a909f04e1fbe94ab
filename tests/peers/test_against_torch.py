"""PyTorch computes the same: gradients of whole networks by autograd, and its optimizers step by step."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sknet._network import losses, regression  # noqa: E402
from sknet._network.activations import ACTIVATIONS  # noqa: E402
from sknet._network.inputs import DenseInputs  # noqa: E402
from sknet._network.layout import Layout  # noqa: E402
from sknet._network.objective import Objective  # noqa: E402
from sknet._network.penalties import ElasticNet  # noqa: E402
from sknet._training.minibatch import MiniBatchSolver  # noqa: E402
from sknet._training.optimizers import SGD, Adam, RMSProp  # noqa: E402
from sknet._training.schedules import constant, cosine  # noqa: E402
from sknet._training.solver import Problem  # noqa: E402

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
LEVELS = (0.1, 0.5, 0.9)


def pinball(prediction, target, q):
    return torch.maximum(q * (target - prediction), (q - 1) * (target - prediction))


def quantiles(raw, target):
    below, median, above = raw.split(1, dim=1)
    prediction = torch.cat([median - F.softplus(below), median, median + F.softplus(above)], dim=1)
    return pinball(prediction, target, torch.tensor(LEVELS, dtype=torch.float64)).mean(1)


def deviance_of_gamma(raw, target):
    return (raw - torch.log(target) + target * torch.exp(-raw) - 1).mean(1)


def side_by_side(raw, target):
    softmax = F.cross_entropy(raw[:, :3], target[:, :3], reduction="none")
    return softmax + F.mse_loss(raw[:, 3:], target[:, 3:], reduction="none").mean(1) / 2


# ours, the number of outputs, the kind of target, and the loss of every sample by PyTorch
LOSSES = {
    "binary": (
        losses.SIGMOID_LOG_LOSS, 1, "labels",
        lambda raw, t: F.binary_cross_entropy_with_logits(raw, t, reduction="none").sum(1),
    ),
    "multilabel": (
        losses.SIGMOID_LOG_LOSS, 3, "labels",
        lambda raw, t: F.binary_cross_entropy_with_logits(raw, t, reduction="none").sum(1),
    ),
    "softmax": (losses.SOFTMAX_LOG_LOSS, 3, "classes", lambda raw, t: F.cross_entropy(raw, t, reduction="none")),
    "soft labels": (losses.SOFTMAX_LOG_LOSS, 3, "soft", lambda raw, t: F.cross_entropy(raw, t, reduction="none")),
    "squared error of sigmoids": (
        losses.SIGMOID_SQUARED_ERROR, 2, "labels",
        lambda raw, t: F.mse_loss(torch.sigmoid(raw), t, reduction="none").sum(1) / 2,
    ),
    "squared error": (
        regression.SQUARED_ERROR, 3, "numbers", lambda raw, t: F.mse_loss(raw, t, reduction="none").mean(1) / 2,
    ),
    "absolute error": (
        regression.ABSOLUTE_ERROR, 3, "numbers", lambda raw, t: F.l1_loss(raw, t, reduction="none").mean(1),
    ),
    "huber": (
        regression.huber(0.7), 2, "numbers", lambda raw, t: F.huber_loss(raw, t, reduction="none", delta=0.7).mean(1),
    ),
    "poisson": (
        regression.POISSON, 2, "positive",
        lambda raw, t: (F.poisson_nll_loss(raw, t, reduction="none") + torch.xlogy(t, t) - t).mean(1),
    ),
    "gamma": (regression.GAMMA, 2, "positive", deviance_of_gamma),
    "pinball": (regression.pinball(0.2), 2, "numbers", lambda raw, t: pinball(raw, t, 0.2).mean(1)),
    "quantiles": (regression.quantiles(LEVELS), 3, "number", quantiles),
    "side by side": (
        losses.sum_of_losses([losses.SOFTMAX_LOG_LOSS, regression.SQUARED_ERROR], [slice(0, 3), slice(3, 5)]),
        5, "mixed", side_by_side,
    ),
}  # fmt: skip

TARGETS = {
    "labels": lambda rng, n, k: rng.integers(0, 2, (n, k)).astype(float),
    "classes": lambda rng, n, k: np.eye(k)[rng.integers(0, k, n)],
    "soft": lambda rng, n, k: rng.dirichlet(np.ones(k), n),
    "numbers": lambda rng, n, k: rng.normal(size=(n, k)),
    "number": lambda rng, n, k: rng.normal(size=(n, 1)),
    "positive": lambda rng, n, k: rng.gamma(2.0, size=(n, k)),
    "mixed": lambda rng, n, k: np.hstack([np.eye(3)[rng.integers(0, 3, n)], rng.normal(size=(n, k - 3))]),
}
L2 = 0.2


def tensors(arrays, grad=True):
    return [torch.tensor(array, dtype=torch.float64, requires_grad=grad) for array in arrays]


def by_autograd(coefs, intercepts, activation, loss, X, target, weight):
    """Value and gradients of weighted mean loss + L2 penalty."""
    coefs, intercepts = tensors(coefs), tensors(intercepts)
    X, target, weight = tensors((X, target, weight), grad=False)
    signal = X
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        signal = TORCH_ACTIVATIONS[activation](signal @ W + b)
    value = (weight * loss(signal @ coefs[-1] + intercepts[-1], target)).mean()
    value = value + L2 / 2 * sum((W * W).sum() for W in coefs)
    value.backward()
    return value.item(), [parameter.grad.numpy() for parameter in (*coefs, *intercepts)]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("activation", "depth"), [("identity", 0), *((name, depth) for name in TORCH_ACTIVATIONS for depth in (1, 3))]
)
def test_gradients_are_those_of_autograd(activation, loss, depth):
    ours, k, kind, theirs = LOSSES[loss]
    rng = np.random.default_rng(depth)
    n, layout = 20, Layout((6, *(9, 7, 8)[:depth], k))
    X, target, weight = rng.normal(size=(n, 6)), TARGETS[kind](rng, n, k), rng.uniform(0.5, 1.5, n)
    theta = rng.normal(scale=0.5, size=layout.n_parameters)
    gradient = np.empty_like(theta)
    activations = [ACTIVATIONS[activation]] * depth
    objective = Objective(layout, activations, ours, ElasticNet(l2=L2), DenseInputs(X), target, weight, max_rows=n)
    value, _ = objective(theta, slice(0, n), gradient)
    coefs, intercepts = layout.views(theta)
    expected, gradients = by_autograd(coefs, intercepts, activation, theirs, X, target, weight)
    assert value == pytest.approx(expected, rel=1e-10)
    ours_by_layer = [*layout.views(gradient)[0], *layout.views(gradient)[1]]
    for found, wanted in zip(ours_by_layer, gradients, strict=True):
        assert np.linalg.norm(found - wanted) <= 1e-10 * np.linalg.norm(wanted)


# --- 50 steps

N, SIZES, RATE, DECAY = 64, (6, 8, 3), 0.01, 0.1

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
            [{"params": p[: len(SIZES) - 1]}, {"params": p[len(SIZES) - 1 :], "weight_decay": 0.0}],
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


def of_torch(make, coefs, intercepts, batches, scheduled, clip_norm):
    """Mean losses of the epochs and the last parameters."""
    parameters = [*tensors(coefs), *tensors(intercepts)]
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
            loss.backward()
            clip(parameters, clip_norm)
            optimizer.step()
            if schedule is not None:
                schedule.step()
            total += loss.item() * len(X) / N
        curve.append(total)
    return curve, np.concatenate([parameter.detach().numpy().ravel() for parameter in parameters])


@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("schedule", [constant, cosine])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps(name, schedule, clip_norm):
    optimizer, decay, make = OPTIMIZERS[name]
    rng = np.random.default_rng(0)
    layout, size, n_epochs = Layout(SIZES), 16, 13
    X, target = rng.normal(size=(N, 6)), np.eye(3)[rng.integers(0, 3, N)]
    theta = rng.normal(scale=0.5, size=layout.n_parameters)
    coefs, intercepts = ([part.copy() for part in parts] for parts in layout.views(theta))
    activations, loss = [ACTIVATIONS["sigmoid"]], losses.SOFTMAX_LOG_LOSS
    objective = Objective(layout, activations, loss, ElasticNet(), DenseInputs(X), target, max_rows=size)
    solver = MiniBatchSolver(
        optimizer, schedule, RATE, size, n_epochs, 0.0, shuffle=False, weight_decay=decay, clip_norm=clip_norm
    )
    state = solver.init(theta, rng)
    solver.train(Problem(objective, N, layout.n_weights), state)
    assert state.step == 52
    pieces = [slice(start, start + size) for start in range(0, N, size)]
    batches = [[tensors((X[s], target[s]), grad=False) for s in pieces]] * n_epochs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's own making
        curve, expected = of_torch(make, coefs, intercepts, batches, schedule is cosine, clip_norm)
    np.testing.assert_allclose([epoch.loss for epoch in state.history], curve, rtol=1e-9)
    found = np.concatenate([part.ravel() for parts in layout.views(state.theta) for part in parts])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_no_activation_is_without_a_counterpart():
    assert set(TORCH_ACTIVATIONS) == set(ACTIVATIONS) - {"logistic"}
