"""The command measure-psf: the PSF of a microscope, from an image of beads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from napari_dip.cli.options import Flag, JsonFlag, by_axis
from napari_dip.cli.terminal import print_line, print_result, print_warnings
from napari_dip.errors import UsageError


def measure_psf(
    beads: Path,
    /,
    *,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    bead_diameter: float | None = None,
    size: str | None = None,
    channel: int | None = None,
    axes: str | None = None,
    voxel_size: str | None = None,
    overwrite: Flag = False,
    as_json: JsonFlag = False,
) -> None:
    """Measure the PSF of a microscope from an image of beads, for deconvolve.

    Single beads are found, centred to a fraction of a pixel and averaged. Beads that are
    saturated, near another one, at the border or of another size are left out.

    Parameters
    ----------
    beads
        Image file of beads: a plane or a stack.
    output
        PSF (default: BEADS_psf.ome.tif beside the input).
    bead_diameter
        Diameter of the beads [micrometre], such as 0.1; its part in the width is removed.
    size
        Width of the PSF, such as z=4,y=2,x=2 [micrometre], or in pixels without a voxel size
        (default: six times the width of the beads).
    channel
        Channel of the file, counted from 0.
    axes
        Axes of the array, such as ZYX (default: from the file).
    voxel_size
        Voxel size [micrometre], in place of that of the file: z=0.2,y=0.1,x=0.1, or 0.1.
    overwrite
        Replace an existing PSF.
    as_json
        Print one JSON object.
    """
    from napari_dip.core.operators.psf.beads import psf_of_beads
    from napari_dip.io.images import read_image, write_image
    from napari_dip.io.results import check_outputs, default_output

    image = read_image(beads, axes=axes).calibrated(_sizes("voxel-size", voxel_size))
    target = output or default_output(beads, "psf")
    check_outputs([target], [], inputs=[beads], overwrite=overwrite)
    print_warnings(image)
    measured = psf_of_beads(
        image, bead_diameter=bead_diameter, size=_sizes("size", size), channel=channel
    )
    write_image(target, measured.psf, overwrite=overwrite)
    for warning in measured.warnings:
        print_line(f"warning: {warning}")
    print_result({**measured.as_dict(), "output": str(target)}, as_json)


def _sizes(option: str, text: str | None) -> dict[str, float] | None:
    """Read lengths by axis; a single number applies to Y and X."""
    if text is None:
        return None
    sizes = by_axis(option, text, float)
    sizes = sizes if isinstance(sizes, dict) else {"y": sizes, "x": sizes}
    if not all(size > 0 for size in sizes.values()):
        raise UsageError(f"Got --{option} {text}; expected lengths above 0.")
    return sizes
