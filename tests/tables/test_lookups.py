"""Categories that are looked up: the same inputs as in the whole matrix, where that is faster."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknet._tables.lookups import MIN_INPUTS_OF_LOOKED_UP_COLUMN, MIN_LOOKED_UP_INPUTS
from sknet._tables.sampling import cross_fit_folds
from tests.tables.examples import encoder_of

rng = np.random.default_rng(0)
N = 4800
MANY = [f"l{i}" for i in range(MIN_LOOKED_UP_INPUTS)]
TOWNS = pd.DataFrame(
    {
        "x": rng.normal(size=N),
        "city": pd.Categorical(rng.permutation(np.repeat(MANY, N // len(MANY))), categories=MANY),
        "sex": rng.choice(["f", "m"], N),
        "street": pd.Categorical(rng.permutation(np.repeat(MANY, N // len(MANY))), categories=MANY),
        "y": np.where(rng.random(N) < 0.1, np.nan, rng.normal(size=N)),
    }
)
TOWNS.loc[rng.random(N) < 0.1, "city"] = None
UNSEEN = TOWNS.assign(city="nowhere", street="nowhere")
TARGET = (TOWNS["city"].cat.codes % 2 + TOWNS["street"].cat.codes % 2).to_numpy(float)[:, np.newaxis]


def encode_split(encoder, X, dtype, encoding_fold=None):
    """The inputs that are multiplied, those that are looked up, and the positions of the former."""
    dense = encoder.dense_encoder.encode(X, dtype, encoding_fold=encoding_fold)
    return dense, encoder.lookups.one_hot_rows(X, dtype)[:], encoder.lookups.dense_inputs


def assert_split_is_whole(encoder, X, encoding_fold=None):
    dense, hot, dense_inputs = encode_split(encoder, X, np.dtype(np.float32), encoding_fold)
    whole = hot.toarray()
    assert not whole[:, dense_inputs].any()
    whole[:, dense_inputs] = dense
    assert_array_equal(whole, encoder.encode(X, np.float32, encoding_fold=encoding_fold))
    assert dense.dtype == hot.dtype == np.float32
    return hot


@pytest.mark.parametrize("rows", [TOWNS, TOWNS[:1], UNSEEN], ids=["all", "one row", "unknown categories"])
@pytest.mark.parametrize(
    "how", [{"max_categories": None}, {"max_categories": 250}], ids=["every category", "infrequent ones together"]
)
def test_lookups_equal_whole_rows_of_frames(how, rows):
    hot = assert_split_is_whole(encoder_of(TOWNS, **how), rows)
    assert hot.nnz <= 2 * len(rows)


def test_unknown_categories_have_zero_looked_up_inputs():
    assert assert_split_is_whole(encoder_of(TOWNS, max_categories=None), UNSEEN).nnz == 0


def test_categories_are_looked_up_beside_their_target_means():
    encoder = encoder_of(TOWNS, category_encoding="both", target=TARGET, max_categories=250)
    encoding_fold = cross_fit_folds(TARGET, np.arange(len(TARGET)), len(TARGET))
    assert_split_is_whole(encoder, TOWNS, encoding_fold)
    assert_split_is_whole(encoder, TOWNS)
    assert encoder_of(TOWNS, category_encoding="target", target=TARGET, max_categories=1000).lookups is None


def test_arrays_that_hold_text():
    rng = np.random.default_rng(1)
    X = TOWNS[["x", "city", "street"]].to_numpy(dtype=object)
    encoder = encoder_of(pd.DataFrame(X), categorical_features=[1, 2], max_categories=None)
    assert_split_is_whole(encoder, pd.DataFrame(X))
    codes = np.column_stack([rng.normal(size=N), rng.integers(0, MIN_LOOKED_UP_INPUTS + 50, N)])
    assert_split_is_whole(encoder_of(codes, categorical_features=[1], max_categories=None), codes)


def test_a_table_of_looked_up_categories_alone_is_encoded():
    encoder = encoder_of(TOWNS[["city", "street"]], max_categories=None)
    dense, hot, dense_inputs = encode_split(encoder, TOWNS[["city", "street"]], np.dtype(np.float64))
    assert dense.shape == (N, 0)
    assert len(dense_inputs) == 0
    assert_array_equal(hot.toarray(), encoder.encode(TOWNS[["city", "street"]], np.float64))


def test_categories_are_looked_up_only_where_that_is_faster():
    rng = np.random.default_rng(1)
    assert encoder_of(TOWNS[["x", "sex"]]).lookups is None
    few, more = (
        TOWNS[["x"]].assign(**{f"c{i}": rng.choice(MANY[:n_levels], N) for i in range(15)})
        for n_levels in (MIN_INPUTS_OF_LOOKED_UP_COLUMN - 1, MIN_INPUTS_OF_LOOKED_UP_COLUMN)
    )
    assert encoder_of(few).lookups is None  # fifteen columns of few categories are faster multiplied
    assert len(encoder_of(more).lookups.one_hot) == 15
