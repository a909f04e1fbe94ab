"""What a user has written: the numerical check says of each mistake what it is and where; `fit` names it at once."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.check import check_gradient
from sknet._network.links import EXP
from sknet._network.losses import Interval, Loss
from sknet._network.losses_of_labels import SIGMOID_LOG_LOSS, SIGMOID_SQUARED_ERROR, SOFTMAX_LOG_LOSS
from sknet._network.losses_of_numbers import ABSOLUTE_ERROR, GAMMA, POISSON, SQUARED_ERROR, make_quantile

# --- what is right ---------------------------------------------------------------------------------------------------


def test_the_usual_targets_suit_the_usual_losses():
    for loss in (SQUARED_ERROR, ABSOLUTE_ERROR,
                 POISSON, GAMMA,
                 SOFTMAX_LOG_LOSS,
                 SIGMOID_LOG_LOSS, SIGMOID_SQUARED_ERROR,
                 make_quantile(0.3), make_quantile((0.1, 0.5, 0.9))):  # fmt: skip
        check_gradient(loss)
    check_gradient(SIGMOID_LOG_LOSS, [0, 1, 1])


def test_the_check_does_not_change_targets():
    target = np.ones((5, 2))
    check_gradient(SQUARED_ERROR, target)
    assert (target == 1.0).all()


# --- what is wrong with an activation --------------------------------------------------------------------------------


def cube(z):
    z **= 3


def by_input(z, delta):
    delta *= 3.0 * z**2


CUBE = Activation("cube", cube, by_input, keeps="input")


def returns(z):
    return z**3


def root(z):
    np.sqrt(z, out=z)


def softmax(z):
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)


def normalise(z):
    z -= z.mean(axis=0)


def coarse(z):
    z *= 1.0 if z.dtype == np.float64 else 1.01


def overwrites(z, delta):
    delta[:] = 3.0 * z**2


def twice(z, delta):
    delta *= 6.0 * z**2


def bent(z, delta):
    delta *= np.where(z > 2.0, 1.0, 3.0 * z**2)


def not_finite(z, delta):
    delta *= np.where(z > 2.0, np.nan, 3.0 * z**2)


WRONG_ACTIVATIONS = {
    "keeps": (replace(CUBE, keeps="z"), "keeps='z' must be 'output' or 'input'"),
    "returns": (replace(CUBE, apply=returns), r"apply\(z\) returned a new array: it must overwrite its last argument"),
    "not a number": (replace(CUBE, apply=root), r"apply\(z\) gives nan at -\d"),
    "mixes units": (replace(CUBE, apply=softmax), r"apply\(z\) mixes entries of z"),
    "mixes samples": (replace(CUBE, apply=normalise), r"apply\(z\) mixes entries of z"),
    "single": (Activation("c", coarse, lambda z, delta: None), r"apply\(z\) gives other numbers in float32"),
    "returns delta": (
        replace(CUBE, backward=lambda z, delta: delta * z),
        r"\(kept, delta\) returned a new array",
    ),
    "keeps output": (replace(CUBE, keeps="output"), "times the slope of apply, but would be with keeps='input': it is"),
    "keeps input": (replace(ACTIVATIONS["tanh"], keeps="input"), "slope of apply, but would be with keeps='output'"),
    "overwrites": (replace(CUBE, backward=overwrites), "is not delta times the slope of apply"),
    "twice": (replace(CUBE, backward=twice), "it is off at 200 of 200 places"),
    "nothing": (
        replace(CUBE, backward=lambda z, delta: None),
        "is not delta times the slope of apply",
    ),
    "not finite": (replace(CUBE, backward=not_finite), "by up to inf"),
}


@pytest.mark.parametrize("what", WRONG_ACTIVATIONS)
def test_the_error_of_a_wrong_activation_says_what_is_wrong(what):
    activation, message = WRONG_ACTIVATIONS[what]
    with pytest.raises(ValueError, match=message) as caught:
        check_gradient(activation)
    assert str(caught.value).startswith(f"Activation {activation.name!r}: ")


def test_the_report_says_where():
    with pytest.raises(ValueError) as caught:
        check_gradient(replace(CUBE, backward=bent))
    told = r"off at (\d+) of 200 places, by up to 0.98. At z=(\S+), backward / delta is 1 instead of (\S+)\.$"
    n_off, z, slope = map(float, re.search(told, str(caught.value)).groups())
    assert n_off < 200
    assert z > 2.0
    assert slope == pytest.approx(3.0 * z**2, rel=1e-4)


# --- what is wrong with a loss ---------------------------------------------------------------------------------------


def value(raw, target):
    return ((raw - target) ** 4).sum(axis=1)


def gradient(raw, target):
    return 4.0 * (raw - target) ** 3


FOURTH = Loss("fourth", value, gradient)
DOUBLE = np.float64(1.0)


def spoils_raw(raw, target):
    raw -= target
    return (raw**4).sum(axis=1)


def spoils_target(raw, target):
    target -= raw
    return -4.0 * target**3


def bent_gradient(raw, target):
    return np.where(raw > 1.0, 0.0, gradient(raw, target))


WRONG_LOSSES = {
    "changes raw": (replace(FOURTH, value=spoils_raw), r"value\(raw, target\) changes its arguments"),
    "a mean": (replace(FOURTH, value=lambda r, t: value(r, t).mean()), r"value\(raw, target\) returned a float64"),
    "one an output": (replace(FOURTH, value=lambda r, t: (r - t) ** 4), r"the shape \(7, 2\) for 7 rows, not \(7,\)"),
    "mixes": (replace(FOURTH, value=lambda r, t: value(r, t) + r.mean()), "mixes samples"),
    "not a number": (replace(FOURTH, value=lambda r, t: np.full(len(r), np.nan)), "NaN for raw outputs .* that suit"),
    "not a number where it is large": (
        replace(FOURTH, value=lambda r, t: np.where(r[:, 0] > 1.0, np.nan, value(r, t))), "is nan at raw .* that suits"
    ),
    "shape": (replace(FOURTH, gradient=lambda r, t: value(r, t)), r"the shape \(7,\) for 7 rows, not \(7, 2\)"),
    "changes target": (replace(FOURTH, gradient=spoils_target), "changes its arguments: it may overwrite raw"),
    "of the mean": (replace(FOURTH, gradient=lambda r, t: gradient(r, t) / len(r)), "not the slope of value: it is"),
    "bent": (replace(FOURTH, gradient=bent_gradient), r"gradient\(raw, target\) is not the slope of value: it is off"),
    "value in double": (
        replace(FOURTH, value=lambda r, t: value(r, t) * np.ones(len(r))), r"value\(.*\) turns float32 into float64"
    ),
    "gradient in double": (
        replace(FOURTH, gradient=lambda r, t: gradient(r, t) * np.ones(2)), r"gradient\(.*\) turns float32 into float64"
    ),
    "joint gradient": (
        replace(FOURTH, joint=lambda r, t: (value(r, t), -gradient(r, t))), r"joint\(.*\)\[1\] is not the slope"
    ),
    "joint value": (
        replace(FOURTH, joint=lambda r, t: (value(r, t) + 1.0, gradient(r, t))), r"joint\(.*\)\[0\] is not what value"
    ),
    "link": (replace(FOURTH, link=np.exp), r"link\(raw\) returned a new array"),
}  # fmt: skip


WRONG_STARTS = {
    "shape": (lambda t, w: t.mean(), r"start\(target, weight\) returned a float64"),
    "one row": (lambda t, w: t.mean(axis=0, keepdims=True), r"the shape \(1, 2\) for 7 rows, not \(2,\)"),
    "not finite": (lambda t, w: np.log(0.0 * t[0]), "training cannot start there"),
    "integers": (lambda t, w: np.zeros(2, int), r"returned an array of int64: it must return an array of floats"),
    "not finite where weighted": (
        lambda t, w: np.zeros(2) if w is None else np.full(2, np.inf), "training cannot start there"
    ),
    "changes target": (
        lambda t, w: np.multiply(t, 2.0, out=t)[0], "changes its arguments: it must leave them as they are"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG_STARTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_error_of_a_wrong_start_says_what_is_wrong(what):
    start, message = WRONG_STARTS[what]
    check_gradient(replace(FOURTH, start=lambda target, weight: np.average(target, axis=0, weights=weight)))
    with pytest.raises(ValueError, match=message) as caught:
        check_gradient(replace(FOURTH, start=start))
    assert str(caught.value).startswith("Loss 'fourth': ")


def test_targets_outside_the_interval_are_told():
    loss = replace(FOURTH, targets=Interval(0.0, includes_low=False))
    assert check_gradient(loss) < 1e-6
    with pytest.raises(ValueError, match=r"Loss 'fourth': it takes targets that are above 0, .* was given -0.25"):
        check_gradient(loss, [1.0, -0.25, 2.0])


@pytest.mark.parametrize("what", WRONG_LOSSES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_error_of_a_wrong_loss_says_what_is_wrong(what):
    loss, message = WRONG_LOSSES[what]
    check_gradient(FOURTH)
    with pytest.raises(ValueError, match=message) as caught:
        check_gradient(loss)
    assert str(caught.value).startswith("Loss 'fourth': ")


def test_the_report_of_a_loss_says_where():
    with pytest.raises(ValueError) as caught:
        check_gradient(replace(FOURTH, gradient=bent_gradient))
    told = r"At raw=(\S+), target=(\S+), gradient is 0 instead of (\S+)\.$"
    raw, target, slope = map(float, re.search(told, str(caught.value)).groups())
    assert raw > 1.0
    assert slope == pytest.approx(4.0 * (raw - target) ** 3, rel=1e-3)


def test_the_tolerance_is_the_users():
    nearly = replace(CUBE, backward=lambda z, delta: by_input(z * (1.0 + 1e-5), delta))
    with pytest.raises(ValueError, match="off at"):
        check_gradient(nearly)
    assert 1e-6 < check_gradient(nearly, tolerance=1e-4) < 1e-4


@pytest.mark.parametrize("piece", ["tanh", None, np.tanh])
def test_anything_else_is_a_type_error(piece):
    with pytest.raises(TypeError, match="takes an Activation or a Loss, got"):
        check_gradient(piece)


def test_a_wrong_derivative_of_the_link_raises_an_error():
    wrong = replace(POISSON, link=replace(EXP, backward=lambda raw, delta: delta))
    with pytest.raises(ValueError, match=r"link_backward\(raw, delta\) is not the slope of link"):
        check_gradient(wrong)


def test_the_report_counts_all_that_is_off():
    """`bent` has the slope 1 beyond 2, where that of the cube is more than 12."""
    with pytest.raises(ValueError) as caught:
        check_gradient(replace(CUBE, backward=bent))
    z = np.random.default_rng([0, 50]).normal(scale=2.0, size=(50, 4))
    assert f"it is off at {(z > 2.0).sum()} of 200 places, by up to" in str(caught.value)


@pytest.mark.parametrize(("error", "passes"), [(7e-4, True), (1.4e-3, False)])
def test_single_precision_may_be_a_thousandth_off(error, passes):
    def apply(z):
        z += error if z.dtype == np.float32 else 0.0

    shifted = Activation("shifted", apply, lambda z, delta: None, keeps="input")
    if passes:
        assert check_gradient(shifted) < 1e-6
    else:
        with pytest.raises(ValueError, match="other numbers in float32 than in float64, by 0.0014"):
            check_gradient(shifted)


def test_places_without_an_error_are_not_counted():
    with pytest.raises(ValueError) as caught:
        check_gradient(ACTIVATIONS["relu"], tolerance=0.0)
    positive = np.random.default_rng([0, 50]).normal(scale=2.0, size=(50, 4)) > 0.0
    assert int(str(caught.value).split(" off at ")[1].split()[0]) <= positive.sum() < 200


# --- what `fit` refuses -----------------------------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(40, 2))
Y = {"one": X[:, 0], "two": X}


def own_value(raw, target):
    return 0.5 * ((raw - target) ** 2).mean(axis=1)


def own_slope(raw, target):
    return (raw - target) / raw.shape[1]


GOOD = Loss("own", own_value, own_slope)

BAD = {
    "a number": (
        {"value": lambda raw, target: own_value(raw, target).mean()},
        r"value\(raw, target\) returned a float64",
    ),
    "a column": ({"value": lambda raw, target: (raw - target)[:, :1] ** 2}, r"value\(.*the shape \(7, 1\) for 7 rows"),
    "nothing": ({"value": lambda raw, target: None}, r"value\(.*a NoneType.*an array of floats of shape \(n,\)"),
    "NaN": ({"value": lambda raw, target: own_value(raw, target) * np.nan}, "value.*NaN for raw outputs near 0"),
    "a row less": (
        {"gradient": lambda raw, target: own_slope(raw, target)[1:]},
        r"gradient\(.*the shape \(6, [12]\)",
    ),
    "a list": (
        {"gradient": lambda raw, target: own_slope(raw, target).tolist()},
        r"gradient\(.*returned a list",
    ),
    "integers": ({"gradient": lambda raw, target: np.sign(raw).astype(int)}, r"gradient\(.*an array of int64"),
    "a new array": ({"link": lambda raw: np.exp(raw)}, r"link\(raw\) returned a new array: it must overwrite"),
    "too long": ({"start": lambda target, weight: np.zeros(9)}, r"start\(target, weight\) returned the shape \(9,\)"),
    "together": ({"joint": lambda raw, target: (raw, raw)}, r"joint\(raw, target\)\[0\] returned the shape"),
}


@pytest.mark.parametrize("y", Y)
@pytest.mark.parametrize("what", BAD)
def test_a_loss_that_returns_other_shapes_is_named(what, y):
    change, message = BAD[what]
    net = SigmoidMLPRegressor(4, max_iter=1, loss=replace(GOOD, **change))
    with pytest.raises(ValueError, match=f"loss='own': {message}"):
        net.fit(X, Y[y])
    assert not hasattr(net, "coefs_")


@pytest.mark.parametrize(("change", "message"), [
    (
        {"value": lambda raw, target: own_value(raw, np.subtract(target, 1.0, out=target))},
        r"value\(raw, target\) changes its arguments: it must leave them as they are",
    ),
    (
        {"value": lambda raw, target: own_value(np.subtract(raw, 1.0, out=raw), target)},
        r"value\(raw, target\) changes its arguments: it must leave them as they are",
    ),
    (
        {"gradient": lambda raw, target: own_slope(raw, np.subtract(target, 1.0, out=target))},
        r"gradient\(raw, target\) changes its arguments: it may overwrite raw, and nothing else",
    ),
], ids=["value and target", "value and raw", "gradient and target"])  # fmt: skip
def test_a_loss_that_overwrites_its_arguments_is_named(change, message):
    with pytest.raises(ValueError, match=f"loss='own': {message}"):
        SigmoidMLPRegressor(4, max_iter=1, loss=replace(GOOD, **change)).fit(X, Y["one"])


@pytest.mark.parametrize(
    "joint", [None, lambda raw, target: (own_value(raw, target), own_slope(raw, target).astype(float))]
)
def test_a_loss_may_return_a_gradient_of_another_type(joint):
    same, other = (SigmoidMLPRegressor(4, max_iter=1, random_state=0, dtype="float32") for _ in range(2))
    same.set_params(loss=GOOD).fit(X, X)
    wide = replace(GOOD, gradient=lambda raw, target: own_slope(raw, target).astype(float), joint=joint)
    assert_array_equal(other.set_params(loss=wide).fit(X, X).predict(X), same.predict(X))


@pytest.mark.parametrize(("apply", "backward", "message"), [
    (np.tanh, lambda a, delta: None, r"apply\(z\) returned a new array"),
    (lambda z: np.tanh(z, out=z), lambda a, delta: delta * (1.0 - a), r"backward\(kept, delta\) returned a new array"),
])  # fmt: skip
def test_an_activation_that_returns_instead_of_overwriting_is_named(apply, backward, message):
    with pytest.raises(ValueError, match=f"activation='own': {message}.*must overwrite its last argument"):
        SigmoidMLPClassifier(4, max_iter=1, activation=Activation("own", apply, backward)).fit(X, X[:, 0] > 0)
