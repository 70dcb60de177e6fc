"""Facts: inputs of a baseline besides the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.core.noise.model import NoiseModel
    from napari_dip.core.operators.blur import Convolution

    Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Facts:
    """Inputs of a baseline besides the pixels of a block, on their intensity scale.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise.
    zero : float
        Intensity without light: 0 of the image, or its darkest pixel if that is negative.
    known : (C, [Z, ]Y, X) bool array
        Mask of observed pixels.
    factors : tuple of int
        Factors of super-resolution along [Z, ]Y and X; 1 for other tasks.
    blur : Convolution or None
        Blur of deconvolution.
    noise : NoiseModel or None
        Variance of the noise as a function of intensity; None for the constant `sigma`.
    """

    sigma: float
    zero: float
    known: NDArray[np.bool_]
    factors: tuple[int, ...]
    blur: Convolution | None = None
    noise: NoiseModel | None = None
