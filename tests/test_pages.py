"""The pages of docs/ as a clone shows them: tables are there and current, links lead to files."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]


@pytest.fixture
def extensions(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_ext")
    return importlib.import_module


@pytest.mark.parametrize("name", ["parameters", "install"])
def test_the_tables_that_are_made_of_the_code_are_current(name, extensions):
    pytest.importorskip("sphinx")
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    assert text.count("| ") > 10
    assert extensions("parameter_table").filled(text) == text, "python docs/_ext/parameter_table.py"


def test_the_site_has_links_to_the_reference(extensions):
    pytest.importorskip("sphinx")
    source = [(DOCS / "parameters.md").read_text(encoding="utf-8")]
    extensions("parameter_table").with_links(None, "parameters", source)
    assert 'href="api/generated/sknet.SigmoidMLPClassifier.html#alpha"' in source[0]


def test_links_to_programs_are_links_to_the_gallery_on_the_site(extensions):
    pytest.importorskip("sphinx")
    source = ["[a](../../examples/tuning/searches.py), [b](../examples/README.rst)"]
    extensions("gallery_links").to_gallery(None, "guide/tuning", source)
    assert source == ["[a](../gallery/tuning/searches.rst), [b](gallery/index.rst)"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_link_in_a_clone_leads_to_a_file(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = re.findall(r"(?<!!)\[[^\]]*\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", [*PAGES, ROOT / ".github" / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_block_of_code_names_its_language(page):
    """The site would take it for Python."""
    fences = re.findall(r"^```.*$", page.read_text(encoding="utf-8"), flags=re.M)
    assert "```" not in fences[::2]


def test_programs_of_the_first_page_to_run_are_whole_on_a_screen():
    code = re.findall(
        r"^```(?:python|bash)\n(.*?)^```$", (DOCS / "get_started.md").read_text(encoding="utf-8"), re.M | re.S
    )
    assert max(len(line) for block in code for line in block.splitlines()) <= 85


def columns_of(page, heading):
    """The numbers below each name at the head of the tables of a section, one table after the other; no means."""
    section = (DOCS / page).read_text(encoding="utf-8").split(f"## {heading}")[1].split("\n## ")[0]
    found = {}
    for table in re.findall(r"(?:^\|.*\n)+", section, re.M):
        head, _, *body = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in table.splitlines()]
        for name, *cells in zip(head, *[line for line in body if "mean" not in line[0]], strict=True):
            found.setdefault(name, []).extend(float(cell) for cell in cells if re.fullmatch(r"[\d.]+", cell))
    return found


def span(values, digits):
    return " to ".join(f"{value:.{digits}f}" for value in (min(values), max(values)))


def test_the_ranges_of_the_page_on_speed_are_those_of_its_tables():
    text = " ".join((DOCS / "benchmarks.md").read_text(encoding="utf-8").split("\n## ")[0].split())
    fits, peers = columns_of("benchmarks.md", "Whole fits"), columns_of("benchmarks.md", "PyTorch and JAX")
    torch, jax = peers["PyTorch, eager"], peers["JAX"]  # of each table three small shapes, then three wide ones
    assert f"scikit-learn's MLP takes {span(fits['scikit-learn, sigmoid'], 1)} times as long" in text
    assert f"{span(fits['scikit-learn, relu, float32'], 1)} times in float32 with relu" in text
    assert f"takes {span(torch[:3] + torch[6:9], 1)} times as long for small networks" in text
    assert f"{span(torch[3:6] + torch[9:12], 2)} times for wide ones" in text
    assert f"{span(torch[12:15], 1)} and {span(torch[15:], 1)} times" in text
    assert f"takes {span(jax, 2)} of sknet's time" in text
