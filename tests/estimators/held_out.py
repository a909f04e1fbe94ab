"""A table with targets of every kind, a validation set, and parameters with which training stops early."""

import numpy as np

rng = np.random.default_rng(0)
N = 150
X = rng.normal(size=(N, 4))
NUMBER = X[:, 0] + 0.3 * rng.normal(size=N)
LABEL = np.digitize(NUMBER, [-0.8, 0.8])
WEIGHT = rng.integers(0, 4, N).astype(float)
X_VAL, NUMBER_VAL, LABEL_VAL = X[:40] + 0.1, NUMBER[:40], LABEL[:40]
STOPPING = dict(
    n_members=1,
    hidden_layer_sizes=5, random_state=0, early_stopping=True, max_iter=30, n_iter_no_change=3, dtype="float64",
    learning_rate="constant", learning_rate_init=0.02, batch_size=32, validation_fraction=0.2, tol=1e-4, scoring="loss",
)  # fmt: skip
TARGETS = {
    "binary": np.where(LABEL > 0, "yes", "no"),
    "multiclass": LABEL,
    "multilabel": rng.integers(0, 2, (N, 3)),
    "multioutput": np.column_stack([LABEL, rng.integers(5, 8, N)]),
}
