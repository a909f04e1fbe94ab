"""Texts that are encoded before all else: a table without them, and an encoder that makes the same inputs."""

import numpy as np
import pandas as pd

from sknet._tables.encoded_text import encoder_after_text, replace_text_by_inputs, text_columns
from tests.tables.examples import encoder_of


def test_texts_may_be_encoded_before_all_else():
    """Numbers of the same type stand beside what texts become: they are still scaled, and these are not."""
    texts = pd.Series([f"some words of row {i % 17}" for i in range(60)]).where(np.arange(60) % 9 > 0, None)
    X = pd.DataFrame({"a": np.linspace(0, 9, 60), "text": texts, "c": list("xyz") * 20, "d": np.arange(60.0)})
    for some in (X, X[["text", "d", "a", "c"]][:40], X[["a", "text"]]):
        encoder = encoder_of(some, text_features=["text"], text_components=4)
        rest, table = encoder_after_text(encoder), replace_text_by_inputs(encoder, some, np.float64)
        assert text_columns(encoder)
        assert not text_columns(rest)
        assert rest.column_names == tuple(table.columns)
        np.testing.assert_array_equal(rest.encode(table, np.float64), encoder.encode(some, np.float64))
