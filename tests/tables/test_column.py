"""A made-up kind of column: what a new kind gets without a line elsewhere."""

import pickle
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import sknet.export
import sknet.stream
from sknet import SigmoidMLPRegressor
from sknet._tables.column import ColumnKind, FormulaColumn, WeightsAndTarget
from sknet._tables.kinds import KINDS, ColumnChoices, survey_columns
from sknet._tables.numbers import BaseNumberColumn, learn_number
from tests.tables.examples import column_settings, inputs_of, table_encoder

N = 2000
rng = np.random.default_rng(0)
PLACES = rng.uniform(-90.0, 90.0, (N, 2)).round(1)
X = pd.DataFrame({"place": [f"{a}/{b}" for a, b in PLACES.tolist()], "height": rng.normal(size=N)})
Y = PLACES[:, 0] / 90.0 - X["height"]


def read_places(values, name):
    return pd.Series(values).astype(str).str.extract("^(.+)/(.+)$").astype(float).to_numpy().T


def holds_places(column):
    return bool(column.astype(str).str.fullmatch(r"-?[\d.]+/-?[\d.]+").any())


@dataclass(frozen=True)
class PlaceColumn(FormulaColumn):
    parts: tuple[BaseNumberColumn, ...]

    @property
    def formulas(self):
        return tuple(formulas for part in self.parts for formulas in part.formulas)

    def arguments(self, values, name):
        return [*read_places(values, name)]


def learn_place(values, name, settings, rows):
    return PlaceColumn(tuple(learn_number(part, name, settings, rows) for part in read_places(values, name)))


PLACE = ColumnKind("place", learn_place, classes=(PlaceColumn,), recognises=holds_places, may_have_bins=True)


@pytest.fixture(autouse=True)
def _place_is_a_kind(monkeypatch):
    monkeypatch.setitem(KINDS, PLACE.name, PLACE)


@pytest.fixture
def column():
    settings = column_settings(numeric_encoding="piecewise_linear", n_bins=4)
    return PLACE.learn(X["place"].where(X["height"] > -1.0), "place", settings, WeightsAndTarget())


def test_bins_of_several_numbers_come_before_all_other_inputs(column):
    kinds = [description.kind for description in column.input_descriptions]
    assert kinds == ["bin"] * 8 + ["number", "missing"] * 2
    assert column.n_bins == 8


def test_each_input_is_computed_where_it_is_described(column):
    inputs = inputs_of(column, X["place"])
    expected = [inputs_of(part, values) for part, values in zip(column.parts, PLACES.T, strict=True)]
    np.testing.assert_array_equal(inputs[:, :8], np.hstack([each[:, :4] for each in expected]))
    np.testing.assert_array_equal(inputs[:, 8:], np.hstack([each[:, 4:] for each in expected]))


def test_slopes_have_the_order_of_the_inputs(column):
    slopes = column.slopes(X["place"], "place")
    expected = [part.slopes(values, "") for part, values in zip(column.parts, PLACES.T, strict=True)]
    np.testing.assert_array_equal(slopes[:, :8], np.hstack([each[:, :4] for each in expected]))
    np.testing.assert_array_equal(slopes[:, 8:], np.hstack([each[:, 4:] for each in expected]))


def test_a_table_has_the_inputs_of_the_column(column):
    encoder = table_encoder(column, names=("place",))
    np.testing.assert_array_equal(encoder.encode(X[["place"]], float), inputs_of(column, X["place"]))


def test_a_fit_learns_from_it():
    net = SigmoidMLPRegressor(random_state=0, max_iter=30).fit(X, Y)
    assert net.score(X, Y) > 0.9
    assert len(net.explain(X[:2], background=X[:50]).values) == 2


def test_a_kind_is_inferred_from_the_type_of_values(monkeypatch):
    years = replace(PLACE, name="year", inferred_types=("period",))
    monkeypatch.setitem(KINDS, "year", years)
    table = pd.DataFrame({"year": pd.period_range("1900", periods=50, freq="Y")})
    assert survey_columns(table, ColumnChoices()).kinds == {0: "year"}


@pytest.mark.parametrize("error", [ValueError("not a place"), KeyError("height")])
def test_an_error_of_a_kind_that_a_program_adds_names_the_kind_and_the_column(monkeypatch, error):
    def recognises(column):
        raise error

    monkeypatch.setitem(KINDS, "place", replace(PLACE, recognises=recognises))
    with pytest.raises(
        RuntimeError, match=f"kind 'place' raised {type(error).__name__} for the column 'place'"
    ) as told:
        survey_columns(X, ColumnChoices())
    assert told.value.__cause__ is error


def quick(**parameters):
    return SigmoidMLPRegressor(max_iter=1, n_members=1, early_stopping=False, random_state=0, **parameters)


# --- pickles and files -----------------------------------------------------------------------------------------------


def test_a_pickle_and_a_model_file_hold_a_kind_that_a_program_adds(tmp_path):
    net = quick().fit(X, Y)
    sknet.save(net, tmp_path / "net")
    for again in (pickle.loads(pickle.dumps(net)), sknet.load(tmp_path / "net")):
        np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_a_file_is_refused_where_its_kind_has_not_been_added(tmp_path, monkeypatch):
    sknet.save(quick().fit(X, Y), tmp_path / "net")
    monkeypatch.delitem(KINDS, "place")
    with pytest.raises(sknet.ModelFileError, match="it holds a 'PlaceColumn', which is not known here"):
        sknet.load(tmp_path / "net")


def test_a_class_of_a_program_replaces_none_of_the_package_in_files(tmp_path, monkeypatch):
    class NumberColumn(PlaceColumn):
        pass

    monkeypatch.setitem(KINDS, "place", replace(PLACE, classes=(NumberColumn,)))
    net = quick().fit(X[["height"]], Y)
    sknet.save(net, tmp_path / "net")
    np.testing.assert_array_equal(sknet.load(tmp_path / "net").predict(X[["height"]]), net.predict(X[["height"]]))


# --- streams ---------------------------------------------------------------------------------------------------------


def chunks(table):
    return lambda: ((table[i : i + 500], Y[i : i + 500]) for i in range(0, N, 500))


def test_a_kind_is_learnt_from_a_stream_as_its_numbers_are():
    net = sknet.stream.fit(quick(numeric_encoding="raw"), chunks(X))
    numbers = pd.DataFrame({"a": PLACES[:, 0], "b": PLACES[:, 1], "height": X["height"]})
    expected = sknet.stream.fit(quick(numeric_encoding="raw"), chunks(numbers))
    np.testing.assert_array_equal(net.predict(X), expected.predict(numbers))


def test_a_stream_has_the_inputs_of_a_fit_in_memory():
    stored = X.assign(place=X["place"].where(X.index % 9 > 0))
    net = sknet.stream.fit(quick(), chunks(stored))
    pd.testing.assert_frame_equal(net.inputs_, quick().fit(stored, Y).inputs_)
    assert "place" in set(net.inputs_["column"])
    pieces = [piece for piece, _ in chunks(stored)()]
    np.testing.assert_array_equal(np.concatenate(list(sknet.stream.predict(net, pieces))), net.predict(stored))


class Place(NamedTuple):
    a: float
    b: float

    def __str__(self):
        return f"{self.a}/{self.b}"


def test_objects_that_are_no_text_are_stored_in_a_stream():
    objects = X.assign(place=[Place(*place) for place in PLACES.tolist()])
    net, expected = (sknet.stream.fit(quick(), chunks(table)) for table in (objects, X))
    np.testing.assert_array_equal(net.predict(objects), expected.predict(X))


def test_a_stream_names_a_column_whose_values_cannot_be_stored():
    class Unknown(Place):
        """A class that pickle does not find by its name."""

    objects = X.assign(place=[Unknown(*place) for place in PLACES.tolist()])
    with pytest.raises(TypeError, match="Column 'place' of X holds values that a stream cannot store, .* turn them"):
        sknet.stream.fit(quick(), chunks(objects))
    quick().fit(objects, Y)


def test_a_stream_whose_first_chunk_has_no_place_refuses_places():
    later = X.assign(place=X["place"].astype("string").where(X.index >= 500))
    with pytest.raises(ValueError, match="no value in the first chunk, and values of the kind 'place' in another"):
        sknet.stream.fit(quick(), chunks(later))


@pytest.mark.export
def test_an_export_names_a_column_of_a_kind_that_has_no_writer():
    net = quick().fit(X, Y)
    with pytest.raises(sknet.export.ExportError, match="Column 'place' is of a kind that cannot be exported"):
        sknet.export.to_onnx(net, X)
