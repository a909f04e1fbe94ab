"""Columns of free text: a few components of TF-IDF.

The terms are character n-grams within words, so that words with the same stem and misspelt words are alike [1]_. A
truncated singular value decomposition reduces the counts to a few numbers, which are scaled together, as in skrub's
StringEncoder [2]_. scikit-learn computes both. A term that occurs n times in a text counts as 1 + log n. Rare terms
have more weight than usual; otherwise the few components would describe endings and words that all texts have.

.. [1] Cerda, P. and Varoquaux, G. (2020). "Encoding high-cardinality string categorical variables". IEEE Transactions
   on Knowledge and Data Engineering 34, 1164-1176.
.. [2] https://skrub-data.org

Conventions
-----------
n rows; m distinct texts; v terms; c components.

codes : (n,)             which text each row has, −1 where it is missing
texts : (m,)             the distinct texts
weight : (m,)            total weight of the rows of each text
tfidf : (m, v)           CSR, rows of length 1: counts of terms times their idf
components : (c, v)      right singular vectors of `tfidf`; the inputs are projections on them
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from sknet._tables.column import Column, ColumnKind, ColumnSettings, WeightsAndTarget
from sknet._tables.column_values import ColumnValues, check_text_is_encodable, factorize
from sknet._tables.equality import EqualByFields
from sknet._tables.formulas import InputDescription, MissingIndicator
from sknet._tables.messages import short_repr
from sknet._tables.raw_table import take_optional
from sknet._tables.statistics import mean_and_deviation
from sknet._typing import Array
from sknet._vectors import blocks_of_batch

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer  # imported in functions: most tables have no text


NGRAM_LENGTHS = (3, 4)
"""The least and the largest number of characters of a term, including the spaces around a word."""

VECTORIZER_OPTIONS = {"analyzer": "char_wb", "ngram_range": NGRAM_LENGTHS}
"""scikit-learn's options for terms within words, in lower case."""

MAX_TERMS = 5_000
"""The most terms that are counted; the most frequent terms are chosen."""

IDF_POWER = 1.5
"""The power of the inverse document frequency in a term's weight. With 1, the error is up to 5% larger."""

SCALING_COMPONENTS = 30
"""How many of the first components set the scale of all: further components then do not change the first ones."""

MAX_CHARACTERS_OF_TEXT = 100_000
"""Only the first characters of a text are counted: counting takes about 150 bytes of memory per character."""

MAX_CHARACTERS_LEARNT = 2**20
"""Terms and components are learnt from about this many characters: more take time and do not reduce the error."""

MIN_COMPONENT_DEVIATION = 1e-5
"""A component is left out as rounding error if its deviation is at most this share of the largest one."""

TEXTS_ENCODED_AT_ONCE = 1024
"""How many texts are encoded at a time: the matrix of their terms stays small."""


@dataclass(frozen=True, eq=False)
class TextColumn(EqualByFields, Column):
    """The inputs that a column of text becomes: its projections on components of TF-IDF, scaled.

    Attributes
    ----------
    terms : tuple of str
        The n-grams that are counted.
    idf : ndarray of shape (v,)
        The inverse document frequency of each term, to the power of `IDF_POWER`. Counts are multiplied by it, before
        the row is divided by its length.
    components : ndarray of shape (c, v)
        In float32.
    centre : ndarray of shape (c,)
        Means of the projections.
    factor : float
        The factor of all projections. The first components stay larger than the last, which are mostly noise.
    has_missing : bool
        Whether the last input is 1 for missing texts. Their other inputs are 0.
    """

    is_free_text = True
    left_out_message = (
        "they are text, and no two of their texts differ in words. Drop them, or leave them out of text_features."
    )

    terms: tuple[str, ...]
    idf: Array
    components: Array
    centre: Array
    factor: float
    has_missing: bool = False

    def __post_init__(self) -> None:
        """Raise a ValueError if the shapes of the arrays do not go together."""
        v = len(self.terms)
        c = len(self.centre)
        shapes = self.idf.shape, self.components.shape, self.centre.shape
        if shapes != ((v,), (c, v), (c,)) or len(set(self.terms)) < v:
            raise ValueError(f"A text's {v} terms do not go with arrays of shapes {shapes}, or are not all different.")

    @property
    def n_inputs(self) -> int:
        """The components, and the indicator of missing texts if there is one."""
        return len(self.centre) + self.has_missing

    @property
    def input_descriptions(self) -> tuple[InputDescription, ...]:
        """The components: (projection - centre) * scale; `level` has the idf and the weight of each term."""
        idf = self.idf.tolist()
        projections = []
        for i, (weights, centre) in enumerate(zip(self.components, self.centre.tolist(), strict=True)):
            by_term = dict(zip(self.terms, zip(idf, weights.tolist(), strict=True), strict=True))
            projections.append(InputDescription(f"_{i}", "text", by_term, centre=centre, scale=self.factor))
        return (*projections, *MissingIndicator.descriptions * self.has_missing)

    @cached_property
    def _vectorizer(self) -> TfidfVectorizer:
        """The vectorizer that turns texts into TF-IDF with the learnt terms and weights."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vocabulary = {term: i for i, term in enumerate(self.terms)}
        vectorizer = TfidfVectorizer(**VECTORIZER_OPTIONS, sublinear_tf=True, vocabulary=vocabulary, dtype=np.float32)
        vectorizer.idf_ = self.idf.astype(np.float32)
        return vectorizer

    def encode_into(self, values: ColumnValues, out: Array, name: str, encoding_fold: Array | None = None) -> None:
        codes, texts = read_texts(values, name)
        c = len(self.centre)
        if c:
            # the code −1 of a missing text picks the last row, which is 0
            encoded = np.zeros((len(texts) + 1, c), out.dtype)
            for rows in blocks_of_batch(slice(0, len(texts)), TEXTS_ENCODED_AT_ONCE):
                projections = self._vectorizer.transform(texts[rows]) @ self.components.T
                encoded[rows] = (projections - self.centre) * self.factor
            out[:, :c] = encoded[codes]
        if self.has_missing:
            out[:, c] = codes < 0


def read_texts(values: ColumnValues, name: str) -> tuple[NDArray[np.intp], list[str]]:
    """Return a code for each of n values, −1 where one is missing, and the text that each code stands for."""
    codes, distinct = factorize(values, name)
    texts = np.asarray(distinct, dtype=object).tolist()
    wrong = next((value for value in texts if not isinstance(value, str)), None)
    if wrong is not None:
        raise TypeError(
            f"Column {name!r} of X should hold text, but holds {short_repr(wrong)} ({type(wrong).__name__}): make it "
            "strings, with .astype(str) perhaps; or leave it out of text_features before fit."
        )
    return codes, [text[:MAX_CHARACTERS_OF_TEXT] for text in texts]


# --- which columns are text ------------------------------------------------------------------------------------------

MIN_MEAN_WORDS = 3.0
"""Free text has at least this many words per value on average."""

MAX_ROWS_COUNTED = 10_000
"""Words are counted in at most this many rows, evenly spaced."""


def holds_free_text(column: pd.Series) -> bool:
    """Whether a column holds strings of three words or more on average, most of which differ."""
    some_values = column.iloc[:: max(1, len(column) // MAX_ROWS_COUNTED)].tolist()
    texts = [value[:MAX_CHARACTERS_OF_TEXT] for value in some_values if isinstance(value, str)]
    if not texts or sum(len(text.split()) for text in texts) < MIN_MEAN_WORDS * len(texts):
        return False  # nearly all other columns return here, before all values are read
    return pd.api.types.infer_dtype(column, skipna=True) == "string" and column.nunique() > column.count() / 2


# --- learning --------------------------------------------------------------------------------------------------------


def learn_text(values: ColumnValues, name: str, settings: ColumnSettings, rows: WeightsAndTarget) -> TextColumn:
    """Learn terms and components from a column's n values and their weights."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import CountVectorizer

    codes, texts = read_texts(values, name)
    check_text_is_encodable(texts, f"Column {name!r} of X")
    observed = codes >= 0
    row_weight = take_optional(rows.weight, observed)
    weight = np.bincount(codes[observed], row_weight, len(texts)).astype(np.float64)  # (m,)
    # keep every stride-th text, which makes about MAX_CHARACTERS_LEARNT characters in all
    stride = max(1, round(sum(map(len, texts)) / MAX_CHARACTERS_LEARNT))
    texts, weight = texts[::stride], weight[::stride]
    has_missing = not bool(observed.all())
    try:
        counter = CountVectorizer(**VECTORIZER_OPTIONS, dtype=np.float64)
        counts = sp.csr_array(counter.fit_transform(texts))
    except ValueError:  # no text has a word
        return _text_without_terms(has_missing)
    # the most frequent terms; equally frequent ones in alphabetical order
    used_terms = np.sort(np.lexsort((np.arange(counts.shape[1]), -(weight @ counts)))[:MAX_TERMS])
    if len(used_terms) < 2:
        return _text_without_terms(has_missing)
    # this is the idf of TfidfTransformer, but with weights instead of numbers of rows, and with `IDF_POWER`
    counts = counts[:, used_terms]
    idf = (1.0 + np.log((1.0 + weight.sum()) / (1.0 + weight @ (counts > 0)))) ** IDF_POWER
    counts.data = 1.0 + np.log(counts.data)
    tfidf = normalize(counts * idf)
    svd = TruncatedSVD(min(settings.text_components, len(used_terms)), random_state=rows.seed)
    with np.errstate(invalid="ignore", divide="ignore"):  # it divides 0 by 0 if all texts are equal
        # multiplied by the roots of the weights, a text of weight w counts as w rows in the sum of squares
        svd.fit(sp.csr_array(tfidf * np.sqrt(weight)[:, np.newaxis]))
    projections = tfidf @ svd.components_.T  # (m, c)
    centre, deviation = np.array([mean_and_deviation(projection, weight) for projection in projections.T]).T
    used_components = deviation > MIN_COMPONENT_DEVIATION * deviation.max()
    if not used_components.any():  # all texts are equal
        return _text_without_terms(has_missing)
    return TextColumn(
        terms=tuple(counter.get_feature_names_out()[used_terms].tolist()),
        idf=idf,
        components=svd.components_[used_components].astype(np.float32),
        centre=centre[used_components],
        factor=float(1.0 / np.sqrt(np.mean(deviation[used_components][:SCALING_COMPONENTS] ** 2))),
        has_missing=has_missing,
    )


def _text_without_terms(has_missing: bool) -> TextColumn:
    """Return the column without components of texts that have no terms, or all the same ones."""
    return TextColumn((), np.zeros(0), np.zeros((0, 0), np.float32), np.zeros(0), 0.0, has_missing)


# --- the kind --------------------------------------------------------------------------------------------------------


TEXT = ColumnKind(
    name="text",
    learn=learn_text,
    classes=(TextColumn,),
    recognises=holds_free_text,
    parameter="text_features",
)
