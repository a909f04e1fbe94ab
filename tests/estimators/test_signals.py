"""A signal at any instant leaves an estimator whole: what it was before, or fitted."""

import pickle
import sys
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
import sklearn

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, stream
from sknet._estimators import base
from tests.estimators.results import weights
from tests.fuzz.tracing import Line

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Training interrupted by user"),
]

INSTANTS, LAST = 160, 40
"""How many instants are tried, evenly spread; and how many of the last ones, in which the fit is published."""

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 2))
NUMBER = X[:, 0] - X[:, 1]
LABEL = (NUMBER > 0).astype(int)
# Without averages, and at a rate that does not depend on max_iter, k epochs are the first k of more epochs.
PLAIN = dict(hidden_layer_sizes=2, batch_size=12, learning_rate="constant", random_state=0, max_iter=3, tol=0.0)
KINDS = {
    "classifier": (SigmoidMLPClassifier(**PLAIN, early_stopping=False), LABEL),
    "regressor": (SigmoidMLPRegressor(**PLAIN, early_stopping=True, validation_fraction=0.45), NUMBER),
}


def bits(net):
    """Everything that a fit may change, as bytes; times of clocks left out."""
    state = dict(vars(net))
    fitted = state.pop("_fitted", None)
    if fitted is not None:
        plain, arrays, pieces = net.__getstate__()["_fitted"]
        fitted = plain, {path: array for path, array in arrays.items() if not path.endswith(".seconds")}, pieces
    return pickle.dumps((state, fitted))


def scenario(name, kind):
    """An estimator as it is before the call, the call, and its outcomes by the number of epochs."""
    net, y = KINDS[kind]
    net = sklearn.clone(net)
    if name == "partial_fit":
        net.partial_fit(X, y)
    elif name == "refit":
        net.fit(X + 1.0, y)
    pickled = pickle.dumps(net)

    def fresh():
        return pickle.loads(pickled)

    method = "partial_fit" if name == "partial_fit" else "fit"

    def call(one):
        getattr(one, method)(X, y)

    outcomes = {}
    for k in range(1, 2 if name == "partial_fit" else 1 + net.max_iter):
        one = fresh().set_params(max_iter=k)
        call(one)
        outcomes[one.n_iter_] = weights(one)
    return fresh, call, outcomes


@pytest.mark.parametrize(
    ("name", "kind"),
    [("fit", "classifier"), ("fit", "regressor"), ("refit", "regressor"), ("partial_fit", "classifier")],
)
def test_a_signal_leaves_the_estimator_before_or_after_whole_epochs(name, kind):
    fresh, call, outcomes = scenario(name, kind)
    counter, one = Line(), fresh()
    assert not counter.during(lambda: call(one))
    n_lines = counter.n_lines
    assert n_lines > INSTANTS
    before, seen, done = bits(fresh()), set(), 0
    spread = np.linspace(1, n_lines, INSTANTS).astype(int)
    for at in np.union1d(spread, np.arange(n_lines - LAST, n_lines) + 1):
        net = fresh()
        raised = Line(at).during(lambda net=net: call(net))
        if bits(net) == before:
            assert raised, "nothing was done, and nothing said"
            assert not seen - {"before"}, "epochs that were done are lost"
            seen.add("before")
            continue
        np.testing.assert_array_equal(weights(net), outcomes[net.n_iter_])
        assert len(net.loss_curve_) == len(net.history_) >= net.n_iter_
        assert net.predict(X).shape == (24,)
        assert net.n_iter_ >= done, "epochs that were done are lost"
        done = net.n_iter_
        seen.add("after" if net.n_iter_ == len(outcomes) else "between")
    assert seen == ({"before", "after"} if name == "partial_fit" else {"before", "between", "after"})


@pytest.mark.parametrize("kind", KINDS)
def test_training_continues_after_an_interrupt(kind):
    fresh, call, _ = scenario("fit", kind)
    counter = Line()
    counter.during(lambda: call(fresh()))
    for at in range(counter.n_lines - 200, 0, -50):
        net = fresh()
        if not Line(at).during(lambda net=net: call(net)) and net.n_iter_ < 3:
            break
    assert 0 < net.n_iter_ < 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.partial_fit(X, KINDS[kind][1])
    assert len(net.loss_curve_) == len(net.history_)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_interrupt_while_publishing_loses_no_epoch(kind, n_members, method, monkeypatch):
    net, y = KINDS[kind]
    net = sklearn.clone(net).set_params(n_members=n_members, early_stopping="auto", learning_rate=lambda fraction: 1.0)
    whole, publish = getattr(sklearn.clone(net), method)(X, y), base.publish
    presses = [True]

    def interrupted(estimator, fitted):
        if presses:
            presses.pop()
            raise KeyboardInterrupt
        publish(estimator, fitted)

    monkeypatch.setattr(base, "publish", interrupted)
    with pytest.warns(UserWarning, match="interrupted"):
        getattr(net, method)(X, y)
    assert net.n_iter_ == whole.n_iter_
    np.testing.assert_array_equal(net.predict(X), whole.predict(X))


def pressing(fraction):
    raise KeyboardInterrupt


@pytest.mark.parametrize("n_members", [1, 2])
def test_an_interrupt_before_the_first_epoch_comes_through_and_changes_nothing(n_members):
    net = SigmoidMLPRegressor(**PLAIN | {"learning_rate": pressing}, n_members=n_members)
    before = bits(net)
    for method in (net.fit, net.partial_fit):
        with pytest.raises(KeyboardInterrupt):
            method(X, NUMBER)
    assert bits(net) == before


def test_a_second_interrupt_while_an_epoch_is_undone_publishes_nothing():
    """The state may then be half of one epoch and half of another."""
    rates = iter([1.0] * 3)  # an epoch has two steps

    def rate(fraction):
        for factor in rates:
            return factor
        raise KeyboardInterrupt

    def press_again(frame, event, argument):
        if frame.f_code.co_name == "restore":
            raise KeyboardInterrupt

    net, tracer = SigmoidMLPRegressor(**PLAIN | {"learning_rate": rate}, early_stopping=False), sys.gettrace()
    try:
        sys.settrace(press_again)
        with pytest.raises(KeyboardInterrupt):
            net.fit(X, NUMBER)
    finally:
        sys.settrace(tracer)
    assert not hasattr(net, "coefs_")


@pytest.mark.parametrize("name", ["fit", "refit", "partial_fit", "stream"])
def test_a_warning_that_is_an_error_comes_before_anything_is_published(name):
    """In `fit` the epochs run out; in `partial_fit` an interrupt, at each of the last lines, is what is warned of."""
    method = "partial_fit" if name == "partial_fit" else "fit"
    fitted = SigmoidMLPRegressor(**PLAIN | {"max_iter": 2})
    if name != "fit":
        fitted = getattr(fitted, method)(X + 1.0, NUMBER)
    before, n_warnings = learnt(fitted), 0

    def call(net):
        if name == "stream":
            frame = pd.DataFrame(X, columns=["a", "b"]).assign(y=NUMBER)
            stream.fit(net, lambda: iter([frame]), target="y")
        else:
            getattr(net, method)(X, NUMBER)

    counter, net = Line(), pickle.loads(pickle.dumps(fitted))
    counter.during(lambda: call(net))
    for at in counter.n_lines - np.arange(LAST) if method == "partial_fit" else [None]:
        net = pickle.loads(pickle.dumps(fitted))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                Line(at).during(lambda net=net: call(net))
            except UserWarning:  # a ConvergenceWarning is one
                n_warnings += 1
                assert learnt(net) == before
    assert n_warnings


def learnt(net):
    """What `partial_fit` and `fit` change."""
    return (net.t_, net.predict(X).tobytes()) if hasattr(net, "t_") else None


@pytest.mark.parametrize("method", ["__enter__", "__exit__"])
@pytest.mark.parametrize("door", ["fit", "partial_fit", "stream", "predict"])
def test_a_signal_leaves_numpys_warnings_as_they_were(door, method):
    """Also where it comes while these are switched off, or on again."""
    code = getattr(np.errstate, method).__code__
    pressed = []

    def press(frame, event, argument):
        if frame.f_code is not code or frame.f_back.f_code.co_name not in ("train_epoch", "_finite_outputs") or pressed:
            return None
        if event == "call" and method == "__enter__":
            return press
        if event in ("call", "return"):  # before it has switched them on, or after it has switched them off
            pressed.append(event)
            raise KeyboardInterrupt
        return press

    net = SigmoidMLPRegressor(**PLAIN, early_stopping=False)
    fitted = SigmoidMLPRegressor(**PLAIN, early_stopping=False).fit(X, NUMBER)
    calls = {"fit": net.fit, "partial_fit": net.partial_fit, "stream": lambda *part: stream.fit(net, lambda: [part])}
    calls["predict"] = lambda table, _: fitted.predict(table)
    before, tracer = np.geterr(), sys.gettrace()
    try:
        sys.settrace(press)
        with suppress(KeyboardInterrupt):  # after a whole epoch, it is fitted
            calls[door](X, NUMBER)
    finally:
        sys.settrace(tracer)
        left = np.geterr()
        np.seterr(**before)
    assert pressed
    assert left == before
