"""The examples, and the code in the README and the pages of docs/: all run, warn of nothing and print what is shown.

The main test command runs the short ones, in its own process; the marker "docs" has the rest, and the site's build runs
all.
"""

import contextlib
import doctest
import io
import os
import re
import runpy
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.metrics import mean_pinball_loss

from sknet import SigmoidMLPClassifier

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
SHORT = {"custom_pieces", "going_on", "own_validation_set"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n?```text( about)?\n(.*?)^```)?", re.M | re.S)
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")
END = "-- end of block --"


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """The Python in a page with the output shown below it, but for what its first line marks as `python partners`.

    Between them: "about" where the output's numbers need only be near, since another processor rounds otherwise.
    """
    text = re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.S)  # which other readers see
    return BLOCK.findall(text)


def is_near(shown: str, found: str) -> bool:
    """Whether the words are the same, and each number is within 0.03, or above 1 within a quarter."""
    words = [NUMBER.sub("#", text).split() for text in (shown, found)]
    numbers = [[float(number.replace(",", "")) for number in NUMBER.findall(text)] for text in (shown, found)]
    near = (abs(a - b) <= (0.25 * abs(a) if abs(a) > 1 else 0.03) for a, b in zip(*numbers, strict=False))
    return words[0] == words[1] and all(near)


def run(program: Path, folder: Path = ROOT) -> str:
    """Return what a program prints in a process of its own."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "MPLBACKEND": "agg", "COLUMNS": "120"}
    environment.pop("DISPLAY", None)  # with a display, a picture that cannot be shown is a warning
    # what a package of an example uses that another one will give up some day is theirs to mend
    command = [sys.executable, "-W", "error", "-W", "ignore::PendingDeprecationWarning", str(program)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return output(done.stdout, done.stderr)


def run_here(program: Path, folder: Path = ROOT, silent: type[Warning] = PendingDeprecationWarning) -> str:
    """Return what a program prints in this process, which has imported most of what the program needs."""
    printed, complaints = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(complaints))
        stack.enter_context(patch.dict(os.environ, {"COLUMNS": "120"}))
        stack.enter_context(patch.object(sys, "argv", [str(program)]))
        stack.enter_context(patch.object(plt, "show", lambda: plt.close("all")))
        stack.enter_context(config_context())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", silent)
        runpy.run_path(str(program), run_name="__main__")
    return output(printed.getvalue(), complaints.getvalue())


def output(printed: str, complaints: str) -> str:
    assert printed.strip(), "an example prints what it found"
    assert not complaints.strip(), complaints
    return printed


def in_the_main_command(path: Path) -> bool:
    return path.stem in SHORT if path.suffix == ".py" else path.parent in (ROOT, ROOT / "docs")


def each(paths: list[Path]) -> list[object]:
    return [
        pytest.param(path, id=path.stem, marks=[] if in_the_main_command(path) else pytest.mark.docs) for path in paths
    ]


@pytest.mark.parametrize("example", each(EXAMPLES))
def test_example_runs(example):
    (run_here if in_the_main_command(example) else run)(example)


@pytest.mark.parametrize("page", each([page for page in PAGES if blocks(page)]))
def test_the_blocks_of_a_page_run_one_after_the_other(page, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")  # pages read the data as from a clone
    code = f"\nprint({END!r})\n".join(code for code, _, _ in blocks(page))
    program = tmp_path / "page.py"
    program.write_text(code, encoding="utf-8")
    printed = (run_here if in_the_main_command(page) else run)(program, tmp_path).split(END + "\n")
    how = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for (block, about, shown), found in zip(blocks(page), printed, strict=True):
        if shown:
            is_same = is_near(shown, found) if about else doctest.OutputChecker().check_output(shown, found, how)
            assert is_same, f"{block}\nshows\n{shown}\nprints\n{found}"


def test_the_short_examples_are_there():
    assert {path.stem for path in EXAMPLES} >= SHORT


# --- the callbacks of examples --------------------------------------------------------------------------------------

needs_callbacks = pytest.mark.skipif(
    not hasattr(SigmoidMLPClassifier, "set_callbacks"), reason="callbacks came with scikit-learn 1.9"
)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    return X, (X["a"] + X["b"] > 0).astype(int)


@needs_callbacks
def test_the_model_for_autogluon_uses_the_rows_and_the_time_limit_that_it_gets(table):
    cls = runpy.run_path(str(ROOT / "examples/deploying/autogluon_model.py"))["SknetModel"]
    model = object.__new__(cls)  # AutoGluon need not be installed
    model.problem_type = "binary"
    model.preprocess = lambda X, **context: X
    model._get_model_params = lambda: {"max_iter": 5, "random_state": 0}
    X, y = table
    expected = SigmoidMLPClassifier(max_iter=5, random_state=0).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    rows = {"X": X[:150], "y": y[:150], "X_val": X[150:], "y_val": y[150:]}
    for time_limit, n_epochs in {None: 5, 1e6: 5, 0.0: 1}.items():
        model._fit(**rows, time_limit=time_limit, num_cpus=1)
        assert model.model.n_iter_ == n_epochs
        if n_epochs == 5:
            assert (model.model.predict_proba(X) == expected.predict_proba(X)).all()
        assert not getattr(model.model, "_skl_callbacks", [])
    assert cls._estimate_memory_usage_static(X=X) > X.memory_usage(deep=True).sum()
    assert model._more_tags() == {"can_refit_full": False}


# --- the distribution in bins ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def in_bins():
    return runpy.run_path(str(ROOT / "examples/uncertainty/distribution_in_bins.py"))


@pytest.fixture(scope="module")
def cars_in_bins(in_bins):
    cars = pd.read_csv(ROOT / "examples/data/cars.csv").drop(columns="name")
    X, y = cars.drop(columns="miles_per_gallon"), cars["miles_per_gallon"].to_numpy()
    model = in_bins["SknetWrapper"](random_state=0, max_iter=20).fit(X[::2], y[::2])
    return model.predict_distribution(X[1::2]), y[1::2]


def test_each_row_has_edges_that_rise_and_probabilities_that_add_up_to_one(cars_in_bins):
    found, y = cars_in_bins
    assert found.bin_edges.shape == (len(y), 101)
    assert (np.diff(found.bin_edges) >= 0).all()
    np.testing.assert_allclose(found.probas.sum(axis=1), 1)
    assert (found.bin_edges[:, :1] <= found.bin_midpoints).all()
    assert found.train_range == (9.0, 46.6)


def test_the_score_of_the_bins_is_close_to_that_of_the_quantiles(in_bins, cars_in_bins):
    found, y = cars_in_bins
    quantiles = found.bin_edges[:, 1:-1].T
    losses = [mean_pinball_loss(y, q, alpha=level) for q, level in zip(quantiles, in_bins["LEVELS"], strict=True)]
    assert in_bins["ranked_probability_score"](found, y) == pytest.approx(2 * np.mean(losses), rel=0.015)


@pytest.mark.parametrize(("target", "expected"), [(0.5, 1 / 12), (2.0, 4 / 3), (-1.0, 4 / 3), (0.0, 1 / 3)])
def test_the_score_of_a_uniform_distribution_is_known(in_bins, target, expected):
    uniform = SimpleNamespace(bin_edges=np.array([[0, 0, 0.3, 1, 1]]), probas=np.array([[0, 0.3, 0.7, 0]]))
    assert in_bins["ranked_probability_score"](uniform, np.array([target])) == pytest.approx(expected)
