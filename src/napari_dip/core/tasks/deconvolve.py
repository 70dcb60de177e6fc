"""Deconvolve: the image was blurred by a known PSF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from napari_dip.config import DEFAULT_OPTICS, REFRACTIVE_INDEX, Optics
from napari_dip.core.image.array_like import as_array
from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf import (
    centred_psf,
    gaussian_psf,
    spacing_in_micrometers,
)
from napari_dip.core.operators.psf_sampling import psf_on_grid, sampling_remark, spatial_psf
from napari_dip.core.operators.widefield import widefield_psf
from napari_dip.core.tasks.base import Task, by_axis
from napari_dip.core.tasks.parameters import described
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.core.operators.base import Operator


@dataclass(frozen=True, slots=True, eq=False)
class Deconvolve(Task):
    """y = h * x: the blur of the lens is undone.

    The PSF is measured (`psf`), Gaussian (`sigma`) or computed (`na`,
    `wavelength`, `refractive_index` and the image's voxel size).

    Attributes
    ----------
    psf : ([Z, ]Y, X) array_like or Image, optional
        Image of a point. An array has the voxel size of the image; an `Image` with a
        voxel size of its own is resampled.
    sigma : float or mapping of str to float, optional
        Standard deviation of a Gaussian PSF [pixels], of Y and X, or of each
        axis, such as {"z": 2, "y": 1, "x": 1}.
    na, wavelength, refractive_index : float, optional
        Of a wide-field microscope; the wavelength of emission [micrometre].
    refine_psf : bool
        `sigma` is a guess: each width is fitted together with the network.
    optics : {"scalar", "vectorial"}
        Theory of the computed PSF; vectorial for a high numerical aperture.
    """

    name = "deconvolve"
    psf: Any = field(
        default=None,
        metadata=described(
            "image",
            "PSF",
            "Image of a point; with three dimensions, of volumes. It is resampled to "
            "the voxel size of the image.",
            resampled=True,
        ),
    )
    sigma: float | Mapping[str, float] | None = field(
        default=None,
        metadata=described(
            "number",
            "Gaussian blur",
            "Standard deviation of a Gaussian PSF, along Y and X or each axis.",
            unit="pixel",
            above=0,
            by_axis=True,
        ),
    )
    na: float | None = field(
        default=None,
        metadata=described(
            "number", "NA", "Numerical aperture of a wide-field objective.", above=0
        ),
    )
    wavelength: float | None = field(
        default=None,
        metadata=described(
            "number", "Wavelength", "Wavelength of the emitted light.", unit="micrometre", above=0
        ),
    )
    refractive_index: float = field(
        default=REFRACTIVE_INDEX,
        metadata=described(
            "number", "Refractive index", "Refractive index of the immersion medium.", minimum=1
        ),
    )
    refine_psf: bool = field(
        default=False,
        metadata=described(
            "flag",
            "Refine the blur",
            "The width of the Gaussian is a guess; it is fitted along each axis, too.",
        ),
    )
    optics: Optics = field(
        default=DEFAULT_OPTICS,
        metadata=described(
            "choice",
            "Optics",
            "Theory of the computed PSF; vectorial for a high NA, with the extra psf.",
            choices={name: name for name in get_args(Optics)},
        ),
    )

    @property
    def noisy(self) -> bool:
        return True

    @property
    def dims(self) -> Literal[2, 3]:
        if isinstance(self.sigma, Mapping):
            return 3 if by_axis(self.sigma).get("Z", 0) > 0 else 2
        return 2 if self.psf is None or self._given_psf().ndim == 2 else 3

    def operator(self, image: Image, axes: str) -> Operator:
        import torch

        from napari_dip.core.operators.blur import Blur, GaussianBlur

        self.check(image, axes)
        if self.refine_psf:
            return GaussianBlur(self._widths(axes), axes)
        return Blur(torch.from_numpy(self.fitting_psf(image, axes)))

    def check(self, image: Image, axes: str) -> None:
        self.fitting_psf(image, axes)
        if self.refine_psf and self.sigma is None:
            raise InputError(
                "Got a PSF to be refined that is no Gaussian; expected the standard deviation "
                "(sigma) of one, near which its width is looked for."
            )

    def fitting_psf(self, image: Image, axes: str) -> NDArray[np.float32]:
        """Return the PSF, with as many dimensions as there are axes, that fits an image."""
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

    def remarks(self, image: Image) -> tuple[str, ...]:
        if not isinstance(self.psf, Image):
            return ()
        return sampling_remark(spatial_psf(self.psf), image)

    def _given_psf(self) -> NDArray[Any]:
        if isinstance(self.psf, Image):
            return np.asarray(spatial_psf(self.psf).data)
        return np.squeeze(np.asarray(as_array(self.psf)))

    def _psf(self, image: Image, axes: str) -> NDArray[np.float32]:
        optics = self.na is not None or self.wavelength is not None
        if (self.psf is not None) + (self.sigma is not None) + optics != 1:
            raise InputError(
                "Got no PSF, or more than one; expected one of: a PSF image, a Gaussian's sigma, "
                "or numerical aperture and wavelength."
            )
        if self.psf is not None:
            if isinstance(self.psf, Image):
                return centred_psf(psf_on_grid(spatial_psf(self.psf), image))
            return centred_psf(self._given_psf())
        if self.sigma is not None:
            return gaussian_psf(self._widths(axes))
        if self.na is None or self.wavelength is None:
            raise InputError(
                f"Got NA {self.na} and wavelength {self.wavelength}; expected both, or none."
            )
        spacing = spacing_in_micrometers(image, axes)
        planes = 2 * (image.shape[image.axes.index("Z")] // 2) + 1 if "Z" in axes else 1
        return widefield_psf(
            self.na,
            self.wavelength,
            self.refractive_index,
            spacing,
            planes=planes,
            optics=self.optics,
        )

    def _widths(self, axes: str) -> tuple[float, ...]:
        """Return the standard deviation of a Gaussian along each axis."""
        assert self.sigma is not None  # the caller has asked
        widths = by_axis(self.sigma)
        if set(widths) - set(axes):
            raise InputError(
                f"Got the blur {widths}; expected standard deviations along "
                f"{', '.join(axes.lower())}, in pixels, such as y=1.5,x=1.5."
            )
        return tuple(widths.get(axis, 0.0) for axis in axes)
