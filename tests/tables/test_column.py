"""Two made-up kinds of columns: what a new kind gets without a line elsewhere."""

import pickle
import warnings
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest

import sknet.export
import sknet.stream
from sknet import ShapeFunctionDisplay, SigmoidMLPRegressor
from sknet._tables.column import ColumnKind, FormulaColumn, WeightsAndTarget
from sknet._tables.kinds import KINDS, ColumnChoices, survey_columns
from sknet._tables.numbers import BaseNumberColumn, ParsedNumberColumn, learn_number
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

    @property
    def is_constant(self):
        return False


def learn_place(values, name, settings, rows):
    return PlaceColumn(tuple(learn_number(part, name, settings, rows) for part in read_places(values, name)))


PLACE = ColumnKind("place", learn_place, classes=(PlaceColumn,), recognises=holds_places, may_have_bins=True)


SECONDS = rng.integers(60, 900, N)
LAPS = pd.DataFrame({"lap": [f"{s // 60}:{s % 60:02}" for s in SECONDS], "height": X["height"]})
TIMES = np.sqrt(SECONDS)


def read_seconds(values, name):
    parts = pd.Series(values).astype(str).str.extract("^(.+):(.+)$").astype(float)
    return (60.0 * parts[0] + parts[1]).to_numpy()


class LapColumn(ParsedNumberColumn):
    def numbers_of(self, values, name):
        return read_seconds(values, name)


def learn_lap(values, name, settings, rows):
    return LapColumn(learn_number(read_seconds(values, name), name, settings, rows))


LAP = ColumnKind(
    "lap", learn_lap, classes=(LapColumn,), may_have_bins=True,
    recognises=lambda column: bool(column.astype(str).str.fullmatch(r"\d+:\d\d").any()),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _place_and_lap_are_kinds(monkeypatch):
    monkeypatch.setitem(KINDS, PLACE.name, PLACE)
    monkeypatch.setitem(KINDS, LAP.name, LAP)


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
    quick_fit = {"max_iter": 1, "n_members": 1, "early_stopping": False, "random_state": 0}
    return SigmoidMLPRegressor(**quick_fit | parameters)


# --- which kind recognises a column ----------------------------------------------------------------------------------

NOTES = pd.Series([*(f"the place of row {i}" for i in range(99)), "1/2"])


def kind_of(column):
    return ColumnChoices("from_dtype", "auto").kind_of(column, "c", None)


def test_a_kind_that_a_program_adds_comes_before_text(monkeypatch):
    assert KINDS["text"].recognises(NOTES)
    assert kind_of(NOTES) == "place"
    monkeypatch.delitem(KINDS, "place")
    assert kind_of(NOTES) == "text"


def test_the_first_kind_that_recognises_a_column_has_it(monkeypatch):
    monkeypatch.setitem(KINDS, "all", replace(PLACE, name="all", recognises=lambda column: True))
    assert kind_of(NOTES) == "place"
    assert kind_of(LAPS["lap"]) == "lap"
    assert kind_of(pd.Series(["2026-01-31"] * 20)) == "date"
    assert kind_of(pd.Series(["a", "b"] * 20)) == "all"


# --- values that stand for numbers -----------------------------------------------------------------------------------


def test_values_that_stand_for_numbers_have_the_inputs_of_the_numbers():
    for settings in (column_settings(), column_settings(numeric_encoding="piecewise_linear", n_bins=4)):
        column = LAP.learn(LAPS["lap"], "lap", settings, WeightsAndTarget())
        of_numbers = learn_number(SECONDS, "lap", settings, WeightsAndTarget())
        assert column.number == of_numbers
        np.testing.assert_array_equal(inputs_of(column, LAPS["lap"]), inputs_of(of_numbers, SECONDS))
        np.testing.assert_array_equal(column.slopes(LAPS["lap"], "lap"), of_numbers.slopes(SECONDS, "lap"))


def test_a_pickle_and_a_model_file_hold_values_that_stand_for_numbers(tmp_path):
    net = quick().fit(LAPS, TIMES)
    sknet.save(net, tmp_path / "net")
    for again in (pickle.loads(pickle.dumps(net)), sknet.load(tmp_path / "net")):
        np.testing.assert_array_equal(again.predict(LAPS), net.predict(LAPS))


@pytest.mark.parametrize("scaling", ["robust", "standard", "quantile"])
def test_a_first_batch_of_equal_values_leaves_the_scale_to_the_next_one(scaling):
    numbers = LAPS.assign(lap=SECONDS)
    nets = [quick(input_scaling=scaling, max_iter=9), quick(input_scaling=scaling, max_iter=9)]
    for net, table, value in zip(nets, (LAPS, numbers), ("1:32", 92), strict=True):
        net.partial_fit(table[:50].assign(lap=value), TIMES[:50])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it says that the column is scaled only now
            net.partial_fit(table, TIMES)
    pd.testing.assert_frame_equal(nets[0].inputs_, nets[1].inputs_)
    np.testing.assert_array_equal(nets[0].predict(LAPS), nets[1].predict(numbers))
    assert np.ptp(nets[0].predict(LAPS.assign(height=0.0))) > 0.0


def test_values_are_outside_the_range_if_their_numbers_are():
    column = LAP.learn(LAPS["lap"], "lap", column_settings(), WeightsAndTarget())
    assert column.training_range == (60.0, 899.0)
    assert column.lies_mostly_outside(pd.Series(["9999:00"] * 20), "lap")
    assert not column.lies_mostly_outside(LAPS["lap"], "lap")


def test_a_column_of_formulas_says_whether_it_is_constant():
    class Forgetful(FormulaColumn):
        formulas = ()

        def arguments(self, values, name):
            return []

    with pytest.raises(TypeError, match="is_constant"):
        Forgetful()


# --- plots -----------------------------------------------------------------------------------------------------------


def functions_of(table, y):
    net = quick(interaction_cst="no_interactions", dtype="float64", max_iter=3).fit(table, y)
    display = ShapeFunctionDisplay.from_estimator(net, table)
    return net, {function.name: function for function in display.functions}


@pytest.mark.parametrize("convert", [pd.DataFrame, pl.from_pandas])
def test_values_that_stand_for_numbers_are_drawn_as_a_curve_of_the_numbers(convert):
    net, functions = functions_of(convert(LAPS), TIMES)
    lap = functions["lap"]
    assert lap.is_curve
    assert lap.missing is None
    assert 150 < len(lap.values) <= 200
    assert (np.diff(lap.values) > 0.0).all()
    assert set(lap.values) <= set(SECONDS)
    low, high = np.quantile(SECONDS, [0.005, 0.995])
    assert low <= lap.values.min() < low + 10
    assert high - 10 < lap.values.max() <= high + 10
    texts = [f"{s // 60:.0f}:{s % 60:02.0f}" for s in lap.values]
    predicted = net.predict(convert(LAPS.iloc[[0] * len(texts)].assign(lap=texts)))
    np.testing.assert_allclose(np.diff(lap.contributions), np.diff(predicted), atol=1e-9)


def test_a_curve_has_the_contribution_of_a_missing_value():
    table = LAPS.assign(lap=LAPS["lap"].where(np.arange(N) % 9 > 0)).set_index(np.arange(N) // 2)
    net, functions = functions_of(table, TIMES)
    lap = functions["lap"]
    assert lap.is_curve
    assert lap.missing is not None
    slowest = max(table["lap"].dropna()[lambda texts: read_seconds(texts, "") == lap.values.iloc[-1]])
    predicted = net.predict(table[:2].assign(height=0.0, lap=[slowest, None]))
    np.testing.assert_allclose(lap.missing - lap.contributions[-1], np.diff(predicted)[0], atol=1e-9)


def test_equal_values_are_a_curve_of_one_point():
    _, functions = functions_of(LAPS.assign(lap="1:32"), X["height"].to_numpy())
    assert functions["lap"].values.tolist() == [92.0]


def test_values_that_stand_for_several_numbers_are_drawn_as_bars():
    table = X.assign(place=[f"{i % 3}/{i % 2}" for i in range(N)])
    _, functions = functions_of(table, Y)
    assert not functions["place"].is_curve
    assert sorted(functions["place"].values) == ["0/0", "0/1", "1/0", "1/1", "2/0", "2/1"]


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


def test_values_that_stand_for_numbers_are_learnt_from_a_stream_as_the_numbers_are():
    numbers = LAPS.assign(lap=SECONDS)
    net, expected = (sknet.stream.fit(quick(), chunks(table)) for table in (LAPS, numbers))
    np.testing.assert_array_equal(net.predict(LAPS), expected.predict(numbers))


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
    predicted = np.concatenate(list(sknet.stream.predict(net, pieces)))
    np.testing.assert_allclose(predicted, net.predict(stored), rtol=1e-5, atol=1e-5)  # float32, in other batches


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
