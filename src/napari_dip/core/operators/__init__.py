"""Forward operators A and point-spread functions."""
