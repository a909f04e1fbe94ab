"""What is computed: arrays, theta and one forward or backward pass.

This room knows nothing of time, of steps or of scikit-learn.
"""
