"""Every kind of column in an estimator: the contract holds with each, and `inputs_` says how inputs are computed."""

import pickle
import re
from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.pairs import over_pairs

rng = np.random.default_rng(0)
N = 400
TABLE = pd.DataFrame(
    {
        "age": rng.normal(40, 10, N),
        "gain": np.where(rng.random(N) < 0.8, 0.0, rng.lognormal(8, 1, N)),
        "rooms": rng.integers(1, 9, N),
        "member": rng.random(N) < 0.5,
        "sex": pd.Categorical(rng.choice(["f", "m"], N)),
        "city": pd.Series(rng.choice([f"c{i}" for i in range(30)], N), dtype=object),
        "when": pd.Series(pd.date_range("2021-01-01", periods=N, freq="7h")).sample(frac=1, random_state=0).array,
        "wait": pd.to_timedelta(rng.exponential(100, N).round(), unit="s"),
        "note": [" ".join(words) for words in rng.choice(["a", "flat", "of", "Old", "quiet", "near", "trees"], (N, 5))],
    }
)
TABLE.loc[rng.random(N) < 0.1, ["age", "city", "when", "gain", "note"]] = None
EFFECT_OF_CITY = rng.normal(size=31)[TABLE["city"].fillna("c30").str[1:].astype(int)]
NUMBER = EFFECT_OF_CITY + TABLE["rooms"].to_numpy() / 4 + rng.normal(0, 0.1, N)
LABEL = np.digitize(NUMBER, np.quantile(NUMBER, [0.3, 0.6]))
QUICK = {"hidden_layer_sizes": 5, "max_iter": 3, "random_state": 0, "max_categories": 8}
ENCODINGS = [
    {"numeric_encoding": "raw", "category_encoding": "one_hot"},
    {"numeric_encoding": "piecewise_linear", "category_encoding": "target"},
    {"numeric_encoding": "piecewise_linear", "category_encoding": "both", "n_bins": 5},
]
WHOLE = {"early_stopping": False, "dtype": "float64", "learning_rate": "constant", "tol": 0.0}
TASKS = [(SigmoidMLPRegressor, NUMBER), (SigmoidMLPClassifier, LABEL), (SigmoidMLPClassifier, LABEL == 1)]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def outputs(net, X):
    return net.predict_proba(X) if hasattr(net, "predict_proba") else net.predict(X)


# --- the network's input, by hand ------------------------------------------------------------------------------------


def bend(z):
    return 3 * np.arcsinh(z / 3)


def seconds(column):
    units = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    return np.where(column.isna(), np.nan, column.astype("int64") / units[np.datetime_data(column.dtype)[0]])


def as_numbers(column):
    return seconds(column) if column.dtype.kind in "mM" else column.to_numpy(dtype=float)


POSITIONS = {
    "hour": lambda when: when.dt.hour + when.dt.minute / 60,
    "weekday": lambda when: when.dt.day_of_week,
    "yearday": lambda when: when.dt.day_of_year,
}


def by_hand(row, column, inputs, scaling):
    """Compute one input from its line of `inputs_`."""
    same = inputs[inputs["column"] == row.column]
    if row.kind == "missing":
        return column.isna().to_numpy()
    if row.kind in ("number", "bin"):
        # without scaling, `inputs_` does not say that the mean replaces missing numbers
        numbers = as_numbers(column)
        fill = np.nanmean(numbers) if scaling is None else same.loc[same["kind"] == "number", "centre"].iloc[0]
        placed = (np.nan_to_num(numbers, nan=fill) - row.centre) * row.scale
        return np.clip(placed, 0, 1) if row.kind == "bin" else bend(placed) if scaling == "robust" else placed
    if row.kind == "date":
        cycle, wave = row.level.split("_")
        return getattr(np, wave)(POSITIONS[cycle](column) * row.scale).fillna(0.0)
    if row.kind == "text":
        return [project(row, text) for text in column]
    keys = [None if pd.isna(value) else str(value) for value in column]
    categories = set(same.loc[same["kind"] == "level", "level"])
    compute = {
        "level": lambda key: ((key == row.level) - row.centre) * row.scale,
        "infrequent": lambda key: key is not None and key not in categories,
        "target": lambda key: (row.level.get(key, row.centre) - row.centre) * row.scale,
    }
    return [compute[row.kind](key) for key in keys]


@cache
def count_terms(text):
    """Count the terms of a text: all sequences of three or four letters of a word with a space before and after it."""
    counts = Counter()
    for word in text.lower().split():
        for length in (3, 4) if len(word) > 1 else (3,):  # a word that is shorter than four with its spaces counts once
            counts.update(f" {word} "[i : i + length] for i in range(len(word) + 3 - length))
    return counts


def project(row, text):
    """Compute an input of a text from the idf and the weight of every term."""
    if pd.isna(text):
        return 0.0
    counts = count_terms(text)
    terms = [term for term in counts if term in row.level]
    tfidf = np.array([(1 + np.log(counts[term])) * row.level[term][0] for term in terms])
    return (tfidf / np.linalg.norm(tfidf) @ [row.level[term][1] for term in terms] - row.centre) * row.scale


@over_pairs(encodings=ENCODINGS, scaling=["robust", "standard", None], target=range(len(TASKS)))
def test_each_input_is_computed_as_its_row_of_inputs_says(encodings, scaling, target):
    kind, y = TASKS[target]
    net = kind(**QUICK, **encodings, input_scaling=scaling).fit(TABLE, y)
    found, inputs = net.activations(TABLE)[0], net.inputs_
    assert list(inputs.index) == list(net.network_feature_names_)
    assert len(inputs) == net.coefs_[0].shape[0]
    for j, row in enumerate(inputs.itertuples()):
        expected = by_hand(row, TABLE[row.column], inputs, scaling)
        assert_allclose(found[:, j], np.asarray(expected, dtype=float), atol=1e-5, err_msg=str(row.Index))
    assert list(inputs.columns) == ["column", "kind", "level", "edge", "centre", "scale"]


# --- the contract with every kind ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encodings", ENCODINGS)
@pytest.mark.parametrize(("kind", "y"), TASKS)
def test_pickles_and_resolved_parameters_give_the_same_predictions(encodings, kind, y):
    net = kind(**QUICK, **encodings).fit(TABLE, y)
    expected = outputs(net, TABLE)
    assert_array_equal(outputs(pickle.loads(pickle.dumps(net)), TABLE), expected)
    assert_array_equal(outputs(kind(**net.resolved_params_).fit(TABLE, y), TABLE), expected)
    assert_array_equal(outputs(kind(**QUICK, **encodings).fit(TABLE, y), TABLE), expected)


def test_the_kinds_of_input_are_those_documented():
    kinds = SigmoidMLPRegressor(**QUICK, **ENCODINGS[2]).fit(TABLE, NUMBER).inputs_["kind"]
    assert set(kinds) == {"number", "bin", "missing", "level", "infrequent", "target", "date", "text"}


@pytest.mark.parametrize("encodings", [ENCODINGS[0], {"numeric_encoding": "piecewise_linear"}])
def test_integer_weights_equal_repeated_rows(encodings):
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 4, N)
    repeated = np.repeat(np.arange(N), weight)
    settings = {**QUICK, **WHOLE, **encodings, "text_features": ["note"], "n_bins": 12}
    one = SigmoidMLPRegressor(**settings, batch_size=np.count_nonzero(weight)).fit(TABLE, NUMBER, weight)
    two = SigmoidMLPRegressor(**settings, batch_size=len(repeated)).fit(TABLE.iloc[repeated], NUMBER[repeated])
    assert_allclose(one.predict(TABLE), two.predict(TABLE), rtol=1e-7)


@pytest.mark.parametrize("encodings", ENCODINGS)
def test_the_order_of_the_columns_only_orders_the_inputs(encodings):
    order = list(TABLE)[::-1]
    one = SigmoidMLPRegressor(**QUICK, **encodings).fit(TABLE, NUMBER)
    two = SigmoidMLPRegressor(**QUICK, **encodings).fit(TABLE[order], NUMBER)
    order_of_inputs = two.inputs_.index.get_indexer(one.inputs_.index)
    assert_array_equal(one.activations(TABLE)[0], two.activations(TABLE[order])[0][:, order_of_inputs])


@pytest.mark.parametrize("encodings", ENCODINGS)
@pytest.mark.parametrize(("kind", "y"), TASKS)
def test_epochs_may_be_trained_one_by_one(encodings, kind, y):
    settings = {**QUICK, **encodings, "early_stopping": False}
    whole, parts = kind(**settings).fit(TABLE, y), kind(**settings)
    for _ in range(settings["max_iter"]):
        parts.partial_fit(TABLE, y, **({} if kind is SigmoidMLPRegressor else {"classes": np.unique(y)}))
        parts = pickle.loads(pickle.dumps(parts))
    assert_array_equal(outputs(whole, TABLE), outputs(parts, TABLE))
    assert whole.loss_curve_ == parts.loss_curve_


@pytest.mark.parametrize("encodings", ENCODINGS)
def test_a_memory_map_gives_the_predictions_of_an_array(tmp_path, encodings):
    codes = np.column_stack([TABLE["age"], TABLE["gain"], pd.factorize(TABLE["city"])[0], TABLE["rooms"]]).astype(float)
    np.save(tmp_path / "X.npy", codes)
    settings = {**QUICK, **encodings, "categorical_features": [2]}
    expected = SigmoidMLPRegressor(**settings).fit(codes, NUMBER)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_allclose(
        SigmoidMLPRegressor(**settings).fit(mapped, NUMBER).predict(mapped), expected.predict(codes), rtol=1e-9
    )
    assert_array_equal(expected.predict(pd.DataFrame(codes).to_numpy()), expected.predict(codes))


def test_a_polars_frame_gives_the_predictions_of_a_pandas_frame():
    frame = pl.DataFrame({name: list(map(plain, TABLE[name])) for name in TABLE})
    settings = {**QUICK, **ENCODINGS[2]}
    expected = SigmoidMLPRegressor(**settings).fit(TABLE, NUMBER).predict(TABLE)
    assert_array_equal(SigmoidMLPRegressor(**settings).fit(frame, NUMBER).predict(frame), expected)


def plain(value):
    return (
        None if pd.isna(value) else getattr(value, "to_pydatetime", getattr(value, "to_pytimedelta", lambda: value))()
    )


@pytest.mark.filterwarnings("ignore:Columns .* of X hold no category that fit has seen")
def test_unknown_categories_have_finite_predictions():
    strange = TABLE.assign(city="never", sex=pd.Categorical(["x"] * N))
    for encodings in ENCODINGS:
        assert np.isfinite(SigmoidMLPRegressor(**QUICK, **encodings).fit(TABLE, NUMBER).predict(strange)).all()


def test_a_warm_start_and_a_gradient_keep_the_columns():
    net = SigmoidMLPRegressor(**QUICK, **ENCODINGS[1], warm_start=True).fit(TABLE, NUMBER)
    inputs = net.inputs_
    loss, gradients, _ = net.backpropagate(TABLE, NUMBER)
    assert np.isfinite(loss)
    assert gradients[0].shape == net.coefs_[0].shape
    pd.testing.assert_frame_equal(net.fit(TABLE, NUMBER).inputs_, inputs)


# --- what "auto" means -----------------------------------------------------------------------------------------------


def encodings_of(net, X, y):
    resolved = net.fit(X, y).resolved_params_
    return resolved["numeric_encoding"], resolved["category_encoding"]


def test_auto_encodings_depend_on_rows_estimator_and_categories():
    few, many = ("raw", "one_hot"), ("auto", "both")
    X = pd.concat([TABLE[["age", "city"]]] * 20, ignore_index=True)
    y, label = np.tile(NUMBER, 20), np.tile(LABEL, 20)
    quick = {**QUICK, "max_iter": 1}
    assert len(X) >= 5000
    assert encodings_of(SigmoidMLPRegressor(**quick), X, y) == many
    assert encodings_of(SigmoidMLPRegressor(**quick | {"max_categories": None}), X, y) == (many[0], few[1])
    for kind, target in ((SigmoidMLPRegressor, y), (SigmoidMLPClassifier, label)):
        assert encodings_of(kind(**quick), X.iloc[:1000], target[:1000])[0] == "auto"  # both, by turns
        assert encodings_of(kind(**quick, n_members=1), X.iloc[:1000], target[:1000])[0] == "raw"
    alone = ("piecewise_linear", "both")
    assert encodings_of(SigmoidMLPClassifier(**quick, early_stopping=False), X, label) == alone
    for scikit_learns in ({"input_scaling": None}, {"learning_rate": "constant"}, {"learning_rate": "adaptive"}):
        assert encodings_of(SigmoidMLPRegressor(**quick | scikit_learns), X, y) == few
    assert SigmoidMLPRegressor(**quick).partial_fit(X, y).resolved_params_["category_encoding"] == "one_hot"
    wide = np.random.default_rng(0).normal(size=(8000, 51)).astype(np.float32)
    assert encodings_of(SigmoidMLPRegressor(**quick), wide, y)[0] == "raw"
    assert encodings_of(SigmoidMLPRegressor(**quick), sp.csr_array(wide[:, :3]), y) == few


def test_given_first_weights_keep_raw_numbers():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 2))
    start = ([np.ones((2, 3)), np.ones((3, 1))], [np.zeros(3), np.zeros(1)])
    net = SigmoidMLPRegressor(3, init=start, max_iter=1, random_state=0)
    assert encodings_of(net, X, X[:, 0])[0] == "raw"


def test_encodings_change_nothing_in_sparse_tables():
    X = sp.random_array((N, 5), density=0.3, random_state=0, format="csr")
    settings = {"hidden_layer_sizes": 3, "max_iter": 2, "random_state": 0}
    expected = SigmoidMLPRegressor(**settings).fit(X, NUMBER).predict(X)
    for encodings in ENCODINGS[1:]:
        assert_array_equal(SigmoidMLPRegressor(**settings, **encodings).fit(X, NUMBER).predict(X), expected)


# --- text in arrays, identifiers, declared categories, refusals ------------------------------------------------------


@pytest.mark.parametrize("features", ["categorical_features", "text_features"])
@pytest.mark.parametrize("hold", [np.asarray, lambda X: X.astype(str)], ids=["object", "string"])
def test_a_named_column_of_an_array_may_be_text(hold, features):
    table = TABLE[["age", "city", "rooms"]].dropna().astype(object)
    y = NUMBER[table.index]
    frame = table.rename(columns=dict(zip(table, ["x0", "x1", "x2"], strict=True))).astype({"x0": float, "x2": float})
    X = hold(table.to_numpy())
    chosen = QUICK | {features: [1]}
    net = SigmoidMLPRegressor(**chosen).fit(X, y)
    assert_array_equal(net.predict(X), SigmoidMLPRegressor(**chosen).fit(frame, y).predict(frame))
    assert not hasattr(net, "feature_names_in_")
    assert net.n_features_in_ == 3
    assert_array_equal(pickle.loads(pickle.dumps(net)).predict(X[:3]), net.predict(X[:3]))
    net.partial_fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but SigmoidMLPRegressor is expecting 3"):
        net.predict(X[:, :2])
    with pytest.raises(ValueError, match="Column 'x1' of X .*should hold numbers.*categorical_features"):
        SigmoidMLPRegressor(**QUICK | {features: [0]}).fit(X, y)


def test_text_beside_named_categories_is_answered_with_from_dtype():
    net = SigmoidMLPRegressor(**QUICK, categorical_features=["rooms"])
    with pytest.raises(ValueError, match=r"replaces the choice by dtype unless 'from_dtype' is in it"):
        net.fit(TABLE[["rooms", "city"]], NUMBER)


@pytest.mark.parametrize("rows_of", [pd.DataFrame.to_numpy, lambda frame: frame.to_numpy().tolist()])
def test_rows_without_names_are_answered_with_the_frame_that_a_model_of_a_frame_takes(rows_of):
    frame = TABLE[["age", "city", "rooms", "sex"]]
    model = SigmoidMLPRegressor(**QUICK).fit(frame, NUMBER)
    X = rows_of(frame)
    remedy = "pd.DataFrame(X, columns=model.feature_names_in_)"
    with (
        pytest.raises(ValueError, match=f"SigmoidMLPRegressor was fitted to a .*: pass {re.escape(remedy)}") as raised,
        pytest.warns(UserWarning, match="X does not have valid feature names"),
    ):
        model.predict(X)
    assert "before fit" not in str(raised.value)
    assert_array_equal(model.predict(eval(remedy, {"pd": pd, "X": X, "model": model})), model.predict(frame))
    with (
        pytest.raises(ValueError, match="has 3 features, but SigmoidMLPRegressor is expecting 4"),
        pytest.warns(UserWarning, match="X does not have valid feature names"),
    ):
        model.predict(rows_of(frame[["age", "rooms", "rooms"]]))


def test_types_and_names_may_both_make_categories():
    net = SigmoidMLPRegressor(**QUICK, categorical_features=["rooms", "from_dtype"]).fit(TABLE, NUMBER)
    categories = net.inputs_[net.inputs_["kind"] == "level"]
    assert set(categories["column"]) == {"rooms", "sex", "city"}


def test_identifiers_are_left_out_with_a_warning():
    names = [f"user {i}" for i in range(N)]
    with pytest.warns(UserWarning, match=r"Columns \['name'\] of X are left out: .* differ.*text_features"):
        net = SigmoidMLPRegressor(**QUICK).fit(TABLE.assign(name=names), NUMBER)
    assert "name" not in set(net.inputs_["column"])
    with pytest.raises(ValueError, match=r"\['name'\].*No other column is left"):
        SigmoidMLPRegressor(**QUICK).fit(pd.DataFrame({"name": names}), NUMBER)


@pytest.mark.parametrize("texts", [[""] * N, ["the same text everywhere"] * N, [None] * N])
def test_texts_that_do_not_differ_are_left_out_with_a_warning(texts):
    settings = QUICK | {"text_features": ["note"]}
    with pytest.warns(UserWarning, match=r"Columns \['note'\] of X are left out: they are text, and no two .* differ"):
        net = SigmoidMLPRegressor(**settings).fit(TABLE.assign(note=texts), NUMBER)
    assert set(net.inputs_.loc[net.inputs_["column"] == "note", "kind"]) <= {"missing"}
    if texts[0] is not None:
        with pytest.raises(ValueError, match=r"\['note'\].*No other column is left"):
            SigmoidMLPRegressor(**settings).fit(pd.DataFrame({"note": texts}), NUMBER)


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_identifiers_in_arrays_are_left_out_with_a_warning(kind, n_members):
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    some, every = (kind(4, max_iter=2, n_members=n_members, categorical_features=chosen) for chosen in ([1], [0, 1, 2]))
    with pytest.warns(UserWarning, match=r"Columns \['x1'\] of X are left out"):
        some.fit(X, y)
    with pytest.raises(ValueError, match=r"\['x0', 'x1', 'x2'\].*No other column is left"):
        every.fit(X, y)
    assert set(some.inputs_["column"]) == {"x0", "x2"}
    assert not hasattr(every, "coefs_")


SHOP = rng.permutation([f"s{i}" for i in range(40)] * 50)
SHOPS = pd.DataFrame({"x": rng.normal(size=2000), "shop": SHOP, "name": [f"n{i // 3}" for i in range(2000)]})
SPENT = SHOPS["x"].to_numpy() + rng.normal(size=2000)


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_columns_of_noise_and_of_rare_categories_are_kept(kind, tmp_path):
    y = SPENT if kind is SigmoidMLPRegressor else SPENT > 0
    net = kind(4, max_iter=2, random_state=0, category_encoding="one_hot", numeric_encoding="raw").fit(SHOPS, y)
    assert net.inputs_["column"].value_counts()["shop"] == 40
    assert net.inputs_.loc[net.inputs_["column"] == "name", "kind"].tolist() == ["infrequent"]
    sknet.save(net, tmp_path / "net")
    assert_array_equal(sknet.load(tmp_path / "net").predict(SHOPS), net.predict(SHOPS))
    chunks = [(SHOPS[i : i + 500], y[i : i + 500]) for i in range(0, 2000, 500)]
    streamed = sknet.stream.fit(clone(net), lambda: chunks)
    assert set(streamed.network_feature_names_) == set(net.network_feature_names_)


def test_no_category_is_infrequent_if_nothing_evaluates_epochs():
    whole = SigmoidMLPRegressor(
        4, max_iter=2, random_state=0, early_stopping=False, category_encoding="one_hot", n_members=1,
        numeric_encoding="raw",
    )  # fmt: skip
    again = clone(whole).partial_fit(SHOPS, SPENT).partial_fit(SHOPS, SPENT)
    assert_array_equal(again.predict(SHOPS), whole.fit(SHOPS, SPENT).predict(SHOPS))
    first = SigmoidMLPRegressor(4, random_state=0).partial_fit(SHOPS[:200], SPENT[:200])
    assert first.inputs_["column"].value_counts().to_dict() == {"x": 1, "shop": 40, "name": 67}


SHOP_IS_ODD = np.char.lstrip(SHOP.astype(str), "s").astype(int) % 2


def test_categories_that_are_informative_only_together_are_learnt():
    """The parity of two columns: each alone is noise. A constant scores 0.5."""
    other = np.random.default_rng(1).permutation(SHOP)
    odd = SHOP_IS_ODD ^ (np.char.lstrip(other.astype(str), "s").astype(int) % 2)
    table = SHOPS[["x", "shop"]].assign(other=other)
    net = SigmoidMLPClassifier(random_state=0).fit(table[:1500], odd[:1500])
    assert net.score(table[1500:], odd[1500:]) > 0.9


def test_slopes_per_category_are_learnt():
    y = np.where(SHOP_IS_ODD, 1.0, -1.0) * SHOPS["x"].to_numpy() + 0.3 * np.random.default_rng(1).normal(size=2000)
    net = SigmoidMLPRegressor(random_state=0).fit(SHOPS[["x", "shop"]][:1500], y[:1500])
    assert net.score(SHOPS[["x", "shop"]][1500:], y[1500:]) > 0.7


def test_categories_that_change_only_the_spread_are_learnt():
    y = np.where(SHOP_IS_ODD, 0.2, 2.0) * np.random.default_rng(1).normal(size=2000)
    net = SigmoidMLPRegressor(loss="quantile", quantile=[0.1, 0.9], random_state=0).fit(
        SHOPS[["shop"]][:1500], y[:1500]
    )
    width = np.ptp(net.predict(SHOPS[["shop"]][1500:]), axis=1)
    odd = SHOP_IS_ODD[1500:] == 1
    assert width[~odd].mean() > 4 * width[odd].mean()  # 10 times as wide, were nothing to be learnt from rows


def test_a_column_of_many_categories_changes_no_other_encoding():
    table = SHOPS[["x", "shop"]].assign(
        zone=[f"z{i % 400}" for i in range(2000)], rare=[f"r{i}" for i in range(30)] * 66 + [f"o{i}" for i in range(20)]
    )
    y = (
        SPENT
        + table["zone"].str[1:].astype(int) % 2
        + table["shop"].str[1:].astype(int) % 3
        + table["rare"].isin(["r3", "r4"])
    )
    kinds = SigmoidMLPRegressor(4, max_iter=2, random_state=0).fit(table, y).inputs_.groupby("column")["kind"].unique()
    assert {column: set(found) for column, found in kinds.items()} == {
        "x": {"number", "bin"}, "shop": {"level"}, "zone": {"level", "infrequent", "target"},
        "rare": {"level", "infrequent"},
    }  # fmt: skip


@pytest.mark.parametrize("n_categories", [60, 120])
def test_rare_categories_are_learnt_by_their_target_means(n_categories):
    """Two to five rows each."""
    new = np.random.default_rng(0)
    effect, category = 3.0 * new.normal(size=n_categories), new.integers(0, n_categories, 1300)
    table, y = pd.DataFrame({"c": [f"l{i}" for i in category]}), effect[category] + 0.2 * new.normal(size=1300)
    net = SigmoidMLPRegressor(32, max_iter=60, random_state=0).fit(table[:300], y[:300])
    assert set(net.inputs_["kind"]) == {"level", "infrequent", "target"}
    assert net.score(table[300:], y[300:]) > 0.85


def test_declared_categories_have_inputs_at_the_first_partial_fit():
    first = pd.DataFrame({"c": pd.Categorical(["a", "b"] * 20, categories=list("abcdef"))})
    net = SigmoidMLPRegressor(3, random_state=0).partial_fit(first, np.arange(40.0))
    assert list(net.inputs_["level"]) == list("abcdef")
    polars = pl.DataFrame({"c": pl.Series(["a", "b"] * 20, dtype=pl.Enum(list("abcdef")))})
    assert SigmoidMLPRegressor(3, random_state=0).partial_fit(polars, np.arange(40.0)).coefs_[0].shape[0] == 6


def test_all_columns_that_cannot_be_used_are_named_at_once():
    bad = TABLE.assign(z=1j, when=pd.period_range("2000", periods=N, freq="D"), mixed=["a", 1] * (N // 2))
    with pytest.raises(TypeError) as refused:
        SigmoidMLPRegressor(**QUICK).fit(bad, NUMBER)
    assert all(f"Column {name!r} of X" in str(refused.value) for name in ("z", "when", "mixed"))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("input_scaling", ["robust", "standard"])
def test_a_column_without_values_in_fit_changes_no_prediction(input_scaling):
    """An indicator of its missing values would be 1 in all training rows, and 0 for the first value to come."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": np.full(60, np.nan)})
    net = SigmoidMLPRegressor(5, max_iter=5, random_state=0, input_scaling=input_scaling).fit(
        frame, frame["a"].to_numpy()
    )
    given = frame.assign(b=rng.normal(size=60))
    np.testing.assert_array_equal(net.predict(given), net.predict(frame))
    assert not [name for name in net.network_feature_names_ if "b_missing" in name]
