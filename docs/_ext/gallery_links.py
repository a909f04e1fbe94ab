"""Links between pages and examples: a clone has programs and a list of them, the site pages that are made of them."""

import re

from sphinx.application import Sphinx

EXAMPLE = re.compile(r"\]\(((?:\.\./)*)\.\./examples/([\w/]+)\.(?:py|rst)\)")

GUIDE = re.compile(r"`([^`<]+) <(?:\.\./)+docs/([\w/]+)\.md>`_")

LIST = re.compile(r"^\.\. the programs, as a clone lists them$.*?^\.\. end of the list$", re.M | re.S)


def to_gallery(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to programs lead to the gallery, and the gallery's links to pages lead to these.

    The gallery's first page has no other list of programs.
    """
    source[0] = EXAMPLE.sub(
        lambda link: f"]({link[1]}gallery/{'index' if link[2] == 'README' else link[2]}.rst)", source[0]
    )
    source[0] = GUIDE.sub(r":doc:`\1 </\2>`", source[0])
    if docname == "gallery/index":  # which shows each program with its picture
        source[0] = LIST.sub("", source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the reading of pages."""
    app.connect("source-read", to_gallery)
    return {"parallel_read_safe": True}
