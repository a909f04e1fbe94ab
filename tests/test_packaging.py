"""Versions, addresses and requirements are the same in all files, and a release is tested before it is uploaded."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HIDDEN = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SYSTEMS = {"ubuntu": "POSIX :: Linux", "macos": "MacOS", "windows": "Microsoft :: Windows"}
with_workflows = pytest.mark.skipif(
    not (HIDDEN / "workflows").exists(), reason="a source distribution has no workflows"
)


def read(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def all_texts() -> dict[str, str]:
    """The texts of the repository, but for its tests and what is made of them."""
    folders = [path for name in ("sknet", "examples", "docs", ".github", ".ci") for path in (ROOT / name).rglob("*")]
    made = {"_build", "gallery", "generated", "__pycache__"}
    files = [path for path in folders if path.is_file() and not made & set(path.parts) and path.suffix != ".png"]
    files += [ROOT / "README.md", ROOT / "pyproject.toml"]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_each_address_of_the_project_is_in_one_place():
    """A placeholder is replaced there, and nowhere is it forgotten."""
    texts = all_texts()
    addresses = re.findall(r'^(?:url|repository-code): "(.*)"$', texts[".github/CITATION.cff"], re.M)
    assert len(addresses) == 2
    for address in addresses:
        host = address.split("/")[2]
        places = [name for name, text in texts.items() for _ in range(text.count(address))]
        assert places == [".github/CITATION.cff"]
        assert host == "github.com" or {name for name, text in texts.items() if host in text} == set(places)


def test_no_placeholder_is_anywhere_else():
    """Addresses of hosts that are reserved for examples."""
    reserved = re.compile(
        r"https?://[\w.-]*\b(?:example\.(?:com|net|org)|[\w-]+\.(?:example|invalid|test))\b|PLACEHOLDER"
    )
    found = {name for name, text in all_texts().items() if reserved.search(text)}
    assert found <= {".github/CITATION.cff"}


def test_the_version_is_the_same_everywhere():
    versions = {
        "package": re.search(r'^__version__ = "(.*)"$', read("sknet", "__init__.py"), re.M),
        "citation": re.search(r"^version: (.*)$", read(".github", "CITATION.cff"), re.M),
        "conda": re.search(r"^  version: (\d.*)$", read(".github", "conda", "recipe.yaml"), re.M),
        "bibtex": re.search(r"^  version = \{(.*)\},$", read("docs", "about.md"), re.M),
    }
    assert {name: found and found[1] for name, found in versions.items()} == dict.fromkeys(versions, PROJECT["version"])


def test_a_version_that_is_not_released_is_a_development_version():
    """So that nobody takes a commit for the release that the changelog describes."""
    heading = re.search(r"^## (\S+) \((.*)\)$", read("docs", "changelog.md"), re.M)
    release, when = heading.groups()
    assert PROJECT["version"] == (f"{release}.dev0" if when == "unreleased" else release)


@with_workflows
def test_development_versions_are_not_uploaded():
    workflow = read(".github", "workflows", "publish.yml")
    (refused,) = re.findall(r"run: if grep -nE '(.*)' .github/CITATION.cff; then exit 1; fi", workflow)
    assert re.search(refused, "version: 0.2.0.dev0")
    assert not re.search(refused, "version: 0.2.0")


def test_the_citation_is_complete():
    fields = set(re.findall(r"^([\w-]+):", read(".github", "CITATION.cff"), re.M))
    assert fields >= {
        "cff-version", "message", "title", "abstract", "type", "authors", "version", "license", "url",
        "repository-code", "keywords",
    }  # fmt: skip


def test_the_conda_package_needs_what_the_wheel_needs():
    recipe = read(".github", "conda", "recipe.yaml")
    (run,) = re.findall(r"^  run:\n((?:    - .*\n)+)", recipe, re.M)
    needed = [line.removeprefix("    - ").replace(" ", "") for line in run.splitlines()]
    (python,) = re.findall(r'^  python_min: "(.*)"$', recipe, re.M)
    assert needed == ["python>=${{python_min}}", *PROJECT["dependencies"]]
    assert PROJECT["requires-python"] == f">={python}"
    assert f"summary: {PROJECT['description']}\n" in recipe


@with_workflows
def test_classifiers_name_the_systems_and_versions_that_are_tested():
    classifiers = set(PROJECT["classifiers"])
    tests = read(".github", "workflows", "tests.yml")
    tested = {version.rstrip("t") for version in re.findall(r'python(?:-version)?: "([\d.]+t?)"', tests)}
    named = {name.rpartition(" ")[2] for name in classifiers if re.search(r"Python :: 3\.\d+$", name)}
    assert named == tested
    systems = {f"Operating System :: {name}" for system, name in SYSTEMS.items() if f"{system}-latest" in tests}
    assert systems == {name for name in classifiers if name.startswith("Operating System")}
    assert len(systems) == 3


@with_workflows
def test_the_wheel_is_tested_on_three_systems_before_it_is_uploaded():
    workflow = read(".github", "workflows", "publish.yml")
    jobs = dict(re.findall(r"^  (\w+):\n(    name:.*?)(?=^  \w+:\n    name:|\Z)", workflow, re.M | re.S))
    assert list(jobs) == ["build", "wheel", "publish"]
    assert "needs: [build, wheel]" in jobs["publish"]
    assert "needs: build" in jobs["wheel"]
    assert all(f"{system}-latest" in jobs["wheel"] for system in SYSTEMS)
    steps = [
        ".github/check_package dist",
        "pip install dist/*.whl",
        "rm -rf sknet",
        "try_package.py",
        "python -m pytest",
    ]
    places = [workflow.index(step) for step in steps]
    assert places == sorted(places)
    assert places[-1] < workflow.index("gh-action-pypi-publish")
