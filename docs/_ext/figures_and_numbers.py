"""Tables and pictures on screens of any width: cells of numbers are marked, and a picture links to its full size.

The style sheet keeps a marked cell in one line where there is room, and breaks it only between its parts elsewhere.
"""

import posixpath
import re
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri

WORD = re.compile(r"[^\W\d_]{3}")
"""Three letters in a row; "to" and units such as "ms" have fewer."""

STANDARD_ERROR = re.compile(r"\s±\s")


def is_number(text: str) -> bool:
    return any(character.isdigit() for character in text) and not WORD.search(text)


def mark_numbers(app: Sphinx, doctree: nodes.document) -> None:
    """Give each cell of numbers a class; it may break before ±, and not after it."""
    for cell in doctree.findall(nodes.entry):
        if is_number(cell.astext()):
            cell["classes"].append("number")
            for text in [*cell.findall(nodes.Text)]:
                text.parent.replace(text, nodes.Text(STANDARD_ERROR.sub(" ±\N{NO-BREAK SPACE}", text)))


def link_pictures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make each picture of a page a link to its file, which a telephone shows in full size.

    Those of the gallery's cards are left alone, since a card is a link already.
    """
    if app.builder.format != "html":
        return
    for image in [*doctree.findall(nodes.image)]:
        is_of_card = "/images/thumb/" in image["uri"]
        if image["uri"] in app.env.images and not is_of_card and not isinstance(image.parent, nodes.reference):
            folder = relative_uri(app.builder.get_target_uri(docname), app.builder.imagedir)
            address = posixpath.join(folder, quote(app.env.images[image["uri"]][1]))
            image.replace_self(nodes.reference("", "", image.deepcopy(), internal=True, refuri=address))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", mark_numbers)
    app.connect("doctree-resolved", link_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
