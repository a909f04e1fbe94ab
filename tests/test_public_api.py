"""What the package offers by name, and that its documentation and its signatures say the same."""

import inspect
import subprocess
import sys

import pytest
from numpydoc.validate import Validator, validate

import sknet
import sknet.export

# numpydoc codes: no docstring or summary; parameters missing, unknown, out of order, untyped or undescribed.
MISTAKES = {"GL08", "SS01", "SS02", "PR01", "PR02", "PR03", "PR04", "PR07", "RT03", "YD01"}

HOOKS = {"setup", "teardown", "on_fit_task_begin", "on_fit_task_end"}
"""Methods of callbacks, which scikit-learn calls, and whose arguments it documents."""


def documented_names():
    """Every public name, and each public method that this package defines on a class, except for hooks."""
    yield from (f"sknet.export.{name}" for name in sknet.export.__all__)
    for name in sknet.__all__:
        value = getattr(sknet, name)
        if not callable(value):
            continue
        yield f"sknet.{name}"
        if inspect.isclass(value):
            methods = inspect.getmembers(value, inspect.isfunction)
            public = {m for m, function in methods if m[0] != "_" and function.__module__.startswith("sknet")}
            yield from (f"sknet.{name}.{method}" for method in sorted(public - HOOKS))


def test_what_is_public_is_listed():
    assert sknet.__all__ == [
        "Activation", "Checkpoint", "Explanation", "ExplanationDisplay", "Interval", "Loss", "ModelFileError",
        "NetworkDisplay", "Optimizer", "ShapeFunctionDisplay", "SigmoidMLPClassifier", "SigmoidMLPRegressor",
        "TimeLimit", "TrainingHistoryDisplay", "check_gradient", "load", "save",
    ]  # fmt: skip
    assert dir(sknet) == sorted([*sknet.__all__, "dask", "export", "stream"])


@pytest.mark.parametrize("name", sknet.__all__)
def test_what_is_public_names_no_private_module(name):
    assert getattr(sknet, name).__module__ == "sknet"


@pytest.mark.parametrize("names", [["export", "stream"], pytest.param(["dask"], marks=pytest.mark.dask)])
def test_modules_are_loaded_when_they_are_first_used(names):
    code = f"""
import sys
import sknet
for name in {names}:
    assert name in dir(sknet) and f"sknet.{{name}}" not in sys.modules
    module = getattr(sknet, name)
    assert module.__all__ and sys.modules[f"sknet.{{name}}"] is module
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'sknet' has no attribute 'exports'"):
        getattr(sknet, "exports")  # noqa: B009


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_name_of_a_class_of_sklearn_is_answered_with_the_one_to_import(name):
    with pytest.raises(ImportError, match=rf"its class is Sigmoid{name}\. Import that one\.$"):
        exec(f"from sknet import {name}")
    assert f"Sigmoid{name}" in sknet.__all__


@pytest.mark.parametrize("name", list(documented_names()))
def test_docstring_matches_signature(name, monkeypatch):
    # Python 3.13 looks for a class's first line in the module that it says it is of: `sknet` itself
    monkeypatch.setattr(Validator, "source_file_def_line", None)
    errors = [f"{code}: {message}" for code, message in validate(name)["errors"] if code in MISTAKES]
    assert not errors
