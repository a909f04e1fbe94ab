"""Warnings at the user's line."""

import sys
import warnings
from collections.abc import Callable

_OURS = {"sknet", "sklearn"}


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the user's line: the first one up the stack that is neither in this package nor in scikit-learn."""
    frame, level = sys._getframe(1), 2
    while frame.f_globals.get("__name__", "").split(".")[0] in _OURS and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def warner(category: type[Warning]) -> Callable[[str], None]:
    """Return what warns at the user's line of this moment, from whichever thread; of equal messages once."""
    frame, seen = sys._getframe(1), dict[str | tuple[str, type[Warning], int], int]()
    while frame.f_globals.get("__name__", "").split(".")[0] in _OURS and frame.f_back is not None:
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    return lambda message: warnings.warn_explicit(message, category, file, line, registry=seen)
