"""Inpaint: some pixels are missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_dip.config import DEFAULT_KNOWN
from napari_dip.core.image.align import aligned
from napari_dip.core.image.image import Image, finite_mask
from napari_dip.core.tasks.base import Task, grey_mask
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.config import Known, TaskName

# A missing pixel farther than this from a known one is in a large hole.
_LARGE_HOLE = 12
# With a smaller share of known pixels none has neighbours that would tell anything.
_FEW_KNOWN = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Inpaint(Task):
    """y = m x, where m is 0 at missing pixels (IJCV 2020, eq. 6).

    Attributes
    ----------
    mask : array_like or Image, optional
        Painted where pixels are missing; (Y, X), or any of the image's axes. Of colours the
        largest counts; the opacity counts only where it varies and the colour does not.
        Pixels that are not finite are missing in any case.
    labels : tuple of int
        Values of the mask that count as painted; all but 0 if empty.
    inverse : bool
        The mask is painted where pixels are known.
    known : {"keep", "restore"}
        Whether known pixels come back as observed, or denoised.
    """

    name = "inpaint"
    mask: Any = field(
        default=None,
        metadata=described(
            "image",
            "Mask",
            "Painted where pixels are missing; of one plane, or of all.",
            labelled=True,
        ),
    )
    labels: tuple[int, ...] = field(
        default=(),
        metadata=described(
            "integers",
            "Label values",
            "Only these values of the mask mark missing pixels; all but 0 by default.",
        ),
    )
    inverse: bool = field(
        default=False,
        metadata=described(
            "flag", "Mask is inverse", "The mask is painted where pixels are known."
        ),
    )
    known: Known = field(
        default=DEFAULT_KNOWN,
        metadata=described(
            "choice",
            "Known pixels",
            "Whether known pixels are kept as observed, or restored too.",
            choices={"keep": "keep them", "restore": "restore too"},
        ),
    )

    @property
    def preset(self) -> TaskName:
        if self.known == "restore":
            return "denoise"  # there is noise to stop before
        if self.mask is None:
            return "inpaint"
        missing = np.atleast_2d(self._painted(grey_mask(self.mask).data))
        if 1 - missing.mean() < _FEW_KNOWN:
            return "inpaint-sparse"
        # Planes are fitted one by one, so only distances within a plane count.
        planes = missing.reshape(-1, *missing.shape[-2:])
        depth = max(ndimage.distance_transform_edt(np.pad(plane, 1)).max() for plane in planes)
        return "inpaint-holes" if depth > _LARGE_HOLE else "inpaint"

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
                "Got a mask that leaves no pixel known; expected missing pixels to be painted. "
                "Is it painted the other way round? Then choose inverse."
            )
        if not missing.any():
            raise InputError(
                "Got a mask in which no pixel is missing; expected some to be "
                + (f"of the chosen labels {self.labels}." if self.labels else "painted.")
            )
        return image.with_data(_Masked(image.data, missing))

    def _check_missing(self, image: Image) -> None:
        """Refuse an image without a hole; one that is not in memory is not read for it."""
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


class _Masked:
    """An array with NaN at missing pixels; reads only what is asked for."""

    def __init__(self, data: Any, missing: NDArray[np.bool_]) -> None:
        self._data, self._missing = data, missing
        self.shape = tuple(data.shape)
        # float64 where float32 does not hold every value.
        self.dtype = np.result_type(data.dtype, np.float32)

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        values = np.asarray(self._data[selection]).astype(self.dtype)
        return np.where(self._missing[selection], np.nan, values).astype(self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self[...].astype(dtype or self.dtype)
