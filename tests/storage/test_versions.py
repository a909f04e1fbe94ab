"""Every version reads the files that earlier versions wrote, and predicts as they did."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

safetensors = pytest.importorskip("safetensors")

import sknet  # noqa: E402
from tests.storage.forged import MINOR_VERSION  # noqa: E402
from tests.storage.write_versions import VERSIONS, parts_of, table_of  # noqa: E402

FILES = sorted(VERSIONS.glob("*/*.safetensors"))
all_files = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")


def expected(path):
    """The rows that a model has predicted, and the calls with what they returned."""
    kept = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return table_of(kept["columns"]), kept["calls"]


def assert_predicts_as_before(model, path):
    rows, calls = expected(path)
    assert calls
    has_text = (model.inputs_["kind"] == "text").any()  # whose components are computed in float32
    eps = np.finfo(np.float32 if has_text else model.resolved_params_["dtype"]).eps
    for method, how, returned in calls:
        for found, before in zip(parts_of(getattr(model, method)(rows, **how)), map(np.asarray, returned), strict=True):
            assert found.shape == before.shape
            if before.dtype.kind == "f":  # a sum of a thousand terms may be rounded in another order
                np.testing.assert_allclose(found, before, rtol=0.0, atol=1000 * eps * np.abs(before).max())
            else:
                np.testing.assert_array_equal(found, before)


def settings_of(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        return file.metadata()["settings"]


@all_files
def test_a_file_of_each_version_predicts_as_the_version_that_wrote_it(path):
    assert_predicts_as_before(sknet.load(path), path)


@all_files
def test_a_file_of_each_version_can_be_saved_again(path, tmp_path):
    model = sknet.load(path)
    sknet.save(model, tmp_path / "again")
    again = sknet.load(tmp_path / "again")
    assert_predicts_as_before(again, path)
    assert again.resolved_params_ == model.resolved_params_
    if path.parent.name == MINOR_VERSION:  # a change of what files hold needs a new minor version
        assert settings_of(tmp_path / "again") == settings_of(path)


@all_files
@pytest.mark.filterwarnings("ignore")  # few rows, and columns of identifiers
def test_a_file_of_each_version_can_be_trained_further(path):
    model, (rows, _) = sknet.load(path), expected(path)
    y = model.predict(rows) if hasattr(model, "classes_") else np.arange(len(rows))
    t = model.t_
    assert model.partial_fit(rows, y).t_ == t + len(rows)


def test_there_are_files_of_the_current_version():
    """`python -m tests.storage.write_versions` writes them."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ".".join(project["version"].split(".")[:2]) == MINOR_VERSION
    assert {path.parent.name for path in FILES} >= {MINOR_VERSION}
