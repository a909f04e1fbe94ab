"""Whole fits: PyTorch's time / ours, where PyTorch is installed."""

from collections.abc import Iterator

import numpy as np

from tests.benchmarks import networks
from tests.benchmarks.harness import HAS_TORCH, Figure, geometric_mean, in_turns, ratio


def figures(quick: bool) -> Iterator[Figure]:
    if not HAS_TORCH:
        print("  (not installed)")
        return
    for how, goals in (("eager", (">= 1", ">= 2.8")), ("compiled", ("", ""))):
        done = []
        for shape in networks.ALL:
            try:
                done.append(compare(how, shape, goals[0], quick))
            except Exception as error:  # torch.compile needs a C++ compiler
                print(f"  {how}: {shape.name}: does not run here: {str(error).splitlines()[0]}")
                break
            yield done[-1]
        if done:
            yield geometric_mean(f"{how}: geometric mean", done, goals[1])


def compare(how: str, shape: networks.Shape, target: str, quick: bool) -> Figure:
    shape_now = shape.shorter(4) if quick else shape
    X, y = shape_now.data()
    tasks = {"PyTorch": torchs(shape_now, X, y, how == "compiled"), "ours": networks.ours(shape_now, X, y)}
    seconds = in_turns(tasks, 3 if quick else 5)
    return ratio(f"{how}: {shape.name}", seconds["PyTorch"], seconds["ours"], target)


def torchs(shape: networks.Shape, X: np.ndarray, y: np.ndarray, compiled: bool) -> networks.Task:
    """The training loop that a user of PyTorch writes who knows it well: float32, fused Adam, no DataLoader."""
    import torch

    n_outputs = 1 if shape.sizes[-1] == 2 else shape.sizes[-1]
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
