"""What a run on the third list says: ratios of losses and times, with the conditions they were measured in.

The page has its tables between marks, as `tests.benchmarks.tables.report` says.
"""

import json
from collections.abc import Collection, Iterable
from importlib.util import find_spec

import numpy as np
import pandas as pd

from tests.benchmarks.tables import report as earlier
from tests.benchmarks.tables.report import BLOCK, SHIFT, ratio_cells, ratios, won_and_lost
from tests.benchmarks.third_draw import measure, rule
from tests.benchmarks.third_draw.models import DEFAULTS, STOPPED_EARLY, TUNED

FIGURES = {
    "error rate": ("classification", "error", SHIFT),
    "log-loss": ("classification", "log_loss", SHIFT),
    "RMSE": ("regression", "error", SHIFT),
    "deviance": ("regression", "deviance", 0.0),
    "time, classes": ("classification", "fit_seconds", 0.0),
    "time, numbers": ("regression", "fit_seconds", 0.0),
}


def measured() -> pd.DataFrame:
    return measure.rows().merge(rule.taken(), left_on="table", right_on="name", suffixes=("", "_of_table"))


def ratio_lines(rows: pd.DataFrame) -> list[str]:
    """Theirs over ours for each figure: default models, tuned ones, and those with the target's own loss."""
    lines = []
    for ending in ("", ", tuned", ", own loss"):
        ours = f"sknet{ending}"
        for peer in (*measure.models_for("poisson", True), "sknet"):
            if peer == ours or (ending == ", own loss") != peer.endswith(", own loss"):
                continue
            for figure, (task, column, shift) in FIGURES.items():
                if figure == "deviance" and ending != ", own loss":
                    continue  # squared errors may predict numbers below 0, whose deviance says nothing
                some = rows[(rows["task"] == task) & rows["model"].isin([ours, peer])]
                each = ratios(some.replace({"model": {ours: "sknet", "sknet": "defaults"}}) if ending else some, column,
                              "defaults" if ending and peer == "sknet" else peer, shift)  # fmt: skip
                if len(each):
                    mean, median = ratio_cells(-each) if len(each) > 3 else (f"{np.exp(-each['mean'].mean()):.2f}", "")
                    better, worse = won_and_lost(each)
                    lines.append(
                        f"{peer} ÷ {ours}, {figure}: {mean}, median {median}; {ours} is better on {better}, "
                        f"worse on {worse}"
                    )
    return lines


PAGE = measure.ROWS.parent / "third_draw.md"
ANCHOR = "LightGBM"
"""Its Elo is 1000."""
PEERS = ["CatBoost", "LightGBM", "XGBoost", "HistGradientBoosting", "scikit-learn's MLP", "linear model"]
TUNED_PEERS = ["LightGBM, tuned", "XGBoost, tuned", "CatBoost, tuned"]
FIRST_PAGE_PEERS = [*PEERS, *STOPPED_EARLY, *TUNED_PEERS]
CLAIMED = ["CatBoost", "CatBoost, stopped early", *TUNED_PEERS]
FIRST_PAGE = measure.ROWS.parent / "first_page.png"
DRAWN = [*PEERS, "CatBoost, stopped early", "LightGBM, tuned"]
DRAWN_BY_TASK = {"error rate": "classification", "RMSE": "regression"}

TUNED_PAIRS = [
    ("sknet, tuned", "LightGBM, tuned"),
    ("sknet, tuned", "XGBoost, tuned"),
    ("sknet", "LightGBM, tuned"),
    ("sknet", "XGBoost, tuned"),
    ("sknet", "CatBoost, tuned"),
]

WIDE = 20
KINDS = {
    "categories": lambda rows: rows["categories"] > 0,
    "no categories": lambda rows: rows["categories"] == 0,
    "text or dates": lambda rows: rows["text"] + rows["dates"] > 0,
    "whole groups held out": lambda rows: rows["split"] == "groups",
    "up to 1,000 rows": lambda rows: rows["rows"] <= 1_000,
    "10,000 rows and more": lambda rows: rows["rows"] >= 10_000,
    f"{WIDE} columns and more": lambda rows: rows["columns"] >= WIDE,
}


def write() -> None:
    draw_first_page()
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(text: str) -> str:
    """The page with the tables that can be computed here between its marks; the ranking needs bencheval."""
    tables = page_tables()
    if find_spec("bencheval"):
        tables["third ranking"] = ranking(DEFAULTS)
        tables["third tuned ranking"] = ranking(DEFAULTS | TUNED)
    return BLOCK.sub(
        lambda found: f"{found[1]}\n{tables[found[2]]}\n\n{found[3]}" if found[2] in tables else found[0], text
    )


def page_tables() -> dict[str, str]:
    """The tables of the page: models with default losses and with the target's own, tuned ones, kinds of tables."""
    rows = measured()
    signs = verdicts(rows)
    head = "| error ÷ sknet's | error rate | median | log-loss | median | RMSE | median |\n|" + " --- |" * 7
    models = [head, *(_line(rows, peer, "", signs) for peer in (*PEERS, *STOPPED_EARLY))]
    head = "| error ÷ sknet's, both with the target's own loss | deviance | median | RMSE | median |\n|" + " --- |" * 5
    own_peers = ("CatBoost", "CatBoost, from the mean", *PEERS[1:4], "linear model")
    own = [head, *(_line(rows, peer, ", own loss", {}) for peer in own_peers)]
    tuned = ["| ÷ | error rate | median | log-loss | median | RMSE | median |\n|" + " --- |" * 7]
    for ours, peer in TUNED_PAIRS:
        cells = []
        for figure in earlier.FIGURES:
            mean, median = _cells(rows, ours, peer, figure)
            cells += [earlier.bold_if(ours == "sknet" and signs.get((figure, peer), 0) != 0, mean), median]
        tuned.append(f"| {peer} ÷ {ours} | {' | '.join(cells)} |")
    kinds = ["| tables | ÷ sknet's | error rate | log-loss | RMSE |\n|" + " --- |" * 5]
    for kind, holds in KINDS.items():
        for peer in PEERS[:2]:
            cells = [
                _cells(rows[holds(rows)], "sknet", peer, figure)[0] for figure in ("error rate", "log-loss", "RMSE")
            ]
            kinds.append(f"| {kind} | {peer} | {' | '.join(cells)} |")
    tables = {"third models": models, "third own loss": own, "third kinds": kinds, "third tuned": tuned}
    sentences = {
        "third times": times(),
        "third sizes": sizes(),
        "third better": better_models(),
        "third choices": choices(),
        "third changes": changes(),
        "third auc": auc(),
    }
    return {name: "\n".join(lines) for name, lines in tables.items()} | sentences


def with_loss() -> pd.DataFrame:
    """Every row, with the log-loss of classes and the error of numbers as `loss`."""
    rows = measured()
    return rows.assign(loss=rows["log_loss"].where(rows["task"] == "classification", rows["error"]))


def verdicts(rows: pd.DataFrame) -> dict[tuple[str, str], int]:
    """-1 where the defaults of sknet are significantly better than a model, 1 where worse, 0 otherwise."""
    return earlier.verdicts(rows, FIRST_PAGE_PEERS)


def first_page_errors() -> str:
    """Their errors and times over ours, a line a model; an error is bold if the difference is significant."""
    rows = measured()
    signs = verdicts(rows)
    lines = [["sknet", *["1"] * (len(earlier.FIGURES) + len(TASKS))]]
    for peer in FIRST_PAGE_PEERS:
        means = [mean_ratio(rows, figure, peer) for figure in earlier.FIGURES]
        told = [signs.get((figure, peer), 0) != 0 for figure in earlier.FIGURES]
        cells = [earlier.bold_if(is_told, f"{mean:.2f}") for is_told, mean in zip(told, means, strict=True)]
        cells += [two_digits(times_of_a_fit(rows[rows["task"] == task], peer)) for task in TASKS]
        lines.append([earlier.name_of(peer) + earlier.tables_if_not_all(rows, peer), *cells])
    return earlier.as_markdown(["÷ sknet's", *earlier.FIGURES, "time, classification", "time, regression"], lines)


def mean_ratio(rows: pd.DataFrame, figure: str, peer: str) -> float:
    """Theirs over ours: the geometric mean over tables."""
    return float(np.exp(-earlier.ratios_of(rows, figure, peer)["mean"].mean()))


def claim() -> str:
    """What the first page says of the third list, and of larger tables, besides its picture and its table."""
    rows = with_loss()
    signs = verdicts(rows)
    told = [cell for cell, sign in signs.items() if sign]
    strong = [cell for cell in told if cell[1] in CLAIMED]
    n_strong = sum(peer in CLAIMED for _, peer in signs)
    n_worse = sum(signs[cell] > 0 for cell in told)
    return "\n".join(
        [
            f"- **On average,** sknet is significantly better in {len(told) - n_worse} of {len(signs)} comparisons, "
            f"and significantly worse in {n_worse or 'none'}. Against CatBoost and tuned models, it is better "
            f"in {len(strong)} of {n_strong}: {by_figure(strong)}.",
            f"- **On single tables,** CatBoost is better: on {better_on(rows, 'classification', 'CatBoost')} by the "
            f"log-loss, and on {better_on(rows, 'regression', 'CatBoost')} by the RMSE.",
            f"- **Time, on one thread.** Three quarters of sknet's fits took less than {three_quarters(rows):.1f} "
            f"seconds.",
            earlier.larger_claim(),
        ]
    )


def by_figure(cells: Iterable[tuple[str, str]]) -> str:
    """The models of some cells by figure, such as "error rate (CatBoost), RMSE (LightGBM; XGBoost, tuned)"."""
    models: dict[str, list[str]] = {}
    for figure, peer in cells:
        models.setdefault(figure, []).append(earlier.name_of(peer))
    return ", ".join(f"{figure} ({'; '.join(names)})" for figure, names in models.items())


def times() -> str:
    """The time of their fits over that of ours, by task and by training rows: geometric means over tables."""
    rows = measured()
    is_small = rows["n_train"] < SMALL
    groups = {
        "classes": rows[rows["task"] == "classification"],
        "numbers": rows[rows["task"] == "regression"],
        f"below {SMALL:,} training rows": rows[is_small],
        f"{SMALL:,} and more": rows[~is_small],
    }
    lines = [["sknet, median seconds", *(f"{seconds_of(group).median():.2f}" for group in groups.values())]]
    for peer in FIRST_PAGE_PEERS:
        ratios_of_groups = [times_of_a_fit(group, peer) for group in groups.values()]
        lines.append([earlier.name_of(peer), *map(two_digits, ratios_of_groups)])
    return earlier.as_markdown(["time of a fit ÷ sknet's", *groups], lines)


def seconds_of(rows: pd.DataFrame) -> pd.Series:
    """The processor seconds of our fit to the first split of each table."""
    return rows[(rows["number"] == 0) & (rows["model"] == earlier.OURS)]["fit_seconds"]


def three_quarters(rows: pd.DataFrame) -> float:
    """How many seconds three quarters of our fits took at most, rounded up to tenths."""
    return float(np.ceil(10 * seconds_of(rows).quantile(0.75)) / 10)


def times_as_fast(rows: pd.DataFrame, task: str) -> str:
    return f"{1 / times_of_a_fit(rows[rows['task'] == task], 'LightGBM'):.0f}"


def sizes() -> str:
    """How large the tables are."""
    tables = rule.taken()
    return (
        f"The tables have {tables['rows'].min():,} to {tables['rows'].max():,} rows (quartiles "
        f"{quartiles(tables['rows'])}) and {tables['columns'].min()} to {tables['columns'].max()} columns (quartiles "
        f"{quartiles(tables['columns'])})."
    )


def better_models() -> str:
    """On how many tables each model is better than ours."""
    rows = with_loss()
    lines = []
    for peer in PEERS:
        lines.append([earlier.name_of(peer), *(better_on(rows, task, peer) for task in earlier.ESTIMATORS)])
    return earlier.as_markdown(["better than sknet on tables of", "classes (log-loss)", "numbers (RMSE)"], lines)


def choices() -> str:
    """How much the means depend on what is added to both errors, and on the tables where we are furthest ahead."""
    rows = measured()
    lines = []
    for peer in PEERS[:2]:
        shifted = {figure: earlier.ratios_of(rows, figure, peer)["mean"].astype(float) for figure in earlier.FIGURES}
        tasks = {figure: rows[rows["task"] == task] for figure, (task, _) in earlier.FIGURES.items()}
        plain = {figure: ratios(tasks[figure], FIGURES[figure][1], peer, 0.0)["mean"] for figure in earlier.FIGURES}
        for choice, each in {
            "as above": shifted,
            "without the .01": {figure: found[np.isfinite(found)] for figure, found in plain.items()},
            "without sknet's two best tables": {figure: found.sort_values()[2:] for figure, found in shifted.items()},
        }.items():
            means = [f"{np.exp(-found.mean()):.2f} ({len(found)})" for found in each.values()]
            lines.append([earlier.name_of(peer), choice, *means])
    return earlier.as_markdown(["error ÷ sknet's", "", *earlier.FIGURES], lines)


def better_on(rows: pd.DataFrame, task: str, peer: str) -> str:
    """On how many tables of a task a model has a smaller loss than ours: "17 of 44"."""
    each = ratios(rows[rows["task"] == task], "loss", peer)
    return f"{won_and_lost(each)[1]} of {len(each)}"


def quartiles(sizes: pd.Series) -> str:
    lower, middle, upper = sizes.quantile([0.25, 0.5, 0.75])
    return f"{lower:,.0f}, {middle:,.0f} and {upper:,.0f}"


def auc() -> str:
    """For two classes, 1 − AUC (the area under the ROC curve): theirs over ours."""
    rows = measured()
    lines = []
    for peer in FIRST_PAGE_PEERS:
        each = lacks(rows, peer)
        if len(each):
            lost, won = won_and_lost(each)
            lines.append([earlier.name_of(peer), *ratio_cells(each), won, lost, str(len(each))])
    head = ["1 − AUC ÷ sknet's", "mean", "median", "sknet is better", "worse", "tables"]
    return earlier.as_markdown(head, lines)


def lacks(rows: pd.DataFrame, peer: str) -> pd.DataFrame:
    """Return 1 − AUC (the area under the ROC curve), theirs over ours on each table of two classes."""
    return -ratios(rows.assign(lacks=1 - rows["auc"]).dropna(subset="lacks"), "lacks", peer)


def changes() -> str:
    """CatBoost's errors over ours on the first split, before and after the changes that followed the first run."""
    rows = measured()
    rows = rows[rows["number"] == 0]
    lines = []
    for name, ours in (("before", FIRST_RUN), ("after", earlier.OURS)):
        lines.append([name, *(_cells(rows, ours, "CatBoost", figure)[0] for figure in earlier.FIGURES)])
    return earlier.as_markdown(["CatBoost's errors ÷ sknet's", *earlier.FIGURES], lines)


TASKS = [*earlier.ESTIMATORS]
FIRST_RUN = "sknet at abfb3d2d"
SMALL = 1_000


def draw_first_page() -> None:
    """Theirs over ours, by task: a dot a model for the measure that the headline names, and the time of a fit."""
    import matplotlib.pyplot as plt

    rows = measured()
    logs = {
        figure: {peer: -earlier.ratios_of(rows, figure, peer)["mean"].astype(float) for peer in DRAWN}
        for figure in DRAWN_BY_TASK
    }
    models = sorted(DRAWN, key=lambda model: sum(logs[figure][model].mean() for figure in DRAWN_BY_TASK))
    figure, axes = plt.subplots(1, 2, figsize=(4.8, 4.1), layout="constrained", sharex=True, sharey=True)
    for ax, (measure_name, task) in zip(axes, DRAWN_BY_TASK.items(), strict=True):
        means = [100 * np.expm1(logs[measure_name][model].mean()) for model in models]
        errors = [100 * logs[measure_name][model].sem() for model in models]
        ax.errorbar(means, range(len(models)), xerr=errors, fmt="o", color="#4a5a61", ms=7, lw=1.5)
        for place, model in enumerate(models):
            time = two_digits(times_of_a_fit(rows[rows["task"] == task], model))
            ax.text(34, place, f"{time}×", va="center_baseline", fontsize=9)
        ax.plot([0.0, 0.0], [-0.5, len(models) - 0.5], color=earlier.TEAL, lw=2, zorder=0)
        ax.text(0.0, -0.65, "sknet", color=earlier.TEAL, weight="bold", ha="center", va="bottom", fontsize=9)
        ax.text(34, -0.65, "time\nof a fit", va="bottom", fontsize=9)
        ax.set_title(f"{task.capitalize()}:\n{measure_name}", loc="left", fontsize=10)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(left=False, labelsize=9)
    names = [earlier.name_of(model) + earlier.tables_if_not_all(rows, model) for model in models]
    axes[0].set_yticks(range(len(models)), labels=[name.replace(", ", ",\n", 1) for name in names])
    axes[0].set(xlim=(-6.0, 48.0), ylim=(len(models) - 0.5, -1.7))
    axes[0].set_xticks([0, 15, 30], labels=["0", "+15%", "+30%"])
    figure.supxlabel("mean error above sknet's, with its standard error", fontsize=10)
    figure.savefig(FIRST_PAGE, dpi=200)


def times_of_a_fit(rows: pd.DataFrame, peer: str) -> float:
    """How many times as long as ours a fit of another model takes: the geometric mean over tables, first split."""
    return float(np.exp(-ratios(rows[rows["number"] == 0], "fit_seconds", peer, 0.0)["mean"].mean()))


def two_digits(ratio: float) -> str:
    if np.isnan(ratio):
        return ""
    return f"{ratio:.2f}" if ratio < 1 else f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _line(rows: pd.DataFrame, peer: str, ending: str, signs: dict[tuple[str, str], int]) -> str:
    figures = ["deviance", "RMSE"] if ending else ["error rate", "log-loss", "RMSE"]
    cells = []
    for figure in figures:
        mean, median = _cells(rows, f"sknet{ending}", f"{peer}{ending}", figure)
        cells += [earlier.bold_if(signs.get((figure, peer), 0) != 0, mean), median]
    return f"| {earlier.name_of(peer)} | {' | '.join(cells)} |"


def _cells(rows: pd.DataFrame, ours: str, peer: str, figure: str) -> list[str]:
    """Theirs over ours: the mean with its standard error and the number of tables, and the median."""
    task, column, shift = FIGURES[figure]
    some = rows[(rows["task"] == task) & rows["model"].isin([ours, peer])].replace({"model": {ours: "sknet"}})
    each = -ratios(some, column, peer, shift)
    if len(each) > 3:
        mean, median = ratio_cells(each)
        return [f"{mean} ({len(each)})", median]
    return [f"{np.exp(each['mean'].mean()):.2f} ({len(each)})" if len(each) else "", ""]


def ranking(models: Collection[str]) -> str:
    """Models as TabArena ranks them, on the splits that all of them have run; "" if there is none.

    Its package bencheval computes the figures. Classes are ranked by the log-loss, numbers by the RMSE.
    """
    from bencheval.evaluator import BenchmarkEvaluator

    rows = measured()
    rows = rows[rows["model"].isin(models)]
    rows = rows[rows.groupby(["table", "number"])["model"].transform("size") == len(models)]
    if rows.empty:
        return ""
    results = pd.DataFrame(
        {
            "method": rows["model"],
            "task": rows["table"],
            "seed": rows["number"],
            "metric_error": rows["log_loss"].where(rows["task"] == "classification", rows["error"]),
        }
    )
    evaluator = BenchmarkEvaluator(seed_column="seed", columns_to_agg_extra=None)
    found = evaluator.leaderboard(results, include_rescaled_loss=True, elo_kwargs={"calibration_framework": ANCHOR})
    lines = [f"| {len(results[['task', 'seed']].drop_duplicates())} splits of {results['task'].nunique()} tables "]
    lines[0] += "| Elo | 95% interval | mean rank | win rate | rescaled loss | improvability |\n|" + " --- |" * 7
    for name, row in found.iterrows():
        interval = f"{row['elo'] - row['elo-']:.0f} to {row['elo'] + row['elo+']:.0f}"
        lines.append(
            f"| {earlier.name_of(name)} | {row['elo']:.0f} | {interval} | {row['rank']:.2f} | {row['winrate']:.2f} "
            f"| {row['loss_rescaled']:.2f} | {100 * row['improvability']:.1f}% |"
        )
    return "\n".join(lines)


def text() -> str:
    rows = measured()
    failed = rows[rows["note"].notna() & (rows["note"] != "ConvergenceWarning")]
    found = json.loads(measure.MACHINE.read_text(encoding="utf-8"))
    return "\n".join(
        [
            *ratio_lines(rows),
            *([ranking(DEFAULTS), ranking(DEFAULTS | TUNED)] if find_spec("bencheval") else []),
            f"{len(rows)} fits of {rows['table'].nunique()} tables, {len(failed)} failed.",
            *(f"failed: {one.table}, {one.model}: {one.note}" for one in failed.itertuples()),
            *(f"{model}: {conditions}" for model, conditions in found.items()),
        ]
    )
