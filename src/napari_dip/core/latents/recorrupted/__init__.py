"""Recorrupted latent: the observation with more noise, and what corrects the estimate after."""
