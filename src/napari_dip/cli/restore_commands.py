"""The commands that restore a file, one for each task.

The words of an option are where it is declared: `Options` and `Files` for all
commands, `task_options` for those of a task, here for what one command alone asks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_dip.cli.options import Files, Flag, ImageFile, Options
from napari_dip.cli.restore_file import restore_file
from napari_dip.cli.task_options import (
    DeconvolveOptions,
    GuideFile,
    InpaintOptions,
    JpegOptions,
    SuperResolveOptions,
    read,
    read_given,
)
from napari_dip.config import DEFAULT_FEATURES
from napari_dip.errors import UsageError


def denoise(
    image: ImageFile, /, *, options: Options | None = None, files: Files | None = None
) -> int:
    """Remove noise from an image."""
    from napari_dip.core.tasks import Denoise

    return restore_file(image, Denoise, options, files)


def inpaint(
    image: Annotated[
        Path, Parameter(help="Image file; pixels that are NaN are missing in any case.")
    ],
    /,
    *,
    missing: InpaintOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Fill missing pixels."""
    missing = missing or InpaintOptions()
    return restore_file(image, missing.task, options, files, missing.mask)


def super_resolve(
    image: ImageFile,
    /,
    *,
    sampling: SuperResolveOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Enlarge an image."""
    sampling = sampling or SuperResolveOptions()
    return restore_file(image, sampling.task, options, files)


def deconvolve(
    image: Annotated[Path, Parameter(help="Image file; with the optics, of known voxel size.")],
    /,
    *,
    blur: DeconvolveOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Undo a blur that is known: a PSF file, a Gaussian, or the optics."""
    blur = blur or DeconvolveOptions()
    return restore_file(image, blur.task, options, files, blur.psf)


def dejpeg(
    image: Annotated[
        Path,
        Parameter(
            help="Image file: JPEG as it was written; or PNG, TIFF or .npy of the decoded picture."
        ),
    ],
    /,
    *,
    compression: JpegOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Remove the blocks and ringing of JPEG compression."""
    compression = compression or JpegOptions()
    return restore_file(image, lambda: compression.task(image), options, files)


def guided(
    image: ImageFile,
    /,
    *,
    guide: GuideFile,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Denoise with the help of another picture of the same scene."""
    from napari_dip.core.tasks import Guided

    return restore_file(image, lambda: Guided(read(guide)), options, files, guide)


def fourier(
    image: Annotated[
        Path,
        Parameter(
            help="Complex k-space, zero frequency in the middle: .npy, ([coils, ]Y, X); or a real "
            "image, such as a zero-filled one, of which only the recorded frequencies are believed."
        ),
    ],
    /,
    *,
    mask: Annotated[
        Path | None,
        Parameter(
            help="Image file, not 0 at recorded frequencies, zero frequency in the middle "
            "(default: where k-space is not 0)."
        ),
    ] = None,
    inverse: Annotated[
        Flag, Parameter(help="The mask is 0 where frequencies were recorded.")
    ] = False,
    maps: Annotated[
        Path | None,
        Parameter(help="Complex sensitivity of each coil: .npy, (coils, Y, X), as k-space is."),
    ] = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Reconstruct an image of which some frequencies were recorded, as in fast MRI."""
    from napari_dip.core.tasks import ReconstructKSpace
    from napari_dip.io.images import read_kspace, read_maps

    kspace = read_kspace(image)
    if kspace is None:
        if maps is not None:
            raise UsageError(f"Got --maps {maps} for a real image; expected complex k-space.")
        return restore_file(
            image, lambda: ReconstructKSpace(read_given(mask), inverse), options, files, mask
        )
    sensitivity = None if maps is None else read_maps(maps)
    task, picture = ReconstructKSpace.of_kspace(
        kspace, read_given(mask), inverse=inverse, maps=sensitivity
    )
    return restore_file(image, lambda: task, options, files, mask, maps, picture=picture)


def invert_features(
    image: Annotated[
        Path,
        Parameter(help="Image file; with --unit, of it only size and range of intensities count."),
    ],
    /,
    *,
    features: Annotated[
        str,
        Parameter(help="NAME or NAME:LAYER of the trained network: efficientnet-lite0 or alexnet."),
    ] = DEFAULT_FEATURES,
    unit: Annotated[
        int | None,
        Parameter(
            help="Unit, or channel, of the layer that is to be as active as it can be, from 0."
        ),
    ] = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Find what looks the same to a trained network, or excites one of its units."""
    from napari_dip.core.tasks import InvertFeatures

    return restore_file(image, lambda: InvertFeatures(features, unit=unit), options, files)


TASK_COMMANDS = (
    denoise,
    inpaint,
    super_resolve,
    deconvolve,
    dejpeg,
    guided,
    fourier,
    invert_features,
)
