"""Everything a training run is, so that it can be copied, stored and taken up again bit for bit.

Conventions
-----------
theta : (p,)       moments : arrays of shape (p,)
"""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from sknet._training.result import Epoch

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Best:
    """The parameters of the best epoch so far, by its validation score; replaced whole, never written to."""

    theta: Array
    score: float
    epoch: int


@dataclass
class State:
    """A training run: what has been learnt, remembered and recorded."""

    theta: Array
    moments: tuple[Array, ...]
    rng: np.random.Generator
    step: int = 0  # optimizer steps taken
    epoch: int = 0  # whole epochs done
    seen: int = 0  # training samples seen in them
    plateaus: int = 0
    stale: int = 0
    best_score: float = -inf
    best: Best | None = None
    average: Array | None = None  # moving average of theta, where one is kept
    history: list[Epoch] = field(default_factory=list)

    @property
    def parameters(self) -> Array:
        """What is judged and kept: the moving average where there is one, else theta."""
        return self.theta if self.average is None else self.average

    @property
    def vectors(self) -> list[Array]:
        """All that is as long as theta and moves with it."""
        return [self.theta, *self.moments, *([] if self.average is None else [self.average])]

    def copy(self) -> "State":
        """Return a copy that shares nothing with this one."""
        return State.from_arrays(self.to_arrays())

    def to_arrays(self) -> dict[str, Array]:
        """Return the whole state as arrays: numbers, and text in JSON."""
        arrays = {"theta": self.theta, "history": np.array([astuple(e) for e in self.history]).reshape(-1, _N_FIELDS)}
        arrays |= {f"moment_{i}": moment for i, moment in enumerate(self.moments)}
        if self.average is not None:
            arrays["average"] = self.average
        if self.best is not None:
            arrays |= {"best_theta": self.best.theta, "best": np.array([self.best.score, self.best.epoch])}
        numbers = {name: getattr(self, name) for name in _COUNTERS}
        text = json.dumps({"rng": self.rng.bit_generator.state, "n_moments": len(self.moments)} | numbers)
        return arrays | {"text": np.array(text), "best_score": np.array(self.best_score)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> "State":
        """Return the state that `to_arrays` wrote, in arrays of its own."""
        text = json.loads(str(arrays["text"]))
        rng = np.random.default_rng()
        rng.bit_generator.state = text["rng"]
        best = None
        if "best_theta" in arrays:
            score, epoch = arrays["best"]
            best = Best(np.array(arrays["best_theta"]), float(score), int(epoch))
        return cls(
            theta=np.array(arrays["theta"]),
            moments=tuple(np.array(arrays[f"moment_{i}"]) for i in range(text["n_moments"])),
            rng=rng,
            best_score=float(arrays["best_score"]),
            best=best,
            average=np.array(arrays["average"]) if "average" in arrays else None,
            history=[Epoch(*map(float, row)) for row in arrays["history"]],
            **{name: text[name] for name in _COUNTERS},
        )


_COUNTERS = ("step", "epoch", "seen", "plateaus", "stale")
_N_FIELDS = len(Epoch.__dataclass_fields__)


class Snapshot:
    """The state at the end of the last whole epoch, in buffers made once.

    An interrupt may come at any moment, in the middle of `take` as well: the
    buffers are then torn, but the state that was being copied is whole.
    """

    def __init__(self, state: State) -> None:
        self._torn = False
        self._vectors = [vector.copy() for vector in state.vectors]
        self._others = self._read(state)

    @staticmethod
    def _read(state: State) -> dict[str, Any]:
        others = {name: getattr(state, name) for name in (*_COUNTERS, "best_score", "best")}
        return others | {"rng": state.rng.bit_generator.state, "n_epochs": len(state.history)}

    def take(self, state: State) -> None:
        """Copy the state into the buffers."""
        self._torn = True
        for mine, theirs in zip(self._vectors, state.vectors, strict=True):
            np.copyto(mine, theirs)
        self._others = self._read(state)
        self._torn = False

    def restore(self, state: State) -> None:
        """Put the state back to what it was when it was last taken."""
        if self._torn:
            return
        for mine, theirs in zip(self._vectors, state.vectors, strict=True):
            np.copyto(theirs, mine)
        others = dict(self._others)
        state.rng.bit_generator.state = others.pop("rng")
        del state.history[others.pop("n_epochs") :]
        for name, value in others.items():
            setattr(state, name, value)
