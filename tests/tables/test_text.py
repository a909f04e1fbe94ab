"""Free text: scikit-learn's TF-IDF and decomposition, and texts of every kind."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from sknet._tables import text
from sknet._tables.column import WeightsAndTarget
from sknet._tables.from_polars import as_pandas
from sknet._tables.text import MAX_TERMS, SCALING_COMPONENTS, TextColumn, holds_free_text, learn_text
from tests.tables.examples import column_settings, suffixes

rng = np.random.default_rng(0)
WORDS = [
    "a",
    "box",
    "of",
    "good",
    "dried",
    "fruit",
    "was",
    "late",
    "Äpfel",
    "taste",
    "bad",
    "再",
    "wonderful",
    "coffee!",
]
TEXTS = np.array([" ".join(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(200)], dtype=object)
VARIED = np.array(["".join(letters) for letters in rng.choice(list("abcdefghij"), (400, 30))], dtype=object)


def learn(values, n_components=5, weight=None):
    settings = column_settings(text_components=n_components)
    return learn_text(pd.Series(values, dtype=object), "t", settings, WeightsAndTarget(weight, seed=3))


def write(column, values, dtype=np.float64):
    out = np.zeros((len(values), column.n_inputs), dtype)
    column.encode_into(pd.Series(values, dtype=object), out, "t")
    return out


def test_the_inputs_are_the_scaled_projections_of_scikit_learn():
    terms = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), max_features=5_000, sublinear_tf=True).fit(TEXTS)
    terms.idf_ **= 1.5
    svd = TruncatedSVD(5, random_state=3)
    theirs = svd.fit_transform(terms.transform(TEXTS))
    column = learn(TEXTS)
    np.testing.assert_allclose(
        dict(zip(column.terms, column.idf, strict=True))["goo"], terms.idf_[terms.vocabulary_["goo"]]
    )
    np.testing.assert_allclose(
        write(column, TEXTS), (theirs - theirs.mean(axis=0)) / np.sqrt(theirs.var(axis=0).mean()), rtol=1e-3, atol=1e-4
    )
    assert column.n_inputs == 5
    assert column.components.dtype == np.float32


def test_the_first_components_decide_on_the_scale_of_all():
    n = SCALING_COMPONENTS + 10
    inputs = write(learn(VARIED, n), VARIED)
    assert inputs.shape[1] == n
    assert inputs[:, :SCALING_COMPONENTS].var(axis=0).mean() == pytest.approx(1.0, abs=1e-3)


def test_only_the_most_frequent_terms_count():
    terms = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), use_idf=False, norm=None)
    totals = pd.Series(terms.fit_transform(VARIED).sum(axis=0).A1, index=terms.get_feature_names_out())
    kept = totals.sort_index().sort_values(kind="stable", ascending=False)[:MAX_TERMS]
    assert set(learn(VARIED).terms) == set(kept.index)
    assert len(totals) > 1.2 * MAX_TERMS


def test_missing_texts_are_marked_and_their_other_inputs_are_zero():
    rng = np.random.default_rng(1)
    values = np.where(rng.random(len(TEXTS)) < 0.2, None, TEXTS)
    column = learn(values)
    found = write(column, [None, *TEXTS[:3], np.nan, pd.NA])
    assert suffixes(column)[-1] == "_missing"
    assert column.input_descriptions[-1].kind == "missing"
    np.testing.assert_array_equal(found[:, -1], [1, 0, 0, 0, 1, 1])
    assert not found[[0, 4, 5], :-1].any()
    assert found[1:4, :-1].all()
    assert not write(learn(TEXTS), [None]).any()


@pytest.mark.parametrize("values", [
    [""] * 30, ["", None] * 15, [None] * 30, ["same"] * 30, ["a"] * 30, [" \n\t "] * 30,
], ids=["empty", "empty or missing", "missing", "one word", "one letter", "spaces"])  # fmt: skip
def test_texts_without_terms_have_no_inputs(values):
    column = learn(values)
    assert column.n_inputs == column.has_missing == (None in values)
    assert write(column, ["something else", None]).tolist() == [[0] * column.n_inputs, [1] * column.n_inputs]


def test_there_are_no_more_inputs_than_the_texts_differ_in():
    column = learn(["one text here", "another text there", "one text here"] * 10, n_components=30)
    assert 1 <= column.n_inputs <= 2
    assert np.isfinite(write(column, ["one text here", "neither of them", ""])).all()


def test_half_a_surrogate_pair_is_named_in_training_and_unknown_later():
    with pytest.raises(ValueError, match=r"Column 't' of X holds text with the character '\\ud800'"):
        learn([*TEXTS, "half \ud800 pair of it"])
    column = learn(TEXTS)
    np.testing.assert_array_equal(write(column, ["good \ud800"]), write(column, ["good \udfff"]))


def test_a_text_of_ten_megabytes_takes_little_memory():
    column, long = learn(TEXTS), "good coffee " * 900_000
    tracemalloc.start()
    found = write(column, [long])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found, write(column, [long[: text.MAX_CHARACTERS_OF_TEXT]]))
    assert peak < 60 * 2**20
    assert np.isfinite(found).all()
    assert learn([*TEXTS[:50], long]).n_inputs == 5


def test_the_matrix_of_terms_is_never_dense(monkeypatch):
    """What is encoded at once are some texts, whatever the number of rows."""
    values = np.array([f"{a} {i}" for i, a in enumerate(np.tile(TEXTS, 15))], dtype=object)
    column = learn(values)
    out, frame = np.zeros((len(values), 5), np.float32), pd.Series(values, dtype=object)
    tracemalloc.start()
    column.encode_into(frame, out, "t")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * len(values) * len(column.terms) * 4


def test_of_many_characters_some_texts_teach(monkeypatch):
    monkeypatch.setattr(text, "MAX_CHARACTERS_LEARNT", sum(map(len, TEXTS)) // 4)
    assert learn(TEXTS) == learn(list(dict.fromkeys(TEXTS))[::4])


@pytest.mark.parametrize("make", [
    lambda values: pd.Series(values, dtype="string"), lambda values: pd.Series(values, dtype="string[pyarrow]"),
    lambda values: pd.Series(pd.Categorical(values)), np.array,
    lambda values: as_pandas(pl.DataFrame({"t": pl.Series(values.tolist())}))["t"],
], ids=["string", "arrow", "category", "array", "polars"])  # fmt: skip
def test_every_type_of_strings_is_read(make):
    column = learn(TEXTS)
    out = np.zeros((len(TEXTS), 5))
    column.encode_into(make(TEXTS), out, "t")
    np.testing.assert_array_equal(out, write(column, TEXTS))


@pytest.mark.parametrize("change", [
    {"idf": np.ones(3)}, {"components": np.ones((5, 2), np.float32)}, {"centre": np.ones(6)}, {"terms": ("a", "b")},
    {"terms": "twice"},
])  # fmt: skip
def test_parts_that_do_not_go_together_are_refused(change):
    column = learn(TEXTS)
    parts = {name: getattr(column, name) for name in TextColumn.__dataclass_fields__} | change
    if change == {"terms": "twice"}:
        parts["terms"] = (*column.terms[:-1], column.terms[0])
    with pytest.raises(ValueError, match="do not go with arrays of shapes"):
        TextColumn(**parts)


def test_a_table_without_text_does_not_import_the_text_vectorizer():
    code = """
import sys
import numpy as np, pandas as pd, sknet
X = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "b": pd.Categorical(["x", "y"] * 30)})
sknet.SigmoidMLPRegressor(max_iter=2, random_state=0).fit(X, X["a"].to_numpy()).predict(X)
print([name for name in ("sklearn.feature_extraction", "sklearn.decomposition") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("first", [0, 1])
def test_the_words_of_all_values_decide_whether_a_column_is_text(first):
    values = [f"v{i}" if i % 2 == first else f"one two three four v{i}" for i in range(20)]
    assert holds_free_text(pd.Series(values))  # of three words on average
    assert not holds_free_text(pd.Series([f"v{i}" if i == 3 else f"one v{i} three" for i in range(20)]))
