"""Folds of the estimators' pages: all but the first group of parameters, the attributes, and the methods' details.

The summary of a fold has the names that are in it. `folds.js` opens what a link leads to.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def fold(parent: nodes.Element, start: int, end: int, summary: str) -> None:
    """Put some children of an element into one that a click on the summary opens."""
    parent.insert(end, nodes.raw("", "</details>", format="html"))
    parent.insert(start, nodes.raw("", f"<details><summary>{summary}</summary>", format="html"))


def names(place: nodes.Element) -> str:
    """The names that a list defines, as a summary shows them."""
    found = []
    for term in place.findall(nodes.term):
        targets = [*term.findall(nodes.target)]
        found.append(f"<code>{targets[0].astext() if targets else term[0].astext()}</code>")
    return " ".join(found)


def fold_lists(fields: nodes.field_list) -> None:
    """Fold the groups of parameters but for the first, and the attributes."""
    for field in fields:
        body = field[1]
        groups = [rubric for rubric in body.findall(nodes.rubric) if "parameter-group" in rubric["classes"]]
        for rubric in groups[1:]:
            place = rubric.parent.index(rubric) + 1
            fold(rubric.parent, place, place + 1, names(rubric.parent[place]))
        if field[0].astext() == "Attributes":
            fold(body, 0, len(body), names(body))


def fold_method(method: addnodes.desc) -> None:
    """Fold what follows the first paragraph."""
    content = method[-1]
    heads = [*(field[0].astext() for fields in content.findall(nodes.field_list) for field in fields)]
    heads += [rubric.astext() for rubric in content.findall(nodes.rubric)]
    if len(content) > 1:
        fold(content, 1, len(content), ", ".join(heads) or "More")


def fold_long(app: Sphinx, doctree: nodes.document) -> None:
    """Fold the page of each class whose parameters come in groups."""
    for description in [*doctree.findall(addnodes.desc)]:
        content = description[-1]
        if description["objtype"] != "class" or not any(
            "parameter-group" in rubric["classes"] for rubric in content.findall(nodes.rubric)
        ):
            continue
        for part in [*content]:
            if isinstance(part, nodes.field_list):
                fold_lists(part)
            elif isinstance(part, addnodes.desc):
                fold_method(part)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it after `page_contents`, which looks for the lists below their headings."""
    app.connect("doctree-read", fold_long, priority=950)
    app.add_js_file("folds.js")
    return {"parallel_read_safe": True}
