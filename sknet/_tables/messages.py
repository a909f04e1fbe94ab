"""Values and lists in the text of error messages, cut short where they are long."""

from collections.abc import Sequence

import numpy as np


def short_repr(value: object, max_characters: int = 60) -> str:
    """Return the repr of a value, cut after `max_characters`."""
    if isinstance(value, int) and abs(value) >= 10**max_characters:  # Python refuses to print very large integers
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= max_characters else f"{text[:max_characters]}…"


def short_list(items: Sequence[object], max_items: int = 10) -> str:
    """Return the first `max_items` items as the text of a list."""
    text = ", ".join(repr(item) for item in items[:max_items])
    return f"[{text}, … ({len(items)} in all)]" if len(items) > max_items else f"[{text}]"


def suggest_fraction(value: object) -> str:
    """Return a hint at the fraction that a percentage means, to be added to a message; "" for all other values."""
    is_percentage = isinstance(value, int | float | np.number) and 2 <= value < 100
    return f" Did you mean {float(value) / 100:g}?" if is_percentage else ""  # type: ignore[arg-type]
