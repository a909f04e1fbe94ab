"""What the documents say of the CSV: every table between two marks in a page, and one picture.

A page says `<!-- measured: name -->` where the table of that name begins, and `<!-- end -->` where it ends. A ratio
is a geometric mean over tables of (ours + .01) / (theirs + .01), over the splits that both have.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks.tables import chosen, measure
from tests.benchmarks.tables.models import MODELS

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "docs/index.md", "docs/defaults.md", "docs/measured/tables.md")
PICTURE = measure.MEASURED / "tables.png"
BLOCK = re.compile(r"(<!-- measured: ([a-z ]+) -->\n).*?(<!-- end -->)", re.S)
SHIFT = 0.01  # so that a table that is almost solved does not decide a mean
MIN_TABLES = 4  # of fewer, a mean says nothing: TabM's stand among every table's
OURS = "sknet"
PEERS = [model for model in MODELS if model != OURS]


def write() -> None:
    for page in PAGES:
        path = ROOT / page
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
    draw()


def filled(text: str) -> str:
    """The page with today's tables between its marks."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", text)


def measured() -> pd.DataFrame:
    """Every row with what is known of its table; `loss` is the log-loss of classes and the error of numbers."""
    rows = measure.rows().merge(chosen.drawn(), left_on="table", right_on="name")
    rows["loss"] = rows["log_loss"].where(rows["task"] == "classification", rows["error"])
    return rows


def ratios(rows: pd.DataFrame, figure: str, peer: str, shift: float = SHIFT) -> pd.DataFrame:
    """Per table: the logarithm of ours over theirs, its mean and standard deviation over the splits of both."""
    wide = rows.pivot_table(index=["table", "split", "number"], columns="model", values=figure)
    if OURS not in wide or peer not in wide:
        return pd.DataFrame(columns=["mean", "std"])
    both = wide[[OURS, peer]].dropna() + shift
    return np.log(both[OURS] / both[peer]).groupby("table").agg(["mean", "std"])


def ratio_cells(each: pd.DataFrame) -> list[str]:
    """The geometric mean with its standard error over tables, and how many tables are won and lost."""
    if len(each) < MIN_TABLES:
        return ["", ""]
    mean = each["mean"].mean()
    error = each["mean"].std() / np.sqrt(len(each)) * np.exp(mean)
    won, lost = (each["mean"] < -1e-9).sum(), (each["mean"] > 1e-9).sum()
    return [f"{np.exp(mean):.2f} ± {error:.2f}", f"{won} : {lost}"]


def summary(used: bool) -> str:
    rows = measured().query("split == 'rows'")
    rows = rows[rows["used"] == used]
    head = ["ours over", "error, classes", "won : lost", "log-loss", "won : lost", "error, numbers", "won : lost"]
    body = []
    for peer in PEERS:
        cells = [peer]
        for task, figure in (("classification", "error"), ("classification", "log_loss"), ("regression", "error")):
            cells += ratio_cells(ratios(rows[rows["task"] == task], figure, peer))
        body.append(cells)
    return as_markdown(head, [cells for cells in body if any(cells[1:])])


def other_splits() -> str:
    """Groups kept together, and later rows: every table that has them."""
    return per_table(measured().query("split != 'rows'"))


def per_table(rows: pd.DataFrame) -> str:
    """Mean and standard deviation over the splits, in bold where better than all others beyond the deviation."""
    models = [model for model in MODELS if model in set(rows["model"])]
    body = []
    for (name, split), here in rows.groupby(["table", "split"], sort=False):
        wide = here.pivot_table(index="number", columns="model", values="loss")
        split_name = "" if split == "rows" else f", {split}"
        first = here.iloc[0]
        cells = [f"{name}{split_name}", f"{first['rows']:,} × {first['columns']}", MEASURE[first["task"]]]
        body.append(cells + [cell(wide, model) for model in models])
    return as_markdown(["table", "rows × columns", "measure", *models], body)


MEASURE = {"classification": "log-loss", "regression": "error"}


def cell(wide: pd.DataFrame, model: str) -> str:
    if model not in wide or wide[model].isna().all():
        return ""
    mine = wide[model].dropna()
    text = f"{mine.mean():.3f}" + (f" ± {mine.std(ddof=0):.3f}" if len(mine) > 1 else "")
    more = wide.drop(columns=model).sub(wide[model], axis=0)
    is_best = len(mine) > 1 and all((more[other].mean() > more[other].std(ddof=0)) for other in more)
    return f"**{text}**" if is_best else text


def worst(used: bool, n: int = 8) -> str:
    """Where we lose most: ours over the best peer, each compared on the splits that both have."""
    rows = measured().query("split == 'rows' and loss == loss")
    rows = rows[rows["used"] == used]
    each = pd.DataFrame({peer: ratios(rows, "loss", peer)["mean"].astype(float) for peer in PEERS})
    furthest = each.max(axis=1).sort_values(ascending=False)
    body = []
    for name, logarithm in furthest[furthest > 0].head(n).items():
        best = each.loc[name].idxmax()
        here = rows[rows["table"] == name]
        both = here.pivot_table(index="number", columns="model", values="loss")[[OURS, best]].dropna().mean()
        first = here.iloc[0]
        about = [name, f"{first['rows']:,} × {first['columns']}", MEASURE[first["task"]], f"{both[OURS]:.3f}"]
        better = f"{(each.loc[name] > 0).sum()} of {each.loc[name].notna().sum()}"
        body.append([*about, f"{both[best]:.3f} ({best})", f"{np.exp(logarithm):.2f}", better])
    head = ["table", "rows × columns", "measure", "ours", "the best", "ours over the best", "peers that are better"]
    return as_markdown(head, body)


def times() -> str:
    """Processor seconds of a fit, ours over theirs: the geometric mean over tables, by the rows to fit."""
    rows = measured().query("split == 'rows' and fit_seconds == fit_seconds")
    sizes = {"up to 499": (0, 499), "500 to 4,999": (500, 4999), "5,000 and more": (5000, 10**9)}
    body = []
    for size, (low, high) in sizes.items():
        here = rows[rows["n_train"].between(low, high)]
        cells = [size, str(here["table"].nunique()), f"{here[here['model'] == OURS]['fit_seconds'].median():.2f} s"]
        for peer in PEERS:
            each = ratios(here, "fit_seconds", peer, shift=0.0)
            cells.append(f"{np.exp(each['mean'].mean()):.2g}" if len(each) else "")
        body.append(cells)
    return as_markdown(["rows to fit", "tables", "ours, median", *PEERS], body)


def failures() -> str:
    rows = measure.rows()
    said = rows["note"].fillna("")
    failed, early = rows[rows["error"].isna()], rows[said == "ConvergenceWarning"]
    parts = [f"{model}: {n}" for model, n in failed["model"].value_counts().items()]
    text = f"Fits: {len(rows):,}. Failed: {'; '.join(parts) or 'none'}."
    counts = ", ".join(f"{model} {n}" for model, n in early["model"].value_counts().items())
    return text + (f" Ended by their number of epochs, with a warning: {counts}." if counts else "")


def versions() -> str:
    known = json.loads(measure.MACHINE.read_text(encoding="utf-8"))
    body = [
        [model, known[model]["date"], ", ".join(f"{k} {v}" for k, v in known[model]["versions"].items())]
        for model in MODELS
        if model in known
    ]
    return f"{known['machine']}.\n\n" + as_markdown(["model", "measured", "versions"], body)


def list_of_tables() -> str:
    found = chosen.drawn()
    body = [
        [t.name, "yes" if t.used else "", t.task, t.target, f"{t.rows:,} × {t.columns}", str(t.categories), t.licence]
        for t in found.itertuples()
    ]
    head = ["table", "used to choose", "task", "target", "rows × columns", "of these text", "licence"]
    return as_markdown(head, body)


def as_markdown(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw() -> None:
    """Ours over theirs on each table that chose nothing, one row of dots per peer."""
    import matplotlib.pyplot as plt

    rows = measured().query("split == 'rows' and not used")
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    titles = {"classification": "log-loss of classes", "regression": "error of numbers"}
    for ax, (task, title) in zip(axes, titles.items(), strict=True):
        here = rows[rows["task"] == task]
        for place, peer in enumerate(PEERS):
            each = np.exp(ratios(here, "loss", peer)["mean"].astype(float))
            ax.plot(each.clip(0.4, 1.6), np.full(len(each), place), "o", color="#14606b", alpha=0.45, ms=6, mew=0)
            if len(each) >= MIN_TABLES:
                ax.plot(np.exp(np.log(each).mean()), place, "|", color="#c2571a", ms=18, mew=3)
        ax.axvline(1, color="0.5", lw=1)
        ax.set(xscale="log", xlim=(0.38, 1.7), xlabel="ours over theirs: left of 1, ours is better", title=title)
        ax.set_xticks([0.4, 0.5, 0.7, 1, 1.3, 1.6], labels=["≤ 0.4", "0.5", "0.7", "1", "1.3", "≥ 1.6"])
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.92")
        ax.set_axisbelow(True)
    axes[0].set_yticks(range(len(PEERS)), labels=PEERS)
    axes[0].invert_yaxis()
    figure.savefig(PICTURE, dpi=110)


TABLES: dict[str, Callable[[], str]] = {
    "unused": lambda: summary(used=False),
    "used": lambda: summary(used=True),
    "each unused": lambda: per_table(measured().query("split == 'rows' and not used")),
    "each used": lambda: per_table(measured().query("split == 'rows' and used")),
    "groups and time": other_splits,
    "worst unused": lambda: worst(used=False),
    "worst used": lambda: worst(used=True, n=5),
    "times": times,
    "failures": failures,
    "versions": versions,
    "list": list_of_tables,
}
