"""
Optuna: pruning trials
======================

A callback reports the validation score of each epoch to Optuna. If the trial's best score so far is worse than the
median of earlier trials at that epoch, training stops, and the trial is pruned. Callbacks need scikit-learn 1.9.
"""

import matplotlib.pyplot as plt
import optuna
from sklearn.datasets import load_digits

from sknet import SigmoidMLPClassifier

X, y = load_digits(return_X_y=True)


class Report:
    """Reports each epoch's score to a trial, and stops training where the trial should be pruned."""

    def __init__(self, trial):
        self.trial = trial

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name != "epoch":
            return False
        self.trial.report(fitted_estimator.validation_scores_[-1], context.task_id)
        return self.trial.should_prune()


def objective(trial):
    net = SigmoidMLPClassifier(
        trial.suggest_int("width", 8, 64),
        alpha=trial.suggest_float("alpha", 1e-3, 100.0, log=True),
        learning_rate_init=trial.suggest_float("rate", 1e-3, 5e-2, log=True),
        max_iter=20, early_stopping=True, random_state=0,
    )  # fmt: skip
    net.set_callbacks(Report(trial)).fit(X, y)
    if trial.should_prune():
        raise optuna.TrialPruned
    return net.best_validation_score_


optuna.logging.set_verbosity(optuna.logging.ERROR)
pruner = optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0), pruner=pruner)
study.optimize(objective, n_trials=12)
pruned = [trial for trial in study.trials if trial.state.name == "PRUNED"]
print(f"{len(pruned)} of {len(study.trials)} trials were pruned; best log-loss {-study.best_value:.3f}")
print(study.best_params)

# %%

figure, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for trial in study.trials:
    epochs, scores = zip(*sorted(trial.intermediate_values.items()), strict=True)
    is_pruned = trial in pruned
    ax.plot(
        [epoch + 1 for epoch in epochs],
        [-score for score in scores],
        color="#c2571a" if is_pruned else "#14606b",
        alpha=0.8,
    )
ax.plot([], [], color="#14606b", label="trained to the end")
ax.plot([], [], color="#c2571a", label="pruned")
ax.set(xlabel="epoch", ylabel="validation loss", yscale="log", title="Twelve trials", xticks=range(1, 21, 3))
ax.legend(frameon=False)
plt.show()
