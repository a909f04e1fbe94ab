"""Tables larger than memory: they are read chunk by chunk, written to a file, and trained on from this file.

This room knows nothing of scikit-learn's contract.
"""
