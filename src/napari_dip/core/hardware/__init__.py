"""Hardware: devices, precision, memory, and the cost of a fit."""
