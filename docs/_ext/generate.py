"""Bring everything up to date that pages and docstrings take from elsewhere: `python docs/_ext/generate.py`.

The tables of measured errors have programs of their own, such as `python -m tests.benchmarks.tables --write`.
"""

import subprocess
import sys
from pathlib import Path

PROGRAMS = ("estimator_docstrings", "source_lines", "first_page_bars", "parameter_table")
"""The first one writes the docstrings that the others read. The last one needs Sphinx."""

if __name__ == "__main__":
    folder = Path(__file__).parent
    for program in PROGRAMS:
        subprocess.run([sys.executable, folder / f"{program}.py"], check=True, cwd=folder.parents[1])
