"""Is a warning of an identifier right, and how long do the checks for time and identifiers take?

The first table has made identifiers with effects of a given share of the variance: the loss as a category over the loss
as a number, on new rows, and how often `fit` warns. The second has visits of patients: in how many of 20 tables only
the patient's number is named, and in how many another column. The patient's number is left out in the last two columns.
The third has the processor time of the checks, in per cent of a default fit's, with three columns of random integers,
integers of which one has a smooth effect, or a true identifier.

    python -m tests.benchmarks.assumptions [--draws N]
"""

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from sknet import SigmoidMLPRegressor
from tests.tables.signs import checks_of

N_NEW = 2000
SHARES = (0.0, 0.05, 0.1, 0.2, 0.5, 0.8)
SIZES = ((20, 10), (20, 50), (100, 10), (100, 50), (300, 10))
"""How many identifiers, and how many rows each."""


def compare(n_ids: int, rows_each: int, share: float, seed: int) -> tuple[float, bool]:
    """The loss as a category over the loss as a number, and whether `fit` warns."""
    rng = np.random.default_rng(seed)
    n = n_ids * rows_each
    number = rng.integers(n_ids, size=n + N_NEW)
    x = rng.normal(size=(n + N_NEW, 2))
    y = np.sqrt(share) * rng.normal(size=n_ids)[number] + np.sqrt(1 - share) * rng.normal(size=n + N_NEW)
    y += np.sin(2.0 * x[:, 0])
    X = pd.DataFrame(x, columns=["a", "b"]).assign(number=number)
    losses, warned = [], False
    for categories in ("from_dtype", ["from_dtype", "number"]):
        with warnings.catch_warnings(record=True, action="always") as caught:
            model = SigmoidMLPRegressor(categorical_features=categories, random_state=seed).fit(X[:n], y[:n])
        warned |= any("identifier" in str(warning.message) for warning in caught)
        losses.append(float(np.mean((model.predict(X[n:]) - y[n:]) ** 2)))
    return losses[1] / losses[0], warned


PATIENTS = (50, 150, 500)
SIZES_OF_EFFECTS = (0.0, 0.3, 1.0, 3.0)
"""The standard deviations of the patients' effects, in those of the noise: normal, or logistic for classes."""


def visits(n_patients: int, size: float, n_labs: int, seed: int, *, is_binary: bool) -> tuple[pd.DataFrame, pd.Series]:
    """Visits of patients, 3 to 10 of each; their age, sex and laboratory values are the same at each visit."""
    rng = np.random.default_rng(seed)
    patient = rng.permutation(np.repeat(np.arange(n_patients), rng.integers(3, 11, n_patients)))
    of_patient = pd.DataFrame(rng.normal(size=(n_patients, n_labs)), columns=[f"lab{j}" for j in range(n_labs)])
    of_patient = of_patient.assign(
        patient=rng.choice(10**6, n_patients, replace=False),
        age=rng.integers(20, 85, n_patients),
        sex=rng.choice(["f", "m"], n_patients),
    )
    X = of_patient.iloc[patient].reset_index(drop=True)
    X = X.assign(dose=rng.normal(size=len(X)), pressure=rng.integers(60, 180, len(X)))
    y = 0.03 * (X["age"] - 50) + 0.5 * (X["sex"] == "f") + 0.7 * X["dose"]
    y += size * rng.normal(size=n_patients)[patient]
    noise = (rng.logistic if is_binary else rng.normal)(size=len(X))
    return X, ((y + noise > 0.0).astype(float) if is_binary else y + noise)


def count_named(n_patients: int, size: float, n_labs: int, *, is_binary: bool, patient_is: str = "column") -> str:
    """In how many of 20 tables only the patient's number is named, and in how many another column.

    The patient is a column, the groups of `fit`, or unknown.
    """
    only, another = 0, 0
    for seed in range(20):
        X, y = visits(n_patients, size, n_labs, seed, is_binary=is_binary)
        patient = X["patient"]
        columns = X if patient_is == "column" else X.drop(columns="patient")
        signs = checks_of(columns, y, pd.factorize(patient)[0] if patient_is == "groups" else None)()
        names = {columns.columns[j] for j in signs.identifiers}
        only += names == {"patient"}
        another += bool(names - {"patient"})
    return f"{only:4d} and {another:2d}"


def seconds_of(call: Callable[[], object], repeats: int) -> float:
    """The least processor time of some calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def costs(n: int, n_columns: int) -> dict[str, float]:
    """The time of the checks over the time of a fit."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, n_columns)), columns=[f"x{j}" for j in range(n_columns)])
    for j, n_values in enumerate((50, 80, 110)):
        X[f"x{j}"] = rng.integers(n_values, size=n).astype(float)
    noise = X["x4"] + np.sin(X["x5"]) + rng.normal(size=n)
    targets = {"random": noise, "smooth": noise + np.sqrt(X["x0"]), "identifier": noise + X["x0"] * 7 % 11 / 2}
    fit = seconds_of(lambda: SigmoidMLPRegressor(random_state=0).fit(X, targets["random"]), 2)
    return {name: seconds_of(checks_of(X, y), 10) / fit for name, y in targets.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=5)
    draws = parser.parse_args().draws
    print(f"{'identifiers':>12s}{'rows each':>11s}{'share':>7s}{'category / number':>20s}{'warned':>9s}")
    for n_ids, rows_each in SIZES:
        for share in SHARES:
            ratios, warned = zip(*[compare(n_ids, rows_each, share, seed) for seed in range(draws)], strict=True)
            mean = np.exp(np.mean(np.log(ratios)))
            print(f"{n_ids:12d}{rows_each:11d}{share:7.2f}{mean:20.3f}{np.mean(warned):9.2f}", flush=True)
    print(
        f"{'patients':>12s}{'size':>6s}{'labs':>6s}{'numbers':>14s}{'classes':>14s}{'unknown':>14s}{'as groups':>14s}"
    )
    for n_patients in PATIENTS:
        for size in SIZES_OF_EFFECTS:
            for n_labs in (0, 10):
                counts = [count_named(n_patients, size, n_labs, is_binary=is_binary) for is_binary in (False, True)]
                for patient_is in ("unknown", "groups"):
                    counts.append(count_named(n_patients, size, n_labs, is_binary=False, patient_is=patient_is))
                shown = "".join(f"{count:>14s}" for count in counts)
                print(f"{n_patients:12d}{size:6.1f}{n_labs:6d}{shown}", flush=True)
    for n in (1_000, 100_000):
        for n_columns in (8, 20):
            shown = ", ".join(f"{name} {100 * share:.2f}%" for name, share in costs(n, n_columns).items())
            print(f"{n:,} rows, {n_columns} columns: {shown}", flush=True)


if __name__ == "__main__":
    main()
