"""The losses of later rows: the page shows what the file of fits says."""

import pytest

from tests.benchmarks import later_rows, time_order
from tests.benchmarks.tables.report import ROOT

PAGE = ROOT / "docs" / "guide" / "forecasting.md"


def test_the_page_shows_what_the_file_of_fits_says():
    assert later_rows.page_table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("model", later_rows.MODELS)
def test_each_fifth_was_predicted_once(model):
    fits = later_rows.read()
    fits = fits[fits["model"] == model].groupby("table")["fifth"].apply(list)
    assert (fits.map(sorted) == fits.map(lambda _: [4, 5])).all()


def test_only_targets_with_too_few_dates_are_left_out():
    fits = later_rows.read().groupby("table")["model"].nunique()
    assert set(fits.index) <= set(time_order.TABLES.split("\n"))
    assert (fits == len(later_rows.MODELS)).all()
