"""The shapes that are measured, their data, and one `fit` of each library.

Everything that bears on time is set here, for all alike: architecture, epochs, batch size, solver, no early stopping.
The rest is each library's default.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
from sklearn.neural_network import MLPClassifier

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import unconverged

Task = Callable[[], object]


@dataclass(frozen=True)
class Shape:
    """A network, its batch, and how long it is trained."""

    sizes: tuple[int, ...]
    batch: int
    rows: int
    epochs: int

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} at {self.batch}"

    def data(self, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
        """A standard normal table and labels that a wide net can learn."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.rows, self.sizes[0]))
        y = np.argmax(
            np.tanh(X @ rng.normal(size=(self.sizes[0], 2 * self.sizes[-1]))).reshape(self.rows, -1, 2).sum(2), 1
        )
        return X.astype(dtype), y

    def shorter(self, factor: int) -> "Shape":
        return Shape(self.sizes, self.batch, self.rows, max(1, self.epochs // factor))

    @property
    def n_outputs(self) -> int:
        """Raw outputs: one for two classes."""
        return 1 if self.sizes[-1] == 2 else self.sizes[-1]

    def steps(self, n: int) -> "Shape":
        """`n` full batches of the network as it is built, with one output for two classes."""
        return Shape((*self.sizes[:-1], self.n_outputs), self.batch, n * self.batch, 1)

    @property
    def flops(self) -> int:
        """Multiplications and additions in the matrix products of a step of full batch; see `products`."""
        sizes = [fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes)]
        return 2 * self.batch * (3 * sum(sizes) - sizes[0])  # the input's error is not needed


SMALL = (
    Shape((10, 20, 2), 200, 10_000, 50),
    Shape((20, 100, 2), 200, 10_000, 50),
    Shape((50, 100, 10), 32, 5_000, 25),
)
MIDDLE = Shape((784, 256, 10), 200, 5_000, 12)
WIDE = (Shape((784, 512, 512, 10), 512, 5_120, 12), Shape((100, 256, 256, 256, 10), 1024, 10_240, 20))
ALL = (*SMALL, MIDDLE, *WIDE)


FIXED = {"activation": "sigmoid", "solver": "adam", "learning_rate": "constant", "early_stopping": False}
FIXED |= {"learning_rate_init": 1e-3, "beta_2": 0.999, "alpha": 1e-4, "averaging": 0.0}
FIXED |= {"dropout": 0.0, "weight_decay": 0.0, "tol": 0.0, "n_iter_no_change": inf}
"""What makes ours run a fixed number of epochs, without anything that scikit-learn's has not."""

BARE = {"alpha": 0.0, "input_scaling": None, "dtype": "float32"}
"""What makes ours do the work of a training loop written by hand: no penalty, and the table as it is."""


def ours(shape: Shape, X: np.ndarray, y: np.ndarray, **settings: object) -> Task:
    settings = {"max_iter": shape.epochs, "batch_size": shape.batch, "random_state": 0} | FIXED | settings
    model = SigmoidMLPClassifier(shape.sizes[1:-1], **settings)
    return quietly(lambda: model.fit(X, y))


def sklearns(shape: Shape, X: np.ndarray, y: np.ndarray, **settings: object) -> Task:
    fixed = {"activation": "logistic", "solver": "adam", "tol": 0.0, "n_iter_no_change": shape.epochs + 1}
    settings = {"max_iter": shape.epochs, "batch_size": shape.batch, "random_state": 0} | fixed | settings
    model = MLPClassifier(shape.sizes[1:-1], **settings)
    return quietly(lambda: model.fit(X, y))


def quietly(fit: Task) -> Task:
    def task() -> None:
        with unconverged():
            fit()

    return task


def products(shape: Shape) -> Task:
    """Only the matrix products of the same training, in float32: into buffers, nothing between them.

    A step multiplies forward through every layer; back, it multiplies for every weight's gradient and for every hidden
    layer's error.
    """
    rng = np.random.default_rng(0)

    def arrays(n: int) -> list[np.ndarray]:
        return [rng.random((n, size), dtype=np.float32) for size in shape.sizes]

    weights = [rng.random(sizes, dtype=np.float32) for sizes in pairwise(shape.sizes)]
    gradients = [np.empty_like(W) for W in weights]
    lengths = [min(shape.batch, shape.rows - start) for start in range(0, shape.rows, shape.batch)]
    of_length = {n: (arrays(n), arrays(n), arrays(n)) for n in set(lengths)}

    def step(outputs: list[np.ndarray], deltas: list[np.ndarray], results: list[np.ndarray]) -> None:
        for layer, W in enumerate(weights):
            np.dot(outputs[layer], W, out=results[layer + 1])
        for layer in range(len(weights) - 1, -1, -1):
            np.dot(outputs[layer].T, deltas[layer + 1], out=gradients[layer])
            if layer:
                np.dot(deltas[layer + 1], weights[layer].T, out=results[layer])

    def task() -> None:
        for n in lengths * shape.epochs:
            step(*of_length[n])

    return task
