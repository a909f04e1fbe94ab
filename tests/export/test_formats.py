"""Estimators of every kind go through files without losing a bit."""

import pytest

from tests.export.configurations import SEEDS, configuration
from tests.export.formats import FORMATS


@pytest.mark.export
@pytest.mark.parametrize("seed", SEEDS)
def test_random_configurations(seed):
    through, _ = FORMATS["file"]
    assert through(configuration(seed)) == 0.0
