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
