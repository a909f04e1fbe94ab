"""Links to examples: a clone has the programs, the site has the gallery's pages that are made of them."""

import re

from sphinx.application import Sphinx

EXAMPLE = re.compile(r"\]\(((?:\.\./)*)\.\./examples/([\w/]+)\.(?:py|rst)\)")


def to_gallery(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let a page's links to programs lead to the gallery."""
    source[0] = EXAMPLE.sub(
        lambda link: f"]({link[1]}gallery/{'index' if link[2] == 'README' else link[2]}.rst)", source[0]
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect it to the reading of pages."""
    app.connect("source-read", to_gallery)
    return {"parallel_read_safe": True}
