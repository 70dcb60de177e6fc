"""Latents z: the input of the network."""
