"""What leaves the package: plots of fitted estimators.

This room reads fitted estimators and knows nothing of how they were trained.
"""
