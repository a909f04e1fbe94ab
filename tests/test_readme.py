"""The README: its tables are what was printed and measured, and its links lead somewhere, in a clone and on PyPI."""

import importlib.util
import re
import runpy
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

from tests.benchmarks.tables import report

matplotlib.use("Agg")

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUNDLED = (ROOT / "docs" / "measured" / "bundled.md").read_text(encoding="utf-8")
ADDRESS = "https://documentation.example/"


def shown() -> dict[str, list[str]]:
    """The cells of the table of bundled tables, by the table's name."""
    rows = re.findall(r"^\| ([a-z, ]+) \| [\d,]+ × \d+ \| [a-z-]+ \| (.*) \|$", BUNDLED, re.M)
    return {name: [cell.strip() for cell in cells.split(" |")] for name, cells in rows}


def assert_shown(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["quickstart.py", *names])
    found = runpy.run_path(str(ROOT / "examples" / "quickstart.py"))["shown"]
    for name in names:
        cells = [cell for cell in shown()[name] if cell]
        printed = [cell for column, cell in found[name].items() if column not in ("rows × columns", "measure")]
        means, deviations = zip(*[re.findall(r"[\d.]+", cell) for cell in cells], strict=True)
        now, spread = zip(*[re.findall(r"[\d.]+", cell) for cell in printed], strict=True)
        # another processor rounds otherwise, and a network trained on a few hundred rows then ends elsewhere
        np.testing.assert_allclose(np.array(means, float), np.array(now, float), rtol=0.15, atol=0.002)
        np.testing.assert_allclose(np.array(deviations, float), np.array(spread, float), rtol=0.5, atol=0.02)


def test_two_rows_of_the_table(monkeypatch):
    assert_shown(["penguins", "cars"], monkeypatch)


@pytest.mark.docs
def test_all_rows_of_the_table(monkeypatch):
    assert len(shown()) == 11
    assert_shown(list(shown()), monkeypatch)


@pytest.mark.parametrize("page", report.PAGES)
def test_what_was_measured_is_what_the_pages_show(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- measured: " in text
    assert report.filled(text) == text, "python -m tests.benchmarks.tables --write"


def test_a_newcomer_without_matplotlib_gets_the_table(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quickstart.py", "iris"])
    for name in [name for name in sys.modules if name.startswith("matplotlib")] + ["matplotlib", "matplotlib.pyplot"]:
        monkeypatch.setitem(sys.modules, name, None)  # an import of it fails
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "examples" / "quickstart.py"))
    assert end.value.code is None
    table, hint = capsys.readouterr().out.splitlines()[-2:]
    assert table.startswith("iris") and "pip install matplotlib" in hint


def test_the_project_tests_itself_by_the_line_that_newcomers_paste():
    environment, program, test = [line for line in README.splitlines() if line.startswith("python -m ")]
    assert "--upgrade pip" in environment and "--group" not in program  # which the pip of Python 3.11 does not know
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert test in [line.strip() for line in lines]
    assert "--upgrade pip" in test.split("&&")[0]


def test_its_programs_run(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec("\n".join(re.findall(r"^```python\n(.*?)```$", README, re.M | re.S)), {})
    assert capsys.readouterr().out.startswith("wrong by 2.")


def test_every_link_in_a_clone_leads_to_a_file():
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    assert links and not [link for link in links if not (ROOT / link).exists()]


def on_pypi() -> str:
    """The README with the links that a distribution has."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("pypi_readme", ROOT / "docs" / "_ext" / "pypi_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    metadata = {"urls": {"Documentation": ADDRESS}}
    module.CustomMetadataHook.update(SimpleNamespace(root=ROOT), metadata)
    return metadata["readme"]["text"]


def test_every_link_on_pypi_is_an_address_of_the_documentation():
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", on_pypi())  # those that stay on the page left out
    assert links and all(link.startswith(ADDRESS) for link in links)
    assert not [link for link in links if link.endswith(".md")]
