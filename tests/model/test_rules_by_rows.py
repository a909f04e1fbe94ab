"""The documentation lists the four numbers of rows at which defaults change."""

import re
from pathlib import Path

from sknet._model import rules_by_rows

DEFAULTS = Path(__file__).resolve().parents[2] / "docs" / "defaults.md"


def test_the_documentation_lists_all_thresholds():
    numbers = [value for name, value in vars(rules_by_rows).items() if name.endswith("_ROWS")]
    assert numbers == sorted(numbers) and len(numbers) == 4
    table = DEFAULTS.read_text().split("| rows |")[1].split("\n\n")[0]
    firsts = [int(line.group(1).replace(",", "")) for line in re.finditer(r"^\| ([\d,]+) (?:to|and)", table, re.M)]
    assert firsts == numbers
