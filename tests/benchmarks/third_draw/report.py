"""What a run on the third list says: ratios of losses and times, with the conditions they were measured in."""

import json

import numpy as np
import pandas as pd

from tests.benchmarks.tables.report import SHIFT, ratio_cells, ratios, won_and_lost
from tests.benchmarks.third_draw import measure, rule

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


PEERS = ["CatBoost", "LightGBM", "XGBoost", "HistGradientBoosting", "scikit-learn's MLP", "linear model"]

KINDS = {
    "categories": lambda rows: rows["categories"] > 0,
    "no categories": lambda rows: rows["categories"] == 0,
    "text or dates": lambda rows: rows["text"] + rows["dates"] > 0,
    "whole groups held out": lambda rows: rows["split"] == "groups",
    "up to 1,000 rows": lambda rows: rows["rows"] <= 1_000,
    "10,000 rows and more": lambda rows: rows["rows"] >= 10_000,
    "20 columns and more": lambda rows: rows["columns"] >= 20,
}


def page_tables() -> str:
    """The tables of the page: each model, with default losses and with the target's own; then the kinds of tables."""
    rows = measured()
    head = "| sknet ÷ | error rate | median | log-loss | median | RMSE | median |\n|" + " --- |" * 7
    models = [head, *(_line(rows, peer, "") for peer in PEERS)]
    head = "| sknet ÷, both with the target's own loss | deviance | median | RMSE | median |\n|" + " --- |" * 5
    own = [head, *(_line(rows, peer, ", own loss") for peer in PEERS[:4])]
    kinds = ["| tables | ÷ | error rate | log-loss | RMSE |\n|" + " --- |" * 5]
    for kind, holds in KINDS.items():
        for peer in PEERS[:2]:
            cells = [
                _cells(rows[holds(rows)], "sknet", peer, figure)[0] for figure in ("error rate", "log-loss", "RMSE")
            ]
            kinds.append(f"| {kind} | {peer} | {' | '.join(cells)} |")
    return "\n\n".join("\n".join(lines) for lines in (models, own, kinds))


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


def text() -> str:
    rows = measured()
    failed = rows[rows["note"].notna() & (rows["note"] != "ConvergenceWarning")]
    found = json.loads(measure.MACHINE.read_text(encoding="utf-8"))
    return "\n".join(
        [
            *ratio_lines(rows),
            f"{len(rows)} fits of {rows['table'].nunique()} tables, {len(failed)} failed.",
            *(f"failed: {one.table}, {one.model}: {one.note}" for one in failed.itertuples()),
            *(f"{model}: {conditions}" for model, conditions in found.items()),
        ]
    )
