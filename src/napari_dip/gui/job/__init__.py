"""Job: the choices of the user and the layer, as frozen values."""
