"""Training: settings and rows become a `Model`, a value that predicts raw tables.

This package does not depend on scikit-learn's API or on file formats.
"""
