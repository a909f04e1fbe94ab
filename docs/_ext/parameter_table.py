"""Tables of all parameters, and of what the package needs, between two marks in a page.

They are made of the estimators' docstrings and constraints, and of pyproject.toml.
`python docs/_ext/parameter_table.py` writes them into the pages, where a clone shows them; when the site is built, the
parameters become links.
"""

import re
import tomllib
from collections.abc import Iterator
from math import inf
from pathlib import Path

from numpydoc.docscrape import ClassDoc
from parameter_groups import groups
from sklearn.utils._param_validation import Interval
from sphinx.application import Sphinx

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

DOCS = Path(__file__).parents[1]
PAGES = ["parameters", "install"]
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.S)
ESTIMATORS = [SigmoidMLPClassifier, SigmoidMLPRegressor]
NEEDS = {
    "run": "always",
    "files": "`sknet.save`, `sknet.load`, `Checkpoint`, `resume`",
    "onnx": "`sknet.export.to_onnx`",
    "torch": "`sknet.export.to_torch`",
    "dask": "`sknet.dask`",
    "parquet": "`sknet.stream` of Parquet files",
}


def interval(constraint: object) -> str:
    """The numbers that a constraint of scikit-learn lets through, as one writes them; "" for other constraints."""
    if not isinstance(constraint, Interval):
        return ""
    low, high = (inf * sign if end is None else end for end, sign in ((constraint.left, -1), (constraint.right, 1)))
    with_low, with_high = constraint.closed in ("left", "both"), constraint.closed in ("right", "both")
    if high == inf:
        return f"{'≥' if with_low else '>'} {low}"
    return f"in {'[' if with_low else '('}{low}, {high}{']' if with_high else ')'}"


def sentences(text: str) -> list[str]:
    """The sentences of a description."""
    return re.split(r"(?<=\.) (?=[A-Z\"])", text)


def summary(lines: list[str]) -> str:
    """The first sentence of a parameter's description, and what it says of "auto", without numbers of references."""
    text = re.sub(r" ?\[\d+\]_| \(see Notes\)", "", " ".join(line.strip() for line in lines)).replace("|", r"\|")
    text = text.replace(" of the Notes", " of the Notes on the class's page")
    first, *others = sentences(text)
    return " ".join([first, *(sentence for sentence in others if sentence.startswith('"auto" '))]).rstrip(".;")


def kind(entry_type: str, limits: list[str]) -> str:
    """What a parameter may be: the type in its docstring, and the limits of numbers."""
    text = re.sub(r", default=.*", "", entry_type).replace("|", r"\|")
    return "; ".join([text, *limits[:1]])


def parameters() -> dict[str, dict[str, str]]:
    """What is said of each parameter: default, what it may be, its meaning, and the page with the whole text."""
    found: dict[str, dict[str, str]] = {}
    for estimator in ESTIMATORS:
        defaults = estimator().get_params()
        for entry in ClassDoc(estimator)["Parameters"]:
            limits = [*filter(None, map(interval, estimator._parameter_constraints[entry.name]))]
            meaning = summary(entry.desc)
            row = {
                "default": f"`{defaults[entry.name]!r}`".replace("'", '"'),
                "kind": kind(entry.type, limits),
                "meaning": meaning,
                "page": f"api/generated/sknet.{estimator.__name__}.html#{entry.name.replace('_', '-')}",
            }
            earlier = found.setdefault(entry.name, row)
            if earlier["default"] != row["default"]:
                earlier["default"] += f"; regressor {row['default']}"
            if earlier["meaning"] != row["meaning"]:
                if earlier["kind"] != row["kind"]:
                    earlier["kind"] += f"; regressor {row['kind']}"
                own = [sentence for sentence in sentences(row["meaning"]) if sentence not in earlier["meaning"]]
                earlier["meaning"] += f". Regressor: {' '.join(own)}"
    return found


def parameter_table(linked: bool) -> Iterator[str]:
    """One Markdown table per group of parameters, under its heading; names may be links to the reference."""
    found, last, listed = parameters(), "", set()
    for name, heading in groups():
        if name in listed:
            continue
        listed.add(name)
        if heading != last:
            yield from ("", f"## {heading}", "", "| Parameter | Default | May be | Meaning |", "|---|---|---|---|")
            last = heading
        row = found[name]
        shown = f'<a id="{name}" href="{row["page"]}"><code>{name}</code></a>' if linked else f"`{name}`"
        yield f"| {shown} | {row['default']} | {row['kind']} | {row['meaning']} |"


def requirement_table(linked: bool) -> Iterator[str]:
    """What the package needs, with the oldest versions that the tests run with."""
    project = tomllib.loads(DOCS.parent.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {"run": project["dependencies"], **project["optional-dependencies"]}
    yield from ("| Extra | Packages, with their oldest version | Needed for |", "|---|---|---|")
    yield f"| | Python {project['requires-python'].replace('>=', '≥ ')} | always |"
    for extra, packages in needed.items():
        name = "" if extra == "run" else f"`[{extra}]`"
        yield f"| {name} | {', '.join(package.replace('>=', ' ≥ ') for package in packages)} | {NEEDS[extra]} |"


TABLES = {"parameters": parameter_table, "requirements": requirement_table}


def filled(text: str, linked: bool = False) -> str:
    """The page with today's tables between its marks."""
    return BLOCK.sub(lambda found: "\n".join([found[1], *TABLES[found[2]](linked), "", found[3]]), text)


def with_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make the tables of a page anew, with links that only the site has."""
    if docname in PAGES:
        source[0] = filled(source[0], linked=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the reading of pages."""
    app.connect("source-read", with_links)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    for name in PAGES:
        page = DOCS / f"{name}.md"
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
