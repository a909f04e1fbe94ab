"""The README as PyPI shows it: what is a relative link in a clone leads to the address in pyproject.toml."""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface


def with_addresses(text: str, address: str) -> str:
    """Return the text with its relative links made absolute."""

    def absolute(link: re.Match[str]) -> str:
        path, _, anchor = link[1].partition("#")
        if path.startswith("docs/_static"):
            path = path.removeprefix("docs/")
        elif path.endswith(".png"):
            path = f"_images/{Path(path).name}"
        elif path == ".github/CONTRIBUTING.md":
            path = "contributing.html"
        elif path.startswith("examples"):
            path = "gallery/index.html"
        elif path.endswith(".md"):
            path = path.removeprefix("docs/").removesuffix("md") + "html"
        return f"]({address}{path}{'#' if anchor else ''}{anchor})"

    return re.sub(r"\]\((?!https?:|#)([^)]+)\)", absolute, text)


class CustomMetadataHook(MetadataHookInterface):
    """Sets the project's readme when a distribution is built."""

    def update(self, metadata: dict[str, object]) -> None:
        """Read the README and set its links."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        address = metadata["urls"]["Documentation"]  # type: ignore[index]
        metadata["readme"] = {"content-type": "text/markdown", "text": with_addresses(text, address)}
