"""The oldest versions that one of the workflows tests with are the oldest that the package allows."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PINS = ROOT / ".github" / "oldest.txt"
pytestmark = pytest.mark.skipif(not PINS.exists(), reason="a source distribution has no workflows")


def oldest_allowed() -> dict[str, str]:
    """The lower bound of each package that is always needed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [Requirement(text) for text in project["dependencies"]]
    return {package.name: str(package.specifier).removeprefix(">=") for package in needed}


def pinned() -> dict[str, SpecifierSet]:
    lines = [line for line in PINS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {Requirement(line).name: Requirement(line).specifier for line in lines}


@pytest.mark.parametrize("name", list(oldest_allowed()))
def test_the_oldest_version_that_is_tested_is_the_oldest_allowed(name):
    assert oldest_allowed()[name] in pinned()[name]
