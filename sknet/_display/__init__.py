"""Plots of fitted estimators. This package does not depend on how they were trained, and imports matplotlib late."""
