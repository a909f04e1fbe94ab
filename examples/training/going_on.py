"""
Training that continues
=======================

This program trains epoch by epoch, continues from the last weights, and resumes an interrupted run from a file.

Run it with ``python examples/training/going_on.py``.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sknet import Checkpoint, SigmoidMLPClassifier, stream

X, y = load_digits(return_X_y=True)
X /= 16.0
SETTINGS = {"hidden_layer_sizes": 30, "max_iter": 12, "early_stopping": False, "random_state": 0}


def same(one: SigmoidMLPClassifier, other: SigmoidMLPClassifier) -> bool:
    return all(map(np.array_equal, one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_))


def epoch_by_epoch(whole: SigmoidMLPClassifier) -> None:
    net = SigmoidMLPClassifier(**SETTINGS)
    for _ in range(12):
        net.partial_fit(X, y)
    print(f"12 x partial_fit is fit with 12 epochs, bit for bit: {same(net, whole)}")
    # scales come from all rows: some pixels have a single value in the first chunk
    in_chunks = stream.prepare(SigmoidMLPClassifier(**SETTINGS), X, y)
    for chunk in np.array_split(np.arange(len(y)), 6):
        in_chunks.partial_fit(X[chunk], y[chunk])
    print(f"each row used once, in six chunks: accuracy {in_chunks.score(X, y):.3f}")


def warm_start() -> None:
    net = SigmoidMLPClassifier(**SETTINGS, warm_start=True)
    for call in (1, 2, 3):
        net.fit(X, y)
        print(f"call {call} of fit, warm: {len(net.loss_curve_)} epochs so far, loss {net.loss_:.3f}")
    _, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
    ax.plot(range(1, 37), net.loss_curve_, color="#14606b")
    for end in (12.5, 24.5):
        ax.axvline(end, color="0.6", ls=":")
    ax.set(xlabel="epoch", ylabel="training loss", yscale="log", title="Three calls of fit with warm_start=True")
    plt.show()


class PowerCutError(Exception):
    """The machine is switched off."""


class PowerCut:
    """A callback that stands for all that may go wrong in a long run."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            raise PowerCutError

    def on_fit_task_end(self, estimator, context):
        pass


def cut_off_and_resumed(whole: SigmoidMLPClassifier, file: Path) -> None:
    net = SigmoidMLPClassifier(**SETTINGS).set_callbacks(Checkpoint(file, every=2), PowerCut(epoch=7))
    try:
        net.fit(X, y)
    except PowerCutError:
        print("cut off in epoch 8; the file holds epoch 6")
    resumed = SigmoidMLPClassifier(**SETTINGS).resume(file, X, y)
    print(f"resumed, it ends where the uninterrupted run ends, bit for bit: {same(resumed, whole)}")
    try:
        resumed.resume(file, X + 1, y)
    except ValueError as error:
        print(f"other data are refused: {str(error).replace(str(file), file.name)}")


if __name__ == "__main__":
    uninterrupted = SigmoidMLPClassifier(**SETTINGS).fit(X, y)
    epoch_by_epoch(uninterrupted)
    warm_start()
    if hasattr(SigmoidMLPClassifier, "set_callbacks"):
        with tempfile.TemporaryDirectory() as folder:
            cut_off_and_resumed(uninterrupted, Path(folder, "run.safetensors"))
    else:
        print("checkpoints need scikit-learn 1.9")
