"""Blocks of a run: their pixels and problem, what is kept as observed, and warm starts."""
