"""Settings of a target are values, equal if their fields are."""

from dataclasses import replace

from sknet._model.settings import TargetSettings


def test_target_settings_of_their_own_share_no_options():
    one, other = TargetSettings("huber"), TargetSettings("huber")
    assert one == other and one.options is not other.options
    assert replace(one, target_scaling="standard") != other
