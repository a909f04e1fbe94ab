"""The benchmark on tables: what the rule takes and leaves out; the rows that were measured are those of the draw."""

import re
import shutil
from functools import cache
from importlib.metadata import PackageNotFoundError
from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.tables import __main__ as program
from tests.benchmarks.tables import chosen, measure, report, second, sources
from tests.benchmarks.third_draw import report as third


def test_a_column_that_gives_the_target_away_is_left_out():
    wage = np.array([3.0, 8.0, 1.0, 5.0, 2.0, 9.0])
    frame = pd.DataFrame({"wage": wage, "root": np.sqrt(wage), "age": [30, 20, 40, 20, 50, 30]})
    table = sources.tidied("made/one", frame, "wage", is_log=True)
    assert list(table.X) == ["age"]
    np.testing.assert_allclose(table.y, np.log(wage))
    assert table.target == "log wage"


def test_classes_of_few_rows_and_rows_without_a_target_are_left_out():
    frame = pd.DataFrame({"x": np.arange(26.0), "kind": ["a"] * 12 + ["b"] * 11 + ["c"] * 2 + [None]})
    table = sources.tidied("made/one", frame, "kind")
    assert not table.is_regression
    assert table.y.value_counts().to_dict() == {"a": 12, "b": 11}
    assert len(table.X) == 23


@pytest.mark.parametrize(
    ("help_page", "found"),
    [
        ("lm(log(wage) ~ education, data = CPS)", ("log(", "wage")),
        ("lmer(math ~ year + (1 | school), d)", (None, "math")),
        ("glm(formula = died ~ ., family = binomial)", (None, "died")),
    ],
)
def test_the_target_is_the_left_side_of_the_first_formula(help_page, found):
    assert sources.FORMULA.search(help_page).groups()[:2] == found


def test_groups_stay_on_one_side_and_the_later_rows_are_the_last():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"school": rng.integers(0, 12, 200).astype(float), "year": rng.integers(1990, 2000, 200) * 1.0})
    data = sources.Table("made/one", "made", X, pd.Series(rng.normal(size=200)), "y", "school", "year")
    train, test = measure.whole_groups(data, 0)
    assert set(X["school"].iloc[train]).isdisjoint(X["school"].iloc[test])
    train, test = measure.later_rows(data, 0)
    assert X["year"].iloc[train].max() < X["year"].iloc[test].min()


def test_probabilities_of_a_class_that_training_had_not_are_scored():
    y = pd.Series(["a", "b", "c"], dtype="category")
    data = sources.Table("made/one", "made", pd.DataFrame({"x": [1.0, 2, 3]}), y, "y")
    model = type("Fitted", (), {"classes_": np.array(["a", "c"])})()
    scored = measure.scores(data, np.array([[0.9, 0.1], [0.2, 0.8]]), np.array(["a", "c"]), model)
    assert scored["error"] == 0
    assert scored["log_loss"] == pytest.approx(-np.log([0.9, 0.8]).mean(), abs=1e-5)


def test_the_measured_rows_are_those_of_the_draw_and_none_is_there_twice():
    rows = measure.rows()
    assert set(rows["table"]) <= {*chosen.drawn()["name"], *second.drawn()["name"]}
    assert not rows.duplicated(["table", "split", "number", "model"]).any()
    assert set(rows["model"]) <= {report.OURS, *report.PEERS}


@pytest.fixture
def rows_file(monkeypatch, tmp_path):
    """Where the program keeps its rows, instead of the documentation."""
    monkeypatch.setattr(measure, "ROWS", tmp_path / "tables.csv")
    return tmp_path / "tables.csv"


@pytest.fixture
def reports_on(monkeypatch):
    """A function of the rows that are reported."""
    return lambda rows: monkeypatch.setattr(report, "measured", lambda: rows)


def no_package(name):
    raise PackageNotFoundError(name)


def test_a_model_whose_package_is_not_there_is_left_out_and_keeps_its_rows(monkeypatch, rows_file, capsys):
    kept = report.ROOT / "docs/measured/tables.csv"
    shutil.copy(kept, rows_file)
    monkeypatch.setattr(measure, "version", no_package)
    table = second.drawn()["name"].iloc[0]
    program.main(["--models", "CatBoost", "--again", "CatBoost", "--splits", "9", "--tables", table])
    assert "Left out, as their packages are not installed: CatBoost." in capsys.readouterr().out
    assert rows_file.read_bytes() == kept.read_bytes()


def test_a_package_that_lacks_a_part_ends_the_program_and_is_no_result(monkeypatch, rows_file):
    def without_torch(is_regression, seed):
        raise ModuleNotFoundError("No module named 'torch'")

    made = sources.Table("made/one", "made", pd.DataFrame({"x": np.arange(20.0)}), pd.Series(np.arange(20.0)), "y")
    monkeypatch.setitem(measure.MODELS, "TabM", without_torch)
    monkeypatch.setattr(measure, "is_installed", lambda model: True)
    monkeypatch.setattr(second, "load", lambda name: made)
    with pytest.raises(SystemExit, match="No module named 'torch': install what"):
        program.main(["--models", "TabM", "--splits", "1"])
    assert not rows_file.exists()


def test_an_import_error_that_an_earlier_run_wrote_is_no_row(rows_file):
    row = dict.fromkeys(measure.COLUMNS, "") | {"table": "made/one", "model": "CatBoost"}
    notes = ["ModuleNotFoundError: No module named 'catboost'", "ImportError: no torch", "ValueError: too few rows", ""]
    pd.DataFrame([row | {"note": note} for note in notes]).to_csv(rows_file, index=False)
    assert len(measure.rows()) == 2
    assert "Failed: CatBoost: 2." in report.failures()


def test_the_draw_is_what_its_seed_gives():
    everything = chosen.everything()
    again = chosen.with_draw(everything.drop(columns="drawn"))
    pd.testing.assert_series_equal(again["drawn"], everything["drawn"])


def of_numbers(y, **columns) -> sources.Table:
    return sources.tidied("made/one", pd.DataFrame({**columns, "y": y}), "y")


@pytest.mark.parametrize(
    "formula",
    [lambda a, b, c: a - b, lambda a, b, c: 2 * a + b, lambda a, b, c: a * b / c, lambda a, b, c: np.exp(a)],
    ids=["difference", "sum", "product", "order of one column"],
)
def test_a_table_whose_target_is_a_formula_of_its_columns_is_left_out(formula):
    a, b, c, d = np.random.default_rng(0).uniform(1, 2, (4, 200))
    columns = pd.DataFrame({"a": a, "b": b, "c": c, "d": d})
    assert second.is_given_away(of_numbers(formula(a, b, c), **columns), columns)
    noise = np.random.default_rng(1).normal(size=200)
    assert not second.is_given_away(of_numbers(formula(a, b, c) + 0.1 * noise, **columns), columns)


def test_a_table_whose_classes_are_thresholds_of_a_column_is_left_out():
    a, b, c = np.random.default_rng(0).uniform(1, 2, (3, 200))
    columns = pd.DataFrame({"a": a, "b": b, "c": c})
    assert second.is_given_away(of_numbers(np.where(a > 1.4, "yes", "no"), **columns), columns)
    assert not second.is_given_away(of_numbers(np.where(a + b > 2.9, "yes", "no"), **columns), columns)


def test_relatives_of_a_table_are_known_by_name_target_and_columns():
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=(2, 200))
    known = second.Known(words={"car"})
    known.add(sources.Table("made/glass", "made", pd.DataFrame({"a": a}), pd.Series(y), "y"))

    def is_relative(name, column, target):
        table = sources.Table(f"made/{name}", "made", pd.DataFrame({"x": column}), pd.Series(target), "y")
        return known.has_relative(table)

    others = rng.normal(size=(2, 200))
    assert not is_relative("iris", *others)
    assert not is_relative("cars", *others)
    assert is_relative("glass0", *others)
    assert is_relative("car-good", *others)
    assert is_relative("iris", a[::-1], others[1])
    assert is_relative("iris", others[0], y[::-1])


def fits(**losses: list[float]) -> pd.DataFrame:
    """Rows of one table as `report.measured` gives them: the losses of each model, one per split."""
    return pd.DataFrame(
        [
            {"table": "made/one", "split": "rows", "number": n, "model": model.replace("_", " "), "loss": loss}
            | {"rows": 200, "columns": 3, "task": "regression", "set": "second", "error": loss, "fit_seconds": 1.0}
            for model, each in losses.items()
            for n, loss in enumerate(each)
        ]
    )


def test_the_worst_tables_are_ranked_by_peers_that_were_run_on_every_split(reports_on):
    rows = fits(sknet=[0.5, 0.6, 0.7], linear_model=[0.4, 0.5, 0.6], TabM=[0.1])
    reports_on(rows)
    assert "| linear model |" in report.worst("second", n=5)
    assert "| 0.83" in report.worst("second", n=5)
    assert "TabM" not in report.worst("second", n=5)
    assert "| 1 of 1 |" in report.worst("second", n=5)
    reports_on(fits(sknet=[0.5, 0.6, 0.7], linear_model=[0.8, 0.9, 1.0], TabM=[0.1]))
    assert "made/one" not in report.worst("second", n=5)


def test_a_cell_has_the_spread_of_its_splits_if_there_are_several():
    rows = fits(sknet=[0.3, 0.31, 0.32], TabM=[0.1])
    wide = rows.pivot_table(index="number", columns="model", values="loss")
    assert report.cell(wide, "sknet") == f"0.310 {report.together('± 0.010')}"
    assert report.cell(wide, "TabM") == "0.100"


def test_a_ratio_has_its_geometric_mean_and_its_median():
    each = pd.DataFrame({"mean": np.log([0.5, 1.0, 1.0, 2.0, 2.0])})
    mean, median = report.ratio_cells(each)
    assert mean.startswith("1.15")
    assert median == "1.00"
    assert report.won_and_lost(each) == ["1", "2"]
    assert report.ratio_cells(each.head(3)) == ["", ""], "too few for a mean"


def many(n: int, make) -> pd.DataFrame:
    """Rows of n tables of numbers; `make` gives those of one."""
    return pd.concat([make(i).assign(table=f"made/{i}", log_loss=np.nan, n_train=100 * (i + 1)) for i in range(n)])


def one_clear_and_one_even(i: int) -> pd.DataFrame:
    return fits(sknet=[0.2 + 0.01 * i], CatBoost=[0.5], LightGBM=[0.2 + 0.01 * (i + (-1) ** i)])


def test_the_verdict_counts_all_comparisons_together(reports_on):
    rows = many(12, one_clear_and_one_even)
    assert report.verdicts(rows) == {("RMSE", "CatBoost"): -1, ("RMSE", "LightGBM"): 0}
    reports_on(rows)
    assert report.count().startswith("Of the 2 differences, 1 is statistically significant, all 1 in sknet's favour")


def test_a_mean_is_bold_where_a_difference_is_significant(reports_on):
    reports_on(many(12, one_clear_and_one_even))
    lines = [line.replace("\N{NO-BREAK SPACE}", " ") for line in report.summary("second").splitlines()[2:]]
    assert [re.sub(r"\d\.\d\d", "#", line) for line in lines] == [
        "| CatBoost | **# ± #** | # | 12 | 0 | 12 | 1 |",
        "| LightGBM | # ± # | # | 6 | 6 | 12 | 1 |",
    ]
    reports_on(many(8, one_clear_and_one_even))  # too few for a test
    assert "**" not in report.summary("second")


def test_columns_of_numbers_are_on_their_right():
    text = report.as_markdown(["name", "mean", "rows"], [["a", "**0.94 ± 0.03**", "1,066"], ["b", "", "4 × 3"]])
    assert text.splitlines()[1] == "| --- | ---: | --- |"


def test_the_model_that_is_nearest_to_a_proven_lead_is_named(reports_on):
    reports_on(many(12, lambda i: fits(sknet=[0.5], CatBoost=[0.5 - 0.02 * (i > 2) + 0.1 * (i < 3)], LightGBM=[0.6])))
    assert re.search(r"sknet in the median, CatBoost comes .* in RMSE \(p = 0\.\d\d before", report.nearest_ahead())
    reports_on(many(12, lambda i: fits(sknet=[0.5], LightGBM=[0.6])))
    assert report.nearest_ahead() == "No model is ahead of sknet in the median."


def test_ratios_by_rows_and_without_the_offset_name_what_moves_a_mean(reports_on):
    tables = [fits(sknet=[0.2], CatBoost=[0.2 if n else 2.0]).assign(n_train=100 + 250 * n) for n in range(8)]
    rows = pd.concat([rows.assign(table=f"made/{n}", log_loss=np.nan) for n, rows in enumerate(tables)])
    reports_on(rows)
    assert "| CatBoost | RMSE | 1.33 | 1.33 | 1.00 | 0 (9.57) | 1.00 |" in report.without_shift("second")
    *_, line = report.by_rows("second").splitlines()
    assert line.startswith("| CatBoost |  |  |  |  | ")  # there are four tables or more of 1,000 rows and more alone


def test_ratios_of_tables_with_text_are_shown_by_themselves(reports_on):
    rows = many(8, one_clear_and_one_even)
    reports_on(rows.assign(categories=rows["table"].isin([f"made/{i}" for i in range(4)]) * 2))
    head, _, *lines = report.by_columns("second").splitlines()
    assert head == "| RMSE ÷ sknet's | only numeric (4) | median | with text (4) | median |"
    assert [line.split(" | ")[0] for line in lines] == ["| CatBoost", "| LightGBM"]


def test_a_mean_is_moved_most_by_the_table_that_is_furthest_from_it(reports_on):
    errors = [0.4, 0.37, 0.37, 0.37, 0.2, 0.2, 0.2, 0.2, 0.2, 0.106]  # 0.4 is further from the median
    tables = [fits(sknet=[0.2], CatBoost=[error]) for error in errors]
    reports_on(pd.concat([rows.assign(table=f"made/{n}", log_loss=np.nan) for n, rows in enumerate(tables)]))
    assert "| 9 (0.55) |" in report.without_shift("second")


def test_holm_asks_more_of_the_smallest_p_values():
    assert report.told_apart({"a": 0.03, "b": 0.01, "c": 0.02}) == ["b", "c", "a"]
    assert report.told_apart({"a": 0.03, "b": 0.02, "c": 0.2}) == []
    assert report.told_apart({"a": 0.04, "b": 0.01}) == ["b", "a"]


def test_a_row_says_how_many_splits_a_model_was_run_on():
    rows = pd.concat([fits(sknet=[1, 1, 1], TabM=[1]), fits(sknet=[1, 1, 1], TabM=[1, 1]).assign(table="made/two")])
    assert report.splits_of(rows, "sknet") == "3"
    assert report.splits_of(rows, "TabM") == "1 to 2"
    rows = rows[(rows["model"] == "sknet") | (rows["table"] == "made/two")]
    assert report.splits_of(rows, "TabM") == "2"
    assert report.tables_if_not_all(rows, "TabM") == ", 1 tables"


def test_times_are_ratios_by_task_and_rows(reports_on):
    names = ("sknet", "LightGBM", "CatBoost")
    rows = fits(**{name: [1.0] for name in names}).assign(n_train=100)
    rows.loc[rows["model"] == "LightGBM", "fit_seconds"] = 0.5
    numbers = pd.concat([rows.assign(table=f"made/{n}") for n in range(report.MIN_TABLES)])
    rows = rows.assign(task="classification", fit_seconds=1.0, n_train=700)
    classes = pd.concat([rows.assign(table=f"made/classes {n}") for n in range(report.MIN_TABLES + 1)])
    reports_on(pd.concat([numbers, classes]))
    classifiers, regressors = (table.splitlines() for table in report.times("second").split("\n\n"))
    assert classifiers[0].startswith(
        "| classifiers: time of a fit ÷ sknet's | all (5) | below 500 (0) | 500 to 999 (5) | 1,000 and"
    )
    assert classifiers[3:] == ["| LightGBM | 1.00 |  | 1.00 |  |", "| CatBoost | 1.00 |  | 1.00 |  |"]
    assert regressors[3:] == ["| LightGBM | 0.50 | 0.50 |  |  |", "| CatBoost | 1.00 | 1.00 |  |  |"]


def test_the_days_of_the_runs_are_those_of_the_versions(monkeypatch, tmp_path):
    kept = {f"{model}{measure.SECOND}": {"date": day} for model, day in
            [("CatBoost", "2026-11-29"), ("LightGBM", "2026-11-30"), ("sknet", "2026-11-30")]}  # fmt: skip
    monkeypatch.setattr(report, "measured_with", lambda: kept | {"CatBoost": {"date": "2026-11-01"}})
    assert report.run_dates().splitlines() == ["- 30 November 2026: sknet; LightGBM.", "- 29 November 2026: CatBoost."]


class OncePerFrame:
    """A function of a frame of rows and some words, which computes each result once. Nobody may change the frames."""

    def __init__(self, function):
        self.function, self.frames, self.found = function, {}, {}

    def __call__(self, rows, *words):
        self.frames[id(rows)] = rows  # while it is kept here, no other frame has its id
        key = (id(rows), *words)
        if key not in self.found:
            self.found[key] = self.function(rows, *words)
        return self.found[key]


COMPUTED_ONCE = [
    (report, "measured", cache(report.measured)),
    (report, "random_splits", cache(report.random_splits)),
    (report, "ratios_of", OncePerFrame(report.ratios_of)),
    (third, "measured", cache(third.measured)),
]
"""What most figures of the pages are computed from: rows, and ratios of two models on them."""


@pytest.fixture
def computed_once(monkeypatch):
    """Rows and ratios that the tests of the pages share."""
    for module, name, function in COMPUTED_ONCE:
        monkeypatch.setattr(module, name, function)


@pytest.mark.usefixtures("computed_once")
def test_pages_show_what_the_file_of_fits_says(monkeypatch):
    monkeypatch.setattr(report, "TABLES", {name: cache(table) for name, table in report.TABLES.items()})
    for page in report.PAGES:
        text = (report.ROOT / page).read_text(encoding="utf-8")
        assert "<!-- measured: " in text
        assert report.filled(text) == text, f"{page}: python -m tests.benchmarks.tables --write"


def first_pages():
    return [
        " ".join((report.ROOT / page).read_text(encoding="utf-8").split()) for page in ("README.md", "docs/index.md")
    ]


@pytest.mark.usefixtures("computed_once")
def test_the_headline_is_true_by_means_and_medians():
    rows = third.measured()
    assert third.rule.taken()["rows"].median() < 900
    signs = third.verdicts(rows)
    tasks = [rows[rows["task"] == task] for task in ("classification", "regression")]
    times, times_stopped_early = (
        [third.times_of_a_fit(one, f"CatBoost{how}") for one in tasks] for how in ("", ", stopped early")
    )
    assert [round(times[0]), round(times[1], 1)] == [8, 2.6]
    # in turns with sknet, CatBoost took 1.85 and 0.63 times as long
    np.testing.assert_allclose(np.reciprocal(times_stopped_early), [1 / 2, 1.5], rtol=0.1)
    error, rmse = (third.mean_ratio(rows, figure, "CatBoost") for figure in ("error rate", "RMSE"))
    median = np.exp(report.ratios_of(rows, "RMSE", "CatBoost")["mean"].astype(float).median())
    assert f"{error:.2f}" == "1.00"
    smaller = f"{100 * (1 - median):.0f}% smaller** (the median; the mean is {100 * (1 - 1 / rmse):.0f}%)."
    claim = f"sknet's defaults classify as accurately as CatBoost's, and their RMSE in regression is {smaller}"
    faster = "They fit 8 times as fast in classification, and 2.6 times as fast in regression."
    for text in first_pages():
        assert f"{claim} {faster} Half of the tables have fewer than 900 rows." in text
        assert "sknet takes half as long as CatBoost in classification, and 1.5 times as long in regression." in text
    for figure, peer in product(report.FIGURES, ("CatBoost", "CatBoost, stopped early")):
        assert signs.get((figure, peer), 0) <= 0
        each = report.ratios_of(rows, figure, peer)["mean"].astype(float)
        assert 0.9 < np.exp(each.median()) < 1.02
        assert 0.9 < np.exp(each.mean()) < 1.02


def test_the_first_pages_say_that_a_linear_model_is_often_as_good():
    each = -report.ratios(third.with_loss(), "loss", "linear model")["mean"].astype(float)
    assert each.median() < np.log(1.02)
    told = f"On half of the tables, a linear model is at most 2% worse, and on {(each < 0).sum()} it is better"
    assert all(told in text for text in first_pages())


@pytest.mark.usefixtures("computed_once")
def test_the_first_pages_say_that_the_defaults_of_lightgbm_are_faster():
    rows = third.measured()
    assert all(third.verdicts(rows)[figure, "LightGBM"] == -1 for figure in report.FIGURES)
    times = [third.times_as_fast(rows, task) for task in report.ESTIMATORS]
    for text in first_pages():
        assert f"LightGBM's defaults are less accurate on average, but fit [{' to '.join(times)} times as fast]" in text


def test_the_first_pages_say_what_was_not_compared():
    models = "".join([*report.measured()["model"].unique(), *third.measured()["model"].unique()])
    assert not re.search("TabPFN|TabICL", models)
    assert all("**TabPFN and TabICL are missing,**" in text for text in first_pages())


@pytest.mark.usefixtures("computed_once")
def test_the_first_pages_say_what_three_changes_did_to_the_87_tables():
    rows = third.measured()
    rows = rows[rows["number"] == 0].replace({"model": {"sknet at abfb3d2d": "before"}})
    per_cent = [
        round(100 * (1 - np.exp(report.ratios_of(rows, figure, "before")["mean"].mean()))) for figure in report.FIGURES
    ]
    assert per_cent == [3, 1, 1]
    for text in first_pages():
        assert "Three of them made the error rate 3% smaller, and the log-loss and the RMSE 1%." in text


@pytest.mark.usefixtures("computed_once")
def test_the_first_pages_say_that_two_of_the_87_tables_hold_rows_of_others():
    rows = third.measured()
    others = rows[~rows["table"].isin(["mlbench/HouseVotes84", "kernlab/income"])]
    assert others["table"].nunique() == 85
    verdicts, without_them = third.verdicts(rows), third.verdicts(others)
    for figure, peer in product(report.FIGURES, third.FIRST_PAGE_PEERS):
        assert without_them.get((figure, peer), 0) == verdicts.get((figure, peer), 0)
        mean, without = (np.exp(-report.ratios_of(some, figure, peer)["mean"].mean()) for some in (rows, others))
        assert abs(mean - without) <= 0.01
    assert all("Without them, no mean changes by more than .01." in text for text in first_pages())


def where_others_are_better():
    return " ".join((report.ROOT / "docs/measured/index.md").read_text(encoding="utf-8").split())


@pytest.mark.usefixtures("computed_once")
def test_where_other_models_are_better_has_the_counts_of_the_third_list():
    rows, text = third.with_loss(), where_others_are_better()
    (log_loss, rmse), linear = (
        [third.better_on(rows, task, peer) for task in ("classification", "regression")]
        for peer in ("CatBoost", "linear model")
    )
    assert (
        f"CatBoost has the smaller log-loss on [{log_loss} tables](third_draw.md), and the smaller RMSE on {rmse}."
        in text
    )
    assert f"A linear model is better on {linear[0].split()[0]} and on {linear[1].split()[0]}." in text
    wide = rows[rows["columns"] >= third.WIDE]
    means = {f"{third.mean_ratio(wide, figure, 'CatBoost'):.2f}" for figure in ("error rate", "log-loss")}
    assert means == {"0.98"}
    assert "CatBoost's error rate and log-loss are [.98 times sknet's]" in text


@pytest.mark.usefixtures("computed_once")
def test_where_other_models_are_better_has_the_area_under_the_roc_curve():
    each = third.lacks(third.measured(), "CatBoost")["mean"]
    assert f"{np.exp(each.mean()):.2f}" == "0.98"
    text = where_others_are_better()
    assert f"On {len(each)} tables of two classes, CatBoost's 1 − AUC (the area under the ROC curve) is [.98" in text


@pytest.mark.usefixtures("computed_once")
def test_where_other_models_are_better_has_the_networks_of_the_second_draw_and_the_formulas_of_the_first():
    text = where_others_are_better()
    rows = report.random_splits("second")
    larger = rows[rows["n_train"] >= 1000]
    assert report.ratios_of(larger, "RMSE", "RealMLP-TD, bagged")["mean"].mean() > 0
    seconds = report.ratios(rows, "fit_seconds", "RealMLP-TD, bagged", shift=0.0)["mean"]
    assert 1 / 150 < np.exp(seconds.mean()) < 1 / 70
    assert "from 1,000 training rows on, RealMLP-TD ×5 has a smaller mean RMSE than sknet, and takes about 100" in text
    first = report.random_splits("unused")
    assert report.verdicts(first)["error rate", "CatBoost"] == 0
    error = f"{np.exp(-report.ratios_of(first, 'error rate', 'CatBoost')['mean'].mean()):.2f}".lstrip("0")
    assert f"CatBoost's error rate is {error} times sknet's, which is not a significant difference" in text


def test_the_page_of_the_59_tables_says_on_which_tabm_was_run():
    rows = report.random_splits("second")
    with_tabm = rows[rows["model"] == "TabM"]["table"].unique()
    sizes = rows.groupby("table")["rows"].first().sort_values()
    assert sizes[with_tabm].max() <= sizes.drop(with_tabm).min()
    text = (report.ROOT / "docs/measured/how_measured.md").read_text(encoding="utf-8")
    assert f"TabM was run on the tables of up to {sizes[with_tabm].max():,}" in text


@pytest.mark.parametrize("page", report.MEASURED_PAGES)
def test_measured_tables_fit_a_page(page):
    """The widest pieces that no line breaks, of each column, and a little room between them."""
    text = (report.ROOT / f"docs/measured/{page}.md").read_text(encoding="utf-8")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        head, _, *body = table.splitlines()
        columns = zip(*[line.removeprefix("|").split("|")[:-1] for line in (head, *body)], strict=True)
        widths = [max(len(piece) for cell in column for piece in re.split("[ -]", cell)) for column in columns]
        assert sum(widths) + 2 * len(widths) <= 110, head
