"""Every example, the README's and those of the pages in docs/, runs as it stands and without a warning."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGES = sorted((ROOT / "docs").glob("*.md"))


def blocks(page: Path) -> list[str]:
    """The Python in a page, without what its first line marks as `python partners`."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


README_EXAMPLES = blocks(ROOT / "README.md")


def run(*arguments: str, cwd: Path = ROOT) -> None:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(command, cwd=cwd, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip(), "an example prints what it found"
    assert not done.stderr.strip(), done.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example):
    run(str(example))


@pytest.mark.parametrize("code", README_EXAMPLES)
def test_readme_example_runs(code):
    run("-c", code)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda path: path.stem)
def test_the_blocks_of_a_page_run_one_after_the_other(page, tmp_path):
    run("-c", "\n".join(blocks(page)), cwd=tmp_path)
