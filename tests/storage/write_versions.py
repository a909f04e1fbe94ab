"""Models as this version of sknet saves them, and what they predict, for all later versions to read.

    python -m tests.storage.write_versions

writes `tests/storage/versions/X.Y/`, where X.Y is the minor version. The files of a release are never written again:
`test_versions.py` reads them in every later version. A file NAME.safetensors is a fitted model, and NAME.json has
rows that it has not seen, each method with its arguments, and what it returned.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.storage.forged import MINOR_VERSION

VERSIONS = Path(__file__).parent / "versions"
N_TRAINING, N_NEW = 90, 6
DTYPES = {"city": "category", "when": "datetime64[ns, Europe/Rome]", "lasts": "timedelta64[ns]"}
"""The types of columns that JSON does not have."""

QUICK = dict(hidden_layer_sizes=3, max_iter=3, n_bins=3, text_components=2, max_categories=4, random_state=0)


def made_table():
    """A table with every kind of column, of which the last rows are not trained on, and two targets."""
    rng, n = np.random.default_rng(0), N_TRAINING + N_NEW
    table = pd.DataFrame({"number": rng.normal(size=n), "skewed": rng.exponential(size=n).round(3)})
    table["flag"] = rng.random(n) < 0.5
    table["city"] = pd.Categorical(rng.choice(["Rome", "Oslo", "Bern"], n))
    table["often"] = rng.choice([f"level {k}" for k in range(6)], n)
    table["when"] = (
        pd.Timestamp("2026-01-01", tz="Europe/Rome") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s")
    ).astype(DTYPES["when"])
    table["lasts"] = pd.to_timedelta(rng.integers(0, 10**5, n), unit="s").astype(DTYPES["lasts"])
    table["day"] = table["when"].dt.strftime("%Y-%m-%d")
    table["key"] = [f"row {k}" for k in range(n)]
    table["note"] = [" ".join(words) for words in rng.choice(["a", "flat", "über"], (n, 4))]
    for k, name in enumerate(["number", "city", "often", "when", "note"]):
        table.loc[[k, n - 1 - k], name] = None
    table.loc[n - N_NEW, "often"] = "never seen"
    number = table["number"].fillna(0.0).to_numpy() + rng.normal(size=n)
    return table, number, np.digitize(number, [-0.5, 0.5])


class Interrupt:
    """A callback that interrupts a fit after an epoch, as Ctrl-C does."""

    def __init__(self, epoch):
        self.epochs_left = epoch

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, **fitted):
        self.epochs_left -= context.task_name == "epoch"
        if self.epochs_left == 0:
            raise KeyboardInterrupt


def models():
    """Yield names, fitted models, rows to predict, and methods with arguments.

    Together the models have all that a file may hold.
    """
    table, number, code = made_table()
    X, new = table[:N_TRAINING], table[N_TRAINING:]
    number, code = number[:N_TRAINING], code[:N_TRAINING]
    label = np.array(["low", "middle", "high"])[code]
    every = QUICK | dict(numeric_encoding="piecewise_linear", category_encoding="both", early_stopping="folds")
    classifier = SigmoidMLPClassifier(**every, input_scaling="quantile").fit(X, label)
    yield "classifier", classifier, new, {"predict": {}, "predict_proba": {}, "predict_set": {"coverage": 0.7}}
    held_out = QUICK | dict(early_stopping=True, validation_fraction=0.3, n_members=2)
    intervals = {"predict": {}, "predict_interval": {"coverage": 0.7}, "predict_quantiles": {"quantiles": [0.3, 0.5]}}
    regressor = SigmoidMLPRegressor(**held_out, numeric_encoding="steps").fit(X, number)
    yield "regressor", regressor, new, intervals
    levels = SigmoidMLPRegressor(**held_out, loss="quantile", quantile=(0.2, 0.8))
    levels.fit(X[["city", "flag"]], np.maximum(number, 0.0))  # many rows share 0
    yield "quantiles", levels, new[["city", "flag"]], {"predict": {}, "predict_interval": {"coverage": 0.6}}
    numbers = ["number", "skewed"]
    own = dict(dtype="float32", n_members=1, numeric_encoding="raw", averaging=0.5)
    interrupted = SigmoidMLPRegressor(**held_out | own).set_callbacks(Interrupt(2)).fit(X[numbers], number)
    yield "interrupted", interrupted, new[numbers], {"predict": {}}
    two = np.c_[code, code > 0]
    several = SigmoidMLPClassifier(**QUICK).partial_fit(X[numbers], two).partial_fit(X[numbers], two)
    yield "several_labels", several, new[numbers], {"predict": {}, "predict_proba": {}}
    indicator = SigmoidMLPClassifier(**QUICK, early_stopping=False).fit(X[numbers], np.c_[code == 0, code > 1])
    yield "indicator", indicator, new[numbers], {"predict": {}, "predict_proba": {}}


def parts_of(found):
    """The arrays that a method returned: one for each column of labels."""
    return found if isinstance(found, list) else [found]


def plain_columns(table):
    """A table as JSON has it; dates and durations are text."""
    return {
        name: [None if pd.isna(value) else str(value) if name in ("when", "lasts") else value for value in column]
        for name, column in table.items()
    }


def table_of(columns):
    """The table that `plain_columns` turned into JSON."""
    return pd.DataFrame({name: pd.Series(values, dtype=DTYPES.get(name)) for name, values in columns.items()})


def write(folder):
    """Write all models and their predictions."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model, new, methods in models():
        sknet.save(model, folder / f"{name}.safetensors")
        columns = plain_columns(new)
        rows = table_of(columns)
        calls = [
            (method, how, [part.tolist() for part in parts_of(getattr(model, method)(rows, **how))])
            for method, how in methods.items()
        ]
        text = json.dumps({"columns": columns, "calls": calls}, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of short runs, of identifiers, and of the interrupt
        write(VERSIONS / MINOR_VERSION)
    print(f"wrote {VERSIONS / MINOR_VERSION}")
