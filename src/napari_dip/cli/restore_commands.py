"""Commands that restore one file, one for each task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from napari_dip.cli.options import Files, Options
from napari_dip.cli.restore_file import restore_file
from napari_dip.cli.task_options import task_spec, with_options_of
from napari_dip.core.tasks import ReconstructKSpace, Task
from napari_dip.core.tasks.spec import TaskSpec
from napari_dip.errors import UsageError


class _Help(NamedTuple):
    """Help texts of a command: its purpose, and its argument IMAGE."""

    purpose: str
    image: str = "Image file: TIFF, OME-Zarr, NIfTI, DICOM, PNG or .npy."


_HELP = {
    "denoise": _Help("Remove noise from an image."),
    "inpaint": _Help(
        "Fill missing pixels.", "Image file; pixels that are NaN are missing in any case."
    ),
    "super-resolve": _Help("Enlarge an image."),
    "deconvolve": _Help(
        "Undo a known blur: a PSF file, a Gaussian, or the optics of the microscope.",
        "Image file; a PSF from the optics needs its voxel size.",
    ),
    "dejpeg": _Help(
        "Remove the blocks and ringing of JPEG compression.",
        "Image file: the original JPEG; or the decoded picture as PNG, TIFF or .npy.",
    ),
    "guided": _Help("Denoise with the help of another image of the same scene."),
    "fourier": _Help(
        "Reconstruct an image from part of its frequencies, as in fast MRI.",
        "Complex k-space, zero frequency in the middle: .npy, ([coils, ]Y, X). Or a real image, "
        "such as a zero-filled one, of which only the recorded frequencies are used.",
    ),
    "invert-features": _Help(
        "Find an image with the same features in a trained network, or one that excites a unit.",
        "Image file; with --unit only its size and intensity range matter.",
    ),
}


def _command(name: str) -> Callable[..., int]:
    """Return the command that restores an image file with a task."""

    @with_options_of(name)
    def command(
        image: Path,
        /,
        *,
        task: Any = None,
        options: Options | None = None,
        files: Files | None = None,
    ) -> int:
        spec = task_spec(task, name)
        return restore_file(image, lambda: _build(spec, image), options, files, *spec.files)

    return _documented(command, name)


def _build(spec: TaskSpec, image: Path) -> Task:
    from napari_dip.io.images import read_image, read_quantisation

    if spec.name == "dejpeg":
        tables = {"quantisation": read_quantisation(image)}
        spec = TaskSpec(spec.name, {**spec.parameters, **tables})
    return spec.build(read_image)


@with_options_of("fourier")
def _reconstruct(
    image: Path,
    /,
    *,
    task: Any = None,
    maps: Annotated[
        Path | None,
        Parameter(help="Complex sensitivity map of each coil: .npy, (coils, Y, X), as k-space."),
    ] = None,
    options: Options | None = None,
    files: Files | None = None,
) -> int:
    from napari_dip.io.images import read_image, read_kspace, read_maps

    spec = task_spec(task, "fourier")
    kspace = read_kspace(image)
    if kspace is None:
        if maps is not None:
            raise UsageError(f"Got --maps {maps} for a real image; expected complex k-space.")
        return restore_file(image, lambda: spec.build(read_image), options, files, *spec.files)
    given = spec.build(read_image)
    assert isinstance(given, ReconstructKSpace)
    sensitivity = None if maps is None else read_maps(maps)
    reconstruct, zero_filled = ReconstructKSpace.of_kspace(
        kspace, given.mask, inverse=given.inverse, maps=sensitivity
    )
    others = [*spec.files, maps]
    return restore_file(image, lambda: reconstruct, options, files, *others, picture=zero_filled)


def _documented(command: Callable[..., int], name: str) -> Callable[..., int]:
    text = _HELP[name]
    command.__doc__ = text.purpose
    command.__annotations__["image"] = Annotated[Path, Parameter(help=text.image)]
    return command


# The commands by name, in the order of the help.
TASK_COMMANDS = {
    name: _documented(_reconstruct, name) if name == "fourier" else _command(name) for name in _HELP
}
