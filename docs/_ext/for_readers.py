"""Parts of a page that only one of its readers sees: the site or PyPI; GitHub sees neither.

A comment of HTML holds them, which Markdown does not show. It begins with the reader's name:

    <!-- only on the site
    ...
    -->

    <!-- on the site instead
    ...
    -->
    What all other readers see.
    <!-- end -->
"""

import re
from typing import Any


def for_reader(text: str, place: str) -> str:
    """Return the text with the parts for a place, "the site" or "PyPI", in the place of those for other readers."""
    text = re.sub(rf"^<!-- on {place} instead\n(.*?)^-->\n.*?^<!-- end -->\n", r"\1", text, flags=re.M | re.S)
    return re.sub(rf"^<!-- only on {place}\n(.*?)^-->\n", r"\1", text, flags=re.M | re.S)


def for_site(app: object, docname: str, source: list[str]) -> None:
    """Let a page have its parts for the site."""
    source[0] = for_reader(source[0], "the site")


def setup(app: Any) -> dict[str, bool]:
    """Connect it to the reading of pages, before what changes their contents."""
    app.connect("source-read", for_site, priority=100)
    return {"parallel_read_safe": True}
