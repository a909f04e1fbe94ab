"""The error for an optional package that is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def require_package(what: str, package: str, *, extra: str) -> Iterator[None]:
    """Turn an ImportError in the `with` block into one that names the extra to install."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{what} needs the package {package} ({error}): install it with pip install 'sknet-mlp[{extra}]'."
        ) from error
