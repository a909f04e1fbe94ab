"""Train on a dask cluster: tables stay on the workers, and predictions are lazy.

This package does not depend on scikit-learn's API.
"""
