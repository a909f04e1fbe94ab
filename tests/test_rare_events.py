"""The benchmark of rare events: its draws and its scores."""

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks import rare_events


@pytest.mark.parametrize("shape", rare_events.SHAPES)
def test_a_simulated_table_has_the_share_of_events_in_training(shape):
    assert rare_events.simulated(shape, 500, 0.03, 0).y.sum() == 15


@pytest.mark.parametrize("shape", rare_events.SHAPES)
def test_the_probabilities_of_a_simulated_table_have_the_share_as_their_mean(shape):
    draw = rare_events.simulated(shape, 500, 0.1, 0)
    assert draw.event_weight.mean() == pytest.approx(0.1, rel=0.05)


@pytest.fixture
def draw():
    """A real table of 1,000 rows with 400 events, thinned to 200 rows with 20 events."""
    X = pd.DataFrame({"row": np.arange(1000)})
    return rare_events.thinned(X, np.arange(1000) < 400, 200, 0.1, 0)


def test_a_real_table_is_thinned_to_the_share_of_events(draw):
    assert draw.y.sum() == 20


def test_the_other_rows_of_a_real_table_are_test_rows(draw):
    assert len(np.union1d(draw.X["row"], draw.X_test["row"])) == 1000


def test_the_test_rows_of_a_real_table_have_the_share_of_events_by_weight(draw):
    assert draw.event_weight.sum() == pytest.approx(0.1 * (draw.event_weight + draw.other_weight).sum())


def test_a_real_table_with_too_few_events_gives_no_draw():
    assert rare_events.thinned(pd.DataFrame({"row": np.arange(1000)}), np.arange(1000) < 110, 200, 0.1, 0) is None


def test_the_base_rate_gains_nothing(draw):
    assert rare_events.scores(np.full(len(draw.X_test), 0.1), draw)["gain"] == pytest.approx(0.0)


def test_no_probabilities_gain_more_than_the_true_ones():
    draw = rare_events.simulated("additive", 500, 0.1, 0)
    gains = [rare_events.scores(draw.event_weight**power, draw)["gain"] for power in (0.9, 1.0, 1.1)]
    assert np.argmax(gains) == 1


def test_predicted_over_observed_is_1_if_the_mean_probability_is_the_share(draw):
    assert rare_events.scores(np.full(len(draw.X_test), 0.1), draw)["predicted / observed"] == pytest.approx(1.0)
