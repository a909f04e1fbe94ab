"""Steps that are worth their way to the workers, and steps that are not."""

import pytest

from sknet._partitions.pace import STEPS, Pace


@pytest.mark.parametrize(("elapsed", "seconds", "too_small"), [(3.0, [2.0, 2.5], False), (3.0, [0.9, 0.8], True)])
def test_a_step_is_worth_four_trips(elapsed, seconds, too_small):
    told = []
    pace = Pace(told.append)
    for _ in range(STEPS + 5):
        pace.record(elapsed, seconds)
    assert len(told) == too_small


def test_slow_first_steps_do_not_count():
    told = []
    pace = Pace(told.append)
    for step in range(STEPS):
        pace.record(10.0 if step < 3 else 1.1, [1.0])
    assert told == []
