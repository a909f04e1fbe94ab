"""Numbers such as -999 are found among others, and ordinary numbers are not."""

import numpy as np
import pandas as pd
import pytest

from sknet._tables.kinds import ColumnChoices, survey_columns
from sknet._tables.missing_codes import MissingCode, find_missing_code, find_missing_codes

AGES = np.arange(18.0, 80.0)


@pytest.mark.parametrize("code", [-9.0, -99.0, -999.0, -99999.0, 999.0, 9999.0])
@pytest.mark.parametrize(
    "others",
    [AGES, np.array([0.0, 1.0]), np.ones(3), np.append(AGES, np.nan)],
    ids=["ages", "bits", "a flag", "gaps"],
)
def test_a_code_far_from_all_other_numbers_is_found(code, others):
    found = find_missing_code(np.append(others, [code, code]))
    assert found == MissingCode(code, 2, np.nanmin(others), np.nanmax(others))


def test_the_only_negative_number_is_found_however_large_others_are():
    incomes = np.linspace(0.0, 90_000.0, 50)
    assert find_missing_code(np.append(incomes, [-999.0] * 3)).n_rows == 3


@pytest.mark.parametrize(
    "numbers",
    [
        AGES,
        np.append(AGES, 999.0),
        np.append(AGES, [99.0, 99.0]),
        np.append(np.linspace(-5000.0, 5000.0, 50), [-999.0, -999.0]),
        np.append(np.linspace(-12.0, 30.0, 50), [-9.0, -9.0]),
        np.append(AGES, [-1.0, -1.0]),
        np.append(AGES, [1000.0, 1000.0]),
        np.full(9, -999.0),
        np.full(3, np.nan),
        np.empty(0),
    ],
    ids=[
        "no code", "a single row", "near the others", "among the others", "among temperatures", "minus one",
        "another number", "nothing else", "missing", "empty",
    ],
)  # fmt: skip
def test_a_number_that_may_well_be_a_value_is_not_found(numbers):
    assert find_missing_code(numbers) is None


def test_a_single_other_number_is_named_once():
    assert str(find_missing_code(np.array([1.0, 1.0, -9.0, -9.0]))) == "-9 in 2 rows, and 1 in all others"


def test_columns_of_all_number_types_are_searched_and_others_are_not():
    n = 30
    with_code = np.where(np.arange(n) < 4, -999, np.arange(n))
    X = pd.DataFrame(
        {
            "int": with_code,
            "float32": with_code.astype("float32"),
            "nullable": pd.array(with_code, dtype="Int64"),
            "text": pd.Series(with_code).astype(str) + " kg",
            "bool": np.arange(n) < 4,
        }
    )
    found = find_missing_codes(X, survey_columns(X, ColumnChoices()))
    assert list(found) == ["int", "float32", "nullable"]
