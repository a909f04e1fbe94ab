"""The docstrings of both estimators' classes, of which most lines are equal.

`estimator_docstrings.txt` has the text once. A line such as `--- classifier` says whose lines follow: those of the
classifier, of the regressor, or of both. `python docs/_ext/estimator_docstrings.py` writes the docstrings into the
files of the estimators, where editors show them.
"""

import re
from pathlib import Path
from textwrap import indent

TEMPLATE = Path(__file__).with_suffix(".txt")
ESTIMATORS = Path(__file__).parents[2] / "sknet" / "_estimators"
FILES = {kind: ESTIMATORS / f"{kind}.py" for kind in ("classifier", "regressor")}
DOCSTRING = re.compile(r'(^class SigmoidMLP\w+\(.*\):\n    """).*?(\n    """\n)', re.M | re.S)


def text_for(kind: str) -> str:
    """The lines of the template that are for one of the estimators, or for both."""
    lines, owner = [], "both"
    for line in TEMPLATE.read_text(encoding="utf-8").splitlines():
        if line.startswith("--- "):
            owner = line.removeprefix("--- ")
            assert owner in ("both", *FILES), line
        elif owner in ("both", kind):
            lines.append(line)
    return "\n".join(lines)


def with_docstring(code: str, kind: str) -> str:
    """The code of an estimator's file with the docstring that the template has for it."""
    text = indent(text_for(kind), "    ").lstrip()
    return DOCSTRING.sub(lambda found: found[1] + text + found[2], code)


if __name__ == "__main__":
    for kind, path in FILES.items():
        path.write_text(with_docstring(path.read_text(encoding="utf-8"), kind), encoding="utf-8")
