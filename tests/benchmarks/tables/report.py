"""What the documents say of the CSV: every table between two marks in a page, and one picture.

A page says `<!-- measured: name -->` where the table of that name begins, and `<!-- end -->` where it ends. The ratio
of one table is the geometric mean of (theirs + .01) / (ours + .01) over the splits that both models have: above 1, ours
is better. The ratio of many tables is the geometric mean of those of each. Standard deviations over splits divide by
their number less one. In the program, `ratios` are logarithms of ours over theirs, so what is shown is negated.

What is reported, whatever comes out: error rate, log-loss and RMSE; geometric means with and without the offset,
medians, and the table that moves a mean most (`without_shift`); ratios by rows to fit, below 500, below 1,000 and above
(`by_rows`), and by whether there are text columns (`by_columns`); and a test of each difference (`verdicts`).

There are three sets of tables: "second", the second draw; of the first draw "unused", which no list has by which
defaults were chosen, and "used".
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student
from scipy.stats import wilcoxon

from tests.benchmarks.tables import chosen, measure, second
from tests.benchmarks.tables.models import MODELS

ROOT = Path(__file__).parents[3]
MEASURED_PAGES = ("tables", "every_table", "first_draw", "how_measured")
PAGES = ("README.md", "docs/index.md", "docs/defaults.md", *[f"docs/measured/{name}.md" for name in MEASURED_PAGES])
PICTURE = measure.MEASURED / "tables.png"
OVERVIEW = measure.MEASURED / "overview.png"
INTERVALS = measure.MEASURED / "intervals.png"
INTERVALS_NARROW = measure.MEASURED / "intervals_narrow.png"
BLOCK = re.compile(r"(<!-- measured: ([a-z ]+) -->\n).*?(<!-- end -->)", re.S)
SHIFT = 0.01  # so that a table that is almost solved does not decide a mean
MIN_TABLES = 4  # of fewer, a mean says nothing
MIN_TESTED = 12  # from n tables on which two models differ, p is 2**(1 - n) at least: too near to what Holm asks for
OURS = "sknet"
PEERS = [model for model in MODELS if model != OURS]
NAMES = {
    "scikit-learn's MLP": "sklearn MLP",
    "scikit-learn's MLP, tuned": "sklearn MLP, tuned",
    "HistGradientBoosting": "HistGB",
    "HistGradientBoosting, tuned": "HistGB, tuned",
    "RealMLP-TD, bagged": "RealMLP-TD ×5",
}
"""What pages and pictures call a model, where the file of fits has a longer name."""

NEAREST = ["CatBoost", "LightGBM, tuned", "TabM", "RealMLP-TD, bagged", "LightGBM"]
BY_NEARNESS = [*NEAREST, *[peer for peer in PEERS if peer not in NEAREST]]
EACH_TABLE = [
    OURS,
    "linear model",
    "scikit-learn's MLP",
    "HistGradientBoosting",
    "LightGBM, tuned",
    "CatBoost",
    "TabM",
    "RealMLP-TD, bagged",
]
"""The models that the pages with every table have room for."""
TO_OURS = "÷ sknet's"
ESTIMATORS = {"classification": "classifier", "regression": "regressor"}
SIZES = {"below 500": (0, 499), "500 to 999": (500, 999), "1,000 and more": (1000, 10**9)}


def write() -> None:
    for page in PAGES:
        path = ROOT / page
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    draw()
    draw_overview()
    draw_intervals()


def filled(text: str) -> str:
    """The page with today's tables between its marks."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", text)


def measured() -> pd.DataFrame:
    """Every row with what is known of its table; `loss` is the log-loss of classes and the error of numbers."""
    first = chosen.drawn()
    first = first.assign(set=np.where(first["used"], "used", "unused"))
    tables = pd.concat([first, second.drawn().assign(set="second")])
    rows = measure.rows().merge(tables, left_on="table", right_on="name")
    rows["loss"] = rows["log_loss"].where(rows["task"] == "classification", rows["error"])
    return rows


def ratios(rows: pd.DataFrame, figure: str, peer: str, shift: float = SHIFT) -> pd.DataFrame:
    """Per table: the logarithm of ours over theirs, its mean and standard deviation over the splits of both."""
    of_both = rows[rows["model"].isin([OURS, peer])]
    wide = of_both.pivot_table(index=["table", "split", "number"], columns="model", values=figure)
    if OURS not in wide or peer not in wide:
        return pd.DataFrame(columns=["mean", "std"])
    both = wide[[OURS, peer]].dropna() + shift
    with np.errstate(divide="ignore"):  # an error of 0, without a shift
        logarithms = np.log(both[OURS]) - np.log(both[peer])
    return logarithms.groupby("table").agg(["mean", "std"])


def ratio_cells(each: pd.DataFrame) -> list[str]:
    """The geometric mean with its standard error over tables, and the median; empty for too few tables."""
    if len(each) < MIN_TABLES:
        return ["", ""]
    logarithms = each["mean"].astype(float)
    mean, median = np.exp([logarithms.mean(), logarithms.median()])
    error = logarithms.std() / np.sqrt(len(each)) * mean
    return [together(f"{mean:.2f} ± {error:.2f}"), f"{median:.2f}"]


def won_and_lost(each: pd.DataFrame) -> list[str]:
    """On how many tables ours is better, and on how many worse."""
    return [str((each["mean"] < -1e-9).sum()), str((each["mean"] > 1e-9).sum())]


def together(text: str) -> str:
    """The text with spaces at which a narrow page breaks no line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


FIGURES = {
    "error rate": ("classification", "error"),
    "log-loss": ("classification", "log_loss"),
    "RMSE": ("regression", "error"),
}


def random_splits(tables: str) -> pd.DataFrame:
    """The rows of random splits of one set of tables."""
    rows = measured().query("split == 'rows' and loss == loss")
    return rows[rows["set"] == tables]


def summary(tables: str) -> str:
    """A table for each figure: the ratio to each peer. A mean is bold if the difference is significant."""
    rows = random_splits(tables)
    signs = verdicts(rows)
    found = []
    for figure in FIGURES:
        body = []
        for peer in BY_NEARNESS:
            each = ratios_of(rows, figure, peer)
            if len(each) >= MIN_TABLES:
                mean, median = ratio_cells(-each)
                n = splits_of(rows[rows["table"].isin(each.index)], peer)
                told = bold_if(signs.get((figure, peer), 0) != 0, mean)
                body.append([name_of(peer), told, median, *won_and_lost(each), str(len(each)), n])
        head = [f"{figure} {TO_OURS}", "mean", "median", "sknet is better", "worse", "tables", "splits"]
        found += [as_markdown(head, body)] if body else []
    return "\n\n".join(found)


def name_of(model: str) -> str:
    """What pages and pictures call a model."""
    return NAMES.get(model, model)


def bold_if(is_bold: bool, text: str) -> str:
    return f"**{text}**" if is_bold else text


def ratios_of(rows: pd.DataFrame, figure: str, peer: str) -> pd.DataFrame:
    """The ratios of the tables that have a figure: an error rate of classes, an RMSE of numbers."""
    task, column = FIGURES[figure]
    return ratios(rows[rows["task"] == task], column, peer)


def count() -> str:
    """How many of the differences are significant."""
    signs = list(verdicts(random_splits("second")).values())
    n_told, n_better = len(signs) - signs.count(0), signs.count(-1)
    favour = f"all {n_told} in sknet's favour" if n_better == n_told else f"{n_better} of them in sknet's favour"
    return f"Of the {len(signs)} differences, {significant(n_told)}, {favour}."


def significant(n: int) -> str:
    return f"{n} {'is' if n == 1 else 'are'} statistically significant"


def claim() -> str:
    """What the first page says of two strong models of trees, in a few sentences."""
    rows = random_splits("second")
    signs, larger = verdicts(rows), rows[rows["n_train"] >= LARGER]
    cells = list(product(FIGURES, CLAIMED))
    told = [f"{figure} ({name_of(peer)})" for figure, peer in cells if signs.get((figure, peer), 0)]
    lines = [
        f"sknet compared with CatBoost (defaults) and LightGBM (best of 20 settings) on the "
        f"{rows['table'].nunique()} tables, of {rows['rows'].min():,} to {rows['rows'].max():,} rows:",
        "",
        f"- **Errors.** sknet's error rate, log-loss and RMSE are {smaller(rows, np.mean)} smaller on average, and "
        f"{smaller(larger, np.mean)} from {LARGER} training rows on. Of these {len(cells)} differences on all tables, "
        f"{significant(len(told))}{': ' * bool(told)}{', '.join(told)}.",
        f"- **Time, on one thread.** On average, a fit takes {shares_of_time(rows)} of their time. It takes "
        f"{times_as_long(rows)} times as long as LightGBM's defaults.",
        larger_claim(),
    ]
    return "\n".join(lines)


def smaller(rows: pd.DataFrame, average: Callable[[pd.Series], float]) -> str:
    """By how many per cent our errors are smaller than those of the two strong models of trees: "5 to 10%"."""
    each = [ratios_of(rows, *cell)["mean"].astype(float) for cell in product(FIGURES, CLAIMED)]
    return f"{span([100 * (1 - np.exp(average(logarithms))) for logarithms in each])}%"


def shares_of_time(rows: pd.DataFrame) -> str:
    """The time of our fits, in per cent of those of the two strong models of trees: "20 to 51%"."""
    return f"{span([100 * seconds_of(rows, *cell) for cell in product(ESTIMATORS, CLAIMED)])}%"


def times_as_long(rows: pd.DataFrame) -> str:
    """How many times as long our fits take as those of LightGBM's defaults: "6 to 12"."""
    return span([seconds_of(rows, task, "LightGBM") for task in ESTIMATORS])


def larger_claim() -> str:
    """What the first page says of larger tables, which have a page and a file of their own."""
    from tests.benchmarks.large_tables import report as large

    return large.claim()


def third_report() -> Any:
    """What the first page says of the third list, which has a program of its own."""
    from tests.benchmarks.third_draw import report as third

    return third


CLAIMED = ["CatBoost", "LightGBM, tuned"]
LARGER = 500


def seconds_of(rows: pd.DataFrame, task: str, peer: str) -> float:
    """Processor seconds of a fit, ours over theirs: the geometric mean over the tables of a task."""
    each = ratios(rows[rows["task"] == task], "fit_seconds", peer, shift=0.0)["mean"].astype(float)
    return float(np.exp(each.mean())) if len(each) >= MIN_TABLES else np.nan


def span(values: Iterable[float], digits: int = 0) -> str:
    """The least and the greatest value: "4 to 14"."""
    found = [*values]
    return f"{np.nanmin(found):.{digits}f} to {np.nanmax(found):.{digits}f}"


def day(iso: str) -> str:
    """A date as one reads it: "29 November 2026"."""
    found = date.fromisoformat(iso)
    return f"{found.day} {found:%B %Y}"


def run_dates() -> str:
    """When each model was run on the second draw, the last day first."""
    days: dict[str, list[str]] = {}
    for key, one in measured_with().items():
        if key.endswith(measure.SECOND):
            days.setdefault(one["date"], []).append(key.removesuffix(measure.SECOND))
    return "\n".join(
        f"- {day(iso)}: {'; '.join(map(name_of, sorted(days[iso], key=list(MODELS).index)))}."
        for iso in sorted(days, reverse=True)
    )


def run_of_sknet() -> str:
    found = measured_with()[OURS + measure.SECOND]
    return f"These figures are of sknet at commit {found['versions']['commit']}, run on {day(found['date'])}."


def splits_of(rows: pd.DataFrame, model: str) -> str:
    """How many splits of each table the model was run on: "3", or "1 to 2" where tables differ."""
    each = rows[rows["model"] == model].groupby("table").size()
    return str(each.min()) if each.min() == each.max() else f"{each.min()} to {each.max()}"


def tables_if_not_all(rows: pd.DataFrame, model: str) -> str:
    """How many tables the model was run on, if not on all."""
    n_tables = rows[rows["model"] == model]["table"].nunique()
    return "" if n_tables == rows["table"].nunique() else f", {n_tables} tables"


def tested(
    rows: pd.DataFrame, peers: Sequence[str] = PEERS
) -> tuple[dict[tuple[str, str], pd.Series], dict[tuple[str, str], float]]:
    """The ratios of each figure and peer that differ on enough tables, and the p-values of Wilcoxon's test."""
    each = {(figure, peer): ratios_of(rows, figure, peer)["mean"].astype(float) for figure in FIGURES for peer in peers}
    each = {cell: ratio for cell, ratio in each.items() if (ratio.abs() > 1e-9).sum() >= MIN_TESTED}
    return each, {cell: wilcoxon(ratio).pvalue for cell, ratio in each.items()}


def verdicts(rows: pd.DataFrame, peers: Sequence[str] = PEERS) -> dict[tuple[str, str], int]:
    """-1 where ours is better, 1 where it is worse, 0 if the difference is not significant, by Holm's procedure."""
    each, p_values = tested(rows, peers)
    told = told_apart(p_values)
    return {cell: int(np.sign(ratio.median())) if cell in told else 0 for cell, ratio in each.items()}


def nearest_ahead() -> str:
    """Which model that is ahead of ours comes closest to a significant difference."""
    each, p_values = tested(random_splits("second"))
    ahead = [cell for cell, ratio in each.items() if ratio.median() > 1e-9]
    if not ahead:
        return "No model is ahead of sknet in the median."
    figure, peer = cell = min(ahead, key=p_values.__getitem__)
    return (
        f"Of the models that are ahead of sknet in the median, {name_of(peer)} comes closest to a "
        f"significant difference, in {figure} (p = {p_values[cell]:.2f} before the correction)."
    )


def not_told_apart() -> str:
    """How far sknet and other models differ where the difference is not significant."""
    rows = random_splits("second")
    each, _ = tested(rows)
    logs = [-each[cell] for cell, verdict in verdicts(rows).items() if verdict == 0]
    in_mean, in_median = (100 * max(abs(np.expm1(of(log))) for log in logs) for of in (np.mean, np.median))
    return (
        f"Without a significant difference, the models may still differ: here by up to {in_mean:.0f}% in the mean, "
        f"and by up to {in_median:.0f}% in the median."
    )


def by_rows(tables: str) -> str:
    """The ratios of each range of rows to fit, of the models that are nearest to ours."""
    rows = random_splits(tables)
    return by_groups({size: rows[rows["n_train"].between(*limits)] for size, limits in SIZES.items()})


def by_columns(tables: str) -> str:
    """The ratios of tables without and with text columns."""
    rows = random_splits(tables)
    return by_groups({"only numeric": rows[rows["categories"] == 0], "with text": rows[rows["categories"] > 0]})


def by_groups(groups: dict[str, pd.DataFrame]) -> str:
    """A table for each figure: mean and median of each group of tables, of the models that are nearest to ours."""
    found = []
    for figure, (task, _) in FIGURES.items():
        heads = []
        for name, rows in groups.items():
            heads += [f"{name} ({rows[rows['task'] == task]['table'].nunique()})", "median"]
        body = []
        for peer in NEAREST:
            cells = [cell for rows in groups.values() for cell in ratio_cells(-ratios_of(rows, figure, peer))]
            if any(cells):
                body.append([name_of(peer), *cells])
        found += [as_markdown([f"{figure} {TO_OURS}", *heads], body)] if body else []
    return "\n\n".join(found)


def without_shift(tables: str) -> str:
    """Geometric means with and without the offset, and without the table that moves the mean most."""
    rows = random_splits(tables)
    body = []
    for peer in NEAREST:
        for figure, (task, column) in FIGURES.items():
            here = rows[rows["task"] == task]
            shifted, plain = (-ratios(here, column, peer, shift)["mean"].astype(float) for shift in (SHIFT, 0.0))
            if len(shifted) < MIN_TABLES:
                continue
            defined = plain[np.isfinite(plain)]
            furthest = (shifted - shifted.mean()).abs().idxmax()
            rest = shifted.drop(furthest)
            left_out = len(plain) - len(defined)  # where a model makes no error at all
            body.append(
                [
                    name_of(peer),
                    figure,
                    f"{np.exp(shifted.mean()):.2f}",
                    f"{np.exp(defined.mean()):.2f}" + (f" (without {left_out} with a 0)" if left_out else ""),
                    f"{np.exp(shifted.median()):.2f}",
                    f"{furthest.split('/')[-1]} ({np.exp(shifted[furthest]):.2f})",
                    f"{np.exp(rest.mean()):.2f}",
                ]
            )
    head = [
        TO_OURS,
        "figure",
        "mean",
        "mean without .01",
        "median",
        "the table that moves it most",
        "mean without it",
    ]
    return as_markdown(head, body)


def told_apart(p_values: dict, level: float = 0.05) -> list:
    """Holm's step-down procedure: those whose difference is not chance, however many were compared."""
    ordered = sorted(p_values, key=p_values.__getitem__)
    for place, key in enumerate(ordered):
        if p_values[key] > level / (len(ordered) - place):
            return ordered[:place]
    return ordered


def other_splits(task: str) -> str:
    """Groups kept together, and later rows: every table of the first draw that has them."""
    return per_table(measured().query("split != 'rows' and set != 'second'"), task)


def per_table(rows: pd.DataFrame, task: str) -> str:
    """Mean and standard deviation over the splits of each table of a task."""
    rows = rows[rows["task"] == task]
    models = [model for model in EACH_TABLE if model in set(rows["model"])]
    body = []
    for (name, split), here in rows.groupby(["table", "split"], sort=False):
        wide = here.pivot_table(index="number", columns="model", values="loss")
        split_name = "" if split == "rows" else f", {split}"
        body.append([f"{name.split('/')[-1]}{split_name}", *[cell(wide, model) for model in models]])
    return as_markdown(["table", *map(name_of, models)], body)


MEASURE = {"classification": "log-loss", "regression": "RMSE"}


def cell(wide: pd.DataFrame, model: str) -> str:
    if model not in wide or wide[model].isna().all():
        return ""
    mine = wide[model].dropna()
    if len(mine) == 1:
        return f"{mine.mean():.3f}"
    return f"{mine.mean():.3f} {together(f'± {mine.std():.3f}')}"  # a narrow column has the spread below the mean


def complete_ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Each peer over ours on each table, NaN where the peer has not been run on every split of it that ours has."""
    n_splits = rows.groupby(["table", "model"]).size().unstack()
    each = {
        peer: -ratios(rows, "loss", peer)["mean"].astype(float).where(lambda r, p=peer: n_splits[p] == n_splits[OURS])
        for peer in PEERS
        if peer in n_splits
    }
    return np.exp(pd.DataFrame(each))


def worst(tables: str, n: int) -> str:
    """Where we lose most: the best of the peers over ours, of those that were run on every split of the table."""
    rows = random_splits(tables)
    each = complete_ratios(rows)
    furthest = each.min(axis=1).sort_values()
    body = []
    for name, ratio in furthest[furthest < 1].head(n).items():
        best = each.loc[name].idxmin()
        here = rows[rows["table"] == name]
        mean = here.groupby("model")["loss"].mean()
        spread = ratio * ratios(here, "loss", best)["std"].item()
        plus = "" if np.isnan(spread) else f" ± {spread:.2f}"
        first = here.iloc[0]
        size = together(f"{first['rows']:,} × {first['columns']}")
        better = f"{(each.loc[name] < 1).sum()} of {each.loc[name].notna().sum()}"
        losses = [f"{mean[best]:.3f}", f"{mean[OURS]:.3f}", MEASURE[first["task"]]]
        body.append([name.split("/")[-1], together(f"{ratio:.2f}{plus}"), name_of(best), *losses, size, better])
    head = ["table", "ratio", "best model", "its loss", "sknet's", "measure", "rows × columns", "models ahead"]
    return as_markdown(head, body)


def times(tables: str) -> str:
    """Processor seconds of a fit, theirs over ours: the geometric mean over tables, by task and by training rows."""
    rows = random_splits(tables).dropna(subset="fit_seconds")
    found = []
    for task, estimator in ESTIMATORS.items():
        here = rows[rows["task"] == task]
        groups = {"all": here} | {size: here[here["n_train"].between(*limits)] for size, limits in SIZES.items()}
        medians = [group[group["model"] == OURS]["fit_seconds"].median() for group in groups.values()]
        body = [["sknet, median seconds", *["" if np.isnan(median) else f"{median:.2f}" for median in medians]]]
        for peer in PEERS:
            cells = [time_cell(1 / seconds_of(group, task, peer)) for group in groups.values()]
            if any(cells):
                body.append([name_of(peer), *cells])
        heads = [f"{size} ({group['table'].nunique()})" for size, group in groups.items()]
        found += [as_markdown([f"{estimator}s: time of a fit {TO_OURS}", *heads], body)] if len(body) > 1 else []
    return "\n\n".join(found)


def time_cell(ratio: float) -> str:
    """A ratio of times in two decimals, from 10 on in none."""
    if np.isnan(ratio):
        return ""
    return "< 0.01" if ratio < 0.005 else f"{ratio:.{2 if ratio < 9.995 else 0}f}"


def runs() -> str:
    """On how many tables, and how many splits of each, every model was run."""
    body = []
    for model in MODELS:
        cells = [name_of(model)]
        for tables in ("second", "unused", "used"):
            rows = random_splits(tables)
            n = rows[rows["model"] == model]["table"].nunique()
            cells += [str(n), splits_of(rows, model) if n else ""]
        body.append(cells)
    head = ["second draw, tables", "splits", "first draw, outside the lists", "splits", "others", "splits"]
    return as_markdown(["model", *head], body)


def failures() -> str:
    rows = measure.rows()
    said = rows["note"].fillna("")
    failed, early = rows[rows["error"].isna()], rows[said == "ConvergenceWarning"]
    parts = [f"{name_of(model)}: {n}" for model, n in failed["model"].value_counts().items()]
    text = f"Fits: {len(rows):,}. Failed: {'; '.join(parts) or 'none'}."
    counts = ", ".join(f"{name_of(model)} {n}" for model, n in early["model"].value_counts().items())
    return text + (f" Fits that warned of no convergence: {counts}." if counts else "")


def measured_with() -> dict[str, dict]:
    """When each model was measured last, on which machine, with which versions."""
    return json.loads(measure.MACHINE.read_text(encoding="utf-8"))


def versions() -> str:
    """The models by the day and machine of their last fits, each draw for itself."""
    groups: dict[tuple[str, str, str], dict[str, str]] = {}
    models: dict[tuple[str, str, str], list[str]] = {}
    for key, one in measured_with().items():
        model, draw = key.removesuffix(measure.SECOND), "second" if key.endswith(measure.SECOND) else "first"
        group = draw, one["date"], one["machine"]
        groups.setdefault(group, {}).update(one["versions"])
        models.setdefault(group, []).append(model)
    body = [
        [
            draw,
            "; ".join(map(name_of, sorted(models[draw, day, machine], key=list(MODELS).index))),
            day,
            machine,
            with_versions(found),
        ]
        for (draw, day, machine), found in sorted(groups.items(), reverse=True)
    ]
    return as_markdown(["draw", "models", "measured", "machine", "versions"], body)


def with_versions(found: dict[str, str]) -> str:
    return ", ".join(f"{'sknet' if name == 'commit' else name} {version}" for name, version in found.items())


def size_of(table: tuple) -> str:
    return together(f"{table.rows:,} × {table.columns}")


def list_of_second() -> str:
    found = second.drawn().fillna("")
    body = [
        [t.name, f"{t.classes} classes" if t.classes else "numbers", t.target, size_of(t), str(t.categories)]
        for t in found.itertuples()
    ]
    return as_markdown(["table", "target", "its name", "rows × columns", "text columns"], body)


def first_packages() -> str:
    """The licences of the first draw's packages, and how many tables each has."""
    found = chosen.drawn()
    found = found.assign(package=found["name"].str.split("/").str[0])
    counts = found.groupby(["package", "licence", "task"], sort=False).size().unstack(fill_value=0)
    body = [[*key, str(n["classification"]), str(n["regression"])] for key, n in counts.iterrows()]
    return as_markdown(["package", "licence", "classes", "numbers"], body)


def packages() -> str:
    """How many tables each package has."""
    found = second.drawn()
    found = found.assign(package=found["name"].str.split("/").str[0])
    counts = found.groupby(["package", "version", "licence", "task"], sort=False).size().unstack(fill_value=0)
    body = [[*key, str(n["classification"]), str(n["regression"])] for key, n in counts.iterrows()]
    return as_markdown(["package", "version", "licence", "classes", "numbers"], body)


def as_markdown(head: list[str], body: list[list[str]]) -> str:
    """The table, with columns of numbers on their right."""
    is_number = [all(NUMBER.fullmatch(cell) for cell in column if cell) for column in zip(*body, strict=True)]
    lines = [head, ["---:" if each else "---" for each in is_number], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


NUMBER = re.compile(r"[*<\s]*\d[\d.,]*(\s(±|to)\s[\d.]+)?\**")


def draw() -> None:
    """Theirs over ours on each table of the second draw, one row of dots per peer."""
    import matplotlib.pyplot as plt

    rows = random_splits("second")
    peers = [peer for peer in BY_NEARNESS if peer in set(rows["model"])]
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.4), sharey=True, layout="constrained")
    titles = {"classification": "log-loss of classes", "regression": "RMSE of numbers"}
    for ax, (task, title) in zip(axes, titles.items(), strict=True):
        here = rows[rows["task"] == task]
        for place, peer in enumerate(peers):
            each = np.exp(-ratios(here, "loss", peer)["mean"].astype(float))
            put_count(ax, place, len(each), here)
            ax.plot(each.clip(0.6, 2.5), np.full(len(each), place), "o", color="0.45", alpha=0.45, ms=5, mew=0)
            if len(each) >= MIN_TABLES:
                ax.plot(np.exp(np.log(each).mean()), place, **MEAN)
                ax.plot(each.median(), place, **MEDIAN)
        ax.axvline(1, color="0.5", lw=1)
        ax.set(xscale="log", xlim=(0.57, 2.65), xlabel="÷ sknet's: right of 1, sknet is better", title=title)
        ax.set_xticks([0.6, 0.8, 1, 1.4, 2, 2.5], labels=["≤ 0.6", "0.8", "1", "1.4", "2", "≥ 2.5"])
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.92")
        ax.set_axisbelow(True)
    axes[0].set_yticks(range(len(peers)), labels=map(name_of, peers))
    axes[0].invert_yaxis()
    dot = plt.Line2D([], [], ls="", marker="o", color="0.45", alpha=0.45, ms=5, mew=0, label="one table")
    signs = [dot, plt.Line2D([], [], **MEAN, label="mean"), plt.Line2D([], [], **MEDIAN, label="median")]
    figure.legend(handles=signs, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(PICTURE, dpi=110)


def draw_overview() -> None:
    """Time of a fit and loss, both over ours: a dot a model, geometric means over the tables of the second draw."""
    import matplotlib.pyplot as plt

    rows = random_splits("second")
    figure, axes = plt.subplots(1, 2, figsize=(9, 6.2), layout="constrained")
    drawn = []
    for ax, (task, title) in zip(axes, {"classification": "log-loss", "regression": "RMSE"}.items(), strict=True):
        here = rows[rows["task"] == task]
        n_tables = here["table"].nunique()
        places = {OURS: (1.0, 1.0)}
        for model in PEERS:
            seconds, losses = ratios(here, "fit_seconds", model, shift=0.0), ratios(here, "loss", model)
            if len(losses) >= MIN_TABLES:
                name = name_of(model)
                label = name if len(losses) == n_tables else f"{name} ({len(losses)} tables)"
                places[label] = float(np.exp(-seconds["mean"].mean())), float(np.exp(-losses["mean"].mean()))
        for label, (x, y) in places.items():
            ax.plot(x, y, "o", color=color_of(label), ms=8 if label == OURS else 6)
        ax.axvline(1, color="0.88", zorder=0)
        ax.axhline(1, color="0.88", zorder=0)
        xs = [x for x, _ in places.values()]
        ax.set(
            xscale="log",
            xlim=(min(xs) / 12, max(xs) * 12),
            title=f"{title}, {n_tables} tables",
            ylabel="loss ÷ sknet's",
        )
        ax.set(xlabel="processor seconds of a fit ÷ sknet's")
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(y=0.1)
        drawn.append((ax, places))
    figure.draw_without_rendering()  # it gives the axes their sizes
    for ax, places in drawn:
        put_labels(ax, places)
    figure.savefig(OVERVIEW, dpi=110)


def color_of(label: str) -> str:
    return TEAL if label == OURS else "0.4"


def put_labels(ax: Any, places: dict[str, tuple[float, float]]) -> None:
    """Put each label beside its dot, as near as there is room for it."""
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    taken = [Bbox.from_bounds(*(ax.transData.transform(place) - 6), 12, 12) for place in places.values()]
    room = ax.get_window_extent()
    spots = sorted(product((8, 20, 32, 44), range(-60, 61, 4), ("left", "right")), key=lambda s: s[0] + abs(s[1]))
    above = [(0, 10, "center"), (0, -10, "center")]
    for label, place in sorted(places.items(), key=lambda item: -len(item[0])):
        for x, y, side in [*spots[:2], *above, *spots[2:]]:
            text = ax.annotate(
                label,
                place,
                (-x if side == "right" else x, y),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=9,
                color=color_of(label),
                arrowprops={"arrowstyle": "-", "color": "0.7", "lw": 0.7, "shrinkA": 0} if x + abs(y) > 16 else None,
            )
            text.set_in_layout(False)
            text.get_window_extent()  # it moves the text to its place
            box = Text.get_window_extent(text)  # without the line
            if room.containsx(box.x0) and room.containsx(box.x1) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
        else:
            raise ValueError(f"{OVERVIEW.name} has no room for the label {label!r}: make it larger.")


def mean_with_interval(logarithms: pd.Series) -> np.ndarray:
    """The geometric mean of ratios between the ends of its 95% interval, and their median."""
    each = logarithms.astype(float)
    half = student.ppf(0.975, len(each) - 1) * each.std() / np.sqrt(len(each))
    return np.exp([each.mean() - half, each.mean(), each.mean() + half, each.median()])


def draw_intervals() -> None:
    """Theirs over ours: mean with its 95% interval over tables, and median; once more for a telephone."""
    import matplotlib.pyplot as plt

    wide, wide_axes = plt.subplots(1, 3, figsize=(10, 3.8), sharex=True, sharey=True, layout="constrained")
    narrow, narrow_axes = plt.subplots(3, 1, figsize=(4.8, 9), sharex=True, sharey=True, layout="constrained")
    for axes, first in ((wide_axes, wide_axes[:1]), (narrow_axes, narrow_axes)):
        names = put_intervals(axes)
        axes[0].set_yticks(range(len(names)), labels=names)
        for ax in first:
            ax.set_ylabel("the other model", fontsize=10)
    for figure, path, n_columns in ((wide, INTERVALS, 4), (narrow, INTERVALS_NARROW, 2)):
        place = {"loc": "outside lower center", "ncols": n_columns, "frameon": False, "fontsize": 9}
        figure.legend(handles=legend_of_intervals(), **place)
        figure.savefig(path, dpi=200)


def put_intervals(axes: Any) -> list[str]:
    """Draw each figure of the models on one of the axes, and return the models' names from top to bottom."""
    rows = random_splits("second")
    signs = verdicts(rows)
    peers = [peer for peer in INTERVAL_PEERS if peer in set(rows["model"])]
    for ax, (name, (task, _)) in zip(axes, FIGURES.items(), strict=True):
        for place, peer in enumerate(peers):
            each = -ratios_of(rows, name, peer)["mean"]
            low, mean, high, median = mean_with_interval(each)
            fill = TEAL if signs.get((name, peer), 0) else "white"
            put_count(ax, place, len(each), rows[rows["task"] == task])
            ax.plot([low, high], [place, place], color=TEAL, lw=2, solid_capstyle="butt")
            ax.plot(mean, place, **MEAN | {"mfc": fill})
            ax.plot(median, place, **MEDIAN)
        ax.axvline(1, color="0.2", lw=1.2, zorder=0)
        ax.set(xscale="log", ylim=(len(peers) - 0.5, -0.5))
        n_tables = rows[rows["task"] == task]["table"].nunique()
        ax.set_xlabel(f"{name} {TO_OURS}\n{n_tables} tables", fontsize=10)
        ax.tick_params(left=False, labelbottom=True, labelsize=10)
        ax.spines[["top", "right", "left"]].set_visible(False)
        for x, side, text in ((0.98, "right", "← other is better"), (1.02, "left", "sknet is better →")):
            ax.text(x, 1.02, text, ha=side, transform=ax.get_xaxis_transform(), fontsize=9)
    low, high = axes[0].get_xlim()
    ticks = [tick for tick in RATIO_TICKS if low <= tick <= high]
    for ax in axes:
        ax.axvspan(1, high, color=TEAL, alpha=0.09, lw=0, zorder=0)
        ax.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.set_xlim(low, high)
    return [name_of(peer) for peer in peers]


def put_count(ax: Any, place: int, n_tables: int, rows: pd.DataFrame) -> None:
    """Write on how many tables a model was run below its row, if not on all."""
    if n_tables < rows["table"].nunique():
        text = f"{n_tables} tables"
        ax.text(0.99, place + 0.36, text, ha="right", va="center", transform=ax.get_yaxis_transform(), fontsize=8)


def legend_of_intervals() -> list[Any]:
    import matplotlib.pyplot as plt

    return [
        plt.Line2D([], [], **MEAN | {"mfc": TEAL}, label="mean: significant difference"),
        plt.Line2D([], [], **MEAN, label="mean: no significant difference"),
        plt.Line2D([], [], color=TEAL, lw=2, label="95% interval of the mean"),
        plt.Line2D([], [], **MEDIAN, label="median"),
    ]


TEAL, ORANGE = "#14606b", "#c2571a"
MEAN = {"ls": "", "marker": "o", "color": TEAL, "mfc": "white", "ms": 8, "mew": 1.8}
MEDIAN = {"ls": "", "marker": "|", "color": ORANGE, "ms": 13, "mew": 2.5}
"""One mark means the same in every picture."""

RATIO_TICKS = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.7, 2, 2.5]
INTERVAL_PEERS = [*NEAREST, "HistGradientBoosting", "scikit-learn's MLP", "linear model"]
TABLES: dict[str, Callable[[], str]] = {
    "second by rows": lambda: by_rows("second"),
    "second by columns": lambda: by_columns("second"),
    "second offset": lambda: without_shift("second"),
    "second": lambda: summary("second"),
    "unused": lambda: summary("unused"),
    "used": lambda: summary("used"),
    "count": count,
    "first page": lambda: third_report().first_page_errors(),
    "third claim": lambda: third_report().claim(),
    "claim": claim,
    "nearest ahead": nearest_ahead,
    "not told apart": not_told_apart,
    "run dates": run_dates,
    "run of sknet": run_of_sknet,
    "runs": runs,
    "each second classes": lambda: per_table(random_splits("second"), "classification"),
    "each second numbers": lambda: per_table(random_splits("second"), "regression"),
    "groups and time classes": lambda: other_splits("classification"),
    "groups and time numbers": lambda: other_splits("regression"),
    "worst second": lambda: worst("second", n=10),
    "worst unused": lambda: worst("unused", n=6),
    "second times": lambda: times("second"),
    "failures": failures,
    "versions": versions,
    "second list": list_of_second,
    "packages": packages,
    "first packages": first_packages,
}
