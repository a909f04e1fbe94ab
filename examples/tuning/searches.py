"""
Grid, halving, Optuna
=====================

Tune sknet with scikit-learn's searches, or with Optuna if it is installed. Width and depth are plain numbers. Halving
gives few epochs to many settings, and more epochs to the best of them.

Run it with ``python examples/tuning/searches.py``.
"""

import matplotlib.pyplot as plt
import pandas as pd
from scipy.stats import loguniform, randint
from sklearn.datasets import load_wine
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, cross_val_score

from sknet import SigmoidMLPClassifier

X, y = load_wine(return_X_y=True)
NET = SigmoidMLPClassifier(max_iter=40, early_stopping=False, random_state=0)


def grid() -> None:
    search = GridSearchCV(NET, {"hidden_layer_sizes": [10, 40], "depth": [1, 2]}, scoring="neg_log_loss", cv=3)
    search.fit(X, y)
    print(f"grid: {search.best_params_}, log-loss {-search.best_score_:.3f}")


def halving() -> None:
    distributions = {
        "hidden_layer_sizes": randint(5, 60), "alpha": loguniform(1e-4, 1.0), "dropout": [0.0, 0.2, 0.5],
        "activation": ["sigmoid", "tanh", "relu"], "learning_rate_init": loguniform(1e-3, 1e-1),
    }  # fmt: skip
    search = HalvingRandomSearchCV(
        NET, distributions, resource="max_iter", min_resources=10, max_resources=40, n_candidates=8, factor=2,
        scoring="neg_log_loss", cv=3, random_state=0,
    ).fit(X, y)  # fmt: skip
    print(
        f"halving, with epochs as the resource: log-loss {-search.best_score_:.3f} after {search.n_iterations_} rounds"
    )
    results = pd.DataFrame(search.cv_results_)
    results["setting"] = results["params"].map(lambda p: str({k: v for k, v in p.items() if k != "max_iter"}))
    _, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
    for _, rounds in results.groupby("setting"):
        ax.plot(rounds["n_resources"], -rounds["mean_test_score"], "o-", color="#14606b", alpha=0.6)
    ax.set(xlabel="epochs", ylabel="log-loss, three folds", title="Successive halving: half go on", xticks=[10, 20, 40])
    plt.show()


def optuna_study() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        net = SigmoidMLPClassifier(
            trial.suggest_int("width", 5, 60),
            depth=trial.suggest_int("depth", 1, 3),
            alpha=trial.suggest_float("alpha", 1e-4, 1.0, log=True),
            max_iter=40,
            early_stopping=False,
            random_state=0,
        )
        return -cross_val_score(net, X, y, scoring="neg_log_loss", cv=3).mean()

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=8)
    print(f"Optuna: {study.best_params}, log-loss {study.best_value:.3f}")


if __name__ == "__main__":
    grid()
    halving()
    try:
        optuna_study()
    except ImportError:
        print("Optuna is not installed")
