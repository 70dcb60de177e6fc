"""Fitting: the loop, its state, checkpoints, posterior samples and results."""
