"""Schedules: the values that their definitions give."""

from inspect import signature
from math import pi, sqrt

import pytest

from sknet._training import optimizers
from sknet._training.optimizers import SCHEDULES, InverseScaling, ScheduleInput, UserSchedule


def make(name):
    """The schedule of a name, whose parameters are all 0.3."""
    function = SCHEDULES[name].make
    return function(**dict.fromkeys(signature(function).parameters, 0.3))


def at(schedule, *fractions):
    return [schedule(ScheduleInput(fraction)) for fraction in fractions]


def test_constant():
    assert at(optimizers.constant, 0, 0.5, 1) == [1, 1, 1]


def test_inverse_scaling_counts_samples():
    schedule = InverseScaling(0.5)
    assert [schedule(ScheduleInput(n_samples_seen=n)) for n in (0, 3, 99)] == [1, 0.5, pytest.approx(0.1)]
    assert InverseScaling(2.0)(ScheduleInput(n_samples_seen=1)) == 0.25


def test_adaptive_is_a_fifth_after_each_plateau():
    assert [optimizers.adaptive(ScheduleInput(n_plateaus=k)) for k in range(3)] == [
        1,
        pytest.approx(0.2),
        pytest.approx(0.04),
    ]


def test_cosine():
    assert at(optimizers.cosine, 0, 1 / 3, 0.5, 2 / 3, 1) == pytest.approx([1, 0.75, 0.5, 0.25, 0], abs=1e-15)


def test_flat_cosine_falls_in_its_second_half():
    assert at(optimizers.flat_cosine, 0, 0.3, 0.5, 2 / 3, 0.75, 1) == pytest.approx([1, 1, 1, 0.75, 0.5, 0], abs=1e-15)


def test_one_cycle_rises_and_falls_by_cosines():
    values = at(optimizers.one_cycle, 0, 0.15, 0.3, 0.65, 1)
    assert values == pytest.approx([0.04, 0.52, 1, (1 + 4e-6) / 2, 4e-6], rel=1e-9)
    before, after = at(optimizers.one_cycle, 0.3 - 1e-9, 0.3 + 1e-9)
    assert before == pytest.approx(after)


def test_coslog4_has_four_cycles_each_twice_as_long():
    zeros = [0, 1 / 15, 3 / 15, 7 / 15, 1]
    assert at(optimizers.coslog4, *zeros) == pytest.approx([0] * 5, abs=1e-12)
    peaks = [(2 ** (k + 0.5) - 1) / 15 for k in range(4)]
    assert at(optimizers.coslog4, *peaks) == pytest.approx([1] * 4)
    assert peaks[0] == pytest.approx((sqrt(2) - 1) / 15)


@pytest.mark.parametrize("schedule", [make(name) for name in SCHEDULES])
def test_values_lie_between_0_and_1(schedule):
    assert all(-1e-15 <= value <= 1 + 1e-15 for value in at(schedule, *(i / 997 for i in range(998))))


def test_a_function_of_the_users_own():
    values = at(UserSchedule(lambda t: round(pi * t)), 0, 1)
    assert values == [0, 3]
    assert all(type(value) is float for value in values)


@pytest.mark.parametrize("rate", [None, "fast"])
def test_a_function_that_returns_no_number(rate):
    with pytest.raises(TypeError, match=f"learning_rate, a function, returned {rate!r}"):
        at(UserSchedule(lambda t: rate), 0.5)


# --- the registry


@pytest.mark.parametrize("name", SCHEDULES)
def test_an_entry_of_the_registry_makes_the_schedule_of_its_name(name):
    assert make(name) == (InverseScaling(0.3) if name == "invscaling" else getattr(optimizers, name))


def test_open_ended_schedules_do_not_know_how_far_training_has_come():
    for name, entry in SCHEDULES.items():
        assert entry.open_ended == (len(set(at(make(name), 0.1, 0.4, 0.8))) == 1)


def test_a_run_begins_at_nothing():
    assert ScheduleInput() == (0.0, 0, 0)
