"""Checkpoints: files that hold the whole state of a training run, in NumPy's own `.npz` format, without pickle.

They live beside the estimators, which read them: `resume` is an estimator's method.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from sknet._estimators.inputs import Data, is_sparse
from sknet._training.state import State

Array = npt.NDArray[Any]

FORMAT = "sknet checkpoint 2"
DIGEST_ROWS = 4096
"""Rows that are hashed at once: a table in a file is never loaded whole."""


# --- the fingerprint of the data -------------------------------------------------------------------------------------


def _parts(values: Any) -> Iterator[Any]:
    """Yield what a table consists of: a frame's names and columns, a sparse matrix's arrays, or an array."""
    if hasattr(values, "columns"):
        yield np.array([str(name) for name in values.columns], dtype=object)
        yield from (np.asarray(values[name]) for name in values.columns)
    elif is_sparse(values):
        yield from (values.data, values.indices, values.indptr)
    else:
        yield values


def digest(values: Any) -> str:
    """Return a hash of a table's or an array's type, shape and values; of None too."""
    if values is None:
        return "none"
    found = hashlib.sha256()
    for part in _parts(values):
        found.update(f"{part.dtype.kind}{part.dtype.itemsize}{part.shape}".encode())
        for start in range(0, part.shape[0], DIGEST_ROWS):
            rows = np.asarray(part[start : start + DIGEST_ROWS])
            found.update(repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.tobytes())
    return found.hexdigest()


def fingerprint(data: Data, validation: Data | None) -> dict[str, str]:
    """Return a hash of each thing that a run learns from, class weights folded into the sample weights."""
    held_out = Data(None, np.empty(0)) if validation is None else validation
    return {
        "X": digest(data.X),
        "y": digest(data.y),
        "sample_weight or class_weight": digest(data.weight),
        "the validation rows": digest(held_out.X),
        "the validation targets": digest(held_out.y),
        "the validation weights": digest(held_out.weight),
    }


# --- the file --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Origin:
    """Where a state comes from: what must be the same where it is taken up again."""

    estimator: str
    solver: str
    sizes: list[int]
    dtype: str
    seeds: list[int]
    seen_before: int  # `t_` of the fitted estimator that a warm start began from; 0 for a new one
    data: dict[str, str]


@dataclass(frozen=True)
class Saved:
    """What a checkpoint file holds."""

    path: str
    origin: Origin
    arrays: dict[str, Array]


def write(path: Path, origin: Origin, state: State) -> None:
    """Write a file that is there whole, or not at all: what stands at `path` is replaced at the end."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    header = np.array(json.dumps({"format": FORMAT} | asdict(origin)))
    try:
        with open(draft, "wb") as file:
            np.savez(file, header=header, **state.to_arrays())  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Any) -> Saved:
    """Read a checkpoint file."""
    with open(path, "rb") as opened:
        try:
            with np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            header = json.loads(str(arrays.pop("header")))
            if header.pop("format") != FORMAT:
                raise ValueError
            return Saved(str(path), Origin(**header), arrays)
        except (ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is not a whole file written by sknet.Checkpoint.") from error


def refuse_lbfgs(solver: str) -> None:
    """Raise for the solver whose state cannot be written."""
    if solver == "lbfgs":
        raise ValueError(
            "solver='lbfgs' keeps its curvature inside SciPy, so its runs cannot be written to a checkpoint and "
            "resumed: choose solver='adam', 'sgd' or 'rmsprop'."
        )


# --- the callback ----------------------------------------------------------------------------------------------------


class Checkpoint:
    """Write the whole state of a training run to a file, every few epochs.

    A callback for `set_callbacks`, which scikit-learn has since version 1.9.
    An estimator with the same parameters takes the run up again with
    `resume(path, X, y)` and ends exactly where the uninterrupted run would
    have ended.

    Parameters
    ----------
    path : str or path-like
        The file, NumPy's `.npz` format. It is replaced at once, never half
        written, and holds no pickle: the parameters, the optimizer's moments,
        the schedule, the random generator, the best epoch, the history, the
        seeds that fix the validation rows, and a fingerprint of the data.

    every : int, default=1
        Write after each so many epochs.

    See Also
    --------
    SigmoidMLPClassifier.resume : Take a run up again.
    SigmoidMLPRegressor.resume : Take a run up again.

    Notes
    -----
    One file holds one run. In a search or a cross-validation every fit would
    write to the same file. `solver="lbfgs"` has no checkpoints.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknet import Checkpoint, SigmoidMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = SigmoidMLPClassifier(random_state=0)
    >>> net.set_callbacks(Checkpoint("run.npz", every=10)).fit(X, y)  # doctest: +SKIP
    >>> net.resume("run.npz", X, y)  # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        if int(every) != every or every < 1:
            raise ValueError(f"every={every!r}: a checkpoint is written after each 1, 2, 3, ... epochs.")
        try:
            import sklearn.callback  # noqa: F401
        except ImportError:
            raise ImportError("sknet.Checkpoint is a callback, and callbacks need scikit-learn 1.9 or later.") from None
        self.path, self.every = Path(path), int(every)

    def setup(self, estimator: Any, context: Any) -> None:
        """Hear that a fit begins: refuse what cannot be written.

        Parameters
        ----------
        estimator : estimator
            The one that calls.

        context : sklearn.callback.CallbackContext
            Of the fit.
        """
        if not hasattr(estimator, "resume"):
            raise TypeError(
                f"Checkpoint writes runs of sknet's estimators; {type(estimator).__name__} is none of them."
            )
        refuse_lbfgs(estimator.solver)

    def teardown(self, estimator: Any, context: Any) -> None:
        """Hear that a fit has ended.

        Parameters
        ----------
        estimator : estimator
            The one that calls.

        context : sklearn.callback.CallbackContext
            Of the fit.
        """

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Hear that a fit or an epoch begins.

        Parameters
        ----------
        estimator : estimator
            The one that calls.

        context : sklearn.callback.CallbackContext
            Of the fit or epoch.
        """

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Hear that a fit or an epoch has ended; the file is written elsewhere.

        Parameters
        ----------
        estimator : estimator
            The one that calls.

        context : sklearn.callback.CallbackContext
            Of the fit or epoch.
        """


class Writer:
    """The observer of one run that writes a checkpoint's file.

    A callback is shown a fitted estimator, and a run is more than that: this
    one is told of the state itself.
    """

    def __init__(self, checkpoint: Checkpoint, origin: Origin) -> None:
        self._path, self._every, self._origin = checkpoint.path, checkpoint.every, origin

    def begin(self, state: State) -> None:
        """Do nothing: an epoch is written when it is whole."""

    def end(self, state: State) -> bool:
        """Write the state if it is time to."""
        if state.epoch % self._every == 0:
            write(self._path, self._origin, state)
        return False
