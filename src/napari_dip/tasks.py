"""Tasks: each is a choice of forward operator for the one loop.

A task also says which pixels are missing, what other picture helps, how much
larger the result is, and how estimate and observation become the result.
torch is imported by `operator` alone: a window can check a task at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from scipy import ndimage

from napari_dip.core.image import Image, aligned, as_image, mask_invalid
from napari_dip.core.psf import (
    centred_psf,
    gaussian_psf,
    spacing_in_micrometers,
    widefield_psf,
)
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.config import Kernel, TaskName
    from napari_dip.core.operators import Operator

# A missing pixel farther than this from a known one is in a large hole.
_LARGE_HOLE = 12
_MAX_FACTOR = 16


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What distinguishes one inverse problem from another; by itself, none does."""

    name: ClassVar[str]

    @property
    def preset(self) -> TaskName:
        """Whose presets are used."""
        return self.name  # type: ignore[return-value]

    def observe(self, image: Image) -> Image:
        """Return the observation: the image, with NaN where pixels are missing."""
        return image

    @property
    def dims(self) -> Literal[2, 3]:
        """Whether planes are enough, or volumes are needed."""
        return 2

    def operator(self, image: Image, axes: str) -> Operator:
        """Return A, from the estimate to the observation, both over "YX" or "ZYX"."""
        from napari_dip.core.operators import Identity

        return Identity()

    def check(self, image: Image, axes: str) -> None:
        """Raise an `InputError` if the task cannot be done over these axes of an image."""
        self.factors()
        self.observe(image)
        self.guides(image)

    def guides(self, image: Image) -> list[Image]:
        """Return the channels of another picture that helps, each of the image's shape."""
        return []

    def factors(self) -> Mapping[str, int]:
        """Return how many times more pixels the result has along an axis."""
        return {}

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        """Return the result of a block, on the image's scale and in its order of axes.

        Both are shaped as the block's selection of the array ([C, ][Z, ]Y, X[, S]);
        `observed` has NaN where pixels are missing, and the image's size.
        """
        return estimate


@dataclass(frozen=True, slots=True, eq=False)
class Denoise(Task):
    """y = x + noise (Ulyanov, Vedaldi, Lempitsky: Deep Image Prior, IJCV 2020, eq. 3)."""

    name = "denoise"


@dataclass(frozen=True, slots=True, eq=False)
class RemoveJpeg(Task):
    """Early-stopped fit to a decoded JPEG (IJCV 2020, Sec. 3.1): blocks are learnt last."""

    name = "dejpeg"


@dataclass(frozen=True, slots=True, eq=False)
class Inpaint(Task):
    """y = m x, where m is 0 at missing pixels (IJCV 2020, eq. 6).

    Attributes
    ----------
    mask : array_like or Image, optional
        Painted where pixels are missing; (Y, X), or any of the image's axes.
        Pixels that are not finite are missing in any case.
    labels : tuple of int
        Values of the mask that count as painted; all but 0 if empty.
    inverse : bool
        The mask is painted where pixels are known.
    known : {"keep", "restore"}
        Whether known pixels come back as observed, or denoised.
    """

    name = "inpaint"
    mask: Any = None
    labels: tuple[int, ...] = ()
    inverse: bool = False
    known: Literal["keep", "restore"] = "keep"

    @property
    def preset(self) -> TaskName:
        if self.mask is None:
            return "inpaint"
        missing = np.atleast_2d(self._painted(_as_picture(self.mask).data))
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
            return image
        mask = _as_picture(self.mask)
        missing = aligned(mask.with_data(self._painted(mask.data)), image, "mask")
        if missing.all():
            raise InputError(
                "Got a mask that leaves no pixel known; expected missing pixels to be painted. "
                "Is it painted the other way round? Then choose inverse."
            )
        if not missing.any():
            raise InputError(
                "Got a mask in which no pixel is missing; expected some to be painted, or of "
                f"the chosen labels {self.labels or ''}."
            )
        return image.with_data(_Masked(image.data, missing))

    def merge(self, estimate: NDArray[Any], observed: NDArray[Any]) -> NDArray[Any]:
        if self.known == "restore":
            return estimate
        return np.where(mask_invalid(observed), observed, estimate).astype(estimate.dtype)


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


@dataclass(frozen=True, slots=True, eq=False)
class SuperResolve(Task):
    """y = x, low-passed and sampled (IJCV 2020, eq. 5).

    Attributes
    ----------
    factor : int or mapping of str to int
        Of Y and X, or of each axis, such as {"z": 4} or {"y": 2, "x": 2}.
    kernel : {"lanczos2", "box", "gaussian"}
        Low-pass before sampling; "box" for a camera that bins.
    """

    name = "super-resolve"
    factor: int | Mapping[str, int] = 4
    kernel: Kernel = "lanczos2"

    def factors(self) -> Mapping[str, int]:
        factors = _by_axis(self.factor)
        if (
            set(factors) - set("ZYX")
            or any(factor not in range(1, _MAX_FACTOR + 1) for factor in factors.values())
            or max(factors.values(), default=1) == 1
        ):
            raise InputError(
                f"Got the factors {factors}; expected whole numbers from 2 to {_MAX_FACTOR} "
                "for z, y and x, such as 4 or z=4."
            )
        return {axis: int(factor) for axis, factor in factors.items()}

    @property
    def dims(self) -> Literal[2, 3]:
        return 3 if self.factors().get("Z", 1) > 1 else 2

    def check(self, image: Image, axes: str) -> None:
        if self.factors().get("Z", 1) > 1 and "Z" not in axes:
            raise InputError(
                f"Got a factor along z for planes ({axes}); expected volumes. Choose dims 3, or "
                "leave it to the task."
            )

    def operator(self, image: Image, axes: str) -> Operator:
        from napari_dip.core.operators import Downsample

        self.check(image, axes)
        factors = self.factors()
        return Downsample([factors.get(axis, 1) for axis in axes], self.kernel)


@dataclass(frozen=True, slots=True, eq=False)
class Deconvolve(Task):
    """y = h * x: the blur of the lens is undone.

    The PSF is measured (`psf`), Gaussian (`sigma`) or computed (`na`,
    `wavelength`, `refractive_index` and the image's voxel size).

    Attributes
    ----------
    psf : ([Z, ]Y, X) array_like, optional
        Image of a point.
    sigma : float or mapping of str to float, optional
        Standard deviation of a Gaussian PSF [pixels], of Y and X, or of each
        axis, such as {"z": 2, "y": 1, "x": 1}.
    na, wavelength, refractive_index : float, optional
        Of a wide-field microscope; the wavelength of emission [micrometre].
    """

    name = "deconvolve"
    psf: Any = None
    sigma: float | Mapping[str, float] | None = None
    na: float | None = None
    wavelength: float | None = None
    refractive_index: float = 1.518

    @property
    def dims(self) -> Literal[2, 3]:
        if isinstance(self.sigma, Mapping):
            return 3 if _by_axis(self.sigma).get("Z", 0) > 0 else 2
        return 2 if self.psf is None or self._given_psf().ndim == 2 else 3

    def operator(self, image: Image, axes: str) -> Operator:
        import torch

        from napari_dip.core.operators import Blur

        return Blur(torch.from_numpy(self._fitting_psf(image, axes)))

    def check(self, image: Image, axes: str) -> None:
        self._fitting_psf(image, axes)

    def _fitting_psf(self, image: Image, axes: str) -> NDArray[np.float32]:
        psf = self._psf(image, axes)
        if psf.ndim < len(axes):  # a plane's, for volumes: no blur along Z
            psf = psf[None]
        sizes = [image.shape[image.axes.index(axis)] for axis in axes]
        if psf.ndim != len(axes) or any(
            width > 2 * n + 1 for width, n in zip(psf.shape, sizes, strict=True)
        ):
            what = "planes" if axes == "YX" else "volumes"
            raise InputError(
                f"Got a PSF of shape {psf.shape} for {what} of {' x '.join(map(str, sizes))}; "
                f"expected {len(axes)} dimensions, at most twice as wide as the image. Crop the "
                "PSF, or take its plane in focus."
            )
        return psf

    def _given_psf(self) -> NDArray[Any]:
        return np.squeeze(np.asarray(_values(self.psf)))

    def _psf(self, image: Image, axes: str) -> NDArray[np.float32]:
        optics = self.na is not None or self.wavelength is not None
        if (self.psf is not None) + (self.sigma is not None) + optics != 1:
            raise InputError(
                "Got no PSF, or more than one; expected one of: a PSF image, a Gaussian's sigma, "
                "or numerical aperture and wavelength."
            )
        if self.psf is not None:
            return centred_psf(self._given_psf())
        if self.sigma is not None:
            widths = _by_axis(self.sigma)
            if set(widths) - set(axes):
                raise InputError(
                    f"Got the blur {widths}; expected standard deviations along "
                    f"{', '.join(axes.lower())}, in pixels, such as y=1.5,x=1.5."
                )
            return gaussian_psf(tuple(widths.get(axis, 0.0) for axis in axes))
        if self.na is None or self.wavelength is None:
            raise InputError(
                f"Got NA {self.na} and wavelength {self.wavelength}; expected both, or none."
            )
        spacing = spacing_in_micrometers(image, axes)
        planes = 2 * (image.shape[image.axes.index("Z")] // 2) + 1 if "Z" in axes else 1
        return widefield_psf(
            self.na, self.wavelength, self.refractive_index, spacing, planes=planes
        )


@dataclass(frozen=True, slots=True, eq=False)
class Guided(Task):
    """Another picture of the same scene is the latent (IJCV 2020, Sec. 3.5).

    Attributes
    ----------
    picture : array_like or Image
        A flash photograph, or a channel with more photons; (Y, X), or any of
        the image's axes, and channels of its own.
    """

    name = "guided"
    picture: Any = None

    def guides(self, image: Image) -> list[Image]:
        if self.picture is None:
            raise InputError("Got no guide image; expected one of the same size as the image.")
        picture = _as_picture(self.picture)
        if not mask_invalid(np.asarray(picture.data)).all():
            raise InputError("Got a guide with NaN or infinite pixels; expected all finite.")
        return [image.with_data(aligned(channel, image, "guide")) for channel in _channels(picture)]


def _as_picture(data: Any) -> Image:
    """Take (Y, X, 3) for RGB, as everybody does who has no axes to tell."""
    if isinstance(data, Image):
        return data
    values = np.asarray(data)
    return as_image(values, "YXS" if values.ndim == 3 and values.shape[-1] in (3, 4) else None)


def _channels(picture: Image) -> list[Image]:
    axis = next((axis for axis in "CS" if axis in picture.axes), None)
    if axis is None:
        return [picture]
    planes = np.moveaxis(np.asarray(picture.data), picture.axes.index(axis), 0)
    return [replace(picture, data=plane, axes=picture.axes.replace(axis, "")) for plane in planes]


def _by_axis(given: float | Mapping[str, float]) -> dict[str, float]:
    """Return one number for each axis named; a single one is for Y and X."""
    numbers = given if isinstance(given, Mapping) else {"Y": given, "X": given}
    return {axis.upper(): number for axis, number in numbers.items()}


def _values(data: Any) -> Any:
    return data.data if isinstance(data, Image) else data


TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Denoise, Inpaint, SuperResolve, Deconvolve, RemoveJpeg, Guided)
}
