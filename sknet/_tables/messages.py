"""Values and lists in the text of error messages, cut short where they are long."""

from collections.abc import Sequence


def short_repr(value: object, most: int = 60) -> str:
    """Return the repr of a value, cut after `most` characters."""
    if isinstance(value, int) and abs(value) >= 10**most:  # Python refuses to print very large integers
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


def short_list(items: Sequence[object], most: int = 10) -> str:
    """Return the first `most` items as the text of a list."""
    text = ", ".join(repr(item) for item in items[:most])
    return f"[{text}, … ({len(items)} in all)]" if len(items) > most else f"[{text}]"
