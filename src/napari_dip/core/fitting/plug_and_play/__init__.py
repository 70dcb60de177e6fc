"""Plug and play: a learned denoiser and the observation in turn."""
