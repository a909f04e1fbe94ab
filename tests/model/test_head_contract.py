"""The contract of heads, for all kinds of labels and all named losses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet._model.heads import Head, LabelHead, RegressionHead
from sknet._model.settings import TargetSettings
from tests.network.pieces import LABEL_LOSSES, LEVELS, NUMBER_LOSSES, assert_gradient, numerical_gradient

rng = np.random.default_rng(0)
N = 30
CODES, NUMBER = np.arange(N) % 3, 100.0 + 7.0 * rng.normal(size=N)
DOUBLE = np.dtype(float)


@dataclass(frozen=True)
class HeadCase:
    """Targets and the head that is learnt from them."""

    y: np.ndarray
    settings: TargetSettings
    in_other_words: Callable = lambda y: y + 10  # targets of which the network learns the same
    widths: tuple[int, ...] = ()  # of each column of y, how many raw outputs are its own

    def learn(self, y=None) -> tuple[Head, np.ndarray]:
        """Return the head, with the scale of its targets, and the parsed targets."""
        y = self.y if y is None else y
        if self.y.dtype != float:
            return LabelHead.learn_and_read(y, self.settings)
        head, values = RegressionHead.learn_and_read(y, self.settings)
        return head.with_fitted_scaler(values, None), values

    def outputs(self, head, raw):
        """What users see of each raw output: its probability or its number, (n, n_outputs)."""
        if self.y.dtype == float:
            return head.predict(raw.copy()).reshape(len(raw), -1)
        P = head.reshape_probabilities(head.output_probabilities(raw))
        by_column = P if isinstance(P, list) else [P]  # (n, classes) each; of two classes, the second has the output
        return np.hstack([part[:, 1:] if part.shape[1] == 2 else part for part in by_column])


LABELS = {
    "two classes": HeadCase(np.array(["no", "yes"])[CODES % 2], None, lambda y: np.char.add("they say ", y), (1,)),
    "three classes": HeadCase(np.array(["a", "b", "c"], dtype=object)[CODES], None, lambda y: "a" + y, (3,)),
    "several labels": HeadCase(rng.integers(0, 2, (N, 3)), None, lambda y: y, (1, 1, 1)),
    "several columns of labels": HeadCase(np.column_stack([CODES, CODES % 2 + 5]), None, widths=(3, 1)),
}
NUMBERS = {"one number": NUMBER, "two numbers": np.column_stack([NUMBER, NUMBER**2])}


def numbers(y, loss, scaling="standard", **options):
    scaled = scaling and loss not in ("poisson", "gamma", "tweedie")
    words = (lambda y: 1e3 + 3.0 * y) if scaled else (lambda y: y)
    widths = (1,) * (y.ndim == 1 or y.shape[1])
    return HeadCase(y, TargetSettings(loss, options, target_scaling=scaling), words, widths)


CASES = {
    **{
        f"{kind}, {loss}": HeadCase(case.y, TargetSettings(loss), case.in_other_words, case.widths)
        for kind, case in LABELS.items()
        for loss in LABEL_LOSSES
    },
    **{f"{kind}, {loss}": numbers(y, loss) for kind, y in NUMBERS.items() for loss in NUMBER_LOSSES},
    "one number, several levels": numbers(NUMBER, "quantile", quantile=LEVELS),
    "two numbers, not scaled": numbers(NUMBERS["two numbers"], "squared_error", None),
}
every_head = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
SEVERAL = {name: case for name, case in CASES.items() if case.y.ndim == 2}
every_head_of_several = pytest.mark.parametrize("case", SEVERAL.values(), ids=SEVERAL)


def raw_of(case, head, target):
    """Raw outputs that predict each row's target; for labels, with low probabilities."""
    if case.y.dtype != float:
        return 0.01 * (target - 0.5)
    start = head.loss.start
    return target.copy() if start is None else np.vstack([start(target[[i]], None) for i in range(N)])


@every_head
def test_y_is_read_and_restored(case):
    head, values = case.learn()
    assert_array_equal(head.read(case.y[::-1]), values[::-1])
    assert_array_equal(head.reshape_like_y(values), case.y)
    for dtype in (np.float32, np.float64):
        target = head.targets(values, np.dtype(dtype))
        assert target.shape == (N, 1 if head.loss.levels else head.n_outputs)
        assert target.dtype == dtype
        assert head.loss.targets.contains(target).all()


@every_head
def test_raw_outputs_that_equal_the_target_predict_y(case):
    head, values = case.learn()
    found = head.predict(raw_of(case, head, head.targets(values, DOUBLE)))
    if head.loss.levels:  # which lie around it, a thousandth of a deviation apart
        assert found.shape == (N, len(head.loss.levels))
        assert_allclose(found, np.repeat(case.y[:, np.newaxis], 3, axis=1), atol=2e-3 * case.y.std())
    else:
        assert found.shape == case.y.shape
        (assert_allclose if case.y.dtype == float else assert_array_equal)(found, case.y)


@every_head
def test_other_labels_or_units_give_the_same_target_matrix(case):
    """Labels are renamed in the same order, and numbers have another unit."""
    rng = np.random.default_rng(1)
    head, values = case.learn()
    other, other_values = case.learn(case.in_other_words(case.y))
    assert_allclose(other.targets(other_values, DOUBLE), head.targets(values, DOUBLE), atol=1e-9)
    raw = rng.normal(size=(N, head.n_outputs))
    found, expected = other.predict(raw.copy()), case.in_other_words(head.predict(raw.copy()))
    (assert_allclose if case.y.dtype == float else assert_array_equal)(found, expected)


@every_head_of_several
def test_outputs_have_the_order_of_the_columns_of_y(case):
    rng = np.random.default_rng(1)
    head, values = case.learn()
    turned, turned_values = case.learn(case.y[:, ::-1])
    ends = np.cumsum(case.widths)
    columns = np.hstack([np.arange(end - width, end) for width, end in zip(case.widths[::-1], ends[::-1], strict=True)])
    raw, target = rng.normal(size=(N, head.n_outputs)), head.targets(values, DOUBLE)
    assert_array_equal(turned.targets(turned_values, DOUBLE), target[:, columns])
    assert_allclose(turned.loss.value(raw[:, columns], target[:, columns]), head.loss.value(raw.copy(), target))
    assert_array_equal(turned.predict(raw[:, columns]), head.predict(raw.copy())[:, ::-1])


@every_head_of_several
def test_one_of_several_targets_may_be_missing(case):
    rng = np.random.default_rng(1)
    gone = np.zeros(case.y.shape, dtype=bool)
    gone[::5, 0] = gone[1::5, -1] = True
    head, values = case.learn(np.where(gone, np.nan, case.y))
    target = head.targets(values, DOUBLE)
    assert_array_equal(np.isnan(target), np.repeat(gone, case.widths, axis=1))

    head, values = case.learn()
    raw, target = rng.normal(size=target.shape), head.targets(values, DOUBLE)
    # a row of several targets is several rows that have one of them each
    alone = np.repeat(np.eye(len(case.widths)), case.widths, axis=1)[:, np.newaxis]
    parts = [np.where(part, target, np.nan) for part in alone]
    assert_allclose(sum(head.loss.value(raw, part) for part in parts), head.loss.value(raw, target))
    by_part = sum(head.loss.gradient(raw.copy(), part) for part in parts)
    assert_allclose(by_part, head.loss.gradient(raw.copy(), target), atol=1e-15)


@every_head
def test_backward_to_raw_multiplies_by_the_slopes_of_predictions(case):
    rng = np.random.default_rng(1)
    head, _ = case.learn()
    raw, delta = rng.normal(size=(2, 4, head.n_outputs))
    for function, backward in (
        (lambda raw: case.outputs(head, raw), head.backward_to_raw),
        (lambda raw: head.explained_outputs.of_raw(raw.copy()), head.explained_outputs.backward),
    ):
        expected = numerical_gradient(lambda raw, f=function: (delta * f(raw)).sum(), raw, 1e-4)
        assert_gradient(backward(raw.copy(), delta.copy()).ravel(), expected)


@every_head
def test_explained_outputs_and_their_slopes(case):
    rng = np.random.default_rng(1)
    head, _ = case.learn()
    raw = rng.normal(size=(N, head.n_outputs))
    explained = head.explained_outputs.of_raw(raw.copy())
    assert head.explained_outputs.are_raw == (explained == raw).all()
    if head.loss.takes_scaled_targets:
        found = head.explained_outputs.scaler.decode(explained)
        assert_allclose(found, head.predict(raw.copy()).reshape(found.shape))


@every_head
def test_outputs_have_names_and_rows_have_strata(case):
    head, values = case.learn()
    names = head.explained_outputs.names
    assert len(set(names)) == len(names) == head.n_outputs
    strata = head.strata(values)
    assert strata is None or (strata.shape == (N,) and strata.dtype.kind == "i")
    bias = head.initial_output_bias(head.targets(values, DOUBLE), np.arange(1.0, N + 1), "centred")
    assert (bias is None) == (head.loss.start is None)
    assert bias is None or bias.shape == (head.n_outputs,)


@every_head
def test_a_head_with_the_same_settings_is_unchanged(case):
    head, values = case.learn()
    again = head.with_settings(head.settings)
    assert again.n_outputs == head.n_outputs
    assert again.loss.name == head.loss.name == case.settings.loss
    assert_array_equal(again.targets(values, DOUBLE), head.targets(values, DOUBLE))
