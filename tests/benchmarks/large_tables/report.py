"""What docs/measured/large_tables.md says of the CSV: every table between two marks, as on the other measured pages.

Ratios are the other model's figure over sknet's, on the seeds that both have: above 1, sknet is better. The ratio of
one table is a geometric mean over its seeds. In the program, ratios are logarithms of ours over theirs, so what is
shown is negated.
"""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd

from tests.benchmarks.large_tables import measure, rule
from tests.benchmarks.large_tables.measure import MODELS, NETWORKS
from tests.benchmarks.tables import report as small
from tests.benchmarks.tables.report import FIGURES, OURS, as_markdown, together

PAGE = measure.ROWS.with_suffix(".md")
PEERS = [model for model in MODELS if model != OURS and model not in NETWORKS]
SHORT = {"LightGBM, 600 trees": "LightGBM 600"}
SIZES = {"10,000 to 50,000": (0, 50_000), "above 50,000": (50_001, 10**9)}


def write() -> None:
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(text: str) -> str:
    """The page with today's tables between its marks."""
    return small.BLOCK.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", text)


def measured() -> pd.DataFrame:
    """Every row that has a result, with what is known of its table; made tables have a known truth."""
    rows = measure.rows()
    rows = rows[rows["error"].notna()].rename(columns={"seed": "number"}).assign(split="rows")
    known = rule.taken().set_index("name")
    rows["size"] = rows["table"].map(known["rows"]).fillna(rows["rows"]).astype(int)
    rows["is_real"] = rows["table"].isin(known.index)
    rows["task"] = rows["table"].map(known["task"])
    rows["loss"] = rows["log_loss"].where(rows["log_loss"].notna(), rows["error"])
    return rows


def real(task: str | None = None) -> pd.DataFrame:
    rows = measured()
    return rows[rows["is_real"] & ((rows["task"] == task) | (task is None))]


def with_truth(start: str) -> pd.DataFrame:
    rows = measured()
    return rows[rows["table"].str.startswith(start)]


def name(model: str) -> str:
    return SHORT.get(model) or small.name_of(model)


# -- real tables


def ratios_to(rows: pd.DataFrame, peer: str) -> dict[str, pd.DataFrame]:
    """The ratios of each figure to one model: of accuracy, time and memory."""
    each = {figure: small.ratios_of(rows, figure, peer) for figure in FIGURES}
    seconds, peak = (small.ratios(rows, figure, peer, shift=0.0) for figure in ("fit_seconds", "peak_mb"))
    return each | {"time of a fit": seconds, "memory": peak}


def summary() -> str:
    """One line for each figure and model: mean, median, and on how many tables sknet is better and worse."""
    each = {peer: ratios_to(real(), peer) for peer in PEERS}
    body = [
        [figure, name(peer), *mean_and_median(-each[peer][figure]), *small.won_and_lost(each[peer][figure])]
        for figure in each[PEERS[0]]
        for peer in PEERS
    ]
    return as_markdown(["figure", small.TO_OURS, "mean", "median", "sknet is better", "worse"], without_repeats(body))


def claim() -> str:
    """What the first page says of larger tables."""
    rows, peers = real(), ("CatBoost", "LightGBM")
    ratios = {peer: ratios_to(with_both(peer), peer) for peer in peers}
    errors = {peer: [-ratios[peer][figure]["mean"].astype(float) for figure in FIGURES] for peer in peers}
    medians = [float(np.exp(each.median())) for peer in peers for each in errors[peer]]
    behind = [f"{peer}'s {furthest_behind(with_both(peer), peer)}" for peer in peers]
    without = rows["table"].nunique() - with_both("CatBoost")["table"].nunique()
    rates = ratios["CatBoost"]["error rate"]
    ours, theirs = small.won_and_lost(rates)
    catboost, lightgbm = (float(np.exp(ratios[peer]["time of a fit"]["mean"].astype(float).mean())) for peer in peers)
    return (
        f"- **10,000 rows and more.** On {rows['table'].nunique()} larger tables, of up to "
        f"{rows['size'].max():,} rows, the errors of CatBoost and LightGBM are {small.span(medians, 2)} times sknet's "
        f"in the median; CatBoost did not finish on {without} within ten minutes. Where sknet is furthest behind, "
        f"{behind[0]}, and {behind[1]}. CatBoost "
        f"has the smaller error rate on {theirs} of {len(rates)} tables, and sknet on {ours}. Its fits take "
        f"{1 / catboost:.1f} times as long as sknet's, and LightGBM's {1 / lightgbm:.2f} times."
    )


def furthest_behind(rows: pd.DataFrame, peer: str) -> str:
    """Where their error over ours is smallest, without a shift, such as "RMSE is 8% smaller (cps1)"."""
    errors = {
        figure: -small.ratios(rows[rows["task"] == task], column, peer, shift=0.0)["mean"].astype(float)
        for figure, (task, column) in small.FIGURES.items()
    }
    figure = min(errors, key=lambda figure: errors[figure].min())
    ratio = np.exp(errors[figure].min())
    return f"{figure} is {100 * (1 - ratio):.0f}% smaller ({short(str(errors[figure].idxmin()))})"


def with_both(peer: str) -> pd.DataFrame:
    """The rows of the real tables on which another model has a result."""
    rows = real()
    return rows[rows["table"].isin(rows[rows["model"] == peer]["table"])]


def without_catboost() -> str:
    """The real tables on which CatBoost has no result, smallest first."""
    sizes = real().groupby("table")["size"].first()
    missing = sizes.drop(real()[real()["model"] == "CatBoost"]["table"].unique()).sort_values()
    names = ", ".join(f"{short(str(table))} ({size:,} rows)" for table, size in missing.items())
    return (
        f"**CatBoost has no result on {len(missing)} of the {len(sizes)} real tables:** {names or 'none'}. Ratios to "
        f"CatBoost are over the other tables."
    )


def million() -> str:
    """How long a default fit to a million rows takes, in a sentence."""
    seconds = seconds_of_a_million()
    ours, trees = (f"{found.min():.0f} to {found.max():.0f}" for found in (seconds[OURS], seconds["LightGBM"]))
    return (
        f"A default fit to 1,000,000 rows of 6 or 10 columns takes sknet {ours} processor seconds on one thread, and "
        f"LightGBM {trees}."
    )


def seconds_of_a_million() -> dict[str, pd.Series]:
    """For each model, the seconds of a fit to each made table of a million rows."""
    rows = with_truth("made/")
    rows = rows[rows["rows"] == 1_000_000]
    return {str(model): here.groupby("table")["fit_seconds"].mean() for model, here in rows.groupby("model")}


def mean_and_median(each: pd.DataFrame) -> list[str]:
    """The geometric mean and the median."""
    logarithms = each["mean"].astype(float)
    return (
        ["", ""] if each.empty else [f"{np.exp(average):.2f}" for average in (logarithms.mean(), logarithms.median())]
    )


def without_repeats(body: list[list[str]]) -> list[list[str]]:
    """The lines, with what the first cell of the line above says left out."""
    first = [line[0] for line in body]
    return [["" if place and first[place - 1] == head else head, *rest] for place, (head, *rest) in enumerate(body)]


def by_rows() -> str:
    """Mean and median of accuracy and time, of tables below and above so many rows, and on how many tables."""
    rows = real()
    groups = {size: rows[rows["size"].between(*limits)] for size, limits in SIZES.items()}
    body = []
    for figure in [*FIGURES, "time of a fit"]:
        for peer in PEERS:
            each = [ratios_to(here, peer)[figure] for here in groups.values()]
            cells = [cell for ratios in each for cell in (*mean_and_median(-ratios), str(len(ratios)))]
            body.append([figure, name(peer), *cells])
    heads = [head for size in groups for head in (f"{size} rows", "median", "tables")]
    return as_markdown(["figure", small.TO_OURS, *heads], without_repeats(body))


def each_table(task: str) -> str:
    """The loss of every model on the first split of each table, bold if clearly the best, and seconds of two fits."""
    rows = real(task)
    body = []
    for table in rule.taken().query("task == @task").sort_values("rows").itertuples():
        here = rows[rows["table"] == table.name]
        if not here.empty:
            losses = here[here["number"] == 0].set_index("model")["loss"]
            seconds = here.groupby("model")["fit_seconds"].mean().reindex([OURS, "LightGBM"])
            body.append([short(table.name), f"{table.rows:,}", *best_in_bold(losses), *map(as_seconds, seconds)])
    models = [name(model) for model in [OURS, *PEERS]]
    return as_markdown(["table", "rows", *models, "s, sknet", "s, LightGBM"], body)


def short(table: str) -> str:
    return table.split("/")[-1]


def best_in_bold(losses: pd.Series) -> list[str]:
    """The losses, bold if the smallest is clearly so: by more than a hundredth."""
    is_clear = losses.min() < (1 - CLEAR) * losses.drop(losses.idxmin()).min()
    return [
        "" if np.isnan(loss) else small.bold_if(is_clear and loss == losses.min(), f"{loss:.3f}")
        for loss in losses.reindex([OURS, *PEERS])
    ]


CLEAR = 0.01  # ratios of two splits of a table differ by less on three tables of four


def as_seconds(seconds: float) -> str:
    return "" if np.isnan(seconds) else f"{seconds:.1f}"


# -- tables whose truth is known


def made() -> str:
    """The distance from the truth, seconds of a fit and megabytes that it needs, by function and rows."""
    rows, body = with_truth("made/"), []
    for (table, size), here in rows.groupby(["table", "rows"]):
        figures = here.groupby("model")[["error", "fit_seconds", "fit_mb"]].mean().reindex([OURS, *PEERS])
        distances = best_in_bold(figures["error"].dropna())
        for place, ((model, one), distance) in enumerate(zip(figures.iterrows(), distances, strict=True)):
            head = [short(str(table)), f"{size:,}"] if place == 0 else ["", ""]
            costs = [as_seconds(one["fit_seconds"]), f"{one['fit_mb']:,.0f}"] if distance else ["", ""]
            body.append([*head, name(model), distance, *costs])
    return as_markdown(["function", "rows", "model", "distance from the truth", "seconds", "MB"], body)


def truth() -> str:
    """The distance from smooth functions of few rows, and the seconds of a fit, beside RealMLP."""
    rows = with_truth("smooth/")
    models = [OURS, *PEERS, *NETWORKS]
    body = []
    for (table, size), here in rows.groupby(["table", "rows"]):
        means = here[here["number"] == 0].set_index("model")["error"].reindex(models)
        cells = ["" if np.isnan(mean) else f"{mean:.3f}" for mean in means]
        body.append([short(str(table)), f"{size:,}", *cells])
    distances = as_markdown(["distance from", "rows", *map(name, models)], body)
    seconds = rows.groupby(["rows", "model"])["fit_seconds"].mean().unstack().reindex(columns=models)
    body = [[f"{size:,}", *map(as_seconds, here)] for size, here in seconds.iterrows()]
    return distances + "\n\n" + as_markdown(["seconds of a fit: rows", *map(name, models)], body)


def beside_five() -> str:
    """Whether and by how much RealMLP comes nearer to smooth functions, in a sentence for each of its two models."""
    rows = with_truth("smooth/")
    rows = rows.assign(table=rows["table"] + rows["rows"].astype(str))
    lines = []
    for peer in reversed(NETWORKS):
        each = small.ratios(rows, "error", peer, shift=0.0)["mean"].astype(float)
        seconds = small.ratios(rows, "fit_seconds", peer, shift=0.0)["mean"].astype(float)
        if each.empty:
            continue
        nearer, by = int((each > 0).sum()), np.exp(-each.mean())
        lines.append(
            f"- {name(peer)}: nearer to the truth than sknet on {nearer} of {len(each)}. Its distance is {by:.2f} "
            f"times sknet's (geometric mean), and a fit takes {np.exp(-seconds.mean()):.0f} times as long."
        )
    return "\n".join(lines)


# -- how it was measured


def tables() -> str:
    taken, body = rule.taken(), []
    for table in taken.itertuples():
        source = rule.TABLES[table.name]
        kind = f"{table.classes} classes" if table.classes else "numbers"
        size = together(f"{table.rows:,} × {table.columns}")
        body.append([table.name, kind, table.target, source.named_by, size, str(table.categories)])
    return as_markdown(["table", "target", "its name", "named by", "rows × columns", "text columns"], body)


def left_out() -> str:
    reasons = rule.USED | rule.OTHERS
    return "\n".join(f"- {reason[0].upper()}{reason[1:]}: {', '.join(names)}." for reason, names in reasons.items())


def packages() -> str:
    taken = rule.taken()
    counts = taken.groupby(["package", "version", "licence"], sort=False).size()
    return as_markdown(["package", "version", "licence", "tables"], [[*key, str(n)] for key, n in counts.items()])


def runs() -> str:
    """How many fits there are, and what failed or ran out of time."""
    rows = measure.rows()
    failed = rows[rows["error"].isna()]
    text = f"Fits: {len(rows):,}. Without a result: {len(failed) or 'none'}."
    lines = [
        f"- {name(one.model)}, {short(one.table)}{f', {one.rows:,} rows' if one.rows else ''}: {one.note}"
        for one in failed.drop_duplicates(["table", "rows", "model"]).itertuples()
    ]
    return "\n".join([text, "", *lines]) if lines else text


def versions() -> str:
    known = json.loads(measure.MACHINE.read_text(encoding="utf-8"))
    body = [[name(m), known[m]["date"], known[m]["machine"], small.with_versions(known[m]["versions"])] for m in known]
    return as_markdown(["model", "measured", "machine", "versions"], body)


TABLES: dict[str, Callable[[], str]] = {
    "large without": without_catboost,
    "large million": million,
    "large summary": summary,
    "large by rows": by_rows,
    "large classes": lambda: each_table("classification"),
    "large numbers": lambda: each_table("regression"),
    "large made": made,
    "large truth": truth,
    "large five": beside_five,
    "large tables": tables,
    "large left out": left_out,
    "large packages": packages,
    "large runs": runs,
    "large versions": versions,
}
