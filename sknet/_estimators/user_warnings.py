"""Warnings at the user's line."""

import sys
import warnings
from types import FrameType

_OURS = {"sknet", "sklearn"}

_shown: set[tuple[str, str, int]] = set()
"""The message, file and line of each warning that is to come once."""


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the user's line: the first one up the stack that is neither in this package nor in scikit-learn."""
    _, level = _find_users_frame()
    warnings.warn(message, category, stacklevel=level)


def warn_once_a_line(message: str, category: type[Warning]) -> None:
    """Warn at the user's line, and not again there, as Python does by default; with other filters as these say.

    Python forgets what it has shown where scikit-learn sets its filters anew: at each fold of a cross-validation.
    """
    frame, _ = _find_users_frame()
    place = frame.f_code.co_filename, frame.f_lineno
    if (message, *place) in _shown:
        return
    registry: dict[str | tuple[str, type[Warning], int], int] = {}
    warnings.warn_explicit(message, category, *place, frame.f_globals.get("__name__"), registry)
    if registry.keys() - {"version"}:  # Python notes here what the filters in force show once
        _shown.add((message, *place))


def _find_users_frame() -> tuple[FrameType, int]:
    """Return the user's frame, and its level for the function that calls this one."""
    frame, level = sys._getframe(2), 2
    while frame.f_globals.get("__name__", "").split(".")[0] in _OURS and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return frame, level
