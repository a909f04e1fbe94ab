"""A small, fixed part of what the program beside this file does."""

import pytest

pytest.importorskip("safetensors")

from tests.fuzz import model_files

pytestmark = pytest.mark.filterwarnings("ignore")
WATCH = model_files.Watch()


def test_mutants_give_the_one_error_or_the_right_model():
    outcomes = model_files.fuzz(240, watch=WATCH)
    assert sum(outcomes.values()) == 240
    assert outcomes["refused, unsigned"] > 90
    assert outcomes["refused, signed"] > 60


@pytest.mark.skipif(not hasattr(model_files.SigmoidMLPRegressor, "set_callbacks"), reason="scikit-learn < 1.9")
def test_mutants_of_checkpoints():
    outcomes = model_files.fuzz_checkpoints(60, watch=WATCH)
    assert sum(outcomes.values()) == 60
    assert outcomes["refused, unsigned"] > 15
    assert outcomes["refused, signed"] > 10


def test_crafted_files_are_refused():
    outcomes = model_files.try_crafted(WATCH)
    assert len(outcomes) >= 50
    assert not any(outcomes.values())
