"""Inpaint: fill missing pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dip.config import DEFAULT_KNOWN
from napari_dip.core.image.align import aligned
from napari_dip.core.image.image import Image, finite_mask
from napari_dip.core.tasks.base import Task, grey_mask
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.config import Known, TaskName

# Distance from a missing pixel to the nearest known one, above which the hole is large [pixels].
_LARGE_HOLE = 12
# Below this share of known pixels, a pixel has too few known neighbours to be predicted.
_FEW_KNOWN = 0.1
# From this share of missing pixels on, a noisy image is filled better than it is denoised.
_MANY_MISSING = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Inpaint(Task):
    """y = m x, where m is 0 at missing pixels (IJCV 2020, eq. 6).

    Attributes
    ----------
    mask : array_like or Image, optional
        Mask, not 0 where pixels are missing; (Y, X), or any axes of the image. The largest
        colour sample of a pixel counts; the opacity counts only if it varies and the
        colour does not. NaN and infinite pixels are missing in any case.
    labels : tuple of int
        Values of the mask that mark missing pixels; all but 0 if empty.
    inverse : bool
        Whether the mask marks known pixels instead of missing ones.
    known : {"keep", "restore"}
        Known pixels of the result: as observed, or denoised.
    """

    name = "inpaint"
    mask: Any = field(
        default=None,
        metadata=described(
            "image",
            "Mask",
            "Image that is not 0 where pixels are missing; one plane for all, or one for each.",
            labelled=True,
        ),
    )
    labels: tuple[int, ...] = field(
        default=(),
        metadata=described(
            "integers",
            "Label values",
            "Values of the mask that mark missing pixels; all but 0 by default.",
        ),
    )
    inverse: bool = field(
        default=False,
        metadata=described(
            "flag", "Mask is inverse", "The mask marks known pixels instead of missing ones."
        ),
    )
    known: Known = field(
        default=DEFAULT_KNOWN,
        metadata=described(
            "choice",
            "Known pixels",
            "Known pixels of the result: keep them as observed, or restore them too.",
            choices={"keep": "keep them", "restore": "restore too"},
        ),
    )

    @property
    def preset(self) -> TaskName:
        if self.mask is None:
            return self._preset_of(None)
        return self._preset_of(np.atleast_2d(self._painted(grey_mask(self.mask).data)))

    def preset_for(self, image: Image) -> TaskName:
        """Return the name of the presets; pixels of an image in memory may be NaN."""
        in_memory = isinstance(image.data, np.ndarray)
        if not in_memory or finite_mask(image.data).all():
            return self.preset
        missing = ~finite_mask(np.asarray(self.observe(image).data))
        in_plane = [image.axes.index(axis) for axis in "YX"]
        return self._preset_of(np.moveaxis(missing, in_plane, [-2, -1]))

    def _preset_of(self, missing: NDArray[np.bool_] | None) -> TaskName:
        """Return the name of the presets for missing pixels ([..., ]Y, X)."""
        if self.known == "restore":
            scattered = (
                missing is not None
                and missing.mean() >= _MANY_MISSING
                and not _has_large_hole(missing)
            )
            # A fit must stop before it reproduces the noise.
            return "inpaint" if scattered else "denoise"
        if missing is None:
            return "inpaint"
        if 1 - missing.mean() < _FEW_KNOWN:
            return "inpaint-sparse"
        return "inpaint-holes" if _has_large_hole(missing) else "inpaint"

    def _painted(self, mask: Any) -> NDArray[np.bool_]:
        values = np.asarray(mask)
        painted = np.isin(values, self.labels) if self.labels else values != 0
        return np.asarray(painted != self.inverse)

    def observe(self, image: Image) -> Image:
        if self.mask is None:
            self._check_missing(image)
            return image
        mask = grey_mask(self.mask)
        missing = aligned(mask.with_data(self._painted(mask.data)), image, "mask")
        if missing.all():
            raise InputError(
                "Got a mask that leaves no pixel known; expected values other than 0 only at "
                "missing pixels. If the mask marks known pixels, choose inverse."
            )
        if not missing.any():
            raise InputError(
                "Got a mask in which no pixel is missing; expected some pixels "
                + (f"with the labels {self.labels}." if self.labels else "that are not 0.")
            )
        return image.with_data(_Masked(image.data, missing))

    def _check_missing(self, image: Image) -> None:
        """Refuse an image without missing pixels; a lazy array is not read for this check."""
        values = image.data
        if self.known == "keep" and isinstance(values, np.ndarray) and finite_mask(values).all():
            raise InputError(
                "Got no mask, and an image in which no pixel is missing; expected a mask, or "
                "pixels that are NaN."
            )

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        if self.known == "restore":
            return estimate
        return np.where(finite_mask(observed), observed, estimate).astype(estimate.dtype)


def _has_large_hole(missing: NDArray[np.bool_]) -> bool:
    """Return whether a missing pixel of a mask ([..., ]Y, X) is far from all known ones."""
    from scipy import ndimage

    # Planes are fitted one by one, so only distances within a plane matter.
    # A large hole holds this square, which is found sooner than distances.
    side = 2 * int(_LARGE_HOLE / 2**0.5) + 1
    for plane in missing.reshape(-1, *missing.shape[-2:]):
        if not ndimage.minimum_filter(plane, side, mode="constant", cval=0).any():
            continue
        if ndimage.distance_transform_edt(np.pad(plane, 1)).max() > _LARGE_HOLE:
            return True
    return False


class _Masked:
    """Array with NaN at missing pixels; reads only the selection that is indexed."""

    def __init__(self, data: Any, missing: NDArray[np.bool_]) -> None:
        self._data, self._missing = data, missing
        self.shape = tuple(data.shape)
        # float64 where float32 cannot represent every value.
        self.dtype = np.result_type(data.dtype, np.float32)

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        values = np.asarray(self._data[selection]).astype(self.dtype)
        return np.where(self._missing[selection], np.nan, values).astype(self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[...].astype(dtype or self.dtype)
