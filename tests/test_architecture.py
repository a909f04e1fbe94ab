"""The rooms of the package: who may import whom, what they may name, and where they stand."""

import ast
import builtins
import re
import shutil
import subprocess
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sknet"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ARROWS = {  # a room may import these, and what they may import
    "_network": set(),
    "_training": set(),
    "_tables": set(),
    "_model": {"_tables", "_training", "_network"},
    "_storage": {"_model"},
    "_stream": {"_model"},
    "_dask": {"_model"},
    "_export": {"_model"},
    "_display": {"_model"},
    "_estimators": {"_storage"},
}
PARTS = {"_stream", "_dask", "_export", "_display"}
PACKAGES_OF_PARTS = {"dask", "distributed", "matplotlib", "onnx", "onnxruntime", "pyarrow", "skl2onnx", "torch"}
OF_PARTS = [PACKAGE / name for name in ("__init__.py", "dask.py", "export.py", "stream.py")]
FOR_ALL = {"_packages", "_typing", "_vectors"}
KNOW_NO_SKLEARN = {"_network", "_training", "_model", "_storage"}
MAY_IMPORT_PRIVATE_SKLEARN = PACKAGE / "_estimators" / "sklearn_api.py"
MAY_NAME_ARRAYS = PACKAGE / "_typing.py"
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
# pages that name what is inside the package; others name what other packages have
PAGES_ON_THE_INSIDE = {"a_fit_step_by_step", "add_to_sknet", "architecture", "design_decisions", "development", "words"}
FILE_IN_BACKTICKS = r"`(?:[\w.]*/)*(\w+\.(?:py|md|toml|csv|txt))`"
TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "sknet", "tests", "examples", "docs"}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def may_import(room: str) -> set[str]:
    """The room itself, those that its arrow points to, and so on."""
    return {room} | {further for other in ARROWS[room] for further in may_import(other)}


def imported_names(node: ast.AST, path: Path) -> Iterator[str]:
    """Each imported thing as a full dotted name, relative imports resolved."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = path.relative_to(ROOT).with_suffix("").parts[: -node.level]
            base = ".".join([*package, *([base] if base else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> list[str]:
    return [name for node in ast.walk(tree_of(path)) for name in imported_names(node, path)]


def functions(path: Path) -> list[FunctionNode]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, FunctionNode)]


def runs_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it that is not inside a function."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, FunctionNode | ast.Lambda):
            yield from runs_at_import(child)


def matplotlib_among(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.split(".")[0] == "matplotlib"]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_point_one_way(path):
    allowed = FOR_ALL | (may_import(room_of(path)) if room_of(path) else set(ARROWS))
    if path == PACKAGE / "__init__.py":  # which loads these when they are first used
        allowed |= {"dask", "export", "stream"}
    own = [name.split(".") for name in imports(path) if name.split(".")[0] == "sknet"]
    wrong = [".".join(parts) for parts in own if len(parts) < 2 or parts[1] not in allowed]
    assert not wrong, f"{relative(path)} must not import {wrong}"


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_tests_of_a_room_know_private_modules_of_that_room_only(path):
    """A rename in a room changes its own tests; others start from its door, or from modules beside its tests."""
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\bsknet(?:\.| import )(_[a-z]\w*)", text))
    if re.search(r"\w\._fitted\b", text):  # what a fit leaves in an estimator
        named.add("_estimators")
    wrong = named - FOR_ALL - {f"_{path.relative_to(ROOT).parts[1]}"}
    assert not wrong, f"{relative(path)} must not know of {wrong}"


@pytest.mark.parametrize("path", [path for path in SOURCES if room_of(path) and path.stem != "__init__"], ids=relative)
def test_the_tests_of_a_module_have_its_name_or_name_it_in_their_first_lines(path):
    tests = [test for test in TESTS if test.parent == ROOT / "tests" / room_of(path)[1:]]
    begins = re.compile(rf"test_{path.stem.removesuffix('s')}s?(_\w+)?\.py")
    assert any(begins.fullmatch(test.name) or path.name in test.read_text("utf-8").split("\n\n")[0] for test in tests)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_the_core_imports_no_part(path):
    """Streams, clusters, exports and pictures can be removed without a change to a fit, see docs/status.md."""
    if room_of(path) in PARTS or path in OF_PARTS:
        return
    wrong = [name for name in imports(path) if (PARTS | PACKAGES_OF_PARTS) & {*name.split(".")}]
    assert not wrong, f"{relative(path)} must not import {wrong}"


def module_of(name: str) -> Path | None:
    """The file that an imported name comes from: a module's, or that of the module which it is in."""
    for dotted in (name, name.rpartition(".")[0]):
        path = ROOT.joinpath(*dotted.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file in SOURCES:
                return file
    return None


def test_no_files_import_each_other_in_a_circle():
    """Imports for types alone count; doors, which load what they need when it is used, stand outside."""
    rooms = [path for path in SOURCES if room_of(path)]
    left = {path: {module_of(name) for name in imports(path)} & {*rooms} - {path} for path in rooms}
    while ready := [path for path, others in left.items() if not others & left.keys()]:
        left = {path: others for path, others in left.items() if path not in ready}
    assert not left, f"these import each other, or what does: {sorted(map(relative, left))}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_scikit_learn_is_imported_where_its_contract_is_known(path):
    names = [name.split(".") for name in imports(path) if name.split(".")[0] == "sklearn"]
    assert not (names and room_of(path) in KNOW_NO_SKLEARN), f"{relative(path)} must not know scikit-learn"
    private = [".".join(parts) for parts in names if any(p.startswith("_") and not p.endswith("__") for p in parts)]
    assert not private or path == MAY_IMPORT_PRIVATE_SKLEARN, f"{relative(path)} imports the private {private}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_matplotlib_is_imported_late(path):
    assert room_of(path) == "_display" or not matplotlib_among(imports(path))
    assert not matplotlib_among(name for node in runs_at_import(tree_of(path)) for name in imported_names(node, path))


def names_of(annotation: ast.AST | None) -> set[str]:
    return set() if annotation is None else {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_nobody_reads_what_he_likes_from_a_whole_estimator(path):
    """scikit-learn has no types: a parameter of its class could be anything."""
    parameters = [node for function in functions(path) for node in ast.walk(function.args) if isinstance(node, ast.arg)]
    estimators = [node for node in parameters if node.arg == "estimator"]
    untyped = [node.lineno for node in estimators if names_of(node.annotation) & {"Any", "BaseEstimator"}]
    assert not untyped, f"a parameter is called estimator, and its type says nothing: {relative(path)}, lines {untyped}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_types_of_arrays_have_their_names_in_one_place(path):
    tree = tree_of(path)
    targets = [node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    targets += [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
    aliases = {node.id for node in targets if isinstance(node, ast.Name)} & {"Array", "DType", "Batch", "Table"}
    assert not aliases or path == MAY_NAME_ARRAYS, f"{relative(path)} names {aliases} again"


NAMES_WITHOUT_NOUN = {"own", "others", "given", "found", "made", "known", "drawn"}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_variable_has_a_noun(path):
    """docs/words.md: no pronoun or participle alone."""
    nodes = list(ast.walk(tree_of(path)))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    vague = {name for name in names if name in NAMES_WITHOUT_NOUN or name.startswith(("own_", "given_"))}
    assert not vague, f"{relative(path)}: {vague}"


def test_every_room_says_what_it_is_and_none_is_a_lumber_room():
    assert {room_of(path) for path in SOURCES} <= {"", *ARROWS}
    assert not [relative(path) for path in SOURCES if path.stem in {"utils", "util", "helpers", "misc", "common"}]
    silent = [relative(path) for path in SOURCES if ast.get_docstring(tree_of(path)) is None]
    assert not silent, f"no module docstring in {silent}"


def definitions(tree: ast.AST) -> Iterator[str]:
    """What a reader can look up: functions, classes, parameters, fields, constants, and strings of one word.

    Local variables are left out: one of them easily has the name of what is gone elsewhere.
    """
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # a key, or a value of a parameter
            yield node.value
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from assigned_names(node)


def assigned_names(body_of: ast.Module | ast.ClassDef) -> Iterator[str]:
    for line in body_of.body:
        targets = [line.target] if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [])
        yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


def names_used(tree: ast.AST) -> Iterator[str]:
    """What code imports, attributes, and keywords: if it were not there, the code would fail."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg is not None:
            yield node.arg
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")


@cache
def known_names() -> frozenset[str]:
    """What prose may name: what the package defines, and what is used by the package, its tests and its examples."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    found = {*dir(builtins), *groups}
    for path in [*SOURCES, *TESTS, *(ROOT / "examples").rglob("*.py")]:
        tree = tree_of(path)
        found.update(names_used(tree), path.relative_to(ROOT).with_suffix("").parts)
        found.update(definitions(tree) if path in SOURCES else filter(str.isupper, assigned_names(tree)))
    return frozenset(found)


@cache
def file_names() -> set[str]:
    folders = ("sknet", "tests", "examples", "docs", ".github")
    return TOP_LEVEL.union(path.name for folder in folders for path in (ROOT / folder).rglob("*.*"))


def names_in_backticks(prose: str) -> set[str]:
    """The names in each piece of code in single or double backticks, but not the values that a call is given.

    What is no Python, a command for example, has none.
    """
    found: set[str] = set()
    for code in re.findall(r"(?<!`)`{1,2}([^`]+)`{1,2}(?!`)", re.sub(FILE_IN_BACKTICKS, "", prose)):
        with suppress(SyntaxError):
            tree = ast.parse(code)
            found.update(names_used(tree))
            for node in ast.walk(tree):
                heads = [getattr(node, "func", None), *getattr(node, "targets", [])]  # of a call, of `name=value`
                heads += [node.value] if isinstance(node, ast.Expr) else []
                found.update(head.id for head in heads if isinstance(head, ast.Name))
    return found


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_pages_name_what_there_is(page):
    prose, *blocks = re.split(r"^```", page.read_text("utf-8"), flags=re.M)
    prose, code = "".join([prose, *blocks[1::2]]), "".join(blocks[::2])  # what a page's programs define, it may name
    missing = set(re.findall(FILE_IN_BACKTICKS, prose)) - file_names()
    if page.stem in PAGES_ON_THE_INSIDE:
        missing |= names_in_backticks(prose) - known_names() - set(re.findall(r"\w+", code))
    assert not missing, " ".join(sorted(missing))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_docstrings_and_comments_name_what_there_is(path):
    """Whoever renames or removes something looks for it in prose, too."""
    words, named = set(known_names()), {}
    with path.open("rb") as file:
        for kind, text, (line, _), *_ in tokenize.tokenize(file.readline):
            if kind == tokenize.COMMENT or (kind == tokenize.STRING and text.endswith('"""')):
                named |= dict.fromkeys(names_in_backticks(text), line)
            elif kind == tokenize.NAME:  # variables of this file
                words.add(text)
    missing = [(name, line) for name, line in named.items() if name not in words]
    assert not missing


def test_the_top_level_holds_what_belongs_there():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git work tree")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {line.split("/")[0] for line in tracked.splitlines()}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL
