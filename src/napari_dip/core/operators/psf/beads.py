"""PSF from recorded beads: single beads, centred to a fraction of a pixel, and averaged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_dip.core.image.units import MICROMETERS
from napari_dip.core.noise.normal import STD_PER_MAD
from napari_dip.core.operators.psf.bead_search import Bead, find_beads
from napari_dip.core.operators.psf.bead_shape import without_bead
from napari_dip.core.operators.psf.kernel import spacing_in_micrometers
from napari_dip.core.operators.psf.sampling import spatial_psf
from napari_dip.core.operators.psf.width import full_width
from napari_dip.errors import Hint, InputError

if TYPE_CHECKING:
    from napari_dip.core.image.image import Image

# Fewest beads whose average needs no warning.
_FEW = 5
# Smallest width of a bead that needs no warning [pixels].
_NARROW = 1.2
# Largest difference of a bead from the median one, relative to the usual difference.
_UNLIKE = 3.0
# Standard deviations below which smoothed values of the average are background.
_BACKGROUND = 2.0


@dataclass(frozen=True, slots=True)
class MeasuredPsf:
    """PSF that was measured from beads.

    Attributes
    ----------
    psf : Image
        PSF ([Z, ]Y, X) of float32 with sum 1, the peak in the centre, and the voxel size of
        the image of beads.
    used : int
        Number of beads in the average.
    refused : mapping of str to int
        Number of refused beads for each reason.
    fwhm : mapping of str to float
        Full width at half maximum along each axis, in units of `unit`.
    unit : str
        "micrometer", or "pixel" without a voxel size.
    warnings : tuple of str
        Sentences about doubts.
    """

    psf: Image
    used: int
    refused: Mapping[str, int]
    fwhm: Mapping[str, float]
    unit: str
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return all but the PSF as plain values."""
        return {
            "used": self.used,
            "refused": dict(self.refused),
            "fwhm": {axis.lower(): width for axis, width in self.fwhm.items()},
            "unit": self.unit,
            "shape": list(self.psf.shape),
            "warnings": list(self.warnings),
        }


def psf_of_beads(
    image: Image,
    *,
    bead_diameter: float | None = None,
    size: Mapping[str, float] | None = None,
    channel: int | None = None,
) -> MeasuredPsf:
    """Measure the PSF of a microscope from an image of beads.

    Parameters
    ----------
    image : Image
        Image of beads, a plane or a stack.
    bead_diameter : float, optional
        Diameter of the beads [micrometre]; its part in the width is removed.
    size : mapping of str to float, optional
        Width of the PSF along each axis: in micrometres, or in pixels without a voxel size.
        Default: six times the width of the beads.
    channel : int, optional
        Channel to use, counted from 0; needed if the image has several.

    Raises
    ------
    InputError
        No bead can be used, or the image is no plane or stack.

    Examples
    --------
    >>> from napari_dip.core.image.image import Image
    >>> y, x = np.mgrid[:60, :60]
    >>> spots = [np.exp(-((y - a) ** 2 + (x - b) ** 2) / 4.5) for a, b in ((15.3, 16), (40, 41.6))]
    >>> beads = np.random.default_rng(0).poisson(20 + 2000 * sum(spots))
    >>> measured = psf_of_beads(Image(beads, "YX", {"Y": 0.1, "X": 0.1}))
    >>> measured.used, round(measured.fwhm["X"], 2)
    (2, 0.35)
    """
    image = _plane_or_stack(image, channel)
    values = np.asarray(image.data, np.float64)
    search = find_beads(values, _reach(image, size))
    if not search.beads:
        raise InputError(_no_bead_message(search.refused))
    boxes = np.stack([_centred(values, bead, search.reach) for bead in search.beads])
    kept = _typical_beads(boxes)
    unlike = len(boxes) - int(kept.sum())
    refused = {**search.refused, **({"unlike the others": unlike} if unlike else {})}
    average = _without_background(boxes[kept].sum(axis=0))
    narrowest = min(full_width(average, axis) for axis in range(average.ndim))
    warnings = _warnings(image, int(kept.sum()), narrowest)
    if bead_diameter is not None:
        average = _image_of_point(average, bead_diameter, spacing_in_micrometers(image, image.axes))
    psf = np.asarray(average / average.sum(), np.float32)
    known = _is_calibrated(image)
    steps = spacing_in_micrometers(image, image.axes) if known else (1.0,) * psf.ndim
    widths = {
        axis: full_width(psf, place) * step
        for place, (axis, step) in enumerate(zip(image.axes, steps, strict=True))
    }
    made = replace(image, data=psf, position={}, warnings=(), affine=None, qform=None)
    unit = "micrometer" if known else "pixel"
    return MeasuredPsf(made, int(kept.sum()), refused, widths, unit, warnings)


def _plane_or_stack(image: Image, channel: int | None) -> Image:
    if channel is not None:
        count = image.sizes.get("C", 0)
        if not 0 <= channel < count:
            raise InputError(
                f"Got channel {channel} of an image with {count} channels; expected a number "
                f"from 0 to {count - 1}."
            )
        at = image.axes.index("C")
        parts = tuple(
            slice(channel, channel + 1) if place == at else slice(None)
            for place in range(len(image.axes))
        )
        image = image.cut(parts)
    several = {
        axis: n for axis, n in zip(image.axes, image.shape, strict=True) if n > 1 and axis in "TCS"
    }
    if several:
        raise InputError(
            f"Got an image of beads with the axes {image.axes} and shape {image.shape}; expected "
            "one plane or one stack. Choose one channel and one frame.",
            Hint("channel", "0"),
        )
    return spatial_psf(image)


def _is_calibrated(image: Image) -> bool:
    return all(
        axis in image.voxel_size and image.units.get(axis, "micrometer") in MICROMETERS
        for axis in image.axes
    )


def _reach(image: Image, size: Mapping[str, float] | None) -> tuple[int | None, ...]:
    given = {axis.upper(): width for axis, width in (size or {}).items()}
    if set(given) - set(image.axes):
        raise InputError(
            f"Got a size of the PSF along {', '.join(given).lower()}; expected some of the axes "
            f"{', '.join(image.axes.lower())}."
        )
    known = _is_calibrated(image)
    steps = spacing_in_micrometers(image, image.axes) if known else (1.0,) * len(image.axes)
    return tuple(
        max(round(given[axis] / step / 2), 1) if axis in given else None
        for axis, step in zip(image.axes, steps, strict=True)
    )


def _no_bead_message(refused: Mapping[str, int]) -> str:
    if not refused:
        return (
            "Got an image without bright spots wider than a pixel; expected beads that are much "
            "brighter than the noise. Check the channel, or record with more light."
        )
    reasons = ", ".join(f"{n} {reason}" for reason, n in refused.items())
    return (
        f"Got no bead that can be used ({reasons}); expected single beads, away from the borders "
        "and not saturated. Give a smaller size of the PSF, or dilute the beads."
    )


def _warnings(image: Image, used: int, narrowest: float) -> tuple[str, ...]:
    sentences = []
    if narrowest < _NARROW:
        sentences.append(
            f"The beads are only {narrowest:.2g} pixels wide: they may be hot pixels, and their "
            "width is not resolved. Smaller pixels are better."
        )
    if used < _FEW:
        sentences.append(
            f"The PSF is the average of only {used} {'bead' if used == 1 else 'beads'}: its noise "
            f"may show in a result. {_FEW} or more are better."
        )
    if not _is_calibrated(image):
        sentences.append(
            "The voxel size of the beads is not known: widths are in pixels, and the PSF has no "
            "voxel size."
        )
    return tuple(sentences)


def _centred(
    values: NDArray[np.float64], bead: Bead, reach: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the box around a bead, its centre in the middle, without the local background."""
    # A spline needs some pixels around the box.
    low = [max(round(at) - n - 6, 0) for at, n in zip(bead.centre, reach, strict=True)]
    high = [round(at) + n + 7 for at, n in zip(bead.centre, reach, strict=True)]
    around = values[tuple(slice(*ends) for ends in zip(low, high, strict=True))]
    around = np.where(np.isfinite(around), around, np.nanmedian(around))
    lines = [
        np.arange(-n, n + 1) + at - start
        for n, at, start in zip(reach, bead.centre, low, strict=True)
    ]
    grid = np.meshgrid(*lines, indexing="ij")
    box = ndimage.map_coordinates(around, grid, order=3, mode="nearest")
    return np.asarray(box - np.median(box[_border_mask(box.shape)]))


def _border_mask(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    faces = np.ones(shape, bool)
    faces[tuple(slice(1, -1) if n > 2 else slice(None) for n in shape)] = False
    return faces


def _typical_beads(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which beads look like the median of all; pairs and dirt do not."""
    if len(boxes) < 3:
        return np.ones(len(boxes), bool)
    light = boxes.reshape(len(boxes), -1)
    brightness = light.sum(axis=1, keepdims=True)
    typical = np.median(light / np.where(brightness > 0, brightness, np.inf), axis=0)
    share = light @ typical / (typical @ typical)
    rest = np.linalg.norm(light - share[:, None] * typical, axis=1) / np.abs(share)
    return np.asarray((share > 0) & (rest <= _UNLIKE * np.median(rest)))


def _without_background(average: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an average with 0 where it is not above the noise at its border.

    A PSF must not be negative, and noise that is clipped at 0 would add light.
    """
    smooth = ndimage.gaussian_filter(average, 1.0)
    background = smooth[_border_mask(average.shape)]
    spread = STD_PER_MAD * np.median(np.abs(background - np.median(background)))
    return np.where(smooth > _BACKGROUND * spread, np.clip(average, 0, None), 0.0)


def _image_of_point(
    average: NDArray[np.float64], diameter: float, steps: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return the image of a point from that of a bead, after a check of its diameter."""
    if not diameter > 0:
        raise InputError(f"Got a bead diameter of {diameter}; expected a length above 0.")
    width = full_width(average, average.ndim - 1) * steps[-1]
    if diameter > 2 * width:
        raise InputError(
            f"Got a bead diameter of {diameter:g} micrometre and images of beads that are "
            f"{width:.3g} wide; expected smaller beads. Give the diameter in micrometres, such as "
            "0.1."
        )
    return without_bead(average, diameter, steps)
