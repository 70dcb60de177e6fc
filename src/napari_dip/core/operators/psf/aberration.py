"""Spherical aberration by a specimen whose refractive index differs from the immersion medium."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Points of the pupil for means over it, and its widest edge, relative to the critical angle.
_POINTS, _BELOW_CRITICAL = 400, 0.999
# Difference between the PSFs of adjacent slabs: root mean square of the phase [radian]. From a
# perfect PSF, this one takes 10% of the peak.
_DIFFERENCE = 0.32
# Depth range that gets a single PSF, in differences; most slabs, each of which costs time.
_SAME, _MOST = 0.5, 12


@dataclass(frozen=True, slots=True)
class Aberration:
    """Phase in the pupil for each micrometre of depth below the cover glass.

    Light from the depth d in the specimen has the phase 2 pi d sqrt((n_s / wavelength)^2 - f^2) at
    the frequency f. The stage moves the objective by z, and the immersion medium gets thinner:
    the phase -2 pi z sqrt((n_i / wavelength)^2 - f^2). These are the two terms of the model of
    Gibson and Lanni that depend on depth. For each z, d is the depth in focus: of all d it leaves
    the smallest difference of the two phases over the pupil.

    Attributes
    ----------
    na : float
        Numerical aperture of the objective.
    wavelength : float
        Wavelength of the light [micrometre].
    refractive_index, specimen_index : float
        Refractive indices of the immersion medium (n_i) and of the specimen (n_s).

    References
    ----------
    S. F. Gibson, F. Lanni, "Experimental test of an analytical model of aberration in an
    oil-immersion objective lens used in three-dimensional light microscopy", JOSA A 9 (1992).

    Examples
    --------
    >>> oil_into_water = Aberration(1.2, 0.52, 1.515, 1.33)
    >>> round(oil_into_water.scale, 2), round(oil_into_water.rms, 2)
    (0.79, 0.08)
    >>> Aberration(1.2, 0.52, 1.33, 1.33).rms
    0.0
    """

    na: float
    wavelength: float
    refractive_index: float
    specimen_index: float

    @property
    def edge(self) -> float:
        """Highest frequency of the pupil [1 / micrometre].

        Light beyond the critical angle does not reach the objective from below a wavelength.
        """
        return min(self.na, _BELOW_CRITICAL * self.specimen_index) / self.wavelength

    @property
    def scale(self) -> float:
        """Depth in the specimen for each micrometre of the stage."""
        immersion, specimen = (self._varying(self._pupil, index) for index in self._indices)
        return float(_mean(immersion * immersion) / _mean(immersion * specimen))

    @property
    def rms(self) -> float:
        """Root mean square of the phase over the pupil [radian / micrometre]."""
        return float(np.sqrt(_mean(self(self._pupil) ** 2)))

    def depths(self, first: float, last: float) -> tuple[float, ...]:
        """Return the depths of the slabs' centres, for which PSFs are computed.

        Parameters
        ----------
        first, last : float
            Depths of the first and of the last plane [micrometre].

        Examples
        --------
        >>> Aberration(1.2, 0.52, 1.515, 1.33).depths(0.0, 10.0)
        (0.0, 3.3333333333333335, 6.666666666666667, 10.0)
        """
        differences = (last - first) * self.rms / _DIFFERENCE
        if differences <= _SAME:
            return ((first + last) / 2,)
        count = min(int(np.ceil(differences)) + 1, _MOST)
        return tuple(float(depth) for depth in np.linspace(first, last, count))

    @property
    def cycles(self) -> float:
        """Oscillations between the centre and the edge of the pupil [1 / micrometre]."""
        return float(np.ptp(self(self._pupil)) / (2 * np.pi))

    def __call__(self, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the phase at frequencies of the pupil [radian / micrometre]."""
        immersion, specimen = (self._varying(frequency, index) for index in self._indices)
        return self.scale * specimen - immersion

    @property
    def _indices(self) -> tuple[float, float]:
        return self.refractive_index, self.specimen_index

    @property
    def _pupil(self) -> NDArray[np.float64]:
        """Frequencies of equal areas of the pupil."""
        return self.edge * np.sqrt((np.arange(_POINTS) + 0.5) / _POINTS)

    def _varying(self, frequency: NDArray[np.float64], index: float) -> NDArray[np.float64]:
        """Return the phase of a micrometre of a medium, with mean 0 over the pupil."""

        def phase(at: NDArray[np.float64]) -> NDArray[np.float64]:
            return 2 * np.pi * np.sqrt((index / self.wavelength) ** 2 - at**2)

        return phase(frequency) - _mean(phase(self._pupil))


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values))
