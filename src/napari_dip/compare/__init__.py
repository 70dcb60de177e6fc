"""Comparison: the same image restored by this package and by other methods."""
