"""Camera maps: offset, gain and read noise of each pixel of a camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.core.image.align import aligned
from napari_dip.core.image.image import Image, as_image, finite_mask
from napari_dip.core.tasks.base import Task
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class CameraTask(Task):
    """A task for an image of a camera whose pixels differ, such as an sCMOS camera.

    A pixel of the observation is y = o + g n + r, where n is the number of photo-electrons and r
    the read noise. Offset o and gain g are replaced by their medians over the camera, so that
    the observation keeps its units. The variance of r enters the noise model of each pixel.

    Attributes
    ----------
    camera_offset : array_like or Image, optional
        Offset of each pixel, the mean of dark frames [ADU]; (Y, X), or any axes of the image.
    camera_gain : array_like or Image, optional
        Gain of each pixel [ADU per photo-electron, or relative]; pixels whose gain is not
        above 0 count as missing.
    camera_variance : array_like or Image, optional
        Variance of the read noise of each pixel, the variance of dark frames [ADU^2].

    References
    ----------
    F. Huang et al., "Video-rate nanoscopy using sCMOS camera-specific single-molecule
    localization algorithms", Nature Methods 10 (2013) 653.
    """

    camera_offset: Any = field(
        default=None,
        kw_only=True,
        metadata=described(
            "image",
            "Camera offset",
            "Offset of each pixel of the camera, the mean of dark frames [ADU]; the same Y and X.",
            group="camera",
        ),
    )
    camera_gain: Any = field(
        default=None,
        kw_only=True,
        metadata=described(
            "image",
            "Camera gain",
            "Gain of each pixel of the camera [ADU per photo-electron, or relative].",
            group="camera",
        ),
    )
    camera_variance: Any = field(
        default=None,
        kw_only=True,
        metadata=described(
            "image",
            "Camera variance",
            "Variance of the read noise of each pixel, the variance of dark frames [ADU squared].",
            group="camera",
        ),
    )

    def observe(self, image: Image) -> Image:
        offset = _aligned(self.camera_offset, image, "camera offset")
        gain = _aligned(self.camera_gain, image, "camera gain")
        variance = _aligned(self.camera_variance, image, "camera variance")
        if variance is not None and (variance < 0).any():
            raise InputError(
                f"Got a camera variance with values down to {np.nanmin(variance):g}; expected "
                "none below 0. Give the variance of dark frames, not their mean."
            )
        if offset is None and gain is None:
            return image
        corrected = _Corrected(image.data, offset, gain)
        return image.with_data(corrected[...] if type(image.data) is np.ndarray else corrected)

    def excess_variance(self, image: Image) -> Image | None:
        variance = _aligned(self.camera_variance, image, "camera variance")
        if variance is None:
            return None
        gain = _aligned(self.camera_gain, image, "camera gain")
        corrected = _varying(variance) * _gain_factor(gain) ** 2
        excess = np.maximum(corrected - np.nanmedian(corrected), 0)
        # A pixel of unknown noise counts as one of typical noise.
        excess = np.nan_to_num(excess, posinf=0.0).astype(np.float32)
        return image.with_data(np.broadcast_to(excess, image.shape))


def _aligned(values: Any, image: Image, what: str) -> NDArray[Any] | None:
    """Return a map in the shape of an image; InputError if it does not fit."""
    if values is None:
        return None
    given = as_image(values)
    if not finite_mask(np.asarray(given.data)).any():
        raise InputError(f"Got a {what} without a finite value; expected a map of the camera.")
    return aligned(given, image, what)


def _varying(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return a map with a length of 1 along the axes that it is repeated along."""
    once = tuple(slice(0, 1) if step == 0 else slice(None) for step in values.strides)
    return values[once].astype(np.float64)


def _gain_factor(gain: NDArray[Any] | None) -> NDArray[np.float64]:
    """Return the typical gain divided by that of each pixel; NaN at pixels without gain."""
    if gain is None:
        return np.ones(())
    gains = _varying(gain)
    known = gains[finite_mask(gains) & (gains > 0)]
    if not known.size:
        raise InputError("Got a camera gain without a value above 0; expected ADU per electron.")
    return np.asarray(np.median(known) / np.where(gains > 0, gains, np.nan))


class _Corrected:
    """Array with the typical offset and gain at every pixel; NaN where they are not known."""

    def __init__(self, data: Any, offset: NDArray[Any] | None, gain: NDArray[Any] | None) -> None:
        self._data, self.shape = data, tuple(data.shape)
        offsets = np.zeros(()) if offset is None else _varying(offset)
        self._typical_offset = float(np.nanmedian(offsets))
        self._offset = np.broadcast_to(offsets, self.shape)
        self._factor = np.broadcast_to(_gain_factor(gain), self.shape)
        # float64 where float32 cannot represent every value.
        self.dtype = np.result_type(data.dtype, np.float32)

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        values = np.asarray(self._data[selection]).astype(np.float64)
        light = (values - self._offset[selection]) * self._factor[selection]
        return np.asarray(light + self._typical_offset, dtype=self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[...].astype(dtype or self.dtype)
