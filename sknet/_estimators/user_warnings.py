"""Warnings at the user's line."""

import sys
import warnings

_OURS = {"sknet", "sklearn"}


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the user's line: the first one up the stack that is neither in this package nor in scikit-learn."""
    frame, level = sys._getframe(1), 2  # the caller: for `warnings.warn`, level 1 is this function
    while frame.f_globals.get("__name__", "").split(".")[0] in _OURS and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
