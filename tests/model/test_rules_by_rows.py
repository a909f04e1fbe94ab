"""The documentation lists the four numbers of rows at which defaults change."""

import re
from pathlib import Path

import pytest

from sknet._model import rules_by_rows

DEFAULTS = Path(__file__).resolve().parents[2] / "docs" / "defaults.md"


def test_the_documentation_lists_all_thresholds():
    numbers = [value for name, value in vars(rules_by_rows).items() if name.endswith("_ROWS")]
    assert numbers == sorted(numbers)
    assert len(numbers) == 4
    table = DEFAULTS.read_text().split("| rows |")[1].split("\n\n")[0]
    firsts = [int(line.group(1).replace(",", "")) for line in re.finditer(r"^\| ([\d,]+) (?:to|and)", table, re.M)]
    assert firsts == numbers


@pytest.mark.parametrize(
    ("n_rows", "grouped", "counts"),
    [(499, False, (4, 4)), (499, True, (4, 4)), (500, False, (4, 1)), (500, True, (4, 2)), (4_999, False, (4, 1)),
     (5_000, False, (10, 1)), (5_000, True, (4, 2))],
)  # fmt: skip
def test_the_numbers_of_folds_depend_on_the_rows(n_rows, grouped, counts):
    assert rules_by_rows.fold_counts(n_rows, grouped) == counts


@pytest.mark.parametrize("n_rows", [500, 5_000])
@pytest.mark.parametrize("grouped", [False, True])
def test_each_row_is_held_out_once_if_few_rows_are_of_rare_classes(n_rows, grouped):
    assert rules_by_rows.fold_counts(n_rows, grouped, 59) == (4, 4)
    assert rules_by_rows.fold_counts(n_rows, grouped, 60) == rules_by_rows.fold_counts(n_rows, grouped)
