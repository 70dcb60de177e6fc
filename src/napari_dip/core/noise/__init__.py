"""Noise: models, the measured level, correlation and impulses."""
