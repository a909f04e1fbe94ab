"""Changes of which no test can tell, and why: what `mutants` tries and need not be noticed.

The keys are those of `tests.fuzz.mutants.Mutant`.
"""

EQUIVALENT: dict[str, tuple[str, ...]] = {}
"""By reason."""

KNOWN = frozenset(key for keys in EQUIVALENT.values() for key in keys)
