"""One shard of a table: the rows that one worker holds, what it tells about them, and their part of every step.

The shard's methods are called from elsewhere, by name. Those that change it can be called again in the same order on
another worker: the shard there is then the same.

Conventions
-----------
A shard has parts, as the user has cut the table; of each, rows are selected, to train on or to validate on.
m rows of a selection, one part after the other.

theta, gradient : (p,)
batch : (b,)             which of the m training rows
n : int                  how many rows the whole batch has, those of other shards included
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from time import perf_counter
from typing import cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pandas.util import hash_pandas_object

from sknet._model.matrices import Encoding as Tables
from sknet._model.network_run import FULL_BATCH_ROWS
from sknet._network.activations import Activation
from sknet._network.inputs import DenseInputs, Inputs, MixedInputs, SelectedInputs
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.objective import Objective
from sknet._network.penalties import ElasticNet
from sknet._network.sparse_layers import MixedRows
from sknet._tables.columns.target import TargetTotals
from sknet._tables.encoding import TableEncoder
from sknet._tables.lookups import Lookups
from sknet._tables.rows import take_rows
from sknet._typing import Array, DType, Table

NO_PENALTY = ElasticNet()


@dataclass(frozen=True)
class Part:
    """Selected rows of one part, and the fold of each if categories are encoded by the target."""

    X: Table
    fold: NDArray[np.intp] | None


@dataclass(frozen=True)
class Selected:
    """Some rows of a shard's parts.

    Attributes
    ----------
    parts : list of Part
        The selected rows of each part.
    inputs : ndarray of shape (m, n_inputs + 1), or Split, or None
        The network's input, with a last column of ones, or with categories that are looked up; once it has been
        computed. The table is no longer needed then, and there are no parts.
    chosen : ndarray or None
        Which rows of `inputs` these are; None for all.
    """

    parts: Sequence[Part]
    inputs: Array | MixedRows | None = None
    chosen: NDArray[np.integer] | None = None

    @property
    def bounds(self) -> list[slice]:
        """Where the rows of each part are among the m."""
        return slices_of([part.X.shape[0] for part in self.parts])


def digest_of(rows: Table) -> str:
    """Return a hash of an array's or a data frame's values."""
    values = np.ascontiguousarray(rows if isinstance(rows, np.ndarray) else hash_pandas_object(rows, index=False))
    return sha256(f"{values.dtype} {rows.shape}".encode() + values.tobytes()).hexdigest()


@dataclass(frozen=True)
class Step:
    """A shard's part of a step: of the value and the gradient, and the seconds that it took."""

    value: float
    gradient: Array
    seconds: float


@dataclass(frozen=True)
class Bound:
    """Rows that are bound to a network and a loss, and the arrays that its layers are bound to."""

    objective: Objective
    theta: Array
    gradient: Array


class Shard:
    """The rows that one worker holds.

    Parameters
    ----------
    parts : sequence of table
        Arrays or data frames.
    """

    def __init__(self, parts: Sequence[Table]) -> None:
        self._parts: Sequence[Table] = list(parts)
        self._selected: dict[str, Selected] = {}
        self._bound: dict[str, Bound] = {}
        self._rng = np.random.default_rng(0)

    # --- learning about the rows -------------------------------------------------------------------------------------

    def select(self, name: str, rows: Sequence[NDArray[np.integer]], fold: NDArray[np.intp] | None = None) -> None:
        """Select rows of each part; the folds are those of all m of them."""
        found = []
        for table, chosen, own in zip(self._parts, rows, slices_of([len(chosen) for chosen in rows]), strict=True):
            whole = len(chosen) == table.shape[0] and bool((np.diff(chosen) == 1).all())
            X = table if whole else take_rows(table, chosen.astype(np.intp))
            found.append(Part(X, None if fold is None else fold[own]))
        self._selected[name] = Selected(found)

    def tables(self, name: str) -> list[Table]:
        """Return the selected rows of each part, and forget that they were selected."""
        return [part.X for part in self._selected.pop(name).parts]

    def target_totals(
        self, name: str, encoder: TableEncoder, target: Array, weight: Array | None, fold: NDArray[np.intp]
    ) -> list[dict[int, TargetTotals]]:
        """Return `TableEncoder.target_totals` of the selected rows of each part."""
        selected, found = self._selected.pop(name), []
        for part, own in zip(selected.parts, selected.bounds, strict=True):
            if part.X.shape[0]:
                own_weight = None if weight is None else weight[own]
                found.append(encoder.target_totals(part.X, target[own], own_weight, fold[own]))
        return found

    def digests(self, name: str) -> list[str]:
        """Return a hash of the selected rows of each part."""
        return [digest_of(part.X) for part in self._selected[name].parts]

    # --- encoding them -----------------------------------------------------------------------------------------------

    def encode(self, name: str, tables: Tables) -> None:
        """Encode the selected rows, once, each in its fold if it has one; see `TableEncoder.encode`."""
        selected, encode = self._selected[name], _dense if tables.encoder.lookups is None else _mixed
        self._selected[name] = Selected((), encode(selected, tables.encoder, tables.compute_dtype))

    def choose(self, name: str, of: str, rows: NDArray[np.integer]) -> None:
        """Select rows of a selection that has been encoded, by their places among its m."""
        whole = self._selected[of]
        self._selected[name] = replace(whole, chosen=rows if whole.chosen is None else whole.chosen[rows])

    def release(self) -> None:
        """Forget the table: from here on, only what was encoded is needed."""
        self._parts = ()
        self._selected = {name: replace(selected, parts=()) for name, selected in self._selected.items()}

    # --- training on them --------------------------------------------------------------------------------------------

    def minimise(
        self, name: str, layout: Layout, activations: Sequence[Activation], loss: Loss, target: Array,
        weight: Array | None, n_rows: int, dropout: Sequence[float],
    ) -> None:  # fmt: skip
        """Bind selected rows to a network and a loss; see `Objective`."""
        n_rows = min(n_rows, FULL_BATCH_ROWS)  # batches have other sizes at each step: whole pieces need no new buffers
        inputs = self._inputs(name, n_rows)[0]
        objective = Objective(
            layout, activations, loss, NO_PENALTY, inputs, target, weight, n_rows=n_rows, dropout=dropout
        )
        theta = np.empty(layout.n_parameters, target.dtype)
        self._bound[name] = Bound(objective, theta, np.empty_like(theta))

    def step(self, name: str, theta: Array, batch: NDArray[np.integer] | None, n: int, seed: int | None = None) -> Step:
        """Compute what the rows of a batch contribute to the objective and its gradient; None is all rows."""
        started = perf_counter()
        bound = self._at(name, theta)
        objective = bound.objective
        if seed is not None:
            self._rng.bit_generator.state = np.random.PCG64(seed).state
        rows = slice(0, objective.n_samples) if batch is None else batch.astype(np.intp, copy=False)
        # as in training: what diverges is named there
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value = objective.share(bound.theta, rows, n, bound.gradient, None if seed is None else self._rng)
        return Step(value, bound.gradient, perf_counter() - started)

    def raw(self, name: str, theta: Array, by: str | None = None) -> Array:
        """Return the raw outputs of all selected rows, (m, k), without dropout.

        The network is that of the run on the rows `by`; None is the first run.
        """
        inputs, n = self._inputs(name, FULL_BATCH_ROWS)
        bound = self._at(next(iter(self._bound), "") if by is None else by, theta)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return bound.objective.raw(bound.theta, inputs, n)

    def _at(self, name: str, theta: Array) -> Bound:
        """Return what is minimised over the rows, with theta where its layers look for it."""
        if name not in self._bound:
            raise RuntimeError("a step was asked for before there was anything to minimise")
        bound = self._bound[name]
        bound.theta[:] = theta
        return bound

    def _inputs(self, name: str, n_rows: int) -> tuple[Inputs, int]:
        """Return what gathers up to so many of the selected rows at once, and how many there are."""
        selected = self._selected[name]
        if selected.inputs is None:
            raise RuntimeError(f"the {name} rows are not encoded yet")
        inputs = gathered(selected.inputs, n_rows)
        if selected.chosen is not None:
            return SelectedInputs(inputs, cast(NDArray[np.intp], selected.chosen)), len(selected.chosen)
        return inputs, len(selected.inputs.dense if isinstance(selected.inputs, MixedRows) else selected.inputs)


def _dense(selected: Selected, encoder: TableEncoder, dtype: DType) -> Array:
    """Encode rows as a matrix."""
    bounds = selected.bounds
    inputs = np.ones((bounds[-1].stop, encoder.n_inputs + 1), dtype)
    for part, rows in zip(selected.parts, bounds, strict=True):
        if part.X.shape[0]:
            inputs[rows, :-1] = encoder.encode(part.X, dtype, fold=part.fold)
    return inputs


def _mixed(selected: Selected, encoder: TableEncoder, dtype: DType) -> MixedRows:
    """Encode rows some of whose categories are looked up."""
    lookups = cast(Lookups, encoder.lookups)
    found = [lookups.encode(part.X, dtype, part.fold) for part in selected.parts if part.X.shape[0]]
    if not found:
        empty = np.empty((0, len(lookups.places)), dtype)
        return MixedRows(empty, sp.csr_array((0, lookups.n_inputs), dtype=dtype), lookups.places)
    dense, hot = np.concatenate([of_one[0] for of_one in found]), sp.vstack([of_one[1] for of_one in found], "csr")
    return MixedRows(dense, hot, lookups.places)


def gathered(inputs: Array | MixedRows, n_rows: int) -> Inputs:
    """Return what gathers up to so many rows at once."""
    return MixedInputs(inputs, n_rows) if isinstance(inputs, MixedRows) else DenseInputs(inputs, n_rows, kind="ones")


def slices_of(lengths: Sequence[int]) -> list[slice]:
    """Return where each of several parts is in their concatenation."""
    stops = np.cumsum([0, *lengths]).tolist()
    return list(map(slice, stops, stops[1:]))
