"""Train on a dask cluster: tables stay on the workers, and predictions are lazy.

This room knows nothing of scikit-learn's contract.
"""
