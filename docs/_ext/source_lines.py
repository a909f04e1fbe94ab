"""What pages take from the package and the programs, written into them, so that a clone shows it.

A block of code whose first line is, for example, `python sknet/_network/backprop.py Dense.forward` holds the lines of
this function. The reference lists names with their first sentences, and the gallery lists programs.
`python docs/_ext/source_lines.py` brings all of them up to date.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "examples" / "README.rst"
SECTIONS = ["cases", "tables", "training", "tuning", "uncertainty", "explaining", "inside", "larger", "deploying"]
"""The folders of the gallery, in its order."""

BLOCK = re.compile(r"^(```python (sknet/\S+\.py) ([\w.]+)\n)(.*?)^```$", re.M | re.S)
NAMES = re.compile(r"^(\.\. currentmodule:: (\S+)\n.*?\n\n((?:   \w+\n)+)```\n-->\n).*?^<!-- end -->\n", re.M | re.S)
LIST = re.compile(r"(\.\. the programs, as a clone lists them\n\n).*?(\.\. end of the list\n)", re.S)


def lines_of(path: Path, name: str) -> str:
    """The lines of a function or a class, such as `Dense.forward`, without its indentation."""
    text = path.read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        (node,) = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == part]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return dedent("".join(text.splitlines(keepends=True)[start - 1 : node.end_lineno]))


def with_lines(text: str) -> str:
    """A page with today's lines in its blocks."""
    return BLOCK.sub(lambda found: f"{found[1]}{lines_of(ROOT / found[2], found[3])}```", text)


def name_list(module: str, names: list[str]) -> Iterator[str]:
    """A line for each public name."""
    for name in names:
        yield f"- `{name}`: {getattr(import_module(module), name).__doc__.strip().splitlines()[0]}\n"


def with_names(text: str) -> str:
    """The reference with today's first sentences below the names that Sphinx reads; `sknet.dask` needs dask."""

    def filled(found: re.Match[str]) -> str:
        try:
            return f"{found[1]}\n{''.join(name_list(found[2], found[3].split()))}\n<!-- end -->\n"
        except ImportError:
            return found[0]

    return NAMES.sub(filled, text)


def head_of(text: str) -> tuple[str, str]:
    """The title of a program or a section, and the first sentence below it."""
    title, _, prose = text.strip().split("\n", 2)
    sentence = re.split(r"(?<=[.?!])\s", " ".join(prose.strip().split("\n\n")[0].split()), maxsplit=1)[0]
    return title, re.sub(r":$", ".", sentence)


def program_list() -> Iterator[str]:
    """A line for each program, by section."""
    folder = GALLERY.parent
    for section in [folder, *(folder / name for name in SECTIONS)]:
        if section != folder:
            yield f"**{section.joinpath('README.rst').read_text(encoding='utf-8').splitlines()[0]}**\n\n"
        for program in sorted(section.glob("*.py")):
            title, sentence = head_of(ast.get_docstring(ast.parse(program.read_text(encoding="utf-8"))) or "")
            yield f"- `{title} <{program.relative_to(folder).as_posix()}>`_: {sentence}\n"
        yield "\n"


def with_programs(text: str) -> str:
    """The gallery's first page with today's programs."""
    return LIST.sub(lambda found: found[1] + "".join(program_list()) + found[2], text)


if __name__ == "__main__":
    for page in ROOT.glob("docs/**/*.md"):
        before = page.read_text(encoding="utf-8")
        if (after := with_names(with_lines(before))) != before:
            page.write_text(after, encoding="utf-8")
    GALLERY.write_text(with_programs(GALLERY.read_text(encoding="utf-8")), encoding="utf-8")
