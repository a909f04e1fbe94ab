"""Change the package at one place at a time, and see whether its tests notice.

    python -m tests.fuzz.mutants [--n N] [--seed S] [--seconds S] [--jobs N] [--results FILE] [--only PATH ...]

A seeded sample of all changes to the package: another operator, comparison, number, condition or return value, a
statement left out. Each is made in a copy of the project. Tests run until one fails or the time is over: first those
that have the module's name or name its file, with the table of constants, then those of the module's room, then all
others. Among these, test modules come first that have rare names in common with the changed line and its function.
A test that fails without the change, too, is printed, and the change counts as one that survives.
Annotations, decorators and the texts of errors are left alone. What survives is printed: a test is missing, or it
comes too late. Changes of which no test can tell stand in `equivalent.md`, with reasons; one that a test notices all
the same counts as killed.
"""

import argparse
import ast
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE_OF_CONSTANTS = "tests/test_constants.py"
OTHER_TESTS = {"benchmarks", "fuzz", "partners", "peers", "test_examples.py", "test_measured_tables.py",
               "test_oldest_versions.py", "test_packaging.py", "test_readme.py", "test_site.py", "typing"}  # fmt: skip
"""Parts of `tests` that are slow, or run other code than the package's."""

MARK_OF_ROOM = {"_dask": "dask", "dask.py": "dask", "_export": "export", "export.py": "export"}
"""The tests of these have a mark, and are left out elsewhere."""

MEMORY = 8 * 2**30
"""The memory of one run of tests."""

SECONDS_OF_A_TEST = 60
"""Processor time by which a run may exceed its own: a changed loop may never end."""

EQUIVALENT = frozenset(
    line[3:-1] for line in (Path(__file__).parent / "equivalent.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("- `")
)  # fmt: skip
"""The keys of changes of which no test can tell."""

BINARY = {
    ast.Add: ["-"], ast.Sub: ["+"], ast.Mult: ["/"], ast.Div: ["*"], ast.FloorDiv: ["/"], ast.Mod: ["*"],
    ast.Pow: ["*"], ast.MatMult: ["*"], ast.BitAnd: ["|"], ast.BitOr: ["&"],
}  # fmt: skip
COMPARED = {
    ast.Lt: ["<=", ">="], ast.LtE: ["<", ">"], ast.Gt: [">=", "<="], ast.GtE: [">", "<"], ast.Eq: ["!="],
    ast.NotEq: ["=="], ast.Is: ["is not"], ast.IsNot: ["is"], ast.In: ["not in"], ast.NotIn: ["in"],
}  # fmt: skip
SWAPPED = {
    "min": "max", "max": "min", "any": "all", "all": "any", "ceil": "floor", "minimum": "maximum",
    "maximum": "minimum", "zeros": "ones", "ones": "zeros", "less": "greater", "greater": "less", "sqrt": "square",
    "log1p": "log", "expm1": "exp",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One place in a file, and what stands there instead."""

    file: str
    line: int
    start: int  # characters from the start of the file
    stop: int
    before: str
    after: str
    text: str  # of the line
    nth: int = 0  # of the changes of which all this but the place is the same
    scope: tuple[str, ...] = field(default=(), compare=False)  # the classes and functions around it

    @property
    def key(self) -> str:
        """What it is wherever it stands: lines before it may come and go."""
        return f"{self.file}: {self.text}: {self.before} -> {self.after} ({self.nth})"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}\n    {shown(self.before)}  ->  {shown(self.after)}"


def shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) < 90 else text[:87] + "..."


# --- every change that can be made ------------------------------------------------------------------------------------


class Places(ast.NodeVisitor):
    """Collects the changes of a file."""

    def __init__(self, file: str, source: str) -> None:
        self.file, self.source, self.found = file, source, []
        self._scope: tuple[str, ...] = ()
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._starts = [0]  # of the lines, in bytes: what `ast` counts in
        self._bytes = source.encode()
        for line in self._bytes.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self.visit(ast.parse(source))

    def span(self, node: ast.AST) -> tuple[int, int]:
        ends = (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )
        return tuple(len(self._bytes[:end].decode()) for end in ends)

    def text(self, node: ast.AST) -> str:
        return self.source[slice(*self.span(node))]

    def add(self, node: ast.AST, after: str) -> None:
        self._add(*self.span(node), after)

    def _add(self, start: int, stop: int, after: str) -> None:
        before = self.source[start:stop]
        line = self.source.count("\n", 0, start + len(before) - len(before.lstrip())) + 1
        text = self.source.splitlines()[line - 1].strip()
        nth = self._seen[text, before, after]
        self._seen[text, before, after] += 1
        self.found.append(Mutant(self.file, line, start, stop, before, after, text, nth, self._scope))

    def combine(self, left: ast.AST, operator: str, right: ast.AST) -> None:
        """Put another operator between two operands; the brackets around them stay."""
        (_, start), (stop, _) = self.span(left), self.span(right)
        between = self.source[start:stop]
        bare = "".join(c for c in between if c in "()\n ")
        head, tail = bare.count(")"), bare.count("(")
        self._add(start, stop, f"{')' * head} {operator} {'(' * tail}")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        for operator in BINARY.get(type(node.op), []):
            self.combine(node.left, operator, node.right)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            for other in COMPARED[type(operator)]:
                self.combine(left, other, right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = "or" if isinstance(node.op, ast.And) else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.combine(left, other, right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, (ast.Not, ast.USub)):
            self.add(node, f"({self.text(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.add(node, str(not node.value))
        elif isinstance(node.value, (int, float)):
            self.add(node, repr(node.value + 1))
            if isinstance(node.value, float) and node.value:
                self.add(node, repr(node.value * 0.5))

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in SWAPPED:
            self.add(node.func, self.text(node.func).removesuffix(name) + SWAPPED[name])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.add(node, "pass")
        target, value = self.text(node.target), self.text(node.value)
        for operator in BINARY.get(type(node.op), []):
            self.add(node, f"{target} {operator}= {value}")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.add(node, "pass")
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not isinstance(node.targets[0], ast.Name):  # else the name would be missing, which any run notices
            self.add(node, "pass")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.add(node, "return None")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.add(node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self.add(node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.add(node, "break")

    def visit_If(self, node: ast.If) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    visit_IfExp = visit_While = visit_If

    def _negate(self, test: ast.expr) -> None:
        if not isinstance(test, (ast.Compare, ast.UnaryOp)):
            self.add(test, f"(not ({self.text(test)}))")

    def visit_arg(self, node: ast.arg) -> None:
        """An annotation is left alone."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._visit_inside(node.name, [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_inside(node.name, node.body)

    def _visit_inside(self, name: str, parts: list[ast.AST]) -> None:
        self._scope += (name,)
        for part in parts:
            self.visit(part)
        self._scope = self._scope[:-1]


def mutants_of(root: Path) -> Iterator[Mutant]:
    for path in sorted((root / "sknet").rglob("*.py")):
        yield from Places(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")).found


def sample(every: list[Mutant], n: int, seed: int) -> list[Mutant]:
    """Choose by what is changed and not by where it stands: a line more in a file changes the sample by little."""
    return sorted(every, key=lambda mutant: sha256(f"{seed} {mutant.key}".encode()).digest())[:n]


# --- one change, and the tests that should notice it ------------------------------------------------------------------


@cache
def modules_of_tests(root: Path) -> dict[str, str]:
    """The text of each module of tests."""
    paths = [path for path in (root / "tests").rglob("test_*.py") if not OTHER_TESTS & {*path.relative_to(root).parts}]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


@cache
def modules_by_name(root: Path) -> dict[str, set[str]]:
    """The modules of tests that have a name anywhere."""
    found: dict[str, set[str]] = {}
    for module, text in modules_of_tests(root).items():
        for name in {*re.findall(r"[^\W\d]\w+", text)}:
            found.setdefault(name, set()).add(module)
    return found


def stages(root: Path, mutant: Mutant) -> list[list[str]]:
    """The modules of tests that are collected together, in the order in which they are tried: see the top."""
    path = Path(mutant.file)
    is_in_room = len(path.parts) > 2
    room = f"tests/{path.parts[1].removeprefix('_').removesuffix('.py')}/"
    begins = re.compile(rf"test_{path.stem.removeprefix('_').removesuffix('s')}s?(_\w+)?\.py")
    closeness: Counter[str] = Counter()
    for name in {*mutant.scope, *re.findall(r"[^\W\d]\w+", mutant.text)}:
        modules = modules_by_name(root).get(name, set())
        closeness.update(dict.fromkeys(modules, 1.0 / max(len(modules), 1)))
    parts: list[list[str]] = [[], [], []]
    for module, text in modules_of_tests(root).items():
        beside = module.startswith(room) if is_in_room else module.count("/") == 1
        has_name = begins.fullmatch(Path(module).name) or path.name in text.split("\n\n")[0]
        is_first = (beside and has_name) or module == TABLE_OF_CONSTANTS
        parts[0 if is_first else 1 if module.startswith(room) else 2].append(module)
    return [sorted(part, key=lambda module: -closeness[module]) for part in parts if part]


class Watch:
    """A plugin of pytest: it ends a run when its processor time is over, and keeps the first test that fails."""

    def __init__(self, seconds: float) -> None:
        self.end = time.process_time() + seconds
        self.failed = ""

    def pytest_sessionstart(self, session) -> None:
        self.session = session

    def pytest_runtest_logreport(self, report) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid
        if time.process_time() > self.end:
            self.session.shouldstop = "its time is over"

    pytest_collectreport = pytest_runtest_logreport


def first_failure(root: Path, tests: list[str], mark: str, seconds: float) -> tuple[str, float]:
    """Run tests in a process that has everything imported but the package.

    Return the test that fails first, "no end" if one does not end or the process dies, and "" if all pass in this time;
    and the processor time that they took.
    """
    before = sum(os.times()[2:4])  # of children
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        limit = int(seconds) + SECONDS_OF_A_TEST
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os.write(writer, (run_pytest(root, tests, mark, seconds) or "passed").encode()[:4096])
        os._exit(0)
    os.close(writer)
    # a test that waits takes no processor time
    is_readable, _, _ = select.select([reader], [], [], 10 * (seconds + SECONDS_OF_A_TEST))
    answer = os.read(reader, 4096).decode() if is_readable else ""
    os.close(reader)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # and what it has started
    os.waitpid(child, 0)
    return {"": "no end", "passed": ""}.get(answer, answer), sum(os.times()[2:4]) - before


def run_pytest(root: Path, tests: list[str], mark: str, seconds: float) -> str:
    """Return the test that fails first."""
    import pytest

    os.chdir(root)
    sys.path.insert(0, str(root))
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]  # this program's own package: that of the copy is another one
    sys.dont_write_bytecode = True
    marks = {"dask", "docs", "export", "partners", "peers"} - {mark}
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts="]
    options += [o for name in ("doctest", "pastebin", "junitxml") for o in ("-p", f"no:{name}")]
    options += ["-m", " and ".join(f"not {name}" for name in sorted(marks)), "-W", "ignore:Module already imported"]
    watch = Watch(seconds)
    try:
        pytest.main([*options, *tests], plugins=[watch])
    except BaseException as error:
        return watch.failed or repr(error)
    return watch.failed


def verdict(mutant: Mutant, folder: Path, seconds: float) -> str:
    """Make a change, run the tests, take it back; return the test that noticed, "no end", "no code" or "survived"."""
    root = own_copy(folder)
    path = root / mutant.file
    source, times = path.read_text(encoding="utf-8"), path.stat()
    changed = source[: mutant.start] + mutant.after + source[mutant.stop :]
    try:
        ast.parse(changed)
    except SyntaxError:
        return "no code"
    mark = MARK_OF_ROOM.get(Path(mutant.file).parts[1], "")
    path.write_text(changed, encoding="utf-8")
    try:
        failed = ""
        for tests in stages(root, mutant):
            failed, used = first_failure(root, tests, mark, seconds)
            seconds -= used
            if failed or seconds <= 0.0:
                break
    finally:
        path.write_text(source, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # its compiled form is valid again
    if failed and failed != "no end" and not passes_unchanged(root, failed, mark):
        print(f"{failed} fails without any change, so that it notices none", flush=True)
        return "survived"
    return failed or "survived"


@cache
def passes_unchanged(root: Path, test: str, mark: str) -> bool:
    return not first_failure(root, [test], mark, SECONDS_OF_A_TEST)[0]


def make_copy(folder: Path) -> None:
    """Copy the project into a folder, and compile what the tests import."""
    root = folder / "project"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".git", ".venv", "*.egg-info"))
    options = ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts="]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, *modules_of_tests(root)], cwd=root, check=True,
        stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip


@cache
def own_copy(folder: Path) -> Path:
    """This process's own copy of the copied project."""
    root = folder / str(os.getpid())
    return shutil.copytree(folder / "project", root)


def attack(
    n: int, seed: int, seconds: float, jobs: int = 1, results: Path | None = None, only: tuple[str, ...] = ()
) -> list[tuple[Mutant, str]]:
    """Try a number of changes; those whose outcome stands in a file of results are not tried again."""
    known: dict[str, str] = {}
    if results is not None and results.exists():
        known = {entry["key"]: entry["outcome"] for entry in map(json.loads, results.read_text().splitlines())}
    every = list(mutants_of(ROOT))
    chosen = [mutant for mutant in sample(every, n, seed) if not only or mutant.file.startswith(only)]
    unknown = [mutant for mutant in chosen if mutant.key not in known]
    print(f"{len(every)} changes can be made; of a sample of {n}, {len(unknown)} are tried", flush=True)
    import_all()
    with tempfile.TemporaryDirectory() as folder:
        make_copy(Path(folder))
        with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
            outcomes = pool.map(partial(verdict, folder=Path(folder), seconds=seconds), unknown)
            for mutant, outcome in zip(unknown, outcomes, strict=True):
                known[mutant.key] = outcome
                if results is not None:
                    with results.open("a") as file:
                        file.write(json.dumps({"key": mutant.key, "outcome": outcome}) + "\n")
                if outcome == "survived" and mutant.key not in EQUIVALENT:
                    print(mutant, flush=True)
    return [(mutant, known[mutant.key]) for mutant in chosen]


def import_all() -> None:
    """Import what the tests import, once; each run of tests starts as a copy of this process."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[variable] = "1"
    os.environ["SCIPY_ARRAY_API"] = "1"
    import hypothesis  # noqa: F401
    import pandas  # noqa: F401
    import pytest  # noqa: F401
    import sklearn.model_selection
    import sklearn.neural_network
    import sklearn.utils.estimator_checks  # noqa: F401


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time for the tests of a change")
    parser.add_argument("--jobs", type=int, default=1, help="processes that try changes")
    parser.add_argument("--results", type=Path, help="a file of outcomes, which is read first and added to")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATH", help="files or folders, such as sknet/_model")
    options = parser.parse_args()
    outcomes = attack(options.n, options.seed, options.seconds, options.jobs, options.results, tuple(options.only))
    survivors = [mutant for mutant, outcome in outcomes if outcome == "survived" and mutant.key not in EQUIVALENT]
    n_equivalent = sum(outcome == "survived" for _, outcome in outcomes) - len(survivors)
    n_without_code = sum(outcome == "no code" for _, outcome in outcomes)
    n_without_end = sum(outcome == "no end" for _, outcome in outcomes)
    n = len(outcomes) - n_equivalent - n_without_code
    print(f"Seed {options.seed}: {n - len(survivors)} of {n} killed ({1 - len(survivors) / max(n, 1):.1%}; "
          f"{n_without_end} did not end), {len(survivors)} survived; of others, {n_equivalent} are equivalent, "
          f"{n_without_code} no code.")  # fmt: skip
    for mutant in survivors:
        print(mutant)


if __name__ == "__main__":
    main()
