"""A made-up kind of column: what a new kind gets without a line elsewhere."""

import pickle
from dataclasses import dataclass, replace

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


def test_a_pickle_holds_a_kind_that_a_program_adds_and_a_model_file_does_not(tmp_path):
    net = quick().fit(X, Y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict(X), net.predict(X))
    sknet.save(net, tmp_path / "net")
    with pytest.raises(sknet.ModelFileError, match="pieces of your own, PlaceColumn, which a file cannot hold"):
        sknet.load(tmp_path / "net")


def quick(**parameters):
    return SigmoidMLPRegressor(max_iter=1, n_members=1, early_stopping=False, **parameters)


def chunks(table):
    return lambda: ((table[i : i + 500], Y[i : i + 500]) for i in range(0, N, 500))


def test_a_stream_names_a_column_of_a_kind_that_it_cannot_store():
    with pytest.raises(ValueError, match="Column 'place' of X is of the kind 'place', which a stream cannot store"):
        sknet.stream.fit(quick(), chunks(X))
    with pytest.warns(UserWarning, match="left out"):
        sknet.stream.fit(quick(categorical_features=["place"]), chunks(X))


def test_a_stream_whose_first_chunk_has_no_place_refuses_places():
    later = X.assign(place=X["place"].astype("string").where(X.index >= 500))
    with pytest.raises(ValueError, match="no value in the first chunk, and values of the kind 'place' in another"):
        sknet.stream.fit(quick(), chunks(later))


@pytest.mark.export
def test_an_export_names_a_column_of_a_kind_that_has_no_writer():
    net = quick().fit(X, Y)
    with pytest.raises(sknet.export.ExportError, match="Column 'place' is of a kind that cannot be exported"):
        sknet.export.to_onnx(net, X)
