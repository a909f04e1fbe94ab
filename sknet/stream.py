"""Fit and predict tables that are larger than memory, chunk by chunk.

Parquet files need the extra "parquet".
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pandas as pd

from sknet._estimators.callbacks import check_checkpoints
from sknet._estimators.fitted import fitted_of
from sknet._estimators.parameters import ClassifierParameters, check_streamable, column_choices
from sknet._estimators.prediction_methods import METHODS
from sknet._estimators.read_data import (
    FitArguments,
    TableSchema,
    n_rows_of,
    prefix_errors,
    read_each_sample_weight,
    read_first_table,
    read_groups,
    read_known_table,
    replace_zero_weight_rows,
)
from sknet._estimators.saving import Estimator, require_estimator
from sknet._estimators.sklearn_api import with_callbacks
from sknet._packages import explain_missing_package
from sknet._storage.checkpoints import read_checkpoint
from sknet._storage.files import as_path, check_writable, write_then_rename
from sknet._stream.records import TableFormat, choose_format
from sknet._stream.sources import Chunk, Roles, Source, is_read_from, read_chunks, read_chunks_to_predict
from sknet._stream.storage import ScratchFiles
from sknet._stream.stored import LabelCollector, NumberTargetCollector, SourceWriter, StoredSource
from sknet._tables.raw_table import is_frame, take_rows
from sknet._typing import Array, Table, Target

__all__ = ["fit", "predict", "prepare"]


def fit(
    estimator: Estimator,
    source: Source,
    *,
    target: Target = None,
    sample_weight: Target = None,
    groups: Target = None,
    validation: Source | None = None,
    validation_target: Target = None,
    resume: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Estimator:
    """Fit an estimator to a table that is larger than memory.

    The source is read once, and its rows may be in any order. They are written to
    random buckets of a temporary file, which takes 8 bytes for a number or a date (4
    for a float32) and 4 for a category. Each epoch reads the buckets in a new order, a
    few at a time, and mixes their rows.

    The encoding is learnt from a sample of 200,000 rows, and mean targets of categories
    from all training rows, as in memory. The size of the chunks matters only for
    columns of strings: they are dates if the first chunk holds ISO 8601 dates, free
    text if it and the sample look like text, and categories otherwise, unless `categorical_features` or
    `text_features` names them. After a first chunk of dates, text that is no date is an
    error. Unlike `fit`, a stream does not check whether its rows are in the order of
    time, or whether numbers are identifiers.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The estimator. Its parameters have the same meaning as in `fit`. The held-out
        rows stay in memory: a share `validation_fraction` of all rows, but at most
        about 100,000.

    source : path, pyarrow Dataset, ndarray or callable
        The path of a Parquet file, a glob, or a folder of Parquet files; a
        `pyarrow.dataset.Dataset`; an array, which may be memory-mapped; or a function
        without arguments that returns an iterator of chunks. A chunk is (X, y), (X, y,
        sample_weight), (X, y, sample_weight, groups), or a data frame that includes the
        target. Chunks without rows are skipped.

        Files must have the same columns. Their types may differ if nothing is lost:
        integers become floats, decimals beside other numbers become float64,
        dictionaries become text, and a column without values takes the type of the
        other files.

    target : str, list of str or array-like, default=None
        Name of the target column, or several names. If the source is an array, pass the
        array of targets. Pass None if chunks include the targets.

    sample_weight : str or array-like of shape (n_samples,), default=None
        Name of the column of weights, which is then not used as a feature. If the
        source is an array, pass the array of weights. An array for a source of chunks
        is an error, since tuples hold the weights themselves.

    groups : str or array-like of shape (n_samples,), default=None
        Name of the column of groups. If the source is an array, pass the array of
        groups. An array for a source of chunks is an error, as for weights. Rows of
        one group are held out together.

    validation : path, pyarrow Dataset, ndarray or callable, default=None
        Your own validation rows, in any form that `source` accepts and with the same
        columns. They stay in memory.

    validation_target : array-like, default=None
        Targets of the validation rows, if these are an array.

    resume : str or path-like, default=None
        A file that `Checkpoint` wrote in an earlier call, whose run is continued. Pass
        the same parameters and the same source as in that call.

    cache_dir : str or path-like, default=None
        Folder of the temporary file; None means the system's folder for temporary
        files. The file has no name, so its space is freed even if the process is
        killed.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The same estimator, fitted. You can use it as after `fit`.

    Raises
    ------
    ValueError
        If a parameter does not go with streams (`solver="lbfgs"`,
        `early_stopping="folds"`, a splitter, `n_members` above 1, `warm_start`), or if
        the source or a chunk is invalid. The estimator then stays as it was.
    OSError
        If there is too little space for the temporary file.
    ImportError
        If the source is a path and pyarrow is not installed. The extra "parquet"
        includes it.

    Examples
    --------
    >>> import numpy as np
    >>> from sknet import SigmoidMLPClassifier, stream
    >>> def chunks():
    ...     for seed in range(10):
    ...         X = np.random.default_rng(seed).normal(size=(1000, 3))
    ...         yield X, X[:, 0] > X[:, 1]
    >>> net = stream.fit(SigmoidMLPClassifier(max_iter=4, random_state=0), chunks)
    >>> net.predict([[1.0, -1.0, 0.0]])
    array([ True])
    """
    require_estimator(estimator, "sknet.stream")
    if cache_dir is not None and not as_path(cache_dir, "cache_dir").is_dir():
        raise FileNotFoundError(f"cache_dir={cache_dir!r} is no folder: make it, or give another one.")
    if validation is None and validation_target is not None:
        raise ValueError("validation_target is given, and validation is not: give both, or neither.")
    chunks = read_chunks(source, Roles(target, sample_weight, groups))
    validation_chunks = None
    if validation is not None:
        # columns of `validation` have the names of `source`; weights and groups given as arrays belong to `source`
        names = None if isinstance(validation, np.ndarray) else target
        weight, group = (name if isinstance(name, str) else None for name in (sample_weight, groups))
        roles = Roles(names if validation_target is None else validation_target, weight, group)
        validation_chunks = read_chunks(validation, roles, "validation")
    folder = Path(gettempdir() if cache_dir is None else cache_dir)
    copy_context().run(_fit_stream, estimator, chunks, validation_chunks, folder, resume)  # see `fit_context`
    return estimator


class _ChunkReader:
    """Checks the tables, weights and groups of chunks, each against the first.

    Attributes
    ----------
    choices : ColumnChoices
        The columns that the user has named as categories or as text.
    schema : TableSchema or None
        The schema of the first chunk.
    new_target_collector : callable
        Returns an empty collector of the estimator's targets.
    """

    def __init__(self, estimator: Estimator) -> None:
        self._estimator_name = type(estimator).__name__
        self.choices = column_choices(estimator)
        self.new_target_collector = (
            LabelCollector if isinstance(estimator, ClassifierParameters) else NumberTargetCollector
        )
        self.schema: TableSchema | None = None

    def read(self, chunk: Chunk) -> tuple[Chunk, Table] | None:
        """Return the checked chunk and its first two rows, unchecked; None if all its weights are 0."""
        n = None if chunk.weight is None else n_rows_of(chunk.X, "X")
        weight = None if n is None else read_each_sample_weight(chunk.weight, n)
        if weight is not None and not weight.any():
            return None
        X, y, groups = (
            replace_zero_weight_rows(values, weight, argument_name)
            for values, argument_name in ((chunk.X, "X"), (chunk.y, "y"), (chunk.groups, "groups"))
        )
        if self.schema is None:
            table, schema = read_first_table(X, self._estimator_name, self.choices)
        else:
            table, schema = read_known_table(X, self.schema, self._estimator_name), self.schema
        n = table.shape[0]
        y = y if is_frame(y) or isinstance(y, pd.Series) else np.asarray(y)
        if len(y) != n:
            raise ValueError(f"X has {n} rows and y {len(y)}.")
        if groups is not None:
            read_groups(groups, n)  # this only checks: other chunks may have the same groups, so values are kept
            groups = np.asarray(groups)
        self.schema = schema
        example_rows = take_rows(X if hasattr(X, "shape") else np.asarray(X), slice(0, 2))
        return replace(chunk, X=table, y=y, weight=weight, groups=groups), example_rows


def _store_checked_rows(
    chunks: Iterator[Chunk], reader: _ChunkReader, files: ScratchFiles, table_format: TableFormat | None = None,
    source_name: str = "", *, verbose: bool = False,
) -> StoredSource:  # fmt: skip
    """Check all rows of a source, and store them in a file in a format, by default that of the first chunk.

    Messages begin with `source_name`, if it is not the source of training rows.
    """
    writer: SourceWriter | None = None
    n_read = 0
    for chunk in chunks:
        with prefix_errors(f"{source_name}: Chunk {chunk.number}" if source_name else f"Chunk {chunk.number}"):
            chunk_and_first_rows = reader.read(chunk)
            if chunk_and_first_rows is not None:
                checked, first_rows = chunk_and_first_rows
                if writer is None:
                    # rows of weight 0 must not decide what a column holds
                    weighted = (
                        checked.X if checked.weight is None else take_rows(checked.X, np.flatnonzero(checked.weight))
                    )
                    table_format = table_format or choose_format(weighted, reader.choices, files)
                    writer = SourceWriter(files, table_format, reader.new_target_collector(), checked, first_rows)
                writer.append(checked)
            n_read += n_rows_of(chunk.X, "X") or 0
        if verbose:
            print(f"Rows read: {n_read:,}")
    if writer is None:
        raise ValueError(f"The {source_name or 'source'} has no row of positive weight.")
    return writer.finish()


@with_callbacks
def _fit_stream(
    estimator: Estimator,
    chunks: Iterator[Chunk],
    validation: Iterator[Chunk] | None,
    folder: Path,
    resume: str | os.PathLike[str] | None,
) -> None:
    """Fit an estimator; `folder` needs room for a copy of the table."""
    estimator._validate_params()
    check_streamable(estimator)
    if validation is not None and not estimator.early_stopping:
        raise ValueError("validation is passed while early_stopping is False: set it to 'auto' or True.")
    check_checkpoints(estimator)  # reading may take hours, so check first
    if resume is not None:
        read_checkpoint(resume).check_estimator(type(estimator).__name__, 0)
    with ScratchFiles(folder) as files:
        reader = _ChunkReader(estimator._with_plain_parameters())
        source = _store_checked_rows(chunks, reader, files, verbose=bool(estimator.verbose))
        arguments = FitArguments(source.table, source.y, source.weight, groups=source.groups, schema=reader.schema)
        if validation is not None:  # its rows get the format of the training rows
            held_out = _store_checked_rows(validation, reader, files, source.table.format, "validation")
            arguments = replace(arguments, X_val=held_out.table, y_val=held_out.y, sample_weight_val=held_out.weight)
        if resume is None:
            estimator._fit(arguments)
        else:
            estimator._resume(resume, arguments)


def prepare(
    estimator: Estimator, X: Table, y: Target, sample_weight: Target = None, *, classes: Target = None
) -> Estimator:
    """Learn the encoding of a table from a sample, before the first `partial_fit`.

    Scales, bins, categories and the scale of the target are learnt from the sample and
    do not change later, except for the scale of a column that has a single value in the
    sample. A category is known if a row of the sample has it, or if a category dtype
    declares it.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The estimator. It forgets everything that it has learnt before.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        A sample of the rows.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the sample.

    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.

    classes : array-like of shape (n_classes,), or a list of such, default=None
        All labels that later calls may bring, for a classifier.

    Returns
    -------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The same estimator, with initial weights.

    Examples
    --------
    >>> import numpy as np
    >>> from sknet import SigmoidMLPClassifier, stream
    >>> X = np.sort(np.random.default_rng(0).normal(size=(1000, 1)), axis=0)  # sorted: each chunk differs
    >>> y = X[:, 0] > 0
    >>> net = stream.prepare(SigmoidMLPClassifier(random_state=0), X[::10], y[::10])
    >>> for start in range(0, 1000, 100):
    ...     net = net.partial_fit(X[start : start + 100], y[start : start + 100])
    """
    require_estimator(estimator, "sknet.stream")
    estimator._prepare_partial_fit(X, y, sample_weight, classes)
    return estimator


def predict(
    estimator: Estimator,
    source: Source | Iterable[object],
    *,
    method: str = "predict",
    to: str | os.PathLike[str] | None = None,
    **arguments: object,
) -> Iterator[Array] | None:
    """Predict the rows of a source, chunk by chunk.

    Parameters
    ----------
    estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
        The fitted estimator.

    source : path, pyarrow Dataset, ndarray, DataFrame, callable or iterable
        The rows, in a form that `fit` takes, a data frame, or an iterable. A function
        or an iterable yields tables, or tuples whose first element is a table. Columns
        that the estimator does not know are ignored, and tables without rows are
        skipped.

    method : str, default="predict"
        Prediction method of the estimator. For a classifier: "predict",
        "predict_proba", "predict_log_proba", "decision_function" or "predict_set". For
        a regressor: "predict", "predict_interval" or "predict_quantiles". `transform`,
        `activations` and `explain` take tables in memory, such as one chunk.

    to : str or path-like, default=None
        A Parquet file for the predictions, with one row per row of the source. An
        existing file is replaced, unless it is a file of the source. sknet cannot see
        which files a function or an iterable reads, so give it a path of its own.

    **arguments : object
        Further arguments of the method, such as ``coverage=0.8``.

    Returns
    -------
    predictions : iterator, or None
        What the method returns for each chunk, or None if it was written to a file. The
        column of the file is named after the method. Several columns are numbered, or
        named after `classes_`.

    Raises
    ------
    ValueError
        If the estimator has no such prediction method, or if the source or a chunk is
        invalid.
    ImportError
        If pyarrow is needed and not installed. The extra "parquet" includes it.
    """
    require_estimator(estimator, "sknet.stream")
    fitted = fitted_of(estimator)
    methods = [name for name in METHODS if hasattr(estimator, name)]
    if method not in methods:
        raise ValueError(f"method={method!r} does not predict: {type(estimator).__name__} has {methods}.")
    names = None if fitted.schema.names is None else fitted.schema.names.tolist()
    call: Callable[..., Array] = getattr(estimator, method)

    def predict_chunk(chunk: Chunk) -> Array:
        with prefix_errors(f"Chunk {chunk.number}"):
            return call(chunk.X, **arguments)

    predictions = map(predict_chunk, read_chunks_to_predict(source, names))
    if to is None:
        return predictions
    path = as_path(to, "to")
    check_writable(path)  # check before anything is computed
    if is_read_from(source, path):
        raise ValueError(f"to={os.fspath(path)!r} is a file of the source, which would be lost: give another path.")
    _write_parquet(predictions, path, method, getattr(estimator, "classes_", None))
    return None


def _write_parquet(predictions: Iterator[Array], path: Path, method: str, classes: object) -> None:
    """Write predictions to a Parquet file, which exists only if it is complete."""
    with explain_missing_package("to=", "pyarrow"):
        import pyarrow
        from pyarrow import parquet
    writer = None
    with write_then_rename(path) as temporary:
        try:
            for values in predictions:
                table = pyarrow.Table.from_pandas(_predictions_to_frame(values, method, classes), preserve_index=False)
                # the first chunk determines the columns and their types
                writer = parquet.ParquetWriter(temporary, table.schema) if writer is None else writer
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()


def _predictions_to_frame(values: Array | list[Array], method: str, classes: object) -> pd.DataFrame:
    """Return a chunk's predictions as a frame, its columns named after the method."""
    if isinstance(values, list):  # one array per output
        frames = [_predictions_to_frame(of_output, f"{method}_{i}", None) for i, of_output in enumerate(values)]
        return pd.concat(frames, axis=1)
    flat = values.reshape(len(values), -1)  # (n, ...): intervals of several outputs have three dimensions
    if values.ndim == 1:
        return pd.DataFrame({method: values})
    labels = classes.tolist() if isinstance(classes, np.ndarray) and len(classes) == flat.shape[1] else None
    return pd.DataFrame(flat, columns=pd.Index([f"{method}_{i}" for i in labels or range(flat.shape[1])]))
