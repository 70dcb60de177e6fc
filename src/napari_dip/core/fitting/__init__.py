"""Fitting: the loop, its mutable state, averages and results."""
