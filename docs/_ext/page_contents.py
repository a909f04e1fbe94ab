"""Pages of the reference: the example comes first, and "On this page" lists parameters by group, and attributes."""

from collections.abc import Iterator

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

EXAMPLE, REFERENCES = ".. rubric:: Examples", ".. rubric:: References"


def example_first(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Move the example of a docstring, which numpydoc has last, before the first of its lists."""
    lists = [number for number, line in enumerate(lines) if line.startswith((":", REFERENCES))]
    if EXAMPLE in lines and lists and lists[0] < lines.index(EXAMPLE):
        start = lines.index(EXAMPLE)
        lines[:] = [*lines[: lists[0]], *lines[start:], "", *lines[lists[0] : start]]


def entry(docname: str, anchor: str, text: str, *below: nodes.list_item) -> nodes.list_item:
    """Return a line of "On this page", with what stands below it."""
    reference = nodes.reference("", "", nodes.Text(text), internal=True, refuri=docname, anchorname=f"#{anchor}")
    item = nodes.list_item("", addnodes.compact_paragraph("", "", reference, skip_section_number=True))
    if below:
        item += nodes.bullet_list("", *below)
    return item


class Contents:
    """What a class adds to "On this page", and to what links and the search find."""

    def __init__(self, app: Sphinx, signature: addnodes.desc_signature) -> None:
        self.docname, self.domain = app.env.current_document.docname, app.env.domains.python_domain
        self.prefix = f"{signature['module']}.{signature['fullname']}"

    def names(self, place: nodes.Element) -> Iterator[nodes.list_item]:
        """An entry for each name that is defined in a list, which gets a place to link to where it has none."""
        for term in place.findall(nodes.term):
            targets = [*term.findall(nodes.target)]
            name = targets[0].astext() if targets else term[0].astext()
            if not targets:
                term["ids"].append(f"attribute-{name}")
            anchor = (targets[0] if targets else term)["ids"][0]
            if (full := f"{self.prefix}.{name}") not in self.domain.objects:
                self.domain.note_object(full, "attribute", anchor, location=term)
            yield entry(self.docname, anchor, name)

    def lists(self, fields: nodes.field_list) -> Iterator[nodes.list_item]:
        """The entries for the parameters, one per group, and for the attributes."""
        for field in fields:
            name, body = field[0].astext(), field[1]
            groups = [rubric for rubric in body.findall(nodes.rubric) if "parameter-group" in rubric["classes"]]
            for rubric in groups:
                rubric["ids"] = [nodes.make_id(f"group {rubric.astext()}")]
                listed = rubric.parent[rubric.parent.index(rubric) + 1]
                yield entry(self.docname, rubric["ids"][0], rubric.astext(), *self.names(listed))
            if name == "Attributes" or (name == "Parameters" and not groups):
                anchor = f"list-of-{name.lower()}"
                field[0]["ids"] = [anchor]
                yield entry(self.docname, anchor, name, *self.names(body))


def add_contents(app: Sphinx, doctree: nodes.document) -> None:
    """Put the entries of each class before those of its methods, which Sphinx has."""
    for description in doctree.findall(addnodes.desc):
        if description["objtype"] != "class":
            continue
        contents = Contents(app, description[0])
        lists = [part for part in description[-1].children if isinstance(part, nodes.field_list)]
        added = [item for fields in lists for item in contents.lists(fields)]
        for reference in app.env.tocs[contents.docname].findall(nodes.reference):
            if reference["anchorname"] == f"#{description[0]['ids'][0]}" and added:
                item = reference.parent.parent
                methods = item.pop()[:] if isinstance(item[-1], nodes.bullet_list) else []
                item += nodes.bullet_list("", *added, *methods)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect both: after numpydoc and `parameter_groups`, and after Sphinx has collected the page's contents."""
    app.connect("autodoc-process-docstring", example_first, priority=950)
    app.connect("doctree-read", add_contents, priority=900)
    return {"parallel_read_safe": True}
