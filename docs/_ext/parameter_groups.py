"""The estimators' parameters under the headings that `sknet/_estimators/parameters.py` has, and short signatures."""

import inspect
import re
from collections.abc import Iterator

from sphinx.application import Sphinx

from sknet._estimators import parameters

OWN = {"ClassifierParameters": "Classifier only", "RegressorParameters": "Regressor only"}
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
        elif found := re.match(r"    ([a-z]\w*): ", line):
            yield found[1], heading


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
    if inspect.isclass(value) and issubclass(value, parameters.CommonParameters):
        heading_of: dict[str, str] = {}
        for parameter, heading in groups():
            heading_of.setdefault(parameter, heading)
        lines[:] = with_headings(lines, heading_of)


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
