"""Bring everything up to date that pages and docstrings take from elsewhere: `python docs/_ext/generate.py`.

The tables of measured errors are written by `python -m tests.benchmarks.tables --write`, and by its like.
"""

import subprocess
import sys
from pathlib import Path

PROGRAMS = ("estimator_docstrings", "source_lines", "first_page_bars", "parameter_table")
"""Programs read the docstrings that the first one writes. The last one needs Sphinx."""

if __name__ == "__main__":
    folder = Path(__file__).parent
    for program in PROGRAMS:
        subprocess.run([sys.executable, folder / f"{program}.py"], check=True, cwd=folder.parents[1])
