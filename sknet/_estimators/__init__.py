"""What scikit-learn sees: its contract and the user's parameters.

This room knows nothing of matplotlib or of other frameworks.
"""
