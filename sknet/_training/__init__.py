"""How parameters move: theta, its gradient and steps.

This room knows nothing of layers, of losses or of scikit-learn: it minimises
any function that returns its value and its gradient.
"""
