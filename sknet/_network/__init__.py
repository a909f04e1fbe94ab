"""Networks: layers, losses, and one forward or backward pass over a batch.

This package does not depend on optimizers or on scikit-learn.
"""
