"""Change the package at one place at a time, and see whether its tests notice.

    python -m tests.fuzz.mutants [--n N] [--seed S] [--wide] [--results FILE] [--only PATH ...]

A seeded sample of all changes to `_network`, `_training` and `_model`: another operator, comparison, number, condition
or return value, a statement left out. Each is made in a copy of the project, and meets first the twin of its file, then
all tests of its room with the worked example and the derivatives of every loss, then, with --wide, those of the
estimators (`WIDE`).
Annotations, decorators and the texts of errors are left alone. What survives is printed: a test is missing. Changes of
which no test can tell stand in `equivalent.md`, with reasons; one that a test notices all the same counts as killed.
"""

import argparse
import ast
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("_network", "_training", "_model")
WIDE = (
    "tests/estimators/test_base.py", "tests/estimators/test_solvers.py", "tests/estimators/test_sample_weights.py",
    "tests/estimators/test_regularisers.py", "tests/estimators/test_resuming.py", "tests/estimators/test_resolve.py",
    "tests/estimators/test_early_stopping.py", "tests/estimators/test_custom_pieces.py",
    "tests/estimators/test_sklearn_parity.py", "tests/estimators/test_classifier.py",
    "tests/estimators/test_regressor.py",
)  # fmt: skip
SECONDS, MEMORY = 90, 8 * 2**30
"""Processor time and memory of one run of tests: a changed loop may never end."""

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
        self.found.append(Mutant(self.file, line, start, stop, before, after, text, nth))

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
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body):
            self.visit(part)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:
            self.visit(part)


def mutants_of(root: Path, rooms: tuple[str, ...] = ROOMS) -> Iterator[Mutant]:
    for room in rooms:
        for path in sorted((root / "sknet" / room).rglob("*.py")):
            yield from Places(str(path.relative_to(root)), path.read_text(encoding="utf-8")).found


def sample(every: list[Mutant], n: int, seed: int) -> list[Mutant]:
    """Choose by what is changed and not by where it stands: a line more in a file changes the sample by little."""
    return sorted(every, key=lambda mutant: sha256(f"{seed} {mutant.key}".encode()).digest())[:n]


# --- one change, and the tests that should notice it ------------------------------------------------------------------


def stages(root: Path, file: str, wide: bool = False) -> list[list[str]]:
    """The tests of a file in the order in which they are tried: its twins, its room, those of the estimators."""
    _, room, name = Path(file).parts[:3]
    tests = f"tests/{room.removeprefix('_')}"
    stem = name.removesuffix(".py")
    names = [f"test_{stem}.py", f"test_{stem}_*.py", f"test_{stem.removesuffix('s')}_contract.py"]
    twins = dict.fromkeys(f"{tests}/{path.name}" for name in names for path in sorted((root / tests).glob(name)))
    beside = [
        "tests/estimators/test_worked_example.py", "tests/network/test_loss_contract.py",
        "tests/model/test_input_contract.py",
    ]  # fmt: skip
    return [*[[*twins]] * bool(twins), [*beside, tests], *[[*WIDE]] * wide]


def passes(root: Path, tests: list[str]) -> bool:
    """Whether tests pass in a process that has everything imported but the package."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os._exit(run_pytest(root, tests))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) in (0, 5)  # 5: there was nothing to run


def run_pytest(root: Path, tests: list[str]) -> int:
    import pytest

    os.chdir(root)
    sys.path.insert(0, str(root))
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]  # this program's own package: that of the copy is another one
    sys.dont_write_bytecode = True
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts="]
    options += [o for name in ("doctest", "pastebin", "junitxml") for o in ("-p", f"no:{name}")]
    options += ["-m", "not peers and not export", "-W", "ignore:Module already imported"]
    try:
        return int(pytest.main([*options, *tests]))
    except BaseException:
        return 1


def verdict(root: Path, mutant: Mutant, wide: bool) -> str:
    """Make a change, run the tests, take it back; return which tests noticed."""
    path = root / mutant.file
    source, times = path.read_text(encoding="utf-8"), path.stat()
    changed = source[: mutant.start] + mutant.after + source[mutant.stop :]
    try:
        ast.parse(changed)
    except SyntaxError:
        return "no code"
    path.write_text(changed, encoding="utf-8")
    try:
        tried = stages(root, mutant.file, wide)
        names = ["twin", "room", "estimators"] if len(tried) == 2 + wide else ["room", "estimators"]
        return next((name for name, tests in zip(names, tried, strict=False) if not passes(root, tests)), "survived")
    finally:
        path.write_text(source, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # its compiled form is valid again


def attack(
    n: int, seed: int, results: Path | None = None, only: tuple[str, ...] = (), wide: bool = False
) -> list[tuple[Mutant, str]]:
    """Try a number of changes; those whose outcome stands in a file of results are not tried again."""
    known: dict[str, str] = {}
    if results is not None and results.exists():
        known = {entry["key"]: entry["outcome"] for entry in map(json.loads, results.read_text().splitlines())}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        ignored = shutil.ignore_patterns(".git", ".venv", "*.egg-info")
        shutil.copytree(ROOT, root, ignore=ignored)
        every = list(mutants_of(root))
        chosen = [mutant for mutant in sample(every, n, seed) if not only or mutant.file.startswith(only)]
        print(f"{len(every)} changes can be made, {len(chosen)} are tried", flush=True)
        import_all()
        for tests in {tuple(tests) for mutant in chosen for tests in stages(root, mutant.file)}:
            assert passes(root, list(tests)), f"{tests} fail without any change"
        outcomes = []
        for mutant in chosen:
            started = time.perf_counter()
            outcome = known.get(mutant.key) or verdict(root, mutant, wide)
            outcomes.append((mutant, outcome))
            if mutant.key not in known and results is not None:
                with results.open("a") as file:
                    file.write(json.dumps({"key": mutant.key, "outcome": outcome}) + "\n")
            if outcome == "survived" and mutant.key not in EQUIVALENT:
                print(f"{mutant}   ({time.perf_counter() - started:.0f} s)", flush=True)
        return outcomes


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
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="a file of outcomes, which is read first and added to")
    parser.add_argument("--only", nargs="+", default=[], metavar="PATH", help="files or folders, such as sknet/_model")
    parser.add_argument("--wide", action="store_true", help="try the estimators' tests, too")
    options = parser.parse_args()
    outcomes = attack(options.n, options.seed, options.results, tuple(options.only), options.wide)
    counts = Counter(
        "equivalent" if outcome == "survived" and mutant.key in EQUIVALENT else outcome for mutant, outcome in outcomes
    )
    n = len(outcomes) - counts["no code"] - counts["equivalent"]
    print(f"{n - counts['survived']} of {n} killed ({1 - counts['survived'] / n:.1%}): {dict(counts)}")


if __name__ == "__main__":
    main()
