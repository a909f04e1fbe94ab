"""
Callbacks and progress bars
===========================

A callback is called in each epoch. The callbacks of scikit-learn 1.9 draw nested progress bars and record scores. Your
own can stop training.

Run it with ``python examples/training/callbacks_and_progress.py``.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier


class StopBelow:
    """Stop training once the loss is below a value."""

    def __init__(self, loss: float) -> None:
        self.loss = loss

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        return context.task_name == "epoch" and fitted_estimator.loss_ < self.loss


def main() -> None:
    from sklearn.callback import ProgressBar, ScoringMonitor

    X, y = load_digits(return_X_y=True)
    net = SigmoidMLPClassifier(30, max_iter=40, early_stopping=True, random_state=0)

    monitor = ScoringMonitor(scoring="accuracy")
    net.set_callbacks(monitor, StopBelow(0.22)).fit(X, y)
    print(f"stopped after {net.n_iter_} epochs, at a loss of {net.loss_:.3f}")
    log = monitor.get_logs().data_as_pandas
    print(log.loc[log["task_name"] == "epoch", ["task_id", "accuracy"]].round(3).tail(3).to_string(index=False))
    epochs = log.loc[log["task_name"] == "epoch"]
    _, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
    ax.plot(epochs["task_id"] + 1, epochs["accuracy"], "o-", color="#14606b", ms=4)
    ax.set(xlabel="epoch", ylabel="accuracy", title="What the monitor saw, until the callback stopped training")
    plt.show()

    net.set_callbacks()  # none
    pipeline = make_pipeline(StandardScaler(), net)
    search = GridSearchCV(pipeline, {"sigmoidmlpclassifier__hidden_layer_sizes": [10, 30]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=2)).fit(X, y)
    print(f"best of the search: {search.best_params_}")


if __name__ == "__main__":
    if hasattr(SigmoidMLPClassifier, "set_callbacks"):
        main()
    else:
        print("this scikit-learn has no callbacks; they came with version 1.9")
