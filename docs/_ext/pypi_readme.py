"""What a distribution says on PyPI: the README with absolute links, and the project's addresses.

`.github/CITATION.cff` holds the addresses of the documentation and of the repository. No other file does.
"""

import re
import runpy
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

for_reader = runpy.run_path(str(Path(__file__).with_name("for_readers.py")))["for_reader"]


def addresses(root: Path) -> dict[str, str]:
    """The addresses that the metadata have, by the names that PyPI knows."""
    text = Path(root, ".github", "CITATION.cff").read_text(encoding="utf-8")
    found = dict(re.findall(r'^(url|repository-code): "(.*)"$', text, re.M))
    documentation, source = found["url"], found["repository-code"]
    return {
        "Documentation": documentation,
        "Source": source,
        "Issues": f"{source}/issues",
        "Changelog": f"{documentation}changelog.html",
    }


def with_addresses(text: str, address: str) -> str:
    """Return the text with its relative links made absolute."""

    def absolute(link: re.Match[str]) -> str:
        path, _, anchor = link[2].partition("#")
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
        return f"{link[1]}{address}{path}{'#' if anchor else ''}{anchor}{link[3]}"

    return re.sub(r'(\]\(|src=")(?!https?:|#)([^)"]+)(\)|")', absolute, text)


class CustomMetadataHook(MetadataHookInterface):
    """Sets the project's readme and addresses when a distribution is built."""

    def update(self, metadata: dict[str, object]) -> None:
        """Read the README and the addresses."""
        urls = addresses(Path(self.root))
        text = for_reader(Path(self.root, "README.md").read_text(encoding="utf-8"), "PyPI")
        metadata["urls"] = urls
        metadata["readme"] = {"content-type": "text/markdown", "text": with_addresses(text, urls["Documentation"])}
