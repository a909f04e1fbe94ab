"""The README: its tables are what was printed and measured, and its links lead somewhere on PyPI."""

import importlib.util
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import matplotlib
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_info, threadpool_limits

from tests.test_examples import is_near, run_here

matplotlib.use("Agg")

ROOT = Path(__file__).parents[1]
README = re.sub(r"<!--.*?-->", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)  # as GitHub shows it
BUNDLED = (ROOT / "docs" / "measured" / "bundled.md").read_text(encoding="utf-8")


def shown() -> dict[str, list[str]]:
    """The cells of the table of bundled tables, by the table's name."""
    rows = re.findall(r"^\| ([a-z, ]+) \| [\d,]+ × \d+ \| [a-z-]+ \| (.*) \|$", BUNDLED, re.M)
    return {name: [cell.strip() for cell in cells.split(" |")] for name, cells in rows}


def quickstart(*names: str) -> dict[str, object]:
    """The variables of the program after a run with these tables."""
    with patch.object(sys, "argv", ["quickstart.py", *names]):
        return runpy.run_path(str(ROOT / "examples" / "quickstart.py"))


@pytest.fixture(scope="module")
def run_with_cars() -> dict[str, object]:
    return quickstart("cars")


def assert_shown(found: dict[str, dict[str, np.ndarray]]) -> None:
    for name in found:
        cells = [cell for cell in shown()[name] if cell]
        means, deviations = zip(*[re.findall(r"[\d.]+", cell) for cell in cells], strict=True)
        now, spread = zip(*[(errors.mean(), errors.std()) for errors in found[name].values()], strict=True)
        # another processor rounds otherwise, and a network trained on a few hundred rows then ends elsewhere
        np.testing.assert_allclose(np.array(means, float), now, rtol=0.15, atol=0.002)
        np.testing.assert_allclose(np.array(deviations, float), spread, rtol=0.5, atol=0.02)


def test_a_row_of_the_table_has_the_errors_that_the_quickstart_finds(run_with_cars):
    assert list(run_with_cars["found"]) == ["cars"]
    assert_shown(run_with_cars["found"])


@pytest.mark.docs
def test_all_rows_of_the_table_have_the_errors_that_the_quickstart_finds():
    assert len(shown()) == 11
    found = quickstart(*shown())["found"]
    assert set(found) == set(shown())
    assert_shown(found)


@pytest.fixture
def newcomer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> SimpleNamespace:
    """What somebody without Matplotlib sees of the quickstart, and how many threads BLAS had in a fit."""
    threads: set[int] = set()

    def fit(model, *arguments):
        threads.update(library["num_threads"] for library in threadpool_info())
        return fit_trees(model, *arguments)

    fit_trees = HistGradientBoostingClassifier.fit
    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", fit)
    monkeypatch.setattr(sys, "argv", ["quickstart.py", "iris"])
    for name in [name for name in sys.modules if name.startswith("matplotlib")] + ["matplotlib", "matplotlib.pyplot"]:
        monkeypatch.setitem(sys.modules, name, None)  # an import of it fails
    with threadpool_limits(2), pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "examples" / "quickstart.py"))
    return SimpleNamespace(code=end.value.code, lines=capsys.readouterr().out.splitlines(), threads=threads)


def test_a_newcomer_without_matplotlib_gets_the_table(newcomer):
    assert newcomer.code is None
    assert any("pip install matplotlib" in line for line in newcomer.lines)
    (row,) = [line for line in newcomer.lines if line.startswith("iris")]
    assert re.fullmatch(r"iris( +\d\.\d+ ± \d\.\d+•?){4} +\d+ s", row)
    text = "\n".join(newcomer.lines)
    assert "lower is better" in text
    assert "seconds a fit" in text
    assert "*" not in text
    assert max(map(len, newcomer.lines)) <= 80  # a terminal's width
    assert newcomer.lines[-2].startswith("sknet has the lowest error on ")
    assert newcomer.lines[-1].endswith(" s.")
    assert newcomer.threads == {1}  # small products gain nothing from threads, and lose where cores are busy


def test_every_command_works_by_itself_and_the_project_tests_itself_by_the_one_for_tests():
    """A fresh shell may have `python3` alone; the pip that Python 3.11 brings does not know `--group`."""
    commands = re.findall(r"^```\n((?:.+&&\n)*.+)\n```$", README, re.M)
    first = "python3 -m venv .venv && . .venv/bin/activate &&\npython -m pip install --upgrade pip &&\n"
    assert [command.removeprefix(first) for command in commands] == [
        "python -m pip install --editable '.[files]' matplotlib &&\npython examples/quickstart.py",
        "python -m pip install --editable . --group tests &&\npython -m pytest",
    ]
    assert all(command.startswith(first) for command in commands)
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert commands[1] in "\n".join(line.strip() for line in lines)


def test_every_page_has_the_same_set_up():
    pages = [README, *[(ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in PAGES_WITH_A_SET_UP]]
    for text in pages:
        assert "\npython -m pip install --editable '.[files]' matplotlib" in text


PAGES_WITH_A_SET_UP = ("index", "install", "get_started")


def test_the_first_command_takes_the_tables_that_the_pages_name(run_with_cars):
    chosen = run_with_cars["CHOSEN"]
    assert chosen == ["cars", "chicks", "new chicks", "weather", "diabetes"]
    assert "on four [bundled tables]" in README
    assert f"{', '.join(chosen[:-1])} and {chosen[-1]}, which we chose" in " ".join(BUNDLED.split())


@pytest.fixture(scope="module")
def pypi() -> SimpleNamespace:
    """What a distribution says: the README, and the addresses."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("pypi_readme", ROOT / "docs" / "_ext" / "pypi_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    metadata = {}
    module.CustomMetadataHook.update(SimpleNamespace(root=ROOT), metadata)
    text = re.sub(r"<!--.*?-->", "", metadata["readme"]["text"], flags=re.S)
    return SimpleNamespace(text=text, urls=metadata["urls"])


def test_every_link_on_pypi_is_an_address_of_the_documentation(pypi):
    address = pypi.urls["Documentation"]
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", pypi.text)  # those that stay on the page left out
    links += re.findall(r'src="([^"]+)"', pypi.text)
    assert links
    assert all(link.startswith((address, "https://arxiv.org/")) for link in links)
    assert not [link for link in links if link.endswith(".md")]


def test_pypi_tells_how_to_install_a_wheel_and_names_no_clone(pypi):
    assert pypi.text.index("pip install sknet-mlp") < pypi.text.index("```python")
    assert not re.findall(r"\bclone\b|--editable|read_csv|not published", pypi.text.replace("`clone`", ""))


def test_the_programs_on_pypi_run_without_a_clone_and_print_what_they_show(pypi, tmp_path):
    programs = re.findall(r"^```python\n(.*?)^```$", pypi.text, re.M | re.S)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", pypi.text, re.M | re.S)
    assert len(programs) == 2
    program = tmp_path / "page.py"
    program.write_text("\n".join(programs), encoding="utf-8")
    assert is_near(shown, run_here(program, tmp_path, silent=Warning))
