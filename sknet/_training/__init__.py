"""Training: solvers that change theta step by step, by its gradient.

This package does not depend on layers, losses or scikit-learn: it minimises any
function that returns its value and its gradient.
"""
