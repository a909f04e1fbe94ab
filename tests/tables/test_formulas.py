"""Stacked and placed formulas. What each computes is tested in test_column_contract.py and test_numbers.py."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet._tables.formulas import MissingIndicator, NormalScore, Ramps, ScaledNumber, Wave, stack_formulas

rng = np.random.default_rng(0)
X = np.where(rng.random((40, 3)) < 0.2, np.nan, 4.0 * rng.normal(size=(40, 3)))


def ramps(*edges, centre):
    return Ramps(np.array(edges[:-1]), np.array(edges[1:]), centre, np.zeros(len(edges) - 1, np.intp))


SCALED = [ScaledNumber(centre, factor) for centre, factor in [(1.0, 2.0), (-3.0, 0.5), (0.0, 0.0)]]
BENT = [ScaledNumber(centre, factor, bend=True) for centre, factor in [(1.0, 2.0), (-3.0, 0.5), (0.0, 1e-31)]]
UNSHIFTED = [ScaledNumber(centre, 1.0, shift=False) for centre in (1.0, -3.0, 0.0)]
RAMPS = [ramps(-2.0, 0.0, 2.0, centre=1.0), ramps(-4.0, 4.0, centre=-3.0), ramps(-1.0, 0.0, 0.5, 9.0, centre=0.0)]
CASES = {"scaled": SCALED, "bent": BENT, "unshifted": UNSHIFTED, "ramps": RAMPS, "missing": [MissingIndicator()] * 3}


@pytest.mark.parametrize("formulas", CASES.values(), ids=CASES)
def test_a_stacked_formula_computes_what_its_formulas_compute_one_by_one(formulas):
    stacked, names = type(formulas[0]).stack(formulas), ["a", "b", "c"]
    each = [formula.encode(X[:, [j]], np.dtype(float), [names[j]]) for j, formula in enumerate(formulas)]
    assert_array_equal(stacked.encode(X, np.dtype(float), names), np.hstack(each))
    slopes = [formula.slopes(X[:, [j]]) for j, formula in enumerate(formulas)]
    assert_array_equal(stacked.slopes(X), np.hstack(slopes))


@pytest.mark.parametrize("first_inputs", [[0, 2, 3], [4, 0, 6], [1, 9, 20]], ids=["side by side", "mixed", "apart"])
def test_inputs_are_written_where_they_belong_and_nowhere_else(first_inputs):
    """Adjacent inputs are written to a slice."""
    inputs = [list(range(i, i + formula.n_inputs)) for i, formula in zip(first_inputs, RAMPS, strict=True)]
    for formulas, of_columns in [(RAMPS, inputs), (SCALED, [[i] for i in first_inputs])]:
        (placed,) = stack_formulas(([formula], own) for formula, own in zip(formulas, of_columns, strict=True))
        out = np.full((len(X), 30), np.nan)
        placed.encode_into(X, out, ["a", "b", "c"])
        for j, (formula, own) in enumerate(zip(formulas, of_columns, strict=True)):
            assert_array_equal(out[:, own], formula.encode(X[:, [j]], out.dtype, ["a"]))
        assert np.isnan(np.delete(out, np.concatenate(of_columns), axis=1)).all()


@pytest.mark.parametrize("formulas", [[*BENT, *SCALED], [*UNSHIFTED, *BENT], [SCALED[0], UNSHIFTED[0], SCALED[1]]])
def test_numbers_that_are_scaled_in_other_ways_are_computed_as_each_alone(formulas):
    inputs = np.empty((len(X), len(formulas)))
    numbers, names = X[:, np.arange(len(formulas)) % 3], [f"x{j}" for j in range(len(formulas))]
    for placed in stack_formulas(([formula], [j]) for j, formula in enumerate(formulas)):
        placed.encode_into(numbers, inputs, names)
    for j, formula in enumerate(formulas):
        assert_array_equal(inputs[:, [j]], formula.encode(numbers[:, [j]], inputs.dtype, names))


def test_two_formulas_of_one_argument_do_not_take_another_argument():
    first, second = SCALED[:2]
    inputs = np.empty((len(X), 4))
    for placed in stack_formulas([([first, second], [0, 1]), ([Wave("hour", 1.0, 1.0)], [2, 3])]):
        placed.encode_into(X[:, :2], inputs, ["a", "b"])
    assert_array_equal(inputs[:, [0]], first.encode(X[:, [0]], inputs.dtype, ["a"]))
    assert_array_equal(inputs[:, [1]], second.encode(X[:, [0]], inputs.dtype, ["a"]))


def test_formulas_that_cannot_be_stacked_stay_apart():
    (first, second), missing = [NormalScore(np.linspace(0.0, last, 257)) for last in (1.0, 2.0)], MissingIndicator()
    waves = [Wave(cycle, 1.0, 1.0) for cycle in ("hour", "weekday")]
    placed = stack_formulas([([first, missing], [0, 1]), ([second, missing, *waves], [2, 3, 4, 5, 6, 7])])
    assert [(type(each.formula), each.columns.tolist(), each.inputs.tolist()) for each in placed] == [
        (NormalScore, [0], [0]),
        (MissingIndicator, [0, 1], [1, 3]),
        (NormalScore, [1], [2]),
        (Wave, [1], [4, 5]),
        (Wave, [1], [6, 7]),
    ]
