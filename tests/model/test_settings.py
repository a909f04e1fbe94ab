"""Where "auto" ends: settings are frozen, and nothing in them is left to be asked."""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.auto import Facts
from sknet._estimators.resolve import resolve
from sknet._model.settings import Settings, TargetSettings

KINDS = [SigmoidMLPClassifier, SigmoidMLPRegressor]


def leaves(value):
    """Every value in nested dataclasses and containers."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from leaves(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    else:
        yield value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_nothing_is_left_to_be_asked(kind, validated, solver):
    settings, _ = resolve(kind(solver=solver), Facts(100, validated))
    words = {value for value in leaves(settings) if isinstance(value, str)}
    assert words and not words & {"auto", "proportional"}


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_frozen_to_the_last_part(kind):
    settings, _ = resolve(kind(), Facts(100, True))
    assert isinstance(settings, Settings)
    parts = [part for field in fields(settings) if is_dataclass(part := getattr(settings, field.name))]
    assert len(parts) == 5
    for part in (settings, *parts):
        with pytest.raises(FrozenInstanceError):
            setattr(part, fields(part)[0].name, None)


def test_target_settings_of_their_own_share_no_options():
    one, other = TargetSettings("huber"), TargetSettings("huber")
    assert one == other and one.options is not other.options
    assert replace(one, target_scaling="standard") != other
