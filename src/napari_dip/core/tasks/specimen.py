"""Specimens whose refractive index differs from the immersion medium: a PSF for each depth."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from napari_dip.core.tasks.optics import find_optics, grid_of_psf
from napari_dip.errors import Hint, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_dip.core.image.image import Image
    from napari_dip.core.operators.blur import Convolution
    from napari_dip.core.operators.psf.microscope import Setup
    from napari_dip.core.tasks.optics import GivenOptics

# Computed PSFs that are kept: a run asks for those of an image more than once.
_KEPT = 12


def check_specimen(given: GivenOptics, computed: bool, axes: str) -> None:
    """Raise an InputError if the specimen does not suit the PSF or the axes of a fit."""
    if given.specimen_index is None:
        if given.depth_of_first_plane:
            raise InputError(
                "Got the depth of the first plane without the refractive index of the specimen; "
                "expected both. Only the difference of refractive indices makes the PSF change "
                "with depth.",
                Hint("specimen_index", "1.33"),
            )
        return
    if not computed:
        raise InputError(
            "Got the refractive index of the specimen, but a PSF that is not computed from "
            "optics; expected numerical aperture and wavelength.",
            Hint("na"),
        )
    if "Z" not in axes:
        raise InputError(
            "Got the refractive index of the specimen for planes; expected a volume, in which "
            "the PSF changes with depth.",
            Hint("dims", "3"),
        )


def depths_of_slabs(given: GivenOptics, image: Image) -> tuple[float, ...]:
    """Return the depths for which a PSF is computed [micrometre]; () without a specimen index.

    Parameters
    ----------
    given : GivenOptics
        Optics of the user; others come from the file of the image.
    image : Image
        Volume.
    """
    aberration = find_optics(given, image.acquisition).setup.aberration
    if aberration is None:
        return ()
    first, *_, last = _depths_of_planes(given, image)
    return aberration.depths(first, last)


def specimen_blur(given: GivenOptics, image: Image) -> Convolution | None:
    """Return the blur of a volume by a PSF that changes with depth; None without an aberration.

    Parameters
    ----------
    given : GivenOptics
        Optics of the user; others come from the file of the image.
    image : Image
        Volume.
    """
    import numpy as np
    import torch

    from napari_dip.core.operators.blur import Blur
    from napari_dip.core.operators.slabs import SlabBlur, slab_weights

    centres = depths_of_slabs(given, image)
    if not centres:
        return None
    setup, grid = find_optics(given, image.acquisition).setup, grid_of_psf(image, "ZYX")
    psfs = torch.from_numpy(
        np.stack([_psf(replace(setup, depth=depth), **grid) for depth in centres])
    )
    if len(psfs) == 1:
        return Blur(psfs[0])
    margin = psfs.shape[1] // 2
    depths = _depths_of_planes(given, image, margin)
    return SlabBlur(psfs, slab_weights(depths, centres))


def specimen_remarks(given: GivenOptics, image: Image) -> tuple[str, ...]:
    """Return sentences for the report: the depths, and the number of PSFs."""
    aberration = find_optics(given, image.acquisition).setup.aberration
    if aberration is None or "Z" not in image.axes:
        return ()
    first, *_, last = _depths_of_planes(given, image)
    count = len(depths_of_slabs(given, image))
    psfs = "one PSF is enough" if count == 1 else f"{count} PSFs are interpolated"
    return (
        f"The planes are {first:.4g} to {last:.4g} micrometre below the cover glass on the scale "
        f"of the stage; {psfs} for the spherical aberration there. Depths in the specimen are "
        f"{aberration.scale:.2f} of those of the stage.",
    )


def _depths_of_planes(given: GivenOptics, image: Image, margin: int = 0) -> list[float]:
    """Return the depth of each plane [micrometre], and of so many planes before and after."""
    spacing = grid_of_psf(image, "ZYX")["voxel_size"][0]
    first = given.depth_of_first_plane or 0.0
    return [first + spacing * at for at in range(-margin, image.sizes["Z"] + margin)]


@lru_cache(_KEPT)
def _psf(setup: Setup, **grid: Any) -> NDArray[np.float32]:
    from napari_dip.core.operators.psf.microscope import microscope_psf

    return microscope_psf(setup, **grid)
