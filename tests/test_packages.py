"""Optional packages that are not installed."""

import pytest

from sknet._packages import explain_missing_package


def test_a_package_that_is_not_there_is_named_with_what_installs_it():
    named = r"to_torch needs the package torch .*install it with pip install torch\.$"
    with pytest.raises(ImportError, match=named), explain_missing_package("to_torch", "torch"):
        import a_package_that_is_not_there  # noqa: F401
