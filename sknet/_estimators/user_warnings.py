"""Warnings at the user's line."""

import sys
import warnings
from collections.abc import Sequence
from types import FrameType

_OURS = {"sknet", "sklearn"}


class _Shown:
    """The warnings shown under the user's current filters: message, file and line of each."""

    def __init__(self) -> None:
        self.filters: Sequence[object] = ()
        self._copy: list[object] = []
        self.warnings: set[tuple[str, str, int]] = set()

    def under(self, filters: Sequence[object]) -> set[tuple[str, str, int]]:
        """Return the warnings shown under these filters; an empty set if the filters have changed."""
        # identity is compared, too: `catch_warnings` makes a new list, perhaps with the same filters
        if filters is not self.filters or list(filters) != self._copy:
            self.filters, self._copy, self.warnings = filters, list(filters), set()
        return self.warnings


_shown = _Shown()


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the user's line: the first stack frame that is neither in this package nor in scikit-learn."""
    _, level = _find_users_frame()
    warnings.warn(message, category, stacklevel=level)


def warn_once_a_line(message: str, category: type[Warning]) -> None:
    """Warn at the user's line, only once if the filters show a warning once per line, as by default.

    Python forgets the warnings that it has shown whenever a filter is set, as scikit-learn does at each fold of a
    cross-validation. Here they are forgotten only if the user sets filters or enters `catch_warnings`.
    """
    frame, _ = _find_users_frame()
    place = frame.f_code.co_filename, frame.f_lineno
    shown = _shown.under(_find_users_filters())
    if (message, *place) in shown:
        return
    registry: dict[str | tuple[str, type[Warning], int], int] = {}
    warnings.warn_explicit(message, category, *place, frame.f_globals.get("__name__"), registry)
    if registry.keys() - {"version"}:  # Python notes here if the filters show this warning only once
        shown.add((message, *place))


def _find_users_frame() -> tuple[FrameType, int]:
    """Return the user's frame, and its `stacklevel` for the calling function."""
    frame, level = sys._getframe(2), 2
    while frame.f_globals.get("__name__", "").split(".")[0] in _OURS and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return frame, level


def _find_users_filters() -> Sequence[object]:
    """Return the user's list of filters, even if scikit-learn has replaced it by a copy in a cross-validation."""
    filters: Sequence[object] = warnings.filters
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:  # up to the outermost frame: a search in a cross-validation copies the copy
        if frame.f_globals.get("__name__") == "sklearn.utils.parallel":
            filters = frame.f_locals.get("warning_filters", filters)
        frame = frame.f_back
    return filters
