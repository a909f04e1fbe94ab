"""What JSON cannot say, said in it."""

import json
from math import inf, nan

import numpy as np
import pytest

from sknet import Activation
from sknet._storage import plain
from sknet._storage.plain import from_plain, piece_name, to_plain

EMPTY = {}


def there_and_back(tree, custom=EMPTY):
    written, tensors = to_plain(tree)
    found, missing = from_plain(json.loads(json.dumps(written, allow_nan=False)), tensors, custom)
    assert not missing
    return found


@pytest.mark.parametrize("value", [
    None, True, 0, -(10**30), 0.1, -0.0, inf, -inf, "", "é\ud800", (), (1, (2, ())), [], [1, [2]], (1, [2, (3,)]),
    tuple(f"level {k}" for k in range(40)), tuple("" for _ in range(20)), {"x": {"y": (1,)}},
])  # fmt: skip
def test_values_come_back_equal_and_of_their_type(value):
    found = there_and_back(value)
    assert found == value and type(found) is type(value) and repr(found) == repr(value)


def test_nan_and_numpy_numbers_come_back():
    assert np.isnan(there_and_back(nan))
    for value in (np.float32(0.1), np.int64(3), np.bool_(True)):
        found = there_and_back(value)
        assert found == value and found.dtype == value.dtype
    assert there_and_back(np.str_("a")) == "a"


def test_a_random_state_goes_on_where_it_was():
    source = np.random.RandomState(3)
    source.normal()
    again = there_and_back(source)
    assert again.normal() == source.normal() and again.randint(10**6) == source.randint(10**6)


@pytest.mark.parametrize("array", [np.array([1j]), np.array([1, "a"], dtype=object), np.array(["2020"], "M8[D]")])
def test_arrays_that_no_file_holds_are_refused(array):
    with pytest.raises(
        ValueError, match="cannot be saved: labels and parameters may be numbers, truth values and text"
    ):
        to_plain(array)


def test_pieces_are_called_by_their_names():
    activation = Activation("swish", lambda z: None, lambda a, delta: None)
    assert piece_name(activation) == "swish" and piece_name(there_and_back) == "there_and_back"
    assert piece_name(object()) == "object"


def test_two_pieces_of_one_name_are_refused():
    with pytest.raises(ValueError, match="Two pieces of your own are called '<lambda>'"):
        to_plain([lambda: 1, lambda: 2])


def test_texts_beyond_the_limit_are_refused(monkeypatch):
    monkeypatch.setattr(plain, "MAX_TEXTS", 20)
    with pytest.raises(ValueError, match="too many for a file"):
        to_plain(tuple(f"{k}" for k in range(30)))


def test_a_random_state_of_another_generator_is_refused():
    with pytest.raises(ValueError, match=r"another generator than MT19937: give an int"):
        to_plain(np.random.RandomState(np.random.PCG64(0)))


def test_what_is_no_random_state_is_not_made():
    written, tensors = to_plain(np.random.RandomState(3))
    assert from_plain(written, tensors, {})[0].randint(9) == np.random.RandomState(3).randint(9)
    short = {name: array[:5] if array.shape == (624,) else array for name, array in tensors.items()}
    with pytest.raises(ValueError, match="a random state is not one"):
        from_plain(written, short, {})
    with pytest.raises(ValueError, match="a random state is not one"):
        from_plain(written, {n: a if a.shape == (624,) else np.array([625, 0]) for n, a in tensors.items()}, {})


def test_an_array_of_objects_holds_texts_only():
    written, tensors = to_plain(np.array(["a", "b"], dtype=object))
    assert from_plain(written, tensors, {})[0].tolist() == ["a", "b"]
    with pytest.raises(TypeError, match="an array of objects is not one of texts"):
        from_plain(written | {"texts": [1, "b"]}, tensors, {})
