"""The estimators: scikit-learn's API and the user's parameters.

This package imports neither matplotlib nor other frameworks.
"""
