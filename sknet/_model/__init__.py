"""What is learnt: settings and rows become a `Model`, a value that predicts raw tables.

This room knows nothing of scikit-learn's contract or of files.
"""
