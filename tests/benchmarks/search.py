"""`GridSearchCV`, 24 candidates x 5 folds, 2 jobs: scikit-learn's time / ours."""

from collections.abc import Iterator

from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, in_turns, ratio
from tests.benchmarks.networks import FIXED, Shape, quietly


def figures(quick: bool) -> Iterator[Figure]:
    shape = Shape((20, 100, 2), 200, 2_000, 10 if quick else 40)
    X, y = shape.data()
    same = {"max_iter": shape.epochs, "batch_size": 200, "tol": 0.0, "random_state": 0}
    models = {
        "scikit-learn": MLPClassifier(**same, activation="logistic", n_iter_no_change=10**6),
        "ours": SigmoidMLPClassifier(**same | FIXED),
    }
    grid = {
        "hidden_layer_sizes": [(20,), (50,), (100,), (50, 50)],
        "alpha": [1e-5, 1e-3, 1e-1],
        "learning_rate_init": [1e-3, 1e-2],
    }
    tasks = {}
    for name, model in models.items():
        search = GridSearchCV(model, grid, cv=5, n_jobs=2)
        tasks[name] = quietly(lambda search=search: search.fit(X, y))
    seconds = in_turns(tasks, 1 if quick else 3)
    yield ratio("20 features, 2,000 rows, sigmoid", seconds["scikit-learn"], seconds["ours"], ">= 4")
