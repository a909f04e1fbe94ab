"""What is looked up is what would be one-hot encoded."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sknet._tables.column import ColumnSettings
from sknet._tables.statistics import cross_fit_folds

from sknet._tables.encoding import MIN_INPUTS_OF_LOOKED_UP_COLUMN, MIN_LOOKED_UP_INPUTS, learn_encoder

rng = np.random.default_rng(0)
N = 2400
MANY = [f"l{i}" for i in range(MIN_LOOKED_UP_INPUTS)]
FRAME = pd.DataFrame(
    {
        "x": rng.normal(size=N),
        "city": pd.Categorical(rng.permutation(np.repeat(MANY, N // len(MANY))), categories=MANY),
        "sex": rng.choice(["f", "m"], N),
        "street": pd.Categorical(rng.permutation(np.repeat(MANY, N // len(MANY))), categories=MANY),
        "y": np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N)),
    }
)
FRAME.loc[rng.random(N) < 0.1, "city"] = None
UNSEEN = FRAME.assign(city="nowhere", street="nowhere")
TARGET = (FRAME["city"].cat.codes % 2 + FRAME["street"].cat.codes % 2).to_numpy(float)[:, np.newaxis]


def encode_split(encoder, X, dtype, encoding_fold=None):
    """The inputs that are multiplied, those that are looked up, and the positions of the former."""
    dense = encoder.encoder_without_lookups.encode(X, dtype, encoding_fold=encoding_fold)
    return dense, encoder.lookups.one_hot_rows(X, dtype)[:], encoder.lookups.dense_inputs


def assert_split_is_whole(encoder, X, encoding_fold=None):
    dense, hot, places = encode_split(encoder, X, np.dtype(np.float32), encoding_fold)
    whole = hot.toarray()
    assert not whole[:, places].any()
    whole[:, places] = dense
    assert_array_equal(whole, encoder.encode(X, np.float32, encoding_fold=encoding_fold))
    assert dense.dtype == hot.dtype == np.float32
    return hot


@pytest.mark.parametrize("rows", [FRAME, FRAME[:1], UNSEEN], ids=["all", "one row", "unseen levels"])
@pytest.mark.parametrize(
    "how", [{"max_categories": None}, {"max_categories": 150}], ids=["every level", "infrequent ones together"]
)
def test_frames(how, rows):
    hot = assert_split_is_whole(learn_encoder(FRAME, ColumnSettings(**how)), rows)
    assert hot.nnz <= 2 * len(rows)


def test_unseen_levels_pick_nothing():
    assert assert_split_is_whole(learn_encoder(FRAME, ColumnSettings(max_categories=None)), UNSEEN).nnz == 0


def test_beside_the_targets_means():
    encoder = learn_encoder(FRAME, ColumnSettings(category_encoding="both", target=TARGET, max_categories=150))
    encoding_fold = cross_fit_folds(TARGET, np.arange(len(TARGET)), len(TARGET))
    assert_split_is_whole(encoder, FRAME, encoding_fold)
    assert_split_is_whole(encoder, FRAME)
    assert (
        learn_encoder(FRAME, ColumnSettings(category_encoding="target", target=TARGET, max_categories=1000)).lookups
        is None
    )


def test_arrays_that_hold_text():
    X = FRAME[["x", "city", "street"]].to_numpy(dtype=object)
    encoder = learn_encoder(pd.DataFrame(X), ColumnSettings(categorical_features=[1, 2], max_categories=None))
    assert_split_is_whole(encoder, pd.DataFrame(X))
    codes = np.column_stack([rng.normal(size=N), rng.integers(0, 250, N)])
    assert_split_is_whole(learn_encoder(codes, ColumnSettings(categorical_features=[1], max_categories=None)), codes)


def test_a_table_of_nothing_else():
    encoder = learn_encoder(FRAME[["city", "street"]], ColumnSettings(max_categories=None))
    dense, hot, places = encode_split(encoder, FRAME[["city", "street"]], np.dtype(np.float64))
    assert dense.shape == (N, 0) and len(places) == 0
    assert_array_equal(hot.toarray(), encoder.encode(FRAME[["city", "street"]], np.float64))


def test_only_where_it_is_worthwhile():
    assert learn_encoder(FRAME[["x", "sex"]]).lookups is None
    few, more = (
        FRAME[["x"]].assign(**{f"c{i}": rng.choice(MANY[:n_levels], N) for i in range(10)})
        for n_levels in (MIN_INPUTS_OF_LOOKED_UP_COLUMN - 1, MIN_INPUTS_OF_LOOKED_UP_COLUMN)
    )
    assert learn_encoder(few).lookups is None  # ten columns of few levels are faster multiplied
    assert len(learn_encoder(more).lookups.categories) == 10
