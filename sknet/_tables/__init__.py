"""Columns, rows and labels, and the matrices that they become. It knows nothing of networks."""
