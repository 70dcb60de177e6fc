"""Constants of a normal distribution with a standard deviation of 1."""

from __future__ import annotations

import math

# Median absolute deviation, and its inverse. Both are rounded, as usual in the literature.
MAD = 0.6745
STD_PER_MAD = 1.4826
# Median of the square.
MEDIAN_OF_SQUARE = 0.455
# Full width of the density at half of its maximum.
FWHM = 2 * math.sqrt(2 * math.log(2))
