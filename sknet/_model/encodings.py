"""Do bins beside the numbers help? A few epochs with and without them tell, on rows that are held out.

Which encoding suits a table differs as much as tables do: bins take a third of the error of one, add as much to that of
another, and early epochs show it.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite, isnan

from sknet._model.fitting import prepare
from sknet._model.folds import first_fold, train_epoch
from sknet._model.heads import Head, NumberHead
from sknet._model.settings import Settings
from sknet._model.threads import suitable_threads
from sknet._tables.rows import Rows
from sknet._training.result import DivergedError
from sknet._typing import DType

ENCODINGS = ("raw", "piecewise_linear")

EPOCHS = 8
"""How many epochs the encodings are compared for: enough on tables of a thousand rows and more."""

GAIN = {"classification": 0.02, "regression": -0.05}
"""The share by which bins must lower the loss; one below 0 is that by which they may raise it. So small a difference is
chance: a classifier then saves the time that bins take, a regressor has what wins more often."""


def choose_encoding(
    settings: Settings, head: Head, training: Rows, held_out: Rows | None, seeds: Sequence[int], dtype: DType
) -> Settings:
    """Return settings with bins beside the numbers if held-out rows gain by them, else without.

    Parameters
    ----------
    settings : Settings
        Of a first-order solver; their encoding of numbers does not matter.

    head : Head
        What the targets are; numbers are not yet scaled.

    training : Rows
    held_out : Rows or None
        None: the first of the folds that the training rows are dealt out to.

    seeds : sequence of int
        Of the first weights, of the folds, of what training draws.

    dtype : dtype
        Of weights and predictions.

    Returns
    -------
    Settings
    """
    if held_out is None:
        training, held_out = first_fold(head, training, seeds[1])
    candidates = [replace(settings, table=replace(settings.table, numeric_encoding=one)) for one in ENCODINGS]
    raw, binned = [least_loss(candidate, head, training, held_out, seeds, dtype) for candidate in candidates]
    gain = GAIN["regression" if isinstance(head, NumberHead) else "classification"]
    return candidates[binned < raw - gain * abs(raw) if isfinite(raw) else isfinite(binned)]


def least_loss(
    settings: Settings, head: Head, training: Rows, held_out: Rows, seeds: Sequence[int], dtype: DType
) -> float:
    """Return the least loss of the held-out rows in the first epochs, infinity if training diverges."""
    run = prepare(settings, head, training, held_out, output_dtype=dtype, on_trial=True, seed=seeds[1])
    state = run.first_state((seeds[0], seeds[2]))
    try:
        with suitable_threads(run.training.n_rows * run.layout.largest):
            for _ in range(EPOCHS):
                train_epoch(run, state)
    except DivergedError:  # the fit itself will say why, if no encoding helps
        return inf
    losses = [epoch.validation_loss for epoch in state.history]
    return min((loss for loss in losses if not isnan(loss)), default=inf)
