"""What a run on the third list says: ratios of losses and times, with the conditions they were measured in.

The page has its tables between marks, as `tests.benchmarks.tables.report` says.
"""

import json
from collections.abc import Collection
from importlib.util import find_spec

import numpy as np
import pandas as pd

from tests.benchmarks.tables.report import BLOCK, SHIFT, ratio_cells, ratios, won_and_lost
from tests.benchmarks.third_draw import measure, rule
from tests.benchmarks.third_draw.models import DEFAULTS, TUNED

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
    """Ours over theirs for each figure: default models, tuned ones, and those with the target's own loss."""
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
                    mean, median = ratio_cells(each) if len(each) > 3 else (f"{np.exp(each['mean'].mean()):.2f}", "")
                    better, worse = won_and_lost(each)
                    lines.append(f"{ours} ÷ {peer}, {figure}: {mean}, median {median}; {better} better, {worse} worse")
    return lines


PAGE = measure.ROWS.parent / "third_draw.md"
ANCHOR = "LightGBM"
"""Its Elo is 1000."""
PEERS = ["CatBoost", "LightGBM", "XGBoost", "HistGradientBoosting", "scikit-learn's MLP", "linear model"]
FIRST_PAGE_PEERS = ["CatBoost", "LightGBM, tuned", "XGBoost, tuned", "LightGBM", "XGBoost", "linear model"]
"""Those of the first page, in the order of its other tables."""

TUNED_PAIRS = [
    ("sknet, tuned", "LightGBM, tuned"),
    ("sknet, tuned", "XGBoost, tuned"),
    ("sknet", "LightGBM, tuned"),
    ("sknet", "XGBoost, tuned"),
    ("sknet", "CatBoost, tuned"),
]

KINDS = {
    "categories": lambda rows: rows["categories"] > 0,
    "no categories": lambda rows: rows["categories"] == 0,
    "text or dates": lambda rows: rows["text"] + rows["dates"] > 0,
    "whole groups held out": lambda rows: rows["split"] == "groups",
    "up to 1,000 rows": lambda rows: rows["rows"] <= 1_000,
    "10,000 rows and more": lambda rows: rows["rows"] >= 10_000,
    "20 columns and more": lambda rows: rows["columns"] >= 20,
}


def write() -> None:
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
    head = "| sknet ÷ | error rate | median | log-loss | median | RMSE | median |\n|" + " --- |" * 7
    models = [head, *(_line(rows, peer, "") for peer in PEERS)]
    head = "| sknet ÷, both with the target's own loss | deviance | median | RMSE | median |\n|" + " --- |" * 5
    own = [head, *(_line(rows, peer, ", own loss") for peer in PEERS[:4])]
    tuned = ["| ÷ | error rate | median | log-loss | median | RMSE | median |\n|" + " --- |" * 7]
    for ours, peer in TUNED_PAIRS:
        cells = [cell for figure in ("error rate", "log-loss", "RMSE") for cell in _cells(rows, ours, peer, figure)[:2]]
        tuned.append(f"| {ours} ÷ {peer} | {' | '.join(cells)} |")
    kinds = ["| tables | ÷ | error rate | log-loss | RMSE |\n|" + " --- |" * 5]
    for kind, holds in KINDS.items():
        for peer in PEERS[:2]:
            cells = [
                _cells(rows[holds(rows)], "sknet", peer, figure)[0] for figure in ("error rate", "log-loss", "RMSE")
            ]
            kinds.append(f"| {kind} | {peer} | {' | '.join(cells)} |")
    tables = {"third models": models, "third own loss": own, "third kinds": kinds, "third tuned": tuned}
    return {name: "\n".join(lines) for name, lines in tables.items()}


def _line(rows: pd.DataFrame, peer: str, ending: str) -> str:
    figures = ["deviance", "RMSE"] if ending else ["error rate", "log-loss", "RMSE"]
    cells = [cell for figure in figures for cell in _cells(rows, f"sknet{ending}", f"{peer}{ending}", figure)[:2]]
    return f"| {peer} | {' | '.join(cells)} |"


def _cells(rows: pd.DataFrame, ours: str, peer: str, figure: str) -> list[str]:
    """Mean with its standard error, and median; the mean with the number of tables if they are few."""
    task, column, shift = FIGURES[figure]
    some = rows[(rows["task"] == task) & rows["model"].isin([ours, peer])].replace({"model": {ours: "sknet"}})
    each = ratios(some, column, peer, shift)
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
    lines[0] += "| Elo | 95 % interval | mean rank | win rate | rescaled loss | improvability |\n|" + " --- |" * 7
    for name, row in found.iterrows():
        interval = f"{row['elo'] - row['elo-']:.0f} to {row['elo'] + row['elo+']:.0f}"
        lines.append(
            f"| {name} | {row['elo']:.0f} | {interval} | {row['rank']:.2f} | {row['winrate']:.2f} "
            f"| {row['loss_rescaled']:.2f} | {100 * row['improvability']:.1f} % |"
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
