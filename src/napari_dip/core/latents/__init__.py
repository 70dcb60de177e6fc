"""Latents z: the input of the network, for each kind of operator."""
