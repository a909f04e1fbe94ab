"""The third list of tables: its rule is kept, its splits are honest, and tuning returns a fitted model."""

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks.tables import chosen, second
from tests.benchmarks.tables.sources import Table
from tests.benchmarks.third_draw import measure, models, report, rule


def a_table(loss="", groups=None, times=None) -> rule.Drawn:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120)})
    return rule.Drawn(Table("made/one", "made", X, X["a"] + 1, "y"), groups, times, loss)


def test_the_list_is_of_other_packages_than_the_draws_before():
    earlier = {name.split("/")[0] for name in (*chosen.everything()["name"], *second.drawn()["name"])}
    assert not {name.split("/")[0] for name in rule.TABLES} & earlier


def test_every_table_of_the_list_is_taken_or_left_out_for_a_reason():
    left_out = pd.read_csv(rule.LEFT_OUT_FILE)
    assert left_out["reason"].notna().all()
    assert sorted(rule.taken()["name"]) == sorted(set(rule.TABLES) - set(left_out["name"]))


def test_the_list_has_sixty_tables_of_150_rows_or_more():
    assert len(rule.taken()) >= 60
    assert rule.taken()["rows"].min() >= 150


def test_groups_are_held_out_whole_and_later_rows_come_last():
    groups = np.repeat(np.arange(12), 10).astype(str)
    train, test = measure.split(a_table(groups=groups), 0)
    assert not set(groups[train]) & set(groups[test])
    times = np.arange(120)[::-1]
    train, test = measure.split(a_table(times=times), 0)
    assert times[train].max() < times[test].min()


def test_there_is_one_split_by_time():
    assert measure.split(a_table(times=np.arange(120)), 1) is None


def test_plain_columns_have_neither_dates_nor_text():
    X = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-02"] * 4), "text": ["red cat", "blue dog"] * 4})
    found = models.PlainColumns().fit(X).transform(X)
    assert set(found.dtypes.astype(str)) == {"float64"}
    assert found["day days"].tolist()[:2] == [18262, 18263]


def test_printed_ratios_are_theirs_over_ours():
    errors = [("sknet", 1.0), ("LightGBM", 2.0)]
    rows = [
        {"model": model, "error": error, "task": "regression", "table": name, "split": "random", "number": 0}
        | {"log_loss": np.nan, "deviance": np.nan, "fit_seconds": np.nan}
        for name in "abcdef"
        for model, error in errors
    ]
    line = next(line for line in report.ratio_lines(pd.DataFrame(rows)) if "RMSE" in line)
    assert line.startswith("LightGBM ÷ sknet, RMSE: 1.99")  # of errors plus 0.01
    assert line.endswith("sknet is better on 6, worse on 0")


def test_a_tuned_model_keeps_groups_together(monkeypatch):
    monkeypatch.setattr(models, "N_SETTINGS", 1)
    drawn = a_table()
    groups = np.repeat(np.arange(12), 10)
    tuned = models.TUNED["sknet, tuned"](True, 0)
    for train, left in tuned.folds(drawn.table.X, drawn.table.y.to_numpy(), groups):
        assert not set(groups[train]) & set(groups[left])


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_positive_targets_have_models_with_their_loss(loss):
    assert "sknet, own loss" in measure.models_for(loss, with_tuned=False)
    assert "sknet, own loss" not in measure.models_for("", with_tuned=False)


@pytest.mark.filterwarnings("ignore:The argument .eval_set. is deprecated")  # LightGBM 4.6 knows no other
@pytest.mark.parametrize("is_regression", [True, False])
@pytest.mark.parametrize("package", ["sknet", "lightgbm", "catboost", "xgboost"])
def test_tuning_returns_a_model_that_predicts(monkeypatch, package, is_regression):
    pytest.importorskip(package)
    monkeypatch.setattr(models, "N_SETTINGS", 2)
    monkeypatch.setattr(models, "N_FOLDS", 2)
    monkeypatch.setattr(models, "MAX_TREES", 5)
    table = a_table().table
    X = table.X.assign(c=pd.Categorical(np.where(table.X["b"] > 0, "up", "down")))
    y = table.y.to_numpy() if is_regression else np.where(table.y > 1, "yes", "no").astype(object)
    (name,) = (name for name in models.TUNED if name.lower().startswith(package))
    tuned = models.TUNED[name](is_regression, 0).fit(X, y)
    found = tuned.predict(X) if is_regression else tuned.predict_proba(X)
    assert np.shape(found)[0] == len(y)


def test_the_page_has_the_tables_that_the_program_computes():
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.filled(page) == page, "python -m tests.benchmarks.third_draw --write"


@pytest.fixture
def ranked(monkeypatch):
    """A ranking of three tables, of which one has a second split that not all models have run."""
    pytest.importorskip("bencheval")
    models = ["sknet", *report.PEERS]
    ran = [(table, 0, model) for table in ("a", "b", "c") for model in models] + [("a", 1, "sknet")]
    rows = pd.DataFrame(ran, columns=["table", "number", "model"])
    rows["task"] = np.where(rows["table"] == "a", "classification", "regression")
    rows["log_loss"] = rows["error"] = 1.0 + rows["model"].map(models.index)
    monkeypatch.setattr(report, "measured", lambda: rows)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in report.ranking(models).splitlines()]


def test_a_model_that_always_wins_is_first(ranked):
    assert [row[0] for row in ranked[2:]] == ["sknet", *map(report.earlier.name_of, report.PEERS)]
    assert ranked[2][3:] == ["1.00", "1.00", "0.00", "0.0%"]


def test_the_ranking_is_of_splits_that_all_models_have_run(ranked):
    assert ranked[0][0] == "3 splits of 3 tables"


def test_the_ranking_has_an_anchor(ranked):
    assert {row[0]: row[1] for row in ranked}[report.ANCHOR] == "1000"
