"""Learnt values as names and arrays, and back."""

import numpy as np
import pytest

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._storage.models import KIND, KINDS, pack, unpack
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.encoding import TableEncoder
from sknet._training.result import Epoch
from sknet._training.state import State

NUMBER, CATEGORY = NumberColumn(1.0, 2.0), CategoryColumn(("a", "b"), has_missing=True)


@pytest.mark.parametrize("value", [
    NUMBER, CATEGORY, TableEncoder(("x", "y"), (NUMBER, CATEGORY)), TableEncoder(None, (NUMBER,) * 3), (), (NUMBER,),
    (Epoch(1.0, 2.0, 3.0, 4.0, 5.0, 6.0),) * 2, np.dtype("f4"), ACTIVATIONS["mish"], {"a": 1, KIND: 2}, {3: "x"},
    {"resolved": (1, [2, {"kind": "model"}])},
])  # fmt: skip
def test_values_come_back(value):
    assert unpack(pack(value)) == value


def test_many_values_of_one_kind_are_one_array_per_field():
    columns = tuple([NumberColumn(0.0, scale) for scale in (1.0, 2.0, 2.0, -0.0, 0.0)])
    plain = pack(columns)
    assert plain[KIND] == "rows" and plain["scale"].tolist() == [1.0, 2.0, 2.0, -0.0, 0.0]
    again = unpack(plain)
    assert again == columns and again[1] is again[2] and str(again[3].scale) == "-0.0" and type(again[0].bend) is bool


def test_nothing_private_is_named():
    plain = pack(TableEncoder(("x", "y"), (NUMBER, CATEGORY)))
    assert plain[KIND] == "encoder" and [part[KIND] for part in plain["columns"]] == ["number", "category"]
    assert set(KINDS.values()) >= {NumberColumn, CategoryColumn, TableEncoder}


def test_a_piece_of_ones_own_stands_as_it_is():
    own = Activation("sigmoid", lambda z: None, lambda a, delta: None)
    assert pack(own) is own and unpack(own) is own


def test_a_state_goes_on_where_it_was():
    state = State(np.arange(4.0), (np.ones(4),), np.random.default_rng(1), step=5)
    again = unpack(pack(state))
    assert again.rng.random() == state.rng.random() and again.step == 5


@pytest.mark.parametrize("change", [
    {KIND: "os.system"}, {"center": 1}, {"center": "1"}, {"clip": 1}, {"other": 1.0}, {KIND: ["number"]},
    {KIND: "dtype", "name": "float32"},
])  # fmt: skip
def test_what_is_no_such_value_is_refused(change):
    with pytest.raises((KeyError, TypeError)):
        unpack(pack(NUMBER) | change)


@pytest.mark.parametrize("change", [
    {"center": np.zeros(3)}, {"center": np.zeros((2, 1))}, {"center": np.zeros(2, int)}, {"of": "category"},
    {"of": "encoder"}, {"other": np.zeros(2)},
])  # fmt: skip
def test_rows_that_are_none_are_refused(change):
    with pytest.raises((KeyError, TypeError, ValueError)):
        unpack(pack((NUMBER, NUMBER)) | change)


@pytest.mark.parametrize("change", [
    {"theta": np.zeros((2, 2))}, {"theta": np.zeros(2, int)}, {"text": np.array("x" * 5000)}, {"text": np.array(1)},
    {"text": np.array("[]")}, {"theta": 1.0},
], ids=lambda change: next(iter(change)))  # fmt: skip
def test_states_that_are_none_are_refused(change):
    arrays = State(np.arange(4.0), (), np.random.default_rng(1)).to_arrays() | change
    with pytest.raises((KeyError, TypeError, ValueError)):
        unpack({KIND: "state", "arrays": pack(arrays)})
