"""Tables of all parameters, `{parameter-table}`, and of what the package needs, `{requirement-table}`.

Both are made when the site is built: of the estimators' docstrings and constraints, and of pyproject.toml.
"""

import re
import tomllib
from collections.abc import Iterator
from math import inf
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from numpydoc.docscrape import ClassDoc
from parameter_groups import groups
from sklearn.utils._param_validation import Interval
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

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
    return f"{'[' if with_low else '('}{low}, {high}{']' if with_high else ')'}"


def summary(lines: list[str]) -> str:
    """The first sentence of a parameter's description, and what it says of "auto", without numbers of references."""
    text = re.sub(r" ?\[\d+\]_", "", " ".join(line.strip() for line in lines)).replace("|", r"\|")
    first, *others = re.split(r"(?<=\.) (?=[A-Z\"])", text)
    return " ".join([first, *(sentence for sentence in others if sentence.startswith('"auto" '))]).rstrip(".;")


def parameters() -> dict[str, dict[str, str]]:
    """What is said of each parameter: default, what it may be, its meaning, and the page with the whole text."""
    found: dict[str, dict[str, str]] = {}
    for estimator in ESTIMATORS:
        defaults = estimator().get_params()
        for entry in ClassDoc(estimator)["Parameters"]:
            limits = [*filter(None, map(interval, estimator._parameter_constraints[entry.name]))]
            kind = re.sub(r", default=.*", "", entry.type).replace("|", r"\|")
            row = {
                "default": f"`{defaults[entry.name]!r}`".replace("'", '"'),
                "kind": f"{kind}: {limits[0]}" if limits else kind,
                "meaning": summary(entry.desc),
                "page": f"api/generated/sknet.{estimator.__name__}.html#{entry.name.replace('_', '-')}",
            }
            earlier = found.setdefault(entry.name, row)
            if earlier["default"] != row["default"]:
                earlier["default"] += f"; regressor {row['default']}"
            if entry.name == "loss" and row is not earlier:
                earlier["kind"] += f"; regressor {row['kind']}"
                earlier["meaning"] += f". Regressor: {row['meaning']}"
    return found


def parameter_table() -> Iterator[str]:
    """One Markdown table per group of parameters, under its heading."""
    found, last, listed = parameters(), "", set()
    for name, heading in groups():
        if name in listed:
            continue
        listed.add(name)
        if heading != last:
            yield from ("", f"## {heading}", "", "| Parameter | Default | May be | |", "|---|---|---|---|")
            last = heading
        row = found[name]
        link = f'<a id="{name}" href="{row["page"]}"><code>{name}</code></a>'
        yield f"| {link} | {row['default']} | {row['kind']} | {row['meaning']} |"


def requirement_table() -> Iterator[str]:
    """What the package needs, with the oldest versions that the tests run with."""
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {"run": project["dependencies"], **project["optional-dependencies"]}
    yield from ("| Extra | Packages, with their oldest version | Needed for |", "|---|---|---|")
    yield f"| | Python {project['requires-python'].replace('>=', '≥ ')} | always |"
    for extra, packages in needed.items():
        name = "" if extra == "run" else f"`[{extra}]`"
        yield f"| {name} | {', '.join(package.replace('>=', ' ≥ ') for package in packages)} | {NEEDS[extra]} |"


class Generated(SphinxDirective):
    """Parses the lines of Markdown that a function makes."""

    def run(self) -> list[nodes.Node]:
        """Return the nodes."""
        lines = {"parameter-table": parameter_table, "requirement-table": requirement_table}[self.name]()
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(StringList(list(lines), source=__file__), 0, node, match_titles=True)
        return node.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register both directives."""
    app.add_directive("parameter-table", Generated)
    app.add_directive("requirement-table", Generated)
    return {"parallel_read_safe": True}
