"""A table in parts, in files or on workers: what is learnt from all of them, and how they are trained on.

This room knows nothing of scikit-learn's contract.
"""
