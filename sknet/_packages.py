"""The error for an optional package that is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def explain_missing_package(what: str, package: str) -> Iterator[None]:
    """Turn an ImportError in the `with` block into one that says what to install."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{what} needs the package {package} ({error}): install it with pip install {package}."
        ) from error
