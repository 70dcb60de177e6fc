"""Job: what the user asks for, as frozen values; layers as images."""
