"""Deconvolve: undo the blur of a known point spread function (PSF)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from napari_dip.config import DEFAULT_OPTICS, Microscope, Optics
from napari_dip.core.image.array_like import as_array
from napari_dip.core.image.image import Image
from napari_dip.core.operators.psf.kernel import centred_psf, gaussian_psf
from napari_dip.core.tasks import described_optics
from napari_dip.core.tasks.base import Task, by_axis
from napari_dip.core.tasks.optics import (
    GivenOptics,
    computed_psf,
    file_gives_optics,
    find_optics,
)
from napari_dip.core.tasks.parameters import described
from napari_dip.core.tasks.specimen import (
    check_specimen,
    specimen_blur,
    specimen_remarks,
)
from napari_dip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dip.core.operators.base import Operator
    from napari_dip.core.operators.blur import Convolution


@dataclass(frozen=True, slots=True, eq=False)
class Deconvolve(Task):
    """y = h * x: convolution with the PSF h of the microscope.

    The PSF is measured (`psf`), Gaussian (`sigma`) or computed from the optics (`na`,
    `wavelength`, and the voxel size of the image). Optics that are not given come from the
    file of the image.

    Attributes
    ----------
    psf : ([Z, ]Y, X) array_like or Image, optional
        Image of a point source. An array has the voxel size of the image; an `Image`
        with another voxel size is resampled.
    sigma : float or mapping of str to float, optional
        Standard deviation of a Gaussian PSF [pixel], along Y and X, or along each
        axis, such as {"z": 2, "y": 1, "x": 1}.
    microscope : str
        "widefield", "confocal", "spinning-disk", "two-photon" or "light-sheet"; "auto" for
        that of the file, or else wide field.
    na : float, optional
        Numerical aperture of the objective.
    wavelength, wavelength_excitation : float, optional
        Wavelengths of the emitted and of the exciting light [micrometre].
    refractive_index : float, optional
        Refractive index of the immersion medium; 1.518 if it is not known.
    pinhole : float, optional
        Diameter of the pinhole [Airy units]; 1 if it is not known.
    sheet_thickness : float, optional
        Full width at half maximum of a light sheet [micrometre].
    refine_psf : bool
        Whether `sigma` is an initial guess that is fitted along each axis, together
        with the network.
    optics : {"scalar", "vectorial"}
        Theory of the computed PSF; vectorial for a high numerical aperture.
    specimen_index : float, optional
        Refractive index of the specimen; with it, the PSF of a volume changes with depth.
    depth_of_first_plane : float, optional
        Depth of the first plane below the cover glass, as the stage shows it [micrometre];
        0 if it is not given. Later planes are deeper.
    """

    name = "deconvolve"
    ways: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "optics": (),
        "psf": ("psf",),
        "sigma": ("sigma", "refine_psf"),
    }
    psf: Any = field(
        default=None,
        metadata=described(
            "image",
            "PSF",
            "Image of a point source; with three dimensions, whole volumes are deconvolved. It is "
            "resampled to the voxel size of the image.",
            resampled=True,
        ),
    )
    sigma: float | Mapping[str, float] | None = field(
        default=None,
        metadata=described(
            "number",
            "Gaussian blur",
            "Standard deviation of a Gaussian PSF, along Y and X, or along each axis.",
            unit="pixel",
            above=0,
            by_axis=True,
        ),
    )
    microscope: Microscope | Literal["auto"] = field(
        default="auto", kw_only=True, metadata=described_optics.MICROSCOPE
    )
    na: float | None = field(default=None, metadata=described_optics.NA)
    wavelength: float | None = field(default=None, metadata=described_optics.WAVELENGTH)
    wavelength_excitation: float | None = field(
        default=None, kw_only=True, metadata=described_optics.WAVELENGTH_EXCITATION
    )
    pinhole: float | None = field(default=None, kw_only=True, metadata=described_optics.PINHOLE)
    sheet_thickness: float | None = field(
        default=None, kw_only=True, metadata=described_optics.SHEET_THICKNESS
    )
    refractive_index: float | None = field(default=None, metadata=described_optics.IMMERSION_INDEX)
    refine_psf: bool = field(
        default=False,
        metadata=described(
            "flag",
            "Refine the blur",
            "The standard deviation of the Gaussian is an initial guess; the fit refines it along "
            "each axis.",
        ),
    )
    optics: Optics = field(default=DEFAULT_OPTICS, metadata=described_optics.OPTICS)
    specimen_index: float | None = field(
        default=None, kw_only=True, metadata=described_optics.SPECIMEN_INDEX
    )
    depth_of_first_plane: float | None = field(
        default=None, kw_only=True, metadata=described_optics.DEPTH_OF_FIRST_PLANE
    )

    @property
    def noisy(self) -> bool:
        return True

    @property
    def dims(self) -> Literal[2, 3]:
        if self.specimen_index is not None:
            return 3
        if isinstance(self.sigma, Mapping):
            return 3 if by_axis(self.sigma).get("Z", 0) > 0 else 2
        return 2 if self.psf is None or self._given_psf().ndim == 2 else 3

    @property
    def has_fixed_operator(self) -> bool:
        return not self.refine_psf

    def operator(self, image: Image, axes: str) -> Operator:
        from napari_dip.core.operators.blur import GaussianBlur

        self.check(image, axes)
        return GaussianBlur(self._widths(axes), axes) if self.refine_psf else self.blur(image, axes)

    def blur(self, image: Image, axes: str) -> Convolution:
        """Return the blur by the given or computed PSF, with the initial guess of a Gaussian."""
        import torch

        from napari_dip.core.operators.blur import Blur

        psf = self.fitting_psf(image, axes)
        if self.specimen_index is not None:
            changing = specimen_blur(self._given_optics, image)
            if changing is not None:
                return changing
        return Blur(torch.from_numpy(psf))

    def check(self, image: Image, axes: str) -> None:
        check_specimen(self._given_optics, self.computed(image), axes)
        self.fitting_psf(image, axes)
        if self.refine_psf and self.sigma is None:
            raise InputError(
                "Got a PSF to refine that is no Gaussian; expected the standard deviation "
                "(sigma) of a Gaussian as the initial guess."
            )

    def fitting_psf(self, image: Image, axes: str) -> NDArray[np.float32]:
        """Return the PSF with one dimension for each axis, checked against the image size."""
        psf = self._psf(image, axes)
        if psf.ndim < len(axes):  # a plane's PSF for volumes: no blur along Z
            psf = psf[None]
        sizes = [image.shape[image.axes.index(axis)] for axis in axes]
        if psf.ndim != len(axes) or any(
            width > 2 * n + 1 for width, n in zip(psf.shape, sizes, strict=True)
        ):
            blocks = "planes" if axes == "YX" else "volumes"
            raise InputError(
                f"Got a PSF of shape {psf.shape} for {blocks} of {' x '.join(map(str, sizes))}; "
                f"expected {len(axes)} dimensions, at most twice as wide as the image. Crop the "
                "PSF, or take its plane in focus."
            )
        return psf

    def remarks(self, image: Image) -> tuple[str, ...]:
        if self.computed(image):
            found = find_optics(self._given_optics, image.acquisition)
            return found.remarks + specimen_remarks(self._given_optics, image)
        if not isinstance(self.psf, Image):
            return ()
        from napari_dip.core.operators.psf.sampling import sampling_remark, spatial_psf

        return sampling_remark(spatial_psf(self.psf), image)

    def computed(self, image: Image) -> bool:
        """Return whether the PSF is computed from optics, of the user or of the file."""
        free = self.psf is None and self.sigma is None
        return self._given_optics.any or (free and file_gives_optics(image.acquisition))

    @property
    def _given_optics(self) -> GivenOptics:
        return GivenOptics(
            **{field.name: getattr(self, field.name) for field in fields(GivenOptics)}
        )

    def with_optics_of(self, image: Image) -> Deconvolve:
        """Return a task that does not need the optics in the file of an image."""
        if not self.computed(image):
            return self
        return replace(self, **find_optics(self._given_optics, image.acquisition).parameters)

    def _given_psf(self) -> NDArray[Any]:
        if not isinstance(self.psf, Image):
            return np.squeeze(np.asarray(as_array(self.psf)))
        from napari_dip.core.operators.psf.sampling import spatial_psf

        return np.asarray(spatial_psf(self.psf).data)

    def _psf(self, image: Image, axes: str) -> NDArray[np.float32]:
        optics = self.computed(image)
        if (self.psf is not None) + (self.sigma is not None) + optics != 1:
            raise InputError(
                "Got no PSF, or more than one; expected one of: a PSF image, the sigma of a "
                "Gaussian, or numerical aperture and wavelength."
            )
        if isinstance(self.psf, Image):
            from napari_dip.core.operators.psf.sampling import psf_on_grid, spatial_psf

            return centred_psf(psf_on_grid(spatial_psf(self.psf), image))
        if self.psf is not None:
            return centred_psf(self._given_psf())
        if self.sigma is not None:
            return gaussian_psf(self._widths(axes))
        return computed_psf(self._given_optics, image, axes)

    def _widths(self, axes: str) -> tuple[float, ...]:
        """Return the standard deviation of a Gaussian along each axis."""
        assert self.sigma is not None  # the callers check this
        widths = by_axis(self.sigma)
        if set(widths) - set(axes):
            raise InputError(
                f"Got the blur {widths}; expected standard deviations along "
                f"{', '.join(axes.lower())}, in pixels, such as y=1.5,x=1.5."
            )
        return tuple(widths.get(axis, 0.0) for axis in axes)
