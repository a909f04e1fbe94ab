"""Prediction sets from the probabilities of held-out rows."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet._model.heads import LabelHead
from sknet._model.residuals import (
    MAX_RESIDUAL_QUANTILES,
    has_prediction_sets,
    learn_label_residuals,
    residuals_by_class,
)
from sknet._model.settings import TargetSettings

COVERAGES = (0.05, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99)


def head_for(y):
    return LabelHead.learn_and_read(y, TargetSettings("log_loss", {}))[0]


def simulated(n, shares=(0.5, 0.3, 0.2), sharpness=1.5, seed=0):
    """Probabilities, and classes drawn by them."""
    rng = np.random.default_rng(seed)
    P = np.exp(sharpness * rng.normal(size=(n, len(shares)))) * shares
    P /= P.sum(axis=1, keepdims=True)
    return P, (P.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


def residuals_for(P, codes, weight=None):
    return learn_label_residuals(head_for(np.arange(P.shape[1])), P, codes[:, np.newaxis], weight)


def sets(residuals, P, coverage=0.9):
    return residuals_by_class(P) <= residuals.conformal_quantile(coverage)


def test_the_residual_of_the_most_probable_classes_is_zero():
    P = np.array([[0.5, 0.3, 0.2], [0.4, 0.2, 0.4]], dtype=np.float32)
    np.testing.assert_allclose(residuals_by_class(P), [[0.0, 0.7, 0.8], [0.0, 0.8, 0.0]], rtol=1e-6)
    assert residuals_by_class(P).dtype == np.float64


def test_a_class_is_in_the_set_if_its_residual_is_below_its_quantile():
    """Nineteen rows of the first class: the 18th largest probability is the least for 0.9 of 20."""
    P = np.column_stack([np.linspace(0.01, 0.49, 19), np.linspace(0.99, 0.51, 19)])
    residuals = residuals_for(P, np.zeros(19, dtype=int))
    new = np.column_stack([P[:, 0] + 1e-9, P[:, 1] - 1e-9])
    assert_array_equal(sets(residuals, new)[:, 0], np.arange(19) >= 1)
    assert sets(residuals, new)[:, 1].all()  # the most probable


def test_residuals_of_other_networks_grow_by_what_a_mean_of_fewer_rows_varies():
    P = np.array([[0.5, 0.3, 0.2], [0.2, 0.7, 0.1]])
    residuals = learn_label_residuals(head_for(np.arange(3)), P, np.array([[1], [2]]), None, 0.04)
    np.testing.assert_allclose(residuals.of_all.quantiles[:, 0], [0.7 + 0.2 * np.sqrt(0.21), 0.9 + 0.2 * 0.3])


def test_a_residual_is_at_most_1():
    residuals = learn_label_residuals(head_for(np.arange(2)), np.array([[0.99, 0.01]]), np.array([[1]]), None, 0.5)
    assert residuals.of_all.quantiles.max() == 1.0


@pytest.mark.parametrize("coverage", [0.7, 0.9])
def test_each_class_has_the_coverage(coverage):
    """The tolerance follows from the number of rows. No class is predicted right that often."""
    shares = (0.6, 0.3, 0.1)
    held_out, new = simulated(6000, shares, sharpness=0.5), simulated(6000, shares, sharpness=0.5, seed=1)
    found = sets(residuals_for(*held_out), new[0], coverage)
    for code in range(3):
        n, n_held_out = (new[1] == code).sum(), (held_out[1] == code).sum()
        bound = 4.0 * np.sqrt(coverage * (1.0 - coverage) * (1.0 / n + 1.0 / n_held_out))
        covered = found[new[1] == code, code].mean()
        if (new[0].argmax(axis=1) == code)[new[1] == code].mean() < coverage:
            assert covered == pytest.approx(coverage, abs=bound)
        else:
            assert covered > coverage - bound


def test_coverage_of_a_rare_class_holds_on_average():
    """This is the guarantee, for a class of nine rows and a coverage of 0.9."""
    inside = []
    for seed in range(1500):
        P, codes = simulated(60, (0.9, 0.1), sharpness=0.3, seed=seed)
        rare = np.flatnonzero(codes == 1)
        if len(rare) >= 10:
            kept = np.concatenate([np.flatnonzero(codes == 0), rare[:9]])
            inside.append(sets(residuals_for(P[kept], codes[kept]), P[rare[9:10]])[0, 1])
    assert len(inside) > 60
    assert np.mean(inside) == pytest.approx(0.9, abs=0.09)


def test_sets_grow_with_the_coverage_and_are_never_empty():
    """This holds even for classes of two, five and no rows, which use the quantile of all rows."""
    P, codes = simulated(300, (0.4, 0.3, 0.2, 0.1))
    codes = np.where(codes == 3, np.arange(300) % 3, codes)
    kept = np.concatenate([np.flatnonzero(codes == 0), np.flatnonzero(codes == 1)[:5], np.flatnonzero(codes == 2)[:2]])
    residuals, new = residuals_for(P[kept], codes[kept]), simulated(500, (0.4, 0.3, 0.2, 0.1), seed=1)[0]
    nested = [sets(residuals, new, coverage) for coverage in COVERAGES]
    for smaller, larger in pairwise(nested):
        assert (smaller <= larger).all()
    assert nested[0].any(axis=1).all()
    assert nested[0][np.arange(500), new.argmax(axis=1)].all()
    assert nested[-1].sum() > nested[0].sum()
    assert residuals.by_class[3].effective_size == 0
    assert residuals.conformal_quantile(0.9)[3] == residuals.of_all.conformal_quantile(0.9)


def test_permuted_classes_permute_the_sets():
    P, codes = simulated(400)
    new, order = simulated(200, seed=1)[0], np.array([2, 0, 1])
    named = residuals_for(P[:, order], np.argsort(order)[codes])
    assert_array_equal(sets(named, new[:, order]), sets(residuals_for(P, codes), new)[:, order])


def test_a_row_of_weight_two_is_two_rows():
    (P, codes), weight = simulated(900), np.repeat([1, 2, 3], 300)
    weighted = residuals_for(P, codes, weight.astype(float))
    repeated = residuals_for(np.repeat(P, weight, axis=0), np.repeat(codes, weight))
    for coverage in COVERAGES:
        np.testing.assert_allclose(
            weighted.conformal_quantile(coverage), repeated.conformal_quantile(coverage), atol=0.02
        )
    assert weighted.of_all.effective_size == pytest.approx(1800**2 / (300 * 14))
    # weights of a whole class change nothing for it: it is compared with its own rows
    of_class = residuals_for(P, codes, np.array([1.0, 5.0, 0.1])[codes])
    np.testing.assert_allclose(
        of_class.conformal_quantile(0.9), residuals_for(P, codes).conformal_quantile(0.9), atol=0.01
    )


def test_many_class_residuals_become_quantiles():
    residuals = residuals_for(*simulated(20_000))
    assert [len(part.quantiles) for part in (residuals.of_all, *residuals.by_class)] == [MAX_RESIDUAL_QUANTILES] * 4
    assert residuals.of_all.effective_size == 20_000 == sum(part.effective_size for part in residuals.by_class)


def test_too_few_rows_have_no_sets():
    P, codes = simulated(8)
    assert residuals_for(P, codes).conformal_quantile(0.9) is None
    assert residuals_for(P, codes).conformal_quantile(0.88) is not None


def test_sets_need_one_label_per_row():
    labels = np.array([0, 1, 2])
    assert has_prediction_sets(head_for(labels))
    assert has_prediction_sets(head_for(labels > 0))
    assert has_prediction_sets(head_for(np.zeros(3)))
    for several in np.eye(3, dtype=int), np.column_stack([labels, labels]):
        head = head_for(several)
        assert not has_prediction_sets(head)
        assert learn_label_residuals(head, [np.ones((3, 3))] * 2, several, None) is None
