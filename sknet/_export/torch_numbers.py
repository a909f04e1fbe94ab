"""Numbers and dates as PyTorch modules: scaled, as normal scores, as bins, as cycles; what is missing marked.

Each module encodes all columns of one simple kind.

Conventions
-----------
x : (n, d)           columns of numbers, NaN where one is missing; of dates their seconds
"""

from collections.abc import Callable, Sequence
from math import pi

import numpy as np
import torch
from torch import Tensor, nn

from sknet._export.simple_columns import Bins, Cycles, Missing, clock_changes, shares, year_starts
from sknet._tables.columns.datetime import CYCLES
from sknet._tables.columns.number import NumberColumn, stacked
from sknet._tables.columns.quantile import LEVELS, QuantileColumn


class Numbers(nn.Module):
    """Columns of numbers, scaled."""

    def __init__(self, columns: Sequence[NumberColumn]) -> None:
        super().__init__()
        scaler = stacked(columns)
        self.register_buffer("center", torch.from_numpy(scaler.center))
        self.register_buffer("scale", torch.from_numpy(scaler.scale))
        self.register_buffer("bend", torch.tensor([column.bend for column in columns]))
        self.register_buffer("shift", torch.tensor([column.shift for column in columns]))
        self.single = scaler.single

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, d); in the types in which the estimator does it."""
        missing = torch.isnan(x)
        within = dtype if self.single else torch.float64
        center = self.center.to(within if x.dtype == within else torch.float64)
        centred = torch.where(self.shift, x.to(center) - center, x.to(center))
        filling = torch.where(self.shift, torch.zeros_like(center), center)
        z = torch.where(missing, filling, centred).to(within) * self.scale.to(within)
        z = torch.where(self.bend, torch.asinh(z / 3.0) * 3.0, z)
        return z.to(dtype)


class Marks(nn.Module):
    """Marks of missing numbers."""

    def __init__(self, columns: Sequence[Missing]) -> None:
        super().__init__()

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, d)."""
        return torch.isnan(x).to(dtype)


class BinsOfColumns(nn.Module):
    """Bins of all columns."""

    def __init__(self, columns: Sequence[Bins]) -> None:
        super().__init__()
        low, scale = map(np.concatenate, zip(*(column.ramps for column in columns), strict=True))
        source = np.repeat(np.arange(len(columns)), [column.n_inputs for column in columns])
        self.register_buffer("fill", torch.tensor([column.fill for column in columns], dtype=torch.float64))
        self.register_buffer("source", torch.from_numpy(source))
        self.register_buffer("low", torch.from_numpy(low))
        self.register_buffer("scale", torch.from_numpy(scale))

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, bins of all columns)."""
        filled = torch.where(torch.isnan(x), self.fill, x.double())
        return ((filled[:, self.source] - self.low) * self.scale).clamp(0.0, 1.0).to(dtype)


class NormalScores(nn.Module):
    """Columns of numbers as normal scores."""

    def __init__(self, columns: Sequence[QuantileColumn]) -> None:
        super().__init__()
        self.n_columns = len(columns)
        for k, column in enumerate(columns):
            ramps = shares(column)
            self.register_buffer(f"edges_{k}", torch.from_numpy(ramps.edges))
            self.register_buffer(f"ramps_{k}", torch.from_numpy(np.stack(ramps[1:])))

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, d)."""
        x = x.double()
        share = torch.stack([self._share(k, x[:, k]) for k in range(self.n_columns)], 1)
        half = 0.5 * float(LEVELS[1])
        scores = torch.special.ndtri(share.clamp(half, 1.0 - half))
        return torch.where(torch.isnan(x), torch.zeros_like(x), scores).to(dtype)

    def _share(self, k: int, x: Tensor) -> Tensor:
        place = torch.bucketize(x.contiguous(), self.get_buffer(f"edges_{k}"), right=True)
        edge, level, slope, at = self.get_buffer(f"ramps_{k}")[:, place]
        return torch.where(x == edge, at, level + (x - edge) * slope)


# --- dates -----------------------------------------------------------------------------------------------------------

DAY = 86_400.0


class Waves(nn.Module):
    """Sine and cosine of the cycles of dates."""

    def __init__(self, columns: Sequence[Cycles]) -> None:
        super().__init__()
        self.cycles = [column.cycles for column in columns]
        self.register_buffer("starts", torch.from_numpy(year_starts()))
        for k, column in enumerate(columns):
            changes, ahead = clock_changes(column.zone)
            self.register_buffer(f"changes_{k}", torch.from_numpy(changes))
            self.register_buffer(f"ahead_{k}", torch.from_numpy(ahead))

    def forward(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, two per cycle)."""
        waves = []
        for k, cycles in enumerate(self.cycles):
            seconds = x[:, k].double()
            clock = seconds + _looked_up(seconds, self.get_buffer(f"changes_{k}"), self.get_buffer(f"ahead_{k}"))
            for cycle in cycles:
                angle = POSITIONS[cycle](clock, self.starts) * (2.0 * pi / CYCLES[cycle][0])
                waves += [torch.sin(angle), torch.cos(angle)]
        return torch.nan_to_num(torch.stack(waves, 1)).to(dtype)


def _looked_up(x: Tensor, edges: Tensor, values: Tensor) -> Tensor:
    """Return the value of the last edge that is not above x."""
    return values[torch.bucketize(x.contiguous(), edges, right=True) - 1]


def _yearday(clock: Tensor, starts: Tensor) -> Tensor:
    return torch.floor(clock / DAY) - _looked_up(clock, starts, starts) / DAY + 1.0


POSITIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "hour": lambda clock, starts: (clock - torch.floor(clock / DAY) * DAY) / 3600.0,
    "weekday": lambda clock, starts: torch.remainder(torch.floor(clock / DAY) + 3.0, 7.0),
    "yearday": _yearday,
}
"""How far each cycle of a date has come: 1970 began on a Thursday."""
