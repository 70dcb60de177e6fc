"""Point-spread functions: made for convolution, computed from optics, measured from beads."""
