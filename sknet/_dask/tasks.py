"""The functions that run on workers; all are pure.

Conventions
-----------
A shard is the rows of several consecutive partitions. m rows of it are encoded; one network is trained on m' of these.

encoded : (m, d + 1)     the network's inputs, with a last column of ones; `MixedRows` if categories are looked up
rows : (m',), or None    indices of the network's rows among the encoded rows; None for all
batch : (b,), or None    indices of the batch among the m' rows; None for all
theta, gradient : (p,)
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pandas.util import hash_pandas_object

from sknet._network.chain import DenseInputs, Inputs, MixedInputs, MixedRows, RowSelection
from sknet._network.objective import Objective, ObjectiveSettings
from sknet._tables.categories import TargetTotals
from sknet._tables.encoding import TableEncoder
from sknet._tables.read import take_rows
from sknet._typing import Array, DType, Table

Future: TypeAlias = Any
"""The result of a task, on a worker."""

Encoded: TypeAlias = Array | MixedRows
Indices: TypeAlias = NDArray[np.integer]

# --- partitions ------------------------------------------------------------------------------------------------------


def describe(partition: Table) -> tuple[int, Table]:
    """Return the number of rows of a partition, and its first two rows."""
    return int(partition.shape[0]), partition[:2]


def take(partition: Table, rows: Indices) -> Table:
    """Return some rows of a partition."""
    has_all = len(rows) == partition.shape[0] and bool((np.diff(rows) == 1).all())
    return partition if has_all else take_rows(partition, rows.astype(np.intp))


def digest_of_rows(partition: Table, rows: Indices) -> str:
    """Return a hash of the values of some rows."""
    table = take(partition, rows)
    values = np.ascontiguousarray(table if isinstance(table, np.ndarray) else hash_pandas_object(table, index=False))
    return sha256(f"{values.dtype} {values.shape} {table.shape}".encode() + values.tobytes()).hexdigest()


def encode_shard(
    partitions: Sequence[Table], rows: Sequence[Indices], encoding_folds: Sequence[NDArray[np.intp] | None],
    encoder: TableEncoder, dtype: DType,
) -> Encoded:  # fmt: skip
    """Encode some rows of each partition of a shard, and join them; see `TableEncoder.encode`."""
    tables = [
        (take(X, chosen), encoding_fold)
        for X, chosen, encoding_fold in zip(partitions, rows, encoding_folds, strict=True)
        if len(chosen)
    ]
    lookups, dense_encoder = encoder.lookups, encoder.encoder_without_lookups
    # the last column of ones; `MixedRows` have none
    dense, start = np.ones((sum(map(len, rows)), dense_encoder.n_inputs + (lookups is None)), dtype), 0
    for X, encoding_fold in tables:
        stop = start + X.shape[0]
        dense[start:stop, : dense_encoder.n_inputs] = dense_encoder.encode(X, dtype, encoding_fold=encoding_fold)
        start = stop
    if lookups is None:
        return dense
    no_rows = sp.csr_array((0, lookups.n_others), dtype=dtype)  # `vstack` takes no empty list
    one_hot = sp.vstack([no_rows, *(lookups.one_hot_rows(X, dtype)[:] for X, _ in tables)], "csr")
    return MixedRows(dense, one_hot, lookups.dense_inputs)


def target_totals(
    partition: Table,
    rows: Indices,
    encoder: TableEncoder,
    target: Array,
    weight: Array | None,
    encoding_fold: NDArray[np.intp],
) -> dict[int, TargetTotals]:
    """Add up the target in each category over some rows of a partition; see `TableEncoder.target_totals`."""
    return encoder.target_totals(take(partition, rows), target, weight, encoding_fold)


def wait_for(result: object) -> None:
    """Do nothing. The task ends when `result` has been computed, and the result stays on its worker."""


# --- training --------------------------------------------------------------------------------------------------------


class NetworkOnShard(NamedTuple):
    """A network, and the rows of a shard that it is trained on, with their targets and weights."""

    settings: ObjectiveSettings
    n_skipped_inputs: int  # how many of the first encoded inputs the network skips
    rows: Indices | None
    target: Array
    weight: Array | None


class ObjectiveOfShard:
    """The objective of a network on the rows of one shard."""

    def __init__(self, encoded: Encoded, shard: NetworkOnShard) -> None:
        inputs = _inputs(encoded, shard.rows, shard.n_skipped_inputs)
        self._objective = Objective(shard.settings, inputs, shard.target, shard.weight)
        self._theta: Array | None = None

    def gradient(
        self, theta: Array, batch: Indices | None, n: int, seed: tuple[int, int] | None
    ) -> tuple[float, Array]:
        """Return the contributions of the shard's rows to the objective of a batch of n rows and to its gradient.

        The driver adds the penalty, once for all shards.
        """
        # copy it: a received array may be unaligned in memory, and products with it take three times as long
        if self._theta is None:
            self._theta = theta.copy()
        self._theta[:] = theta
        out = np.empty_like(self._theta)
        rows = slice(0, self._objective.n_samples) if batch is None else batch.astype(np.intp, copy=False)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the driver reports divergence
            rng = None if seed is None else np.random.default_rng(seed)
            value = self._objective.partial_batch(self._theta, rows, n, out, rng)
        return value, out


def gradient(
    encoded: Encoded, shard: NetworkOnShard, theta: Array, batch: Indices | None, n: int, seed: tuple[int, int] | None
) -> tuple[float, Array]:
    """Return `ObjectiveOfShard.gradient`, computed in a task, which dask may repeat on another worker."""
    return ObjectiveOfShard(encoded, shard).gradient(theta, batch, n, seed)


def raw_outputs(
    encoded: Encoded, rows: Indices | None, settings: ObjectiveSettings, n_skipped_inputs: int, theta: Array
) -> Array:
    """Return the raw outputs of a shard's rows, (m', k), without dropout."""
    theta = theta.copy()  # aligned, see `ObjectiveOfShard.gradient`
    inputs, no_targets = _inputs(encoded, rows, n_skipped_inputs), np.empty((0, settings.layout.sizes[-1]), theta.dtype)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return Objective(settings, inputs, no_targets).raw(theta, inputs, _n_rows(encoded, rows))


def inputs_of_rows(encoded: Encoded, rows: Indices | None, n_skipped_inputs: int) -> Encoded:
    """Return a shard's rows without the first `n_skipped_inputs` inputs."""
    return _inputs(encoded, rows, n_skipped_inputs)(slice(0, _n_rows(encoded, rows)))


def _n_rows(encoded: Encoded, rows: Indices | None) -> int:
    if rows is not None:
        return len(rows)
    return len(encoded.dense if isinstance(encoded, MixedRows) else encoded)


def _inputs(encoded: Encoded, rows: Indices | None, n_skipped_inputs: int) -> Inputs:
    if isinstance(encoded, MixedRows):
        all_inputs: Inputs = MixedInputs(DenseInputs(encoded.dense), encoded.one_hot, encoded.dense_inputs)
    else:
        all_inputs = DenseInputs(encoded, "ones")
    inputs = all_inputs.without_first_inputs(n_skipped_inputs)
    return inputs if rows is None else RowSelection(inputs, rows.astype(np.intp, copy=False))
