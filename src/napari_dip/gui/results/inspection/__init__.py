"""Inspection of a result: before and after, residual, comparison with other methods."""
