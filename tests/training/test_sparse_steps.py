"""Steps along sparse gradients move what has a gradient, and nothing else."""

import numpy as np
import pytest

from sknet._training.sparse_steps import zero_fixed_gradient
from sknet._typing import SparseGradient
from tests.training.problems import OPTIMIZERS, mini_batch, problem, same, state_of, train

each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def matrix(vector):
    """Four rows of two weights, between two weights and a bias."""
    return vector[2:10].reshape(4, 2)


class Linear:
    """A function whose gradient in each batch is 0 in most rows of the matrix; it is returned sparse or not."""

    def __init__(self, rows_of_batch, sparse):
        self.gradients = np.random.default_rng(0).normal(size=(len(rows_of_batch), 11))
        self.rows_of_batch, self.sparse, self.calls = rows_of_batch, sparse, 0

    def __call__(self, theta, batch, out, rng=None):
        i = self.calls % len(self.rows_of_batch)
        self.calls += 1
        rows, out[:] = np.array(self.rows_of_batch[i], dtype=int), self.gradients[i]
        if self.sparse:
            values = matrix(out)[rows]
            matrix(out)[:] = np.nan  # which nobody may look at
            return 1.0, SparseGradient(out, 2, 10, rows, values, n_rows=1)
        matrix(out)[np.setdiff1d(np.arange(4), rows)] = 0.0
        return 1.0, out


def run_linear(rows_of_batch, sparse, optimizer, penalties=None, **more):
    solver = mini_batch(optimizer, batch_size=1, n_epochs=2, shuffle=False, **more)
    the_problem = problem(
        Linear(rows_of_batch, sparse), len(rows_of_batch), 10, has_sparse_gradients=sparse, **penalties or {}
    )
    state = state_of(np.linspace(-1, 1, 11), solver)
    train(solver, the_problem, state)
    return state


def test_the_penalty_of_sparse_steps_is_added_once_an_epoch():
    """Their values leave it out; three batches of four are sparse, and each value is 1."""
    objective = Linear([[0], [1], [0, 3], [2]], True)

    def mixed(theta, batch, out, rng=None):
        objective.sparse = batch.start != 3
        return objective(theta, batch, out)

    asked = []
    the_problem = problem(mixed, 4, 10, has_sparse_gradients=True, penalty=lambda w: asked.append(w.copy()) or 10.0)
    solver = mini_batch(OPTIMIZERS["adam"], batch_size=1, n_epochs=2, shuffle=False)
    state = state_of(np.linspace(-1, 1, 11), solver)
    train(solver, the_problem, state)
    assert [epoch.loss for epoch in state.history] == [1.0 + 0.75 * 10.0] * 2
    assert len(asked) == 2
    np.testing.assert_array_equal(asked[-1], state.theta[:10])


@each_optimizer
@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_a_sparse_gradient_of_all_rows_is_the_whole_one(optimizer, clip_norm):
    rows = [[0, 1, 2, 3]] * 3
    more = {"weight_decay": 0.3, "clip_norm": clip_norm, "averaging": 0.9}
    sparse, whole = (run_linear(rows, sparse, optimizer, **more) for sparse in (True, False))
    np.testing.assert_allclose(sparse.theta, whole.theta, rtol=1e-13)
    np.testing.assert_allclose(sparse.average, whole.average, rtol=1e-13)
    for a, b in zip(sparse.moments, whole.moments, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    assert [e.gradient_norm for e in sparse.history] == pytest.approx([e.gradient_norm for e in whole.history])


@pytest.mark.parametrize("clip_norm", [None, 0.5])
def test_without_memory_a_sparse_step_is_the_dense_one(clip_norm):
    rows, more = [[0, 2], [1], [], [0, 1, 3]], {"clip_norm": clip_norm, "averaging": 0.9}
    sparse, whole = (run_linear(rows, sparse, OPTIMIZERS["sgd"], **more) for sparse in (True, False))
    np.testing.assert_allclose(sparse.theta, whole.theta, rtol=1e-13)
    np.testing.assert_allclose(sparse.average, whole.average, rtol=1e-13)  # that of other rows is updated later
    assert [e.gradient_norm for e in sparse.history] == pytest.approx([e.gradient_norm for e in whole.history])


def halve_large(vector):
    """A limit of norms, which also changes rows that no batch touches."""
    weights = matrix(vector)
    weights[np.abs(weights).sum(axis=1) > 0.5] *= 0.5


@pytest.mark.parametrize("penalties", [{"l1": 0.5}, {"limit_norms": halve_large}], ids=list)
def test_averages_follow_what_penalties_change_in_rows_that_no_batch_touches(penalties):
    rows, more = [[0, 2], [1], [], [0, 1]], {"averaging": 0.9, "penalties": penalties}
    sparse, whole = (run_linear(rows, sparse, OPTIMIZERS["sgd"], **more) for sparse in (True, False))
    np.testing.assert_allclose(sparse.theta, whole.theta, rtol=1e-13)
    np.testing.assert_allclose(sparse.average, whole.average, rtol=1e-13)


@each_optimizer
def test_rows_that_no_batch_touches_keep_their_weights(optimizer):
    """Neither decay nor momentum moves a row that no batch touches; the rest moves as ever."""
    sparse, whole = (run_linear([[0, 2], [0]], sparse, optimizer, weight_decay=0.3) for sparse in (True, False))
    start, moved = matrix(np.linspace(-1, 1, 11)), matrix(sparse.theta)
    np.testing.assert_array_equal(moved[[1, 3]], start[[1, 3]])
    assert (moved[[0, 2]] != start[[0, 2]]).all()
    np.testing.assert_allclose(moved[0], matrix(whole.theta)[0], rtol=1e-13)  # touched by every batch
    for part in slice(2), slice(10, None):
        np.testing.assert_allclose(sparse.theta[part], whole.theta[part], rtol=1e-13)
    for moment in sparse.moments:
        assert (matrix(moment)[[1, 3]] == 0).all()


def test_few_rows_at_a_time_are_all_rows(monkeypatch):
    whole = run_linear([[0, 1, 3]], True, OPTIMIZERS["adam"])
    monkeypatch.setattr("sknet._training.sparse_steps.PARAMETERS_MOVED_AT_ONCE", 2)
    assert same(run_linear([[0, 1, 3]], True, OPTIMIZERS["adam"]), whole)


def test_fixed_weights_have_no_gradient():
    is_free = np.tile([1.0, 0.0], 5)  # of ten weights; the bias is the last
    whole = np.arange(1.0, 12.0)
    zero_fixed_gradient(whole, is_free)
    assert whole.tolist() == [1, 0, 3, 0, 5, 0, 7, 0, 9, 0, 11]
    out, rows = np.arange(1.0, 12.0), np.array([1, 3])
    sparse = SparseGradient(out, 2, 10, rows, matrix(out)[rows], n_rows=2)
    zero_fixed_gradient(sparse, is_free)
    assert sparse.values.tolist() == [[5, 0], [9, 0]]
    assert out[[0, 1, 10]].tolist() == [1, 0, 11]
