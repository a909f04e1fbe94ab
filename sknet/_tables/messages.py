"""Values as messages show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_CHARACTERS, MAX_ITEMS = 60, 10
"""How much of a value and of a list a message shows."""


def short_repr(value: object) -> str:
    """Return the repr of a value, cut after `MAX_CHARACTERS`."""
    if isinstance(value, int) and abs(value) >= 10**MAX_CHARACTERS:  # Python refuses to print very large integers
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def short_list(items: Sequence[object]) -> str:
    """Return the first `MAX_ITEMS` items as the text of a list."""
    text = ", ".join(repr(item) for item in items[:MAX_ITEMS])
    return f"[{text}, … ({len(items)} in all)]" if len(items) > MAX_ITEMS else f"[{text}]"


def suggest_fraction(value: object) -> str:
    """Return a hint for a message if the value seems to be a percentage instead of a fraction, and else ""."""
    is_percentage = isinstance(value, int | float | np.number) and 2 <= value < 100
    return f" Did you mean {float(value) / 100:g}?" if is_percentage else ""  # type: ignore[arg-type]
