"""What the gallery's examples know when Sphinx-Gallery runs them: their own `__file__`, to find their data by."""

from typing import Any


def no_arguments(gallery_conf: dict[str, Any], script_vars: dict[str, Any]) -> list[str]:
    """Set `__file__`, and return the command-line arguments that an example gets: none."""
    script_vars["example_globals"]["__file__"] = script_vars["src_file"]
    return []
