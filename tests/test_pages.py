"""The pages of docs/ as a clone shows them: tables are there and current, links lead to files."""

import importlib
import itertools
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

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
    assert extensions("parameter_table").filled(text) == text, "python docs/_ext/generate.py"


def test_each_parameter_says_what_it_may_be():
    text = (DOCS / "parameters.md").read_text(encoding="utf-8")
    rows = [line.replace(r"\|", "").split("|") for line in text.splitlines() if line.startswith("| `")]
    kinds = {row[1].strip(" `"): row[3].strip() for row in rows}
    assert len(kinds) > 40
    assert all(kinds.values())
    assert kinds["n_bins"] == 'int or "auto"; ≥ 2'
    assert '"piecewise_linear"' in kinds["numeric_encoding"]
    assert "the Notes," not in text  # the page has none


def test_the_site_has_links_to_the_reference(extensions):
    pytest.importorskip("sphinx")
    source = [(DOCS / "parameters.md").read_text(encoding="utf-8")]
    extensions("parameter_table").with_links(None, "parameters", source)
    assert 'href="api/generated/sknet.SigmoidMLPClassifier.html#alpha"' in source[0]


def test_the_reference_has_ten_parameters_of_each_estimator_before_the_others(extensions):
    pytest.importorskip("sphinx")
    module = extensions("parameter_groups")
    for estimator in SigmoidMLPClassifier, SigmoidMLPRegressor:
        names = list(estimator().get_params())
        entries = [line for name in names for line in (f"    **{name}** : int", f"        What {name} means.", "")]
        lines = ["Summary.", "", ":Parameters:", "", *entries, ":Attributes:", "", "    **coef_** : array", ""]
        found = module.first_ones_first(lines)
        assert sorted(found) == sorted(lines)
        assert found[:4] == lines[:4]
        assert found[-4:] == lines[-4:]
        listed = [line.split("**")[1] for line in found if line.startswith("    **")][:-1]
        first = [name for name in module.FIRST if name in names]
        assert listed == first + [name for name in names if name not in first]
        assert len(first) == 10
        assert found[found.index("    **alpha** : int") + 1].strip() == "What alpha means."


def test_links_to_programs_are_links_to_the_gallery_on_the_site(extensions):
    pytest.importorskip("sphinx")
    source = ["[a](../../examples/tuning/searches.py), [b](../examples/README.rst)"]
    extensions("gallery_links").to_gallery(None, "guide/tuning", source)
    assert source == ["[a](../gallery/tuning/searches.rst), [b](gallery/index.rst)"]


def test_links_of_the_gallery_to_pages_are_links_of_the_site(extensions):
    pytest.importorskip("sphinx")
    source = ["`churn <../../docs/guide/churn.md>`_\n"]
    extensions("gallery_links").to_gallery(None, "gallery/cases/index", source)
    assert source == [":doc:`churn </guide/churn>`\n"]
    for readme in (ROOT / "examples").rglob("README.rst"):
        links = re.findall(r"<(\S+\.md)>`_", readme.read_text(encoding="utf-8"))
        assert not [link for link in links if not (readme.parent / link).exists()]


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
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


def words_of_the_code():
    """The words that docs/words.md defines, in its order."""
    cells = re.findall(r"^\| ([a-z][^|]*) \|", (DOCS / "words.md").read_text(encoding="utf-8"), re.M | re.I)
    return [word for cell in cells if cell != "Word" for word in cell.lower().split(", ")]


def test_no_word_is_defined_twice():
    words = words_of_the_code()
    assert len(words) > 60
    assert not [word for word in words if words.count(word) > 1]


def test_the_code_uses_each_of_its_words():
    """A word that has gone from the code leaves its page, too."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "sknet").rglob("*.py")).lower()
    words = words_of_the_code()
    assert not [word for word in words if not re.search(rf"\b{word}".replace(" ", "[ _-]"), code)]


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


# --- what a renderer of Markdown shows, as GitHub does --------------------------------------------------------------

ALL_PAGES = [ROOT / "README.md", *PAGES, *sorted((ROOT / ".github").rglob("*.md"))]


def shown_directives(text: str) -> list[str]:
    """What of a page's Markdown is a directive of Sphinx to CommonMark's renderer: text for a reader to puzzle over."""
    tokens = pytest.importorskip("markdown_it").MarkdownIt("commonmark").parse(text)
    found = ["front matter"] if tokens and tokens[0].type == "hr" else []
    for token in tokens:
        if token.type == "fence" and token.info.startswith("{"):
            found.append(token.info)
        children = token.children or []
        found += [child.content for child in children if child.type == "text" and re.search(r":::|^\[!", child.content)]
        for before, code in itertools.pairwise(children):
            if code.type == "code_inline" and re.search(r"\{[\w:+-]+\}$", before.content):  # a role: {name}`text`
                found.append(before.content)
            if before.type == "link_open" and code.type == "link_close":
                found.append(f"a link without a text: {before.attrGet('href')}")
    return found


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_page_shows_a_directive(page):
    assert not shown_directives(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    ["```{note}\na\n```", "1. a\n\n   ```{note}\n   a\n   ```", ":::{note}\na\n:::", "a {term}`b`", "[](a.md)",
     "---\na: b\n---\n", "> [!NOTE]\n> a"],
)  # fmt: skip
def test_a_directive_is_found(text):
    assert shown_directives(text)


def test_parts_for_other_readers_are_left_out(extensions):
    text = "a\n<!-- only on the site\nb\n-->\n<!-- on PyPI instead\nc\n-->\nd\n<!-- end -->\ne\n"
    for_reader = extensions("for_readers").for_reader
    assert for_reader(text, "PyPI").replace("<!-- only on the site\nb\n-->\n", "") == "a\nc\ne\n"
    assert for_reader(text, "the site") == "a\nb\n<!-- on PyPI instead\nc\n-->\nd\n<!-- end -->\ne\n"
    assert not shown_directives("<!-- only on the site\n```{toctree}\na\n```\n-->\n")


def test_code_of_the_package_in_pages_is_current(extensions):
    """`python docs/_ext/generate.py` brings it up to date."""
    source_lines, n_blocks = extensions("source_lines"), 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        n_blocks += len(source_lines.BLOCK.findall(text))
        assert source_lines.with_lines(text) == text, f"{page.name}: python docs/_ext/generate.py"
    assert n_blocks >= 12
    assert "literalinclude" not in "".join(page.read_text(encoding="utf-8") for page in PAGES)


def test_one_program_runs_all_that_write_pages(extensions):
    programs = (DOCS / "_ext").glob("*.py")
    writers = [path.stem for path in programs if f"`python docs/_ext/{path.name}`" in path.read_text("utf-8")]
    assert sorted([*extensions("generate").PROGRAMS, "generate"]) == sorted(writers)


def test_the_docstrings_of_both_estimators_are_those_of_their_template(extensions):
    docstrings = extensions("estimator_docstrings")
    for kind, path in docstrings.FILES.items():
        code = path.read_text(encoding="utf-8")
        assert docstrings.with_docstring(code, kind) == code, (
            "change docs/_ext/estimator_docstrings.txt, and run python docs/_ext/generate.py"
        )


def test_the_reference_has_the_first_sentences_of_docstrings(extensions):
    text, source_lines = (DOCS / "api" / "index.md").read_text(encoding="utf-8"), extensions("source_lines")
    assert source_lines.with_names(text) == text, "python docs/_ext/generate.py"
    assert text.count("```{eval-rst}") == len(source_lines.NAMES.findall(text))


def test_the_gallery_lists_every_program(extensions):
    text = (ROOT / "examples" / "README.rst").read_text(encoding="utf-8")
    assert extensions("source_lines").with_programs(text) == text, "python docs/_ext/generate.py"
    programs = list((ROOT / "examples").rglob("*.py"))
    assert programs
    assert all(f"<{path.relative_to(ROOT / 'examples').as_posix()}>`_: " in text for path in programs)
    assert extensions("gallery_links").LIST.search(text), "the site shows the programs with pictures instead"


def test_cells_of_numbers_are_marked_and_break_before_the_standard_error(extensions):
    pytest.importorskip("sphinx")
    nodes, module = pytest.importorskip("docutils.nodes"), extensions("figures_and_numbers")
    texts = ["0.80 ± 0.08 (22)", "1 to 2", "< 0.01", "CatBoost", "59: all that the rule allows", ""]
    cells = [nodes.entry("", nodes.paragraph("", "", nodes.Text(text))) for text in texts]
    module.mark_numbers(None, nodes.row("", *cells))
    assert [cell["classes"] == ["number"] for cell in cells] == [True, True, True, False, False, False]
    assert cells[0].astext() == "0.80 ±\N{NO-BREAK SPACE}0.08 (22)"


def test_pictures_of_pages_link_to_their_files_and_those_of_cards_do_not(extensions):
    """A card of the gallery is one link to its program; a second link inside it would push the picture out."""
    pytest.importorskip("sphinx")
    nodes, module = pytest.importorskip("docutils.nodes"), extensions("figures_and_numbers")
    uris = ["measured/tables.png", "gallery/images/thumb/quickstart_thumb.png"]
    env = SimpleNamespace(images={uri: (set(), Path(uri).name) for uri in uris})
    builder = SimpleNamespace(format="html", imagedir="_images", get_target_uri=lambda name: f"{name}.html")
    page = nodes.paragraph("", "", *[nodes.image(uri=uri) for uri in uris])
    module.link_pictures(SimpleNamespace(builder=builder, env=env), page, "page")
    assert [link["refuri"] for link in page.findall(nodes.reference)] == ["_images/tables.png"]


def test_pictures_in_pages_are_files_of_the_repository():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git work tree")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = {ROOT / name for name in listed.splitlines()}
    pictures = {}
    for page in ALL_PAGES:
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r'!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]* src="([^"]+)"', text):
            pictures[(page.parent / "".join(link)).resolve()] = page.name
    assert len(pictures) > 5
    assert {path.name: page for path, page in pictures.items() if path not in tracked} == {}
