"""Function that measures a PSF from beads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dip.core.image.image import Image, as_image
from napari_dip.core.operators.psf.beads import MeasuredPsf, psf_of_beads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike


def measure_psf(
    beads: ArrayLike | Image,
    *,
    voxel_size: Mapping[str, float] | None = None,
    bead_diameter: float | None = None,
    size: Mapping[str, float] | None = None,
    channel: int | None = None,
    channel_axis: int | None = None,
) -> MeasuredPsf:
    """Measure the PSF of a microscope from an image of beads, for `deconvolve`.

    Single beads are found, centred to a fraction of a pixel and averaged. Beads that are
    saturated, near another one, at the border or of another size are left out.

    Parameters
    ----------
    beads : ([Z, ]Y, X) array_like or Image
        Image of beads, a plane or a stack; NaN counts as missing.
    voxel_size : mapping of str to float, optional
        Voxel size along each axis [micrometre], such as {"z": 0.2, "y": 0.1, "x": 0.1}.
        Default: that of an `Image`, or not known.
    bead_diameter : float, optional
        Diameter of the beads [micrometre]; its part in the width of the PSF is removed.
    size : mapping of str to float, optional
        Width of the PSF along each axis, in micrometres, or in pixels without a voxel size.
        Default: six times the width of the beads, or less if they are dense.
    channel : int, optional
        Channel to use, counted from 0; needed if the image has several.
    channel_axis : int, optional
        Axis of `beads` that holds channels. Default: None.

    Returns
    -------
    MeasuredPsf
        The PSF as an `Image` with the voxel size of the beads (`psf`), the number of beads
        `used` and `refused`, and the widths (`fwhm`). `deconvolve(image, measured.psf)`
        resamples it to the voxel size of the image.

    Raises
    ------
    InputError
        No bead can be used, or the array is no plane or stack.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:60, :60]
    >>> spots = [np.exp(-((y - a) ** 2 + (x - b) ** 2) / 4.5) for a, b in ((15.3, 16), (40, 41.6))]
    >>> beads = np.random.default_rng(0).poisson(20 + 2000 * sum(spots))
    >>> measured = measure_psf(beads, voxel_size={"y": 0.1, "x": 0.1})
    >>> measured.used, round(measured.fwhm["X"], 2)
    (2, 0.35)
    """
    image = as_image(beads, channel_axis=channel_axis).calibrated(voxel_size)
    return psf_of_beads(image, bead_diameter=bead_diameter, size=size, channel=channel)
