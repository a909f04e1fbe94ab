"""A small, fixed part of what the programs beside this file do."""

import sys

import numpy as np
import pytest

from tests.fuzz import data, exceptions, interrupts, mutants, outcomes, parameters, processes

pytestmark = pytest.mark.filterwarnings("ignore")


def test_bad_parameters_are_refused_and_change_nothing():
    assert not parameters.attack(250, seed=1)


def test_bad_data_are_refused_and_change_nothing():
    assert not data.attack(400, seed=1)


def test_exceptions_in_users_code_change_nothing():
    assert not exceptions.attack(30, seed=1)


def test_interrupts_lose_nothing():
    assert not interrupts.attack(20, seed=1)


def test_predictions_in_threads_beside_fits_are_the_same():
    assert processes.predictions(3) == 0


def test_a_fit_changes_nothing_in_any_module():
    def held():
        return {
            (name, key): repr(value)
            for name, module in sys.modules.items()
            if name.startswith("sknet")
            for key, value in vars(module).items()
            if isinstance(value, dict | list | set) and not key.startswith("__")
        }

    before = held()
    assert len(before) > 20
    processes.digest()
    assert held() == before


def test_outcomes_repeat_and_differences_are_told_from_rounding():
    found = outcomes.walk(0, 1)
    assert len(found) > 1
    assert not list(outcomes.differences(found, outcomes.walk(0, 1)))
    value = np.linspace(0.0, 1.0, 5)
    for factor, kinds in ((1.0, []), (1.0 + 1e-9, ["rounding"]), (1.1, ["DIFFERENT"])):
        pair = outcomes.digest(value), outcomes.digest(factor * value)
        assert [kind for _, kind, _ in outcomes.differences(*pair)] == kinds


def test_a_mutant_meets_the_tests_of_its_module_first_then_those_of_its_room():
    mutant = next(mutant for mutant in mutants.mutants_of(mutants.ROOT) if mutant.file == "sknet/_tables/splitting.py")
    first, of_room, others = mutants.stages(mutants.ROOT, mutant)
    assert {"tests/tables/test_splitting.py", "tests/test_constants.py"} <= {*first}
    assert "tests/tables/test_dates.py" in of_room
    assert "tests/model/test_model.py" in others


def test_every_mutant_is_code():
    found = list(mutants.mutants_of(mutants.ROOT))
    assert len(found) > 10_000
    assert {mutant.key for mutant in found} >= mutants.EQUIVALENT  # no excuse is for code that is gone
    for mutant in found[::200]:
        source = (mutants.ROOT / mutant.file).read_text(encoding="utf-8")
        compile(source[: mutant.start] + mutant.after + source[mutant.stop :], mutant.file, "exec")
