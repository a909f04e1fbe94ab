"""One column of free text as a few numbers: which groups of letters it has, and how these go together.

Each text is its counts of character n-grams within words (TF-IDF), so that words with one stem, or misspelt, are alike
[1]_. Their truncated singular value decomposition leaves a few numbers, which are scaled together, as in skrub's
`StringEncoder` [2]_. Counts and decomposition are scikit-learn's. A term that a text has n times counts as 1 + log n;
rare terms have more weight than usual, since the few components would else go to endings and words of all texts.

.. [1] Cerda, P. and Varoquaux, G. (2020). "Encoding high-cardinality string categorical variables". IEEE Transactions
   on Knowledge and Data Engineering 34, 1164-1176.
.. [2] https://skrub-data.org

Conventions
-----------
n rows; m different texts; v terms, which are n-grams; c components.

codes : (n,)             which text each row has, −1 where it is missing
texts : (m,)             the different texts
weight : (m,)            total weight of the rows of each text
tfidf : (m, v)           CSR, rows of length 1: counts of terms, the more weight the fewer texts have them
components : (c, v)      directions of most of `tfidf`; projections on them are the inputs
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from sknet._tables.column import Column, ColumnSettings, InputFormula
from sknet._tables.read import ColumnValues, check_text_is_encodable, short_repr
from sknet._tables.statistics import EqualByFields, mean_and_deviation
from sknet._typing import Array

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer  # otherwise where needed: most tables have no text

NGRAM_LENGTHS = (3, 4)
"""How many characters a term has, the spaces around a word included."""

MAX_TERMS = 5_000
"""How many terms are counted: the most frequent ones."""

IDF_POWER = 1.5
"""Of a term's inverse document frequency, in its weight: with 1, 30 components have up to 5 % more error."""

SCALING_COMPONENTS = 30
"""How many components, the first ones, decide the scale of all: more components leave the first ones as they are."""

MAX_CHARACTERS_OF_TEXT = 100_000
"""How many characters of a text count, the first ones: counting takes some 150 bytes of memory for each."""

MAX_CHARACTERS_LEARNT = 2**20
"""About how many characters the terms and components are learnt from: more take time and change no error."""

MIN_COMPONENT_DEVIATION = 1e-5
"""A component whose deviation is this small a part of the largest is rounding, and is left out."""

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
        What each count is multiplied by, before a text's counts are divided by their length: the inverse document
        frequency, to the power of `IDF_POWER`.
    components : ndarray of shape (c, v)
        In float32.
    center : ndarray of shape (c,)
        Means of the projections.
    factor : float
        The factor of all of them: the first components stay larger than the last, which are mostly noise.
    has_missing : bool
        Whether there is an input for missing texts, the last one. Their other inputs are 0.
    """

    is_text = True

    terms: tuple[str, ...]
    idf: Array
    components: Array
    center: Array
    factor: float
    has_missing: bool = False

    def __post_init__(self) -> None:
        v, c = len(self.terms), len(self.center)
        shapes = self.idf.shape, self.components.shape, self.center.shape
        if shapes != ((v,), (c, v), (c,)) or len(set(self.terms)) < v:
            raise ValueError(f"A text's {v} terms do not go with arrays of shapes {shapes}, or are not all different.")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        return (*(f"_{i}" for i in range(len(self.center))), *("_missing",) * self.has_missing)

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is: (projection - centre) * scale; `level` has the idf and the weight of every term."""
        idf = self.idf.tolist()
        facts = []
        for weights, center in zip(self.components, self.center.tolist(), strict=True):
            by_term = dict(zip(self.terms, zip(idf, weights.tolist(), strict=True), strict=True))
            facts.append(InputFormula("text", by_term, centre=center, scale=self.factor))
        return (*facts, *(InputFormula("missing"),) * self.has_missing)

    @cached_property
    def _vectorizer(self) -> TfidfVectorizer:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vocabulary = {term: i for i, term in enumerate(self.terms)}
        vectorizer = TfidfVectorizer(**VECTORIZER_OPTIONS, sublinear_tf=True, vocabulary=vocabulary, dtype=np.float32)
        vectorizer.idf_ = self.idf.astype(np.float32)
        return vectorizer

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, zeros of shape (n, n_inputs)."""
        codes, texts = read_texts(values, name)
        c = len(self.center)
        if c:
            encoded = np.zeros((len(texts) + 1, c), out.dtype)  # the last is that of missing texts: code −1 indexes it
            for start in range(0, len(texts), TEXTS_ENCODED_AT_ONCE):
                rows = slice(start, min(start + TEXTS_ENCODED_AT_ONCE, len(texts)))
                encoded[rows] = (
                    self._vectorizer.transform(texts[rows]) @ self.components.T - self.center
                ) * self.factor
            out[:, :c] = encoded[codes]
        if self.has_missing:
            out[:, c] = codes < 0


@dataclass(frozen=True)
class EncodedTextInput(Column):
    """One input of a text that has been encoded before: the values of the column are those of the input."""

    suffixes: ClassVar[tuple[str, ...]] = ("",)
    input_formulas: ClassVar[tuple[InputFormula, ...]] = (InputFormula("text"),)

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Copy n values to `out`, of shape (n, 1): the text was encoded before."""
        out[:, 0] = values


VECTORIZER_OPTIONS = {"analyzer": "char_wb", "ngram_range": NGRAM_LENGTHS}
"""How scikit-learn counts terms: within words, in lower case."""


def read_texts(values: ColumnValues, name: str) -> tuple[NDArray[np.intp], list[str]]:
    """Return a code for each of n values, −1 where one is missing, and the text that each code stands for."""
    try:
        codes, distinct = pd.factorize(values)
        texts = np.asarray(distinct, dtype=object).tolist()
    except (TypeError, NotImplementedError):  # a list or a dict cannot be hashed
        codes, texts = np.arange(len(values)), values[~pd.isna(values)].tolist()  # some of which are no strings
    wrong = next((value for value in texts if not isinstance(value, str)), None)
    if wrong is not None:
        raise TypeError(
            f"Column {name!r} of X should hold text, but holds {short_repr(wrong)} ({type(wrong).__name__}): make it "
            "strings, with .astype(str) perhaps; or leave it out of text_features before fit."
        )
    return codes, [text[:MAX_CHARACTERS_OF_TEXT] for text in texts]


# --- which columns are text ------------------------------------------------------------------------------------------

MIN_MEAN_WORDS = 3.0
"""The least mean number of words per value in free text."""

MAX_ROWS_COUNTED = 10_000
"""Words are counted in at most this many rows, evenly spaced."""


def holds_free_text(column: pd.Series) -> bool:
    """Whether a column holds strings, most of which differ, of three words or more on average."""
    if getattr(column.dtype, "kind", "O") not in "OUT" or isinstance(column.dtype, pd.CategoricalDtype):
        return False
    sample = column.iloc[:: max(1, len(column) // MAX_ROWS_COUNTED)].tolist()
    texts = [value[:MAX_CHARACTERS_OF_TEXT] for value in sample if isinstance(value, str)]
    if not texts or sum(len(text.split()) for text in texts) < MIN_MEAN_WORDS * len(texts):
        return False  # of nearly all other columns: they are not read to the end
    return pd.api.types.infer_dtype(column, skipna=True) == "string" and column.nunique() > column.count() / 2


# --- learning --------------------------------------------------------------------------------------------------------


def learn_text(values: ColumnValues, name: str, settings: ColumnSettings) -> TextColumn:
    """Learn terms and components from a column's n values and their weights."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import CountVectorizer

    codes, texts = read_texts(values, name)
    check_text_is_encodable(texts, f"Column {name!r} of X")
    observed = codes >= 0
    row_weight = None if settings.weight is None else settings.weight[observed]
    weight = np.bincount(codes[observed], row_weight, len(texts)).astype(np.float64)  # (m,)
    # every step-th text: together they have about MAX_CHARACTERS_LEARNT characters
    step = max(1, round(sum(map(len, texts)) / MAX_CHARACTERS_LEARNT))
    texts, weight = texts[::step], weight[::step]
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
    # as TfidfTransformer has it, with weights for numbers of rows, and the power
    counts = counts[:, used_terms]
    idf = (1.0 + np.log((1.0 + weight.sum()) / (1.0 + weight @ (counts > 0)))) ** IDF_POWER
    counts.data = 1.0 + np.log(counts.data)
    tfidf = normalize(counts * idf)
    svd = TruncatedSVD(min(settings.text_components, len(used_terms)), random_state=settings.seed)
    with np.errstate(invalid="ignore", divide="ignore"):  # of texts that are all the same it computes a share of 0
        # a text of weight w then counts as w rows: the decomposition minimises a sum of squares
        svd.fit(sp.csr_array(tfidf * np.sqrt(weight)[:, np.newaxis]))
    projections = tfidf @ svd.components_.T  # (m, c)
    center, deviation = np.array([mean_and_deviation(projection, weight) for projection in projections.T]).T
    kept = deviation > MIN_COMPONENT_DEVIATION * deviation.max()
    if not kept.any():  # all texts are the same
        return _text_without_terms(has_missing)
    return TextColumn(
        terms=tuple(counter.get_feature_names_out()[used_terms].tolist()),
        idf=idf,
        components=svd.components_[kept].astype(np.float32),
        center=center[kept],
        factor=float(1.0 / np.sqrt(np.mean(deviation[kept][:SCALING_COMPONENTS] ** 2))),
        has_missing=has_missing,
    )


def _text_without_terms(has_missing: bool) -> TextColumn:
    """Return the column of texts that say nothing: none has two terms."""
    return TextColumn(
        terms=(),
        idf=np.zeros(0),
        components=np.zeros((0, 0), np.float32),
        center=np.zeros(0),
        factor=0.0,
        has_missing=has_missing,
    )
