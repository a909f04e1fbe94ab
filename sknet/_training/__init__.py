"""How parameters move: theta, its gradient and steps.

This room knows nothing of layers, of losses or of scikit-learn: it minimises
whatever function it is handed.
"""
