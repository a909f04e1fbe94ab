"""Checkpoint files: an interrupted run, and what must be the same when it is resumed.

A checkpoint holds the states of all networks, and the `Origin` of the run: the estimator, its seeds and parameters, and
hashes of the data. Its file has the format of `files.py`.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np

from sknet._model.epoch_choice import FoldsProgress
from sknet._model.rows import Rows
from sknet._model.train_phase import Progress
from sknet._storage.files import as_model_file_error, read, write
from sknet._storage.pack import STORED_CLASSES, classes_by_name
from sknet._tables.raw_table import table_digest
from sknet._tables.splitting import Split
from sknet._training.solver import State

PUBLIC_NAME = "sknet.Checkpoint"
"""The public name of the callback that writes these files, for error messages."""

# --- the origin of a run ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Origin:
    """What must be the same when a run is resumed: the estimator, its seeds, data and settings."""

    estimator: str
    seeds: tuple[int, int, int]
    seen_before: int  # `t_` of the estimator before a warm start; 0 for a new fit
    data: dict[str, str]
    # the resolved parameters that must be the same, as text; errors name the first that differs
    settings: dict[str, str]


FOLDS = "the folds"
"""The name of the rows of the folds in `data_digests`, which a user's splitter may draw from anything."""


def data_digests(rows: Rows, held_out_rows: Rows | None, splits: Sequence[Split] = ()) -> dict[str, str]:
    """Return hashes of the data that a run learns from, by name. The weights are sample weights times class weights."""
    digests = {
        "X": rows.X.digest(),
        "y": table_digest(rows.y),
        "sample_weight or class_weight": table_digest(rows.weight),
        "groups": table_digest(rows.groups),
        FOLDS: " ".join(table_digest(row_indices) for split in splits for row_indices in split),
    }
    if held_out_rows is not None:
        digests["the validation rows"] = held_out_rows.X.digest()
        digests["the validation targets"] = table_digest(held_out_rows.y)
        digests["the validation weights"] = table_digest(held_out_rows.weight)
    return digests


MAX_SHOWN_CHARACTERS = 400
"""Of a parameter whose text is longer, a hash follows the first characters."""

MAX_VALUES_AS_TEXT = 10_000
"""Larger arrays, such as initial weights, are hashed by their bytes: text takes seconds per million numbers."""


def describe_parameter(value: object) -> str:
    """Return a parameter as text that is the same in every process, and for values that mean the same.

    An int and an equal float mean the same, and so do a list, a tuple and an array of equal entries, and dicts whose
    items differ only in their order.
    """
    text = _as_text(value)
    if len(text) <= MAX_SHOWN_CHARACTERS:
        return text
    return f"{text[: MAX_SHOWN_CHARACTERS // 2]}... {hashlib.sha256(text.encode()).hexdigest()}"


def _as_text(value: object) -> str:
    """Return a parameter as text of any length."""
    if isinstance(value, str):
        return repr(str(value))  # the repr of NumPy's strings differs
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, Real):
        return f"{float(value):.17g}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted([f'{_as_text(key)}: {_as_text(item)}' for key, item in value.items()]))}}}"
    if isinstance(value, np.ndarray):
        return table_digest(value) if value.size > MAX_VALUES_AS_TEXT else _as_text(value.tolist())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_text, value))}]"
    if callable(value):
        return "a function"  # two processes cannot compare functions
    text = str(value)
    has_address = " at 0x" in text  # the address differs from process to process
    return f"{type(value).__qualname__} {getattr(value, 'name', '')}".rstrip() if has_address else text


# --- the file --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CheckpointContent:
    """The content of a checkpoint file."""

    origin: Origin
    progress: Progress


@dataclass(frozen=True)
class LoadedCheckpoint(CheckpointContent):
    """A checkpoint that was read from a file."""

    path: str

    def check_estimator(self, estimator: str, n_samples_seen: int) -> None:
        """Raise for another class of estimator, or a warm start from another `t_`; `check_run` compares the rest."""
        origin = self.origin
        if origin.estimator != estimator:
            raise ValueError(f"{self.path} holds a run of {origin.estimator}, and this is {estimator}.")
        if origin.seen_before and n_samples_seen != origin.seen_before:
            raise ValueError(
                f"{self.path} holds a warm start: call resume on the estimator that it began from (t_ is "
                f"{origin.seen_before} there, {n_samples_seen} here)."
            )

    def check_run(self, now: Origin, *, has_folds: bool) -> None:
        """Raise if the run that resumes the checkpoint, with the origin `now`, has other data, parameters or phases."""
        before = self.origin
        changed_data = [name for name in before.data | now.data if before.data.get(name) != now.data.get(name)]
        message = (
            f"{self.path} was written in training on other data, which differ in {', '.join(changed_data)}: pass those "
            "of that run, or fit anew."
        )
        if set(changed_data) - {FOLDS}:
            raise ValueError(message)
        for name, value in now.settings.items():
            if before.settings.get(name, value) != value:  # a parameter that the file lacks may have any value
                raise ValueError(
                    f"{self.path} was written with {name}={before.settings[name]}, and this is a run with "
                    f"{name}={value}: set it as it was, or fit anew."
                )
        if changed_data:  # only folds differ, and no parameter explains why
            raise ValueError(message)
        with self.as_file_errors():
            if has_folds is (self.progress.folds is None):
                raise ValueError("this run chooses its epoch in another way")
            if not (has_folds or self.progress.states):
                raise ValueError("it holds no networks")

    def states_or(self, first_states: list[State]) -> list[State]:
        """Return the states to continue from: the file's, or `first_states` if it was written while folds trained."""
        if not self.progress.states:
            return first_states
        with self.as_file_errors():
            for state, first_state in zip(self.progress.states, first_states, strict=True):
                state.check_same_kind(first_state)
        return self.progress.states

    def as_file_errors(self) -> AbstractContextManager[None]:
        """Turn errors in the `with` block into a `ModelFileError` that names the file."""
        return as_model_file_error(self.path, PUBLIC_NAME)


_CLASSES = STORED_CLASSES | classes_by_name(CheckpointContent, Origin, Progress, FoldsProgress)
"""The classes of the values in a checkpoint, by name."""


def write_checkpoint(path: Path, origin: Origin, progress: Progress) -> None:
    """Write a checkpoint file. If this fails, an existing file stays unchanged."""
    write(path, CheckpointContent(origin, progress), _CLASSES, PUBLIC_NAME)


def read_checkpoint(path: str | os.PathLike[str]) -> LoadedCheckpoint:
    """Read a checkpoint file."""

    def checked(value: object) -> LoadedCheckpoint:
        """Return the content with its path; raise a ValueError if it is no training run."""
        if not isinstance(value, CheckpointContent):
            raise ValueError("it does not hold a training run")
        if max(value.origin.seeds) >= 2**32:  # too large for `RandomState`; `unpack` raises for negative ones
            raise ValueError("its seeds are too large")
        return LoadedCheckpoint(value.origin, value.progress, str(path))

    return read(path, PUBLIC_NAME, _CLASSES, checked, is_checkpoint=True)
