"""Other formats and pictures, read from a fitted model.

This room knows nothing of how anything was trained.
"""
