"""Optimisation: optimisers, and penalty terms of the loss."""
