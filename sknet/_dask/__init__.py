"""Training on a dask cluster: a table that stays on the workers, the tasks on it, lazy predictions.

This room knows nothing of scikit-learn's contract.
"""
