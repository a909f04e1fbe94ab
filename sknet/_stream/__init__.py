"""Tables larger than memory: read chunk by chunk, kept in a file, trained on from there.

This room knows nothing of scikit-learn's contract.
"""
