"""Storage: fitted models and training states as names and arrays, and as bytes in a file.

This package does not depend on how anything was trained.
"""
