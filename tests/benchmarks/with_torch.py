"""PyTorch's fit of a shape, and its matrix products."""

from itertools import pairwise

import numpy as np

from tests.benchmarks.networks import Shape, Task


def fit(shape: Shape, X: np.ndarray, y: np.ndarray, compiled: bool) -> Task:
    """The training loop that a user of PyTorch writes who knows it well: float32, fused Adam, no DataLoader."""
    import torch

    n_outputs = shape.n_outputs
    loss_of = (
        torch.nn.functional.binary_cross_entropy_with_logits if n_outputs == 1 else torch.nn.functional.cross_entropy
    )

    def network() -> torch.nn.Module:
        torch.manual_seed(0)
        layers: list[torch.nn.Module] = []
        for fan_in, fan_out in zip(shape.sizes, shape.sizes[1:-1], strict=False):
            layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.Sigmoid()]
        return torch.nn.Sequential(*layers, torch.nn.Linear(shape.sizes[-2], n_outputs))

    def loss(model: torch.nn.Module, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return loss_of(model(inputs), target)

    if compiled:  # the compiled code is made once, by the round that is thrown away, and kept
        loss = torch.compile(loss)
        kept = network()

    def task() -> None:
        inputs = torch.from_numpy(X).float()
        target = torch.from_numpy(y).float()[:, None] if n_outputs == 1 else torch.from_numpy(y)
        model = kept if compiled else network()
        optimizer = torch.optim.Adam(model.parameters(), fused=True)
        for _ in range(shape.epochs):
            total = torch.zeros(())
            for rows in torch.randperm(len(inputs)).split(shape.batch):
                optimizer.zero_grad()
                value = loss(model, inputs[rows], target[rows])
                value.backward()
                optimizer.step()
                total += value.detach() * len(rows)
            total.item()

    return task


def products(shape: Shape, n_steps: int) -> Task:
    """The matrix products of `n_steps` steps, into buffers."""
    import torch

    sizes = shape.steps(n_steps).sizes
    weights = [torch.rand(fan_in, fan_out) for fan_in, fan_out in pairwise(sizes)]
    gradients = [torch.empty_like(W) for W in weights]
    outputs, deltas, results = ([torch.rand(shape.batch, size) for size in sizes] for _ in range(3))

    def task() -> None:
        for _ in range(n_steps):
            for layer, W in enumerate(weights):
                torch.mm(outputs[layer], W, out=results[layer + 1])
            for layer in range(len(weights) - 1, -1, -1):
                torch.mm(outputs[layer].T, deltas[layer + 1], out=gradients[layer])
                if layer:
                    torch.mm(deltas[layer + 1], weights[layer].T, out=results[layer])

    return task
