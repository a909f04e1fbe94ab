"""Settings that must stand before NumPy is imported, the Hypothesis profile, and how often garbage is looked for."""

import gc
import os

gc.disable()  # while the tests are collected: syntax trees are many objects, and none of them is garbage

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # the tests themselves run in parallel
os.environ["SCIPY_ARRAY_API"] = "1"  # without it scikit-learn skips its array API check
os.environ["MPLBACKEND"] = "Agg"

from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile(
    "suite", max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """Look for cycles again, but seldom, and not among modules and tests, which stay."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()
