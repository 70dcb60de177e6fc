"""The commands that restore a file, one for each task.

torch and tifffile are imported inside the commands, so that
`napari-dip --help` answers at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dip.config import DEFAULT_FEATURES
from napari_dip.console import INTERRUPTED, interruption, progress_display, say
from napari_dip.errors import UsageError
from napari_dip.options import Files, Flag, Options, configure
from napari_dip.task_options import (
    DeconvolveOptions,
    InpaintOptions,
    JpegOptions,
    SuperResolveOptions,
    read,
)

if TYPE_CHECKING:
    from napari_dip.config import DipConfig
    from napari_dip.console import Follower
    from napari_dip.core.image import Image
    from napari_dip.core.progress import Restoration
    from napari_dip.tasks import Task


def denoise(image: Path, /, *, options: Options | None = None, files: Files | None = None) -> int:
    """Remove noise from an image.

    Parameters
    ----------
    image
        Image file: TIFF, OME-Zarr, NIfTI, DICOM, PNG or .npy.
    options
        The configuration.
    files
        What is read and written beside the image.
    """

    def task() -> Task:
        from napari_dip.tasks import Denoise

        return Denoise()

    return _restore_file(image, task, options, files)


def inpaint(
    image: Path,
    /,
    *,
    missing: InpaintOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Fill missing pixels.

    Parameters
    ----------
    image
        Image file; pixels that are NaN are missing in any case.
    missing
        Which pixels are missing.
    options
        The configuration.
    files
        What is read and written beside the image.
    """
    missing = missing or InpaintOptions()
    return _restore_file(image, missing.task, options, files, missing.mask)


def super_resolve(
    image: Path,
    /,
    *,
    sampling: SuperResolveOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Enlarge an image.

    Parameters
    ----------
    image
        Image file: TIFF, OME-Zarr, NIfTI, DICOM, PNG or .npy.
    sampling
        How the image was sampled.
    options
        The configuration.
    files
        What is read and written beside the image.
    """
    sampling = sampling or SuperResolveOptions()
    return _restore_file(image, sampling.task, options, files)


def deconvolve(
    image: Path,
    /,
    *,
    blur: DeconvolveOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Undo a blur that is known: a PSF file, a Gaussian, or the optics.

    Parameters
    ----------
    image
        Image file; with the optics, of known voxel size.
    blur
        What is known of the blur.
    options
        The configuration.
    files
        What is read and written beside the image.
    """
    blur = blur or DeconvolveOptions()
    return _restore_file(image, blur.task, options, files, blur.psf)


def dejpeg(
    image: Path,
    /,
    *,
    compression: JpegOptions | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Remove the blocks and ringing of JPEG compression.

    Parameters
    ----------
    image
        Image file: JPEG as it was written; or PNG, TIFF or .npy of the decoded picture.
    compression
        What counts of a decoded JPEG.
    options
        The configuration.
    files
        What is read and written beside the image.
    """
    compression = compression or JpegOptions()
    return _restore_file(image, lambda: compression.task(image), options, files)


def guided(
    image: Path, /, *, guide: Path, options: Options | None = None, files: Files | None = None
) -> int:
    """Denoise with the help of another picture of the same scene.

    Parameters
    ----------
    image
        Image file: TIFF, OME-Zarr, NIfTI, DICOM, PNG or .npy.
    guide
        Image file of the same Y and X: a flash photograph, or a brighter channel.
    options
        The configuration.
    files
        What is read and written beside the image.
    """

    def task() -> Task:
        from napari_dip.tasks import Guided

        return Guided(read(guide))

    return _restore_file(image, task, options, files, guide)


def fourier(
    image: Path,
    /,
    *,
    mask: Path | None = None,
    inverse: Flag = False,
    maps: Path | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Reconstruct an image of which some frequencies were recorded, as in fast MRI.

    Parameters
    ----------
    image
        Complex k-space, zero frequency in the middle: .npy, ([coils, ]Y, X); or a real image,
        such as a zero-filled one, of which only the recorded frequencies are believed.
    mask
        Image file, not 0 at recorded frequencies, zero frequency in the middle (default: where
        k-space is not 0).
    inverse
        The mask is 0 where frequencies were recorded.
    maps
        Complex sensitivity of each coil: .npy, (coils, Y, X), as k-space is.
    options
        The configuration.
    files
        What is read and written beside the image.
    """
    from napari_dip import io
    from napari_dip.tasks import Fourier

    kspace = io.read_kspace(image)
    if kspace is None:
        if maps is not None:
            raise UsageError(f"Got --maps {maps} for a real image; expected complex k-space.")
        return _restore_file(image, lambda: Fourier(read(mask), inverse), options, files, mask)
    sensitivity = None if maps is None else io.read_maps(maps)
    task, picture = Fourier.of_kspace(kspace, read(mask), inverse=inverse, maps=sensitivity)
    others = (mask, maps)
    return _restore_file(image, lambda: task, options, files, *others, picture=picture)


def invert_features(
    image: Path,
    /,
    *,
    features: str = DEFAULT_FEATURES,
    unit: int | None = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    """Find what looks the same to a trained network, or excites one of its units.

    Parameters
    ----------
    image
        Image file; with --unit, of it only size and range of intensities count.
    features
        NAME or NAME:LAYER of the trained network: efficientnet-lite0 or alexnet.
    unit
        Unit, or channel, of the layer that is to be as active as it can be, from 0.
    options
        The configuration.
    files
        What is read and written beside the image.
    """

    def task() -> Task:
        from napari_dip.tasks import InvertFeatures

        return InvertFeatures(features, unit=unit)

    return _restore_file(image, task, options, files)


def _restore_file(
    path: Path,
    make_task: Callable[[], Task],
    options: Options | None,
    files: Files | None,
    *others: Path | None,
    picture: Image | None = None,
) -> int:
    """Read (unless the picture is given), restore and write; first refuse what can be refused."""
    files = files or Files()
    config = configure(options or Options(), files.config)
    if files.uncertainty:
        config = _with_uncertainty(config, files.uncertainty)
    from napari_dip import io, outputs

    task = make_task()
    output = files.output or outputs.default_output(path, task.name)
    outputs.check_outputs(
        [output, *_given(files.uncertainty)],
        [outputs.report_path(output), *_given(files.save_config)],
        inputs=[path, *_given(files.reference, files.config, *others)],
        overwrite=files.overwrite,
    )
    image = picture or io.read_image(path, axes=config.axes)
    dtype = outputs.output_dtype(output, image)
    reference = None
    if files.reference:
        seen = task.final(task.enlarged(image)) if files.affine else image
        reference = match(io.read_image(files.reference, config.axes), seen, files.affine)
    if files.save_config:
        complete = config.complete(task.preset, task.dims)
        outputs.save_json(files.save_config, complete.model_dump(mode="json"))
    result = restore_image(image, task, config, reference)
    report = outputs.write_result(output, result, path, overwrite=files.overwrite, dtype=dtype)
    if files.uncertainty and result.uncertainty is not None:
        _, spread = result.uncertainty
        io.write_image(files.uncertainty, result.image.with_data(spread), overwrite=files.overwrite)
    if trials := result.report.diagnostics.get("trials"):
        best = min(trials, key=lambda trial: trial["heldout_error"])
        say(
            f"tuned by {len(trials)} trials: {best['width']:g} times the width of the preset, "
            f"{best['learning_rate']:.2g} times its learning rate"
        )
    elif config.tune:
        say("not tuned: too little time, too few pixels to hide, or noise that is correlated")
    for warning in result.report.warnings:
        say(f"warning: {warning}")
    if files.as_json:
        print(json.dumps(report))
    else:
        numbers = f"{report['iterations']} iterations, {report['stop_reason']}"
        decibels = f", psnr {report['psnr']:.2f} dB" if "psnr" in report else ""
        print(f"{output}: {numbers}, {report['seconds']:.1f} s{decibels}")
    return exit_code(result, output)


def _with_uncertainty(config: DipConfig, path: Path) -> DipConfig:
    """Return a configuration whose result has an uncertainty: of several runs, or sampled."""
    from napari_dip.config import UNCERTAINTY_SAMPLES

    if path.suffix.lower() == ".png":
        raise UsageError(
            f"Got --uncertainty {path}; expected a file for fractions, such as .ome.tif."
        )
    if config.runs > 1 or config.posterior_samples is not None:
        return config
    return config.model_copy(update={"posterior_samples": UNCERTAINTY_SAMPLES})


def _given(*paths: Path | None) -> list[Path]:
    return [path for path in paths if path]


def restore_image(
    image: Image, task: Task, config: DipConfig, reference: Image | None, *followers: Follower
) -> Restoration:
    from napari_dip.core import restore as core
    from napari_dip.core.progress import finish

    with interruption() as asked, progress_display() as show:

        def follow(progress: Any) -> None:
            for follower in (show, *followers):
                follower(progress)

        run = core.restore(image, task, config, reference=reference, stop_requested=asked)
        return finish(run, follow)


def match(reference: Image, image: Image, affine: bool) -> Image:
    if not affine:
        return reference
    from napari_dip.metrics import affine_match

    return reference.with_data(affine_match(reference.data, image.data))


def exit_code(result: Restoration, output: Path) -> int:
    if result.report.stop_reason != "stop_requested":
        return 0
    say(f"interrupted: the best result so far is kept in {output}")
    return INTERRUPTED


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
