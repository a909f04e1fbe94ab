"""One column of a table and the inputs of the network that it becomes: what every kind of column has in common.

A new kind is a module of this package, with a frozen dataclass that has what `Column` asks for and a function that
learns it, and an entry in `sknet._tables.encoding`: in `LEARNERS` if a column's type or the user chooses it, in
`SCALINGS` if it is another way to scale numbers.

Conventions
-----------
n rows; n_inputs inputs of the network.

values : (n,)            one column of the table as it comes: an array or a pandas Series
out : (n, n_inputs)      its inputs, zeros before `write`
"""

from dataclasses import dataclass
from typing import Protocol

from sknet._typing import Array, Table


class Column(Protocol):
    """How one column of a table becomes inputs of the network: a frozen dataclass of what was learnt."""

    @property
    def n_inputs(self) -> int:
        """How many inputs the column becomes."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""

    def write(self, values: Table, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`; errors tell the column's name."""


@dataclass(frozen=True)
class ColumnSettings:
    """What learning a column needs to know besides its values.

    Attributes
    ----------
    input_scaling : {"robust", "standard", None}
        How numbers are scaled.
    weight : ndarray of shape (n,), or None
        Sample weights, positive; None is ones.
    """

    input_scaling: str | None = "robust"
    weight: Array | None = None
