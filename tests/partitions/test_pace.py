"""Steps that are worth their way to the workers, and steps that are not."""

import pytest

from sknet._partitions.pace import STEPS, Pace


@pytest.mark.parametrize(("elapsed", "seconds", "too_small"), [(3.0, [2.0, 2.5], False), (3.0, [0.9, 0.8], True)])
def test_a_step_is_worth_four_trips(elapsed, seconds, too_small):
    told = []
    pace = Pace(told.append)
    for i in range(STEPS + 5):
        pace.record(10.0 * i, 10.0 * i + elapsed, seconds)
    assert len(told) == too_small


def test_slow_first_steps_do_not_count():
    told = []
    pace = Pace(told.append)
    for step in range(STEPS):
        pace.record(20.0 * step, 20.0 * step + (10.0 if step < 3 else 1.1), [1.0])
    assert told == []


def test_steps_that_overlap_share_their_time():
    told = []
    pace = Pace(told.append)
    for i in range(STEPS):  # each of four runs waits for the others' work, and one worker works all the time
        pace.record(max(i - 4, 0), i + 1.0, [0.9])
    assert told == []
