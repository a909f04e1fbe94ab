"""Tables larger than memory: they are read chunk by chunk, written to a file, and trained on from this file.

This package does not depend on scikit-learn's API.
"""
