"""The documentation: it builds without a warning, its links lead somewhere, and what docstrings show is true.

`python -m pytest -m docs` runs this, in an environment that has the dependency group "docs".
"""

import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import sknet
import sknet.export
import sknet.stream

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "_build" / "html"
MODULES = [sknet, sknet.export, sknet.stream]
pytestmark = pytest.mark.docs


class Page(HTMLParser):
    """What a page links to, and what may be linked to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.on_this_page: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        self.links += [found[name] for name in ("href", "src") if found.get(name) and tag in ("a", "img", "script")]
        if "nav-link" in (found.get("class") or ""):
            self.on_this_page.add(unquote(urlsplit(found.get("href") or "").fragment))


def build() -> None:
    """Build the site with warnings as errors; every example of the gallery is run."""
    command = [sys.executable, "-m", "sphinx", "-E", "-W", "--keep-going", "-q", "-b", "html", ROOT / "docs", SITE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def dead_links(site: Path) -> Iterator[str]:
    """Every link inside the site that leads nowhere."""
    pages = {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages and parts.fragment else {unquote(parts.fragment)}
            if not target.exists() or unquote(parts.fragment) not in anchors:
                yield f"{path.relative_to(site)}: {link}"


def test_the_site():  # one test, so that it is built once, however many processes run tests
    build()
    assert not sorted(set(dead_links(SITE)))
    pages = {path.stem for path in (SITE / "api" / "generated").glob("*.html")}
    assert pages >= {f"{module.__name__}.{name}" for module in MODULES for name in module.__all__}
    assert pages >= {f"sknet.dask.{name}" for name in ("SigmoidMLPClassifier", "SigmoidMLPRegressor")}
    text = (SITE / "api" / "generated" / "sknet.SigmoidMLPClassifier.html").read_text(encoding="utf-8")
    headings = [
        "The ten to know first",
        "The network",
        "Training",
        "When to stop",
        "The table",
        "Regularisation",
        "Classifier only",
    ]
    assert set(headings) <= set(re.findall(r'parameter-group rubric" id="[\w-]+">([^<]+)</p>', text))
    body = text[text.index("The ten to know first</p>") : text.index(">References</p>")]
    assert body.index('id="alpha"') < body.index("<details>") < body.index('id="dropout"')
    assert "folds.js" in text
    assert text.count("<details><summary>") == text.count("</details>") > 20
    table = Page(SITE / "parameters.html").anchors
    for estimator in sknet.SigmoidMLPClassifier, sknet.SigmoidMLPRegressor:
        names = set(estimator().get_params())
        assert names <= table
        reference = Page(SITE / "api" / "generated" / f"sknet.{estimator.__name__}.html")
        own = {f"sknet.{estimator.__name__}.{method}" for method in ("fit", "predict", "explain", "resume")}
        listed = {name.replace("_", "-") for name in names} | {"attribute-coefs_", "attribute-history_"} | own
        assert listed <= reference.anchors & reference.on_this_page


def test_references_name_files_of_the_package():
    text = (ROOT / "docs" / "references.md").read_text(encoding="utf-8")
    named = re.findall(r"`(_\w+/[\w/]+\.py)`", text)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "sknet" / name).exists()] == []


def public() -> Iterator[object]:
    for module in MODULES:
        yield from (getattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("value", list(public()), ids=lambda value: value.__name__)
def test_what_a_docstring_shows_is_true(value):
    module = inspect.getmodule(inspect.unwrap(value))
    for test in doctest.DocTestFinder(exclude_empty=True).find(value, value.__name__, module=module):
        assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0
