"""The estimators' parameters as a page shows them, and short signatures.

Ten parameters come first. The others follow under the headings that `sknet/_estimators/parameters.py` has.
"""

import inspect
import re
from collections.abc import Iterator
from itertools import chain

from sphinx.application import Sphinx

from sknet._estimators import parameters

OWN = {"ClassifierParameters": "Classifier only", "RegressorParameters": "Regressor only"}
FIRST = [
    "hidden_layer_sizes",
    "loss",
    "learning_rate_init",
    "max_iter",
    "validation_fraction",
    "categorical_features",
    "monotonic_cst",
    "alpha",
    "class_weight",
    "quantile",
    "random_state",
]
"""The parameters to know first: ten of each estimator."""

FIRST_HEADING = "The ten to know first"
MANY = 8
"""A signature of more parameters than this is cut: the list below it is what people read."""


def groups() -> Iterator[tuple[str, str]]:
    """Each parameter's name, with the heading that it stands under."""
    heading = ""
    for line in inspect.getsource(parameters).splitlines():
        if found := re.match(r"class (\w+)", line):
            heading = OWN.get(found[1], "")
        elif found := re.match(r"    # --- (.+) ---", line):
            heading = found[1].capitalize()
        elif heading and (found := re.match(r"    ([a-z]\w*): ", line)):
            yield found[1], heading


def first_ones_first(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as numpydoc leaves them, with the parameters to know first before the others."""
    start = lines.index(":Parameters:") + 1
    ends = [number for number, line in enumerate(lines) if number > start and re.match(r"\S", line)]
    end = ends[0] if ends else len(lines)
    entries: list[list[str]] = [[]]  # the first one holds what is before the first parameter
    for line in lines[start:end]:
        if re.match(r"    \*\*", line):
            entries.append([])
        entries[-1].append(line)

    def place(entry: list[str]) -> int:
        name = re.match(r"    \*\*(\w+)", entry[0])[1]
        return FIRST.index(name) if name in FIRST else len(FIRST)

    before, *entries = entries
    return [*lines[:start], *before, *chain.from_iterable(sorted(entries, key=place)), *lines[end:]]


def with_headings(lines: list[str], heading_of: dict[str, str]) -> list[str]:
    """Return the lines of a docstring as numpydoc leaves them, with headings of groups and parameters to link to."""
    found, inside, last = [], False, ""
    for line in lines:
        if field := re.match(r":(\w[\w ]*):", line):
            inside = field[1] == "Parameters"
        entry = re.match(r"    \*\*([a-z]\w*)[\w, ]*\*\*", line) if inside else None
        heading = heading_of.get(entry[1], last) if entry else last
        if heading != last:
            found += ["", f"    .. rubric:: {heading}", "       :class: parameter-group", ""]
            last = heading
        if entry:  # a place to link to, `#alpha`
            line = line.replace(f"**{entry[1]}**", f"_`{entry[1]}`", 1)
        found.append(line)
    return found


def add_headings(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Group the parameters of an estimator."""
    is_estimator = inspect.isclass(value) and issubclass(value, parameters.CommonParameters)
    if is_estimator and ":Parameters:" in lines:
        heading_of: dict[str, str] = {}
        for parameter, heading in groups():
            heading_of.setdefault(parameter, heading)
        heading_of |= dict.fromkeys(FIRST, FIRST_HEADING)
        lines[:] = with_headings(first_ones_first(lines), heading_of)


def cut(
    app: Sphinx, what: str, name: str, value: object, options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Keep the parameters that may be given by position, and leave the others to the list."""
    if what != "class" or signature is None or not inspect.isclass(value):
        return signature, returns
    given = list(inspect.signature(value).parameters.values())
    if len(given) <= MANY:
        return signature, returns
    first = [p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]
    return f"({', '.join([*first, '*', '...'])})", returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both, after numpydoc."""
    app.connect("autodoc-process-docstring", add_headings, priority=900)
    app.connect("autodoc-process-signature", cut, priority=900)
    return {"parallel_read_safe": True}
