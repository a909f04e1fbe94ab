"""What the documents say of the CSV: every table between two marks in a page, and one picture.

A page says `<!-- measured: name -->` where the table of that name begins, and `<!-- end -->` where it ends. The ratio
of one table is the geometric mean of (ours + .01) / (theirs + .01) over the splits that both models have; the ratio of
many tables is the geometric mean of theirs. Standard deviations over splits divide by their number less one.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from tests.benchmarks.tables import chosen, measure
from tests.benchmarks.tables.models import MODELS

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "docs/index.md", "docs/defaults.md", "docs/measured/tables.md")
PICTURE = measure.MEASURED / "tables.png"
BLOCK = re.compile(r"(<!-- measured: ([a-z ]+) -->\n).*?(<!-- end -->)", re.S)
SHIFT = 0.01  # so that a table that is almost solved does not decide a mean
MIN_TABLES = 4  # of fewer, a mean says nothing: TabM's stand among every table's
SMALL = 1000  # rows of a small table
OURS = "sknet"
PEERS = [model for model in MODELS if model != OURS]
BOOSTED = ["HistGradientBoosting", "LightGBM", "CatBoost"]


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


def ratio_cell(each: pd.DataFrame) -> str:
    """The geometric mean with its standard error over tables, and how many tables are won and lost."""
    if len(each) < MIN_TABLES:
        return ""
    mean = each["mean"].mean()
    error = each["mean"].std() / np.sqrt(len(each)) * np.exp(mean)
    won, lost = (each["mean"] < -1e-9).sum(), (each["mean"] > 1e-9).sum()
    return f"{together(f'{np.exp(mean):.2f} ± {error:.2f}')} ({won}:{lost})"


def together(text: str) -> str:
    """The text with spaces at which a narrow page breaks no line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


FIGURES = {
    "error, classes": ("classification", "error"),
    "log-loss": ("classification", "log_loss"),
    "error, numbers": ("regression", "error"),
}


def random_splits(used: bool) -> pd.DataFrame:
    rows = measured().query("split == 'rows' and loss == loss")
    return rows[rows["used"] == used]


def summary(used: bool) -> str:
    rows = random_splits(used)
    body = []
    for peer in PEERS:
        cells = [ratio_cell(ratios(rows[rows["task"] == task], figure, peer)) for task, figure in FIGURES.values()]
        if any(cells):
            body.append([peer, splits_of(rows, peer), *cells])
    return as_markdown(["ours over", "splits", *FIGURES], body)


def splits_of(rows: pd.DataFrame, model: str) -> str:
    """How many splits of each table the model was run on: "3", or "1 to 2" where tables differ."""
    each = rows[rows["model"] == model].groupby("table").size()
    return str(each.min()) if each.min() == each.max() else f"{each.min()} to {each.max()}"


def verdict(used: bool) -> str:
    """In words: of which peers ours is ahead, of which behind, and of which it cannot be told."""
    rows, lines = random_splits(used), []
    for name, (task, figure) in FIGURES.items():
        each = {peer: ratios(rows[rows["task"] == task], figure, peer)["mean"].astype(float) for peer in PEERS}
        each = {peer: ratio for peer, ratio in each.items() if len(ratio) >= MIN_TABLES}
        told = told_apart({peer: wilcoxon(ratio).pvalue for peer, ratio in each.items()})
        ahead = [peer for peer in told if each[peer].median() < 0]
        behind = [peer for peer in told if peer not in ahead]
        words = [f"ours is better than {', '.join(ahead)}"] if ahead else []
        words += [f"worse than {', '.join(behind)}"] if behind else []
        rest = [peer for peer in each if peer not in told]
        words += [f"not to be told apart from {', '.join(rest)}"] if rest else []
        lines.append(f"- **{name}:** {'; '.join(words)}.")
    return "\n".join(lines)


def told_apart(p_values: dict[str, float], level: float = 0.05) -> list[str]:
    """Holm's step-down procedure: the peers whose difference is not chance, though so many were compared."""
    ordered = sorted(p_values, key=p_values.__getitem__)
    for place, peer in enumerate(ordered):
        if p_values[peer] > level / (len(ordered) - place):
            return ordered[:place]
    return ordered


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
        size = together(f"{first['rows']:,} × {first['columns']}")
        cells = [f"{name}{split_name}", size, MEASURE[first["task"]]]
        body.append(cells + [cell(wide, model) for model in models])
    return as_markdown(["table", "rows × columns", "measure", *models], body)


MEASURE = {"classification": "log-loss", "regression": "error"}


def cell(wide: pd.DataFrame, model: str) -> str:
    if model not in wide or wide[model].isna().all():
        return ""
    mine = wide[model].dropna()
    text = together(f"{mine.mean():.3f}" + (f" ± {mine.std():.3f}" if len(mine) > 1 else ""))
    complete = wide.dropna(axis="columns")  # models that have every split
    more = complete.drop(columns=model, errors="ignore").sub(wide[model], axis=0)
    is_best = model in complete and len(wide) > 1 and (more.mean() > more.std()).all()
    return f"**{text}**" if is_best else text


def complete_ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Ours over each peer on each table, NaN where the peer has not been run on every split of it that ours has."""
    n_splits = rows.groupby(["table", "model"]).size().unstack()
    each = {
        peer: ratios(rows, "loss", peer)["mean"].astype(float).where(lambda r, p=peer: n_splits[p] == n_splits[OURS])
        for peer in PEERS
        if peer in n_splits
    }
    return np.exp(pd.DataFrame(each))


def worst(used: bool, n: int = 6) -> str:
    """Where we lose most: ours over the best of the peers that were run on every split of the table."""
    rows = random_splits(used)
    each = complete_ratios(rows)
    furthest = each.max(axis=1).sort_values(ascending=False)
    body = []
    for name, ratio in furthest[furthest > 1].head(n).items():
        best = each.loc[name].idxmax()
        here = rows[rows["table"] == name]
        mean = here.groupby("model")["loss"].mean()
        spread = ratio * ratios(here, "loss", best)["std"].item()
        first = here.iloc[0]
        size = together(f"{first['rows']:,} × {first['columns']}")
        better = f"{(each.loc[name] > 1).sum()} of {each.loc[name].notna().sum()}"
        losses = [f"{mean[OURS]:.3f}", f"{mean[best]:.3f}", MEASURE[first["task"]]]
        body.append([name.split("/")[-1], together(f"{ratio:.2f} ± {spread:.2f}"), best, *losses, size, better])
    head = ["table", "ratio", "the best", "ours", "theirs", "measure", "rows × columns", "better than ours"]
    return as_markdown(head, body)


def boosting_wins() -> str:
    """The small tables on which boosted trees are better, by name: the best of the three, ours over it."""
    rows = measured().query("split == 'rows' and loss == loss")
    rows = rows[rows["rows"] < SMALL]
    each = complete_ratios(rows)[BOOSTED]
    lost = each.max(axis=1).sort_values(ascending=False)
    lost = lost[lost > 1]
    names = [f"{name.split('/')[-1]} ({each.loc[name].idxmax()}, {ratio:.2f})" for name, ratio in lost.items()]
    return f"On {len(lost)} of the {len(each)} tables of fewer than {SMALL:,} rows: {', '.join(names)}."


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
            cells.append(f"{np.exp(each['mean'].mean()):.2g}" if len(each) >= MIN_TABLES else "")
        body.append(cells)
    known = machines()
    elsewhere = {peer for peer in PEERS if known.get(peer) != known.get(OURS)}
    head = ["rows to fit", "tables", "ours, median", *[f"{peer}*" if peer in elsewhere else peer for peer in PEERS]]
    kept = [place for place, _ in enumerate(head) if any(cells[place] for cells in body)]
    return as_markdown([head[place] for place in kept], [[cells[place] for place in kept] for cells in body])


def runs() -> str:
    """On how many tables, and how many splits of each, every model was run."""
    parts = [random_splits(used) for used in (False, True)]
    body = []
    for model in MODELS:
        cells = [model]
        for rows in parts:
            n = rows[rows["model"] == model]["table"].nunique()
            cells += [str(n), splits_of(rows, model) if n else ""]
        body.append(cells)
    return as_markdown(["model", "tables outside the lists", "splits", "other tables", "splits"], body)


def failures() -> str:
    rows = measure.rows()
    said = rows["note"].fillna("")
    failed, early = rows[rows["error"].isna()], rows[said == "ConvergenceWarning"]
    parts = [f"{model}: {n}" for model, n in failed["model"].value_counts().items()]
    text = f"Fits: {len(rows):,}. Failed: {'; '.join(parts) or 'none'}."
    counts = ", ".join(f"{model} {n}" for model, n in early["model"].value_counts().items())
    return text + (f" Ended by their number of epochs, with a warning: {counts}." if counts else "")


def measured_with() -> dict[str, dict]:
    """When each model was measured last, on which machine, with which versions."""
    return json.loads(measure.MACHINE.read_text(encoding="utf-8"))


def machines() -> dict[str, str]:
    return {model: known["machine"] for model, known in measured_with().items()}


def versions() -> str:
    known = measured_with()
    body = [
        [
            model,
            known[model]["date"],
            known[model]["machine"],
            ", ".join(f"{k} {v}" for k, v in known[model]["versions"].items()),
        ]
        for model in MODELS
        if model in known
    ]
    return as_markdown(["model", "measured", "machine", "versions"], body)


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
    """Ours over theirs on each table outside the lists, one row of dots per peer."""
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
    labels = [f"{peer}, splits: {splits_of(rows, peer)}" for peer in PEERS if peer in set(rows["model"])]
    axes[0].set_yticks(range(len(labels)), labels=labels)
    axes[0].invert_yaxis()
    figure.savefig(PICTURE, dpi=110)


TABLES: dict[str, Callable[[], str]] = {
    "unused": lambda: summary(used=False),
    "used": lambda: summary(used=True),
    "verdict": lambda: verdict(used=False),
    "boosting": boosting_wins,
    "runs": runs,
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
