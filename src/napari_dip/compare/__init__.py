"""Comparison of this package with other restoration methods on the same image."""
