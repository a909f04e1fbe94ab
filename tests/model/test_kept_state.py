"""States that are kept after a call, and states that continue from them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet._model.kept_state import pruned_state, state_with_new_gains, state_with_published_weights
from tests.training.problems import best_epoch, state_after

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


def state(dtype=F64, average=False):
    theta = np.arange(4.0).astype(dtype)
    moved = theta + np.array(0.5, dtype) if average else None
    return state_after(2, theta=theta, moments=(np.full(4, 2.0, dtype),), average=moved, n_samples_seen=9)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize(("compute", "output"), [(F64, F64), (F32, F32), (F64, F32), (F32, F64)])
def test_a_kept_state_holds_only_what_is_not_published(average, validated, compute, output):
    whole = state(compute, average)
    whole.best = best_epoch(1, whole.theta)
    kept = pruned_state(whole, 4, output, from_published=validated)
    exact = not (compute == F64 and output == F32)
    assert kept.theta.size == (0 if validated or (exact and not average) else 4)
    assert (kept.average is not None) == (average and not exact and not validated)
    assert kept.best == best_epoch()
    assert kept.history == []
    assert kept.moments is whole.moments
    assert kept.theta.dtype == compute
    assert (kept.step, kept.epoch) == (5, 2)
    assert whole.theta.size == 4
    assert len(whole.history) == 2


def test_training_continues_from_the_published_weights_with_all_digits():
    precise = np.array([1.0 + 1e-12, 2.0, 3.0, 4.0])
    kept = replace(state(), theta=precise, history=[])
    fresh = replace(state(), theta=precise.astype(F32).astype(F64), history=[])
    assert_array_equal(state_with_published_weights(kept, fresh, 4, F32).theta, precise)
    fresh.theta[0] = 9.0  # set by hand since
    assert_array_equal(state_with_published_weights(kept, fresh, 4, F32).theta, fresh.theta)


def test_a_continued_state_is_a_copy():
    kept, fresh = replace(state(), history=[]), state()
    continuation = state_with_published_weights(kept, fresh, 4, F64)
    continuation.moments[0][:] = -1.0
    continuation.rng.random()
    continuation.theta[:] = -1.0
    assert (kept.moments[0] == 2.0).all()
    assert (kept.theta >= 0.0).all()
    assert (fresh.theta >= 0.0).all()
    assert kept.rng.bit_generator.state == np.random.default_rng(1).bit_generator.state


def test_a_continued_state_has_averaged_and_current_weights():
    kept = replace(state(average=True), history=[])
    fresh = replace(state(average=True), theta=kept.average.copy(), history=[])
    continuation = state_with_published_weights(kept, fresh, 4, F64)
    assert_array_equal(continuation.theta, kept.theta)
    assert_array_equal(continuation.average, kept.average)
    alone = state_with_published_weights(replace(kept, theta=np.empty(0)), fresh, 4, F64)
    assert_array_equal(alone.theta, kept.average)


def test_another_solver_starts_with_new_moments():
    kept = replace(state(), history=[])
    fresh = replace(state(), moments=(np.zeros(4), np.zeros(4)), step=0, epoch=0, rng=np.random.default_rng(7))
    continuation = state_with_published_weights(kept, fresh, 4, F64)
    assert len(continuation.moments) == 2
    assert (continuation.step, continuation.epoch, continuation.n_samples_seen) == (0, 2, 9)
    assert continuation.rng.bit_generator.state == kept.rng.bit_generator.state


def test_gains_continue_whether_weights_are_kept_or_published():
    """Theta ends with the gains. If the weights are published, a kept state holds the gains alone."""
    gains, fresh = np.array([0.5, -0.5]), replace(state(), theta=np.r_[np.arange(4.0), 0.0, 0.0], average=None)
    whole = replace(fresh, theta=np.r_[np.arange(4.0), gains])
    kept = pruned_state(whole, 4, F64, from_published=False)
    assert_array_equal(kept.theta, gains)
    assert_array_equal(state_with_published_weights(kept, fresh, 4, F64).theta, whole.theta)
    in_full = pruned_state(whole, 4, F32, from_published=False)
    assert_array_equal(in_full.theta, whole.theta)
    assert_array_equal(state_with_published_weights(in_full, fresh, 4, F32).theta, whole.theta)


def test_new_gains_have_zero_logarithms_and_moments():
    kept = replace(state(), theta=np.ones(6), moments=(np.ones(6), np.ones(6)), average=None, history=[])
    new = state_with_new_gains(kept, 4)
    for vector in (new.theta, *new.moments):
        assert_array_equal(vector, [1, 1, 1, 1, 0, 0])
    assert_array_equal(kept.theta, np.ones(6))
    assert_array_equal(state_with_new_gains(replace(kept, theta=np.ones(2)), 4).theta, np.zeros(2))
