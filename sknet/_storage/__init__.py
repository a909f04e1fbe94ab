"""What is kept: a `Model` or a run's `State` as names and arrays, and as bytes in a file.

This room knows nothing of how anything was trained.
"""
